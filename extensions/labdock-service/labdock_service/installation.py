"""What `labdock up` installs into the state folder: the environment and the proxy.

Both are made from locks with hashes, beside their final place, and renamed into it when they
are whole: what is there is complete. What is there and current is never touched.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import sysconfig
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import labdock_runtime
from labdock_service import bootstrap, labextension
from labdock_service.folders import made_beside
from labdock_service.jsonfile import write_json
from labdock_service.nodejs import node, npm_ci
from labdock_service.packaging.environments import usual_platform
from labdock_service.packaging.layers import make_read_only
from labdock_service.setupstep import run_step
from labdock_service.statefolder import StateFolder

CHECKOUT = bootstrap.CHECKOUT
LOCK = CHECKOUT / "images/local/requirements.lock"
OVERRIDES = CHECKOUT / "images/local/overrides.json"
"""JupyterLab's settings: nothing is asked of the network, and saved widgets stay readable."""

PROXY = CHECKOUT / "extensions/labdock-service/proxy"
BUILT = ("labdock",)
"""Labdock's own packages that the environment gets, as wheels built from this checkout."""

Report = Callable[[str], None]


def environment_digest() -> str:
    """The environment's digest: of what others made it, and of Labdock's own packages."""
    own = {
        "runtime": labdock_runtime.__version__,
        "labdock": _sources_digest(),
        "lab": labextension.sources_digest(),
    }
    return _digest({**_foundation(), **own})


def foundation_digest() -> str:
    """Of what an environment holds besides Labdock's own packages."""
    return _digest(_foundation())


def _foundation() -> dict[str, str]:
    return {
        "lock": hashlib.sha256(LOCK.read_bytes()).hexdigest(),
        "overrides": hashlib.sha256(OVERRIDES.read_bytes()).hexdigest(),
        "python": sys.version.split()[0],
        "implementation": str(sys.implementation.cache_tag),
        "platform": usual_platform(),
    }


def _digest(parts: dict[str, str]) -> str:
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def environment_folder(state: StateFolder, digest: str) -> Path:
    """Where an environment lies, there or not."""
    return state.environments / digest.removeprefix("sha256:")


def ensure_environment(state: StateFolder, report: Report) -> Path:
    """Make the environment where it is missing, and the default one; returns its folder."""
    digest = environment_digest()
    folder = environment_folder(state, digest)
    if not (folder / "environment.json").exists():
        bootstrap.check_space(state.root)
        with made_beside(folder) as fresh:
            _fill_environment(state, fresh, digest, report)
    _make_default(state, folder)
    return folder


def ensure_proxy(state: StateFolder, report: Report) -> list[str]:
    """Install JupyterHub's proxy where it is missing; returns the command that runs it."""
    lock = PROXY / "package-lock.json"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()[:16]
    folder = state.root / "proxy" / digest
    if not folder.exists():
        report("the proxy (with Node.js from a wheel)")
        with made_beside(folder) as fresh:
            for name in ("package.json", "package-lock.json"):
                shutil.copy(PROXY / name, fresh)
            run_step(npm_ci(), cwd=fresh)
    return proxy_command(folder)


def proxy_command(folder: Path) -> list[str]:
    """The command that runs the proxy installed in a folder."""
    script = folder / "node_modules/configurable-http-proxy/bin/configurable-http-proxy"
    return [str(node()), str(script)]


def _with_same_foundation(state: StateFolder) -> Path | None:
    """An environment that differs from the wanted one in Labdock's own packages at most."""
    wanted = foundation_digest()
    for file in state.environments.glob("*/environment.json"):
        if json.loads(file.read_text()).get("foundation") == wanted:
            return file.parent
    return None


def _fill_environment(state: StateFolder, folder: Path, digest: str, report: Report) -> None:
    like = _with_same_foundation(state)
    lab = labextension.ensure_labextension(state.cache, report)
    venv = folder / "venv"
    python = str(venv / "bin/python")
    uv = str(Path(sys.executable).with_name("uv"))
    with tempfile.TemporaryDirectory(prefix="labdock-wheels-") as wheels:
        report("Labdock's packages for notebooks and jobs")
        packages = [*(CHECKOUT / "extensions" / name for name in BUILT), lab]
        built = [str(_build_wheel(package, Path(wheels))) for package in packages]
        if like:
            _link_tree(like / "venv", venv)
        else:
            report("TensorFlow, JupyterLab and the rest of the environment (about 700 MB)")
            run_step(
                [uv, "venv", "--quiet", "--relocatable", "--python", _base_python(), str(venv)]
            )
            options = [*bootstrap.progress(), "--python", python]
            run_step([uv, "pip", "sync", "--require-hashes", *options, str(LOCK)])
            settings = venv / "share/jupyter/lab/settings"
            settings.mkdir(parents=True, exist_ok=True)
            shutil.copy(OVERRIDES, settings)
        own = ["--no-deps", "--reinstall", "--quiet", "--python", python]
        run_step([uv, "pip", "install", *own, *built])
    report("byte code, so that everything starts quickly")
    run_step([python, "-m", "compileall", "-q", "-j", "0", str(venv / "lib")], quiet=True)
    write_json(folder / "environment.json", _describe(python, digest))
    _seal(venv)


def _link_tree(source: Path, target: Path) -> None:
    """The same tree, its files linked: they are never written to, only replaced."""
    shutil.copytree(source, target, symlinks=True, copy_function=os.link)
    for place, _, _ in os.walk(target):
        Path(place).chmod(0o755)


def _build_wheel(package: Path, target: Path) -> Path:
    before = set(target.iterdir())
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(target)]
    run_step(command, cwd=package, quiet=True)
    return (set(target.iterdir()) - before).pop()


def _describe(python: str, digest: str) -> dict[str, Any]:
    """What `environment.json` says: the contract with packaging and the API."""
    code = (
        "import json, importlib.metadata as m; from packaging.utils import canonicalize_name as c;"
        "print(json.dumps({c(d.name): d.version for d in m.distributions()}))"
    )
    packages = json.loads(run_step([python, "-c", code], quiet=True))
    tensorflow = packages.get("tensorflow-cpu") or packages["tensorflow"]
    version = ".".join(tensorflow.split(".")[:2])
    return {
        "name": f"tensorflow-{version}",
        "title": f"TensorFlow {version} (CPU), Python {sysconfig.get_python_version()}",
        "digest": digest,
        "foundation": foundation_digest(),
        "python": sys.version.split()[0],
        "platform": usual_platform(),
        "packages": dict(sorted(packages.items())),
        "default": True,
    }


def _make_default(state: StateFolder, current: Path) -> None:
    """Mark the current environment as the default local one, and older ones as older."""
    for file in sorted(state.environments.glob("*/environment.json")):
        description = json.loads(file.read_text())
        if description.get("kind", "local") != "local":
            continue
        plain = description["name"].split("@")[0]
        is_current = file.parent.name == current.name
        wanted = {
            **description,
            "name": plain if is_current else f"{plain}@{file.parent.name[:8]}",
            "default": is_current,
        }
        if wanted != description:
            write_json(file, wanted)


def _sources_digest() -> str:
    """Of the files that the environment's own packages are built from."""
    hashed = hashlib.sha256()
    for name in BUILT:
        package = CHECKOUT / "extensions" / name
        for file in sorted(
            [package / "pyproject.toml", *package.glob(f"{name.replace('-', '_')}/**/*")]
        ):
            if file.is_file() and "__pycache__" not in file.parts:
                hashed.update(f"{file.relative_to(package)}\0".encode())
                hashed.update(hashlib.sha256(file.read_bytes()).digest())
    return hashed.hexdigest()


def _seal(folder: Path) -> None:
    """Let nothing in it be written, added or removed: files share their inodes with uv's cache."""
    make_read_only(folder)
    folder.chmod(0o555)


def _base_python() -> str:
    """The Python that this virtual environment was made from."""
    return str(getattr(sys, "_base_executable", sys.executable))
