"""How long packaging takes: a changed line, and a new set of dependencies."""

from __future__ import annotations

import hashlib
import platform
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bench.measure import Series, interleave

import labdock_runtime
from labdock.schema import Requirements, Source, SourceFile
from labdock.snapshot import source_digest
from labdock_service.packaging.environments import PinnedEnvironment
from labdock_service.packaging.package import package
from labdock_service.packaging.request import PackagingRequest
from labdock_service.statefolder import StateFolder

NEW_SET = ["pandas==2.3.3", "scikit-learn==1.7.2"]
RUNTIME = Path(labdock_runtime.__file__).parent


def measure(python: Path, rounds: int) -> list[Series]:
    """A changed line; a new set cold and warm, beside pip."""
    with tempfile.TemporaryDirectory(prefix="labdock-bench-") as folder:
        state = StateFolder(Path(folder) / "state")
        source_of(state, Requirements(), "warm = 1\n")
        contenders: dict[str, Callable[[], float]] = {
            "a changed line of code": lambda: packaged(state, Requirements()),
            "pandas and scikit-learn, cold": lambda: new_set(state, cold=True),
            "pandas and scikit-learn, warm": lambda: new_set(state, cold=False),
            "pip install --target, cold": lambda: pip(python, Path(folder)),
        }
        return list(interleave(contenders, rounds, "s").values())


def packaged(state: StateFolder, requirements: Requirements, **more: Any) -> float:
    """Seconds that packaging takes after a line was changed; `more` is of the request."""
    source = source_of(state, requirements, f"changed = {time.time_ns()}\n")
    wanted = {"environment": bare_environment(), **more}
    request = PackagingRequest(source=source, runtime=RUNTIME, **wanted)
    began = time.perf_counter()
    package(request, state, lambda _: None)
    return time.perf_counter() - began


def new_set(state: StateFolder, *, cold: bool) -> float:
    """The same with dependencies that no layer was made of, and with no cache where cold."""
    forget_layers(state, cold=cold)
    return packaged(state, Requirements(lines=NEW_SET, origin="requirements.txt"))


def forget_layers(state: StateFolder, *, cold: bool) -> None:
    """Delete every layer, and where cold the caches too."""
    for folder in (state.images, state.layers, *([state.cache] if cold else [])):
        forget(folder)


def forget(folder: Path) -> None:
    """Delete a folder of layers, which are read-only."""
    if folder.exists():
        subprocess.run(["chmod", "-R", "u+w", str(folder)], check=True)
        shutil.rmtree(folder)


def pip(python: Path, folder: Path) -> float:
    """What pip takes for the same packages without a cache."""
    target = folder / "pip-target"
    shutil.rmtree(target, ignore_errors=True)
    command = [str(python), "-m", "pip", "install", "--quiet", "--target", str(target)]
    began = time.perf_counter()
    subprocess.run([*command, "--no-cache-dir", *NEW_SET], check=True)
    return time.perf_counter() - began


def bare_environment() -> PinnedEnvironment:
    """An environment with nothing in it but Python."""
    digest = "sha256:" + hashlib.sha256(b"bare").hexdigest()
    return PinnedEnvironment(
        name="bare",
        digest=digest,
        foundation=digest,
        title="Python alone",
        python=Path(sys.executable),
        site_packages=Path(sysconfig.get_path("purelib")),
        version=platform.python_version(),
        packages={},
    )


def source_of(state: StateFolder, requirements: Requirements, text: str) -> Source:
    """A source of one script, its content where uploads lie."""
    data = text.encode()
    name = hashlib.sha256(data).hexdigest()
    path = state.blob(f"sha256:{name}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    files = [SourceFile(path="train.py", size=len(data), digest=f"sha256:{name}")]
    digest = source_digest("train.py", files, requirements)
    return Source(digest=digest, entry="train.py", files=files, requirements=requirements)
