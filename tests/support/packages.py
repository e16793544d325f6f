"""Makes sources and environments to package, and packages them in a process of its own.

Run as a script it reads what to package from its input: so it runs under any interpreter,
any umask, and can be killed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from labdock.digests import sha256
from labdock.schema import Requirements, Source, SourceFile
from labdock.snapshot import source_digest
from labdock_service.packaging.environments import PinnedEnvironment
from labdock_service.packaging.layers import LayerStore
from labdock_service.packaging.package import package
from labdock_service.packaging.request import Packaged, PackagingRequest
from labdock_service.statefolder import StateFolder

EXTENSIONS = Path(__file__).parents[2] / "extensions"
RUNTIME = {"__init__.py": '__version__ = "0.1.0"\n', "deep/er.py": "", "run.sh": "#!/bin/sh\n"}


def small_environment(**packages: str) -> PinnedEnvironment:
    """An environment that says it has these packages; its digest is that of their list."""
    named = {name.replace("_", "-"): version for name, version in packages.items()}
    digest = sha256(repr(sorted(named.items())).encode())
    return PinnedEnvironment(
        name="small",
        digest=digest,
        foundation=digest,
        title="Small",
        python=Path(sys.executable),
        site_packages=Path(sysconfig.get_path("purelib")),
        version="3.11.4",
        packages=named,
        platform="x86_64-manylinux_2_28",
    )


def upload(
    state: StateFolder,
    files: Mapping[str, bytes],
    needs: Iterable[str] = (),
    links: Mapping[str, str] | None = None,
) -> Source:
    """A source whose contents are in the state folder; its entry is the first file."""
    state.blobs.mkdir(parents=True, exist_ok=True)
    described = [SourceFile(path=path, link=link) for path, link in (links or {}).items()]
    for path, data in files.items():
        state.blob(sha256(data)).write_bytes(data)
        executable = path.endswith(".sh")
        described.append(
            SourceFile(path=path, size=len(data), digest=sha256(data), executable=executable)
        )
    described.sort(key=lambda file: file.path)
    lines = sorted(needs)
    requirements = Requirements(lines=lines, origin="requirements.txt" if lines else "none")
    entry = next(iter(files))
    digest = source_digest(entry, described, requirements)
    return Source(digest=digest, entry=entry, files=described, requirements=requirements)


def make_wheel(name: str, folder: Path) -> Path:
    """A wheel of the newest version of a pure package, by which it can be installed offline."""
    with tempfile.TemporaryDirectory(prefix="labdock-wheel-") as unpacked:
        uv = Path(sys.executable).with_name("uv")
        command = [str(uv), "pip", "install", "--quiet", "--no-deps", "--target", unpacked, name]
        subprocess.run(command, check=True)
        (about,) = Path(unpacked).glob("*.dist-info")
        folder.mkdir(parents=True, exist_ok=True)
        wheel = folder / f"{about.stem}-py3-none-any.whl"
        made = shutil.make_archive(str(wheel), "zip", unpacked)
        return Path(made).rename(wheel)


def small_runtime(state: StateFolder) -> Path:
    """A package that stands for the runtime."""
    folder = state.root / "test-runtime"
    for path, text in RUNTIME.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        if not (folder / path).exists():
            (folder / path).write_text(text)
    return folder


def packaged(
    state: StateFolder, source: Source, environment: PinnedEnvironment, **options: Any
) -> Packaged:
    """Package in this process."""
    request = PackagingRequest(
        source=source, environment=environment, runtime=small_runtime(state), **options
    )
    return package(request, state, lambda _: None)


def start_packaging(
    state: StateFolder,
    source: Source,
    environment: PinnedEnvironment,
    *,
    python: str = sys.executable,
    umask: int = 0o022,
) -> subprocess.Popen[str]:
    """Package in a process of another interpreter or umask; `finish` has its result."""
    order = {
        "state": str(state.root),
        "source": asdict(source),
        "environment": {
            **asdict(environment),
            "python": str(environment.python),
            "site_packages": str(environment.site_packages),
        },
    }
    paths = [*EXTENSIONS.iterdir(), sysconfig.get_path("purelib")]
    process = subprocess.Popen(
        [python, __file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        umask=umask,
        env={**os.environ, "PYTHONPATH": ":".join(map(str, paths))},
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(order))
    process.stdin.close()
    process.stdin = None
    return process


def finish(process: subprocess.Popen[str]) -> dict[str, Any]:
    """What a process packaged: its digests."""
    output, _ = process.communicate(timeout=240)
    assert process.returncode == 0
    result: dict[str, Any] = json.loads(output)
    return result


def digests(result: Packaged) -> dict[str, Any]:
    """The digests of what was packaged, as `finish` has them."""
    return {
        "image": result.image_digest,
        "snapshot": result.snapshot_digest,
        "layers": {layer.role: layer.digest for layer in result.layers},
    }


def unpacked(state: StateFolder, result: Packaged) -> dict[str, Path]:
    """Where the layers of what was packaged lie, by role."""
    store = LayerStore(state)
    return {layer.role: store.unpacked(layer.digest) for layer in result.layers}


def _main() -> None:
    order = json.load(sys.stdin)
    described = order["source"]
    source = Source(
        digest=described["digest"],
        entry=described["entry"],
        files=[SourceFile(**file) for file in described["files"]],
        requirements=Requirements(**described["requirements"]),
    )
    about = order["environment"]
    places = {name: Path(about[name]) for name in ("python", "site_packages")}
    environment = PinnedEnvironment(**{**about, **places})
    result = packaged(StateFolder(Path(order["state"])), source, environment)
    print(json.dumps(digests(result)))


if __name__ == "__main__":
    _main()
