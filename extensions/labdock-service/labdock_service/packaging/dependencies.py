"""The layer of dependencies: what a lock lists, installed by uv and made the same everywhere."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

from labdock.schema import Layer
from labdock_service.errors import PackagingFailed
from labdock_service.folders import delete_folder
from labdock_service.packaging.environments import PinnedEnvironment
from labdock_service.packaging.layers import LayerStore
from labdock_service.packaging.lock import lock_digest, locked_packages
from labdock_service.packaging.reasons import plain
from labdock_service.packaging.scratch import Scratch, scratch
from labdock_service.packaging.uv import UvFailed, refuse_trouble, run_uv

PORTABLE_SCRIPT = re.compile(rb"#!\s*/(?:bin/(?:ba)?sh|usr/bin/env [\w.-]+)\s*\n(?!'''exec')")


def dependency_layer(
    lock: str, environment: PinnedEnvironment, store: LayerStore, report: Callable[[str], None]
) -> Layer:
    """The layer for a lock, made once for each environment."""
    made_of = (lock_digest(lock), environment.digest, environment.platform)
    kept = store.find("dependencies", *made_of)
    if kept is not None:
        return kept
    with scratch(store.state) as made:
        folder = made.path / "dependencies"
        folder.mkdir()
        if lock:
            count = len(locked_packages(lock))
            report(f"Installing {count} package{'s' * (count != 1)}.")
            _install(lock, environment, folder, made, store.state.uv_cache)
        normalise(folder)
        return store.add("dependencies", folder, *made_of)


def normalise(folder: Path) -> None:
    """Take out what differs between machines: byte code, uv's lock, scripts with a host's path."""
    (folder / ".lock").unlink(missing_ok=True)
    for cache in list(folder.rglob("__pycache__")):
        delete_folder(cache)
    scripts = {file for file in (folder / "bin").glob("*") if _has_host_path(file)}
    for script in scripts:
        script.unlink()
    if scripts:
        _forget(folder, {f"bin/{script.name}" for script in scripts})
        if not any((folder / "bin").iterdir()):
            (folder / "bin").rmdir()


def _install(
    lock: str, environment: PinnedEnvironment, folder: Path, made: Scratch, cache: Path
) -> None:
    file = made.path / "lock.txt"
    file.write_text(lock)
    arguments: list[str | Path] = [
        "pip", "install", "--requirements", file, "--target", folder,
        "--require-hashes", "--no-deps", "--only-binary", ":all:", "--no-compile-bytecode",
        "--python", environment.python,
        "--python-version", environment.version,
        "--python-platform", environment.platform,
    ]  # fmt: skip
    try:
        run_uv(arguments, cache=cache, held=(made.lock,))
    except UvFailed as failed:
        refuse_trouble(failed.output)
        raise PackagingFailed(
            f"The locked dependencies cannot be installed: {plain(failed.output)}. Renew the lock."
        ) from None


def _has_host_path(script: Path) -> bool:
    """Whether a file in `bin/` is a script that begins with an interpreter of this machine."""
    if script.is_dir():
        return False
    with script.open("rb") as file:
        start = file.read(4096)
    return start.startswith(b"#!") and not PORTABLE_SCRIPT.match(start)


def _forget(folder: Path, gone: Iterable[str]) -> None:
    """Take files out of the lists of what packages installed (`RECORD`)."""
    starts = tuple(f"{path}," for path in gone)
    for record in folder.glob("*.dist-info/RECORD"):
        text = record.read_text("utf-8")
        lines = text.splitlines(keepends=True)
        kept = "".join(line for line in lines if not line.startswith(starts))
        if kept != text:
            record.unlink()  # it may be a link to uv's cache
            record.write_text(kept, "utf-8")
