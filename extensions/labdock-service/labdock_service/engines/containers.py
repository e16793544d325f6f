"""What a worker's container may see and use."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from docker.types import LogConfig, Mount

import labdock_service
from labdock_service.confinement import CONFINED, account, is_own_account
from labdock_service.engines.base import WorkerSpec
from labdock_service.engines.dockerd import WORKER
from labdock_service.engines.environment import visible_devices
from labdock_service.engines.workerfolder import WorkerFolder
from labdock_service.folders import walk

OWN_CODE = Path("/opt/labdock/engine")
"""Where a container finds the supervisor."""

ROOTS = Path("/opt/labdock/roots")
"""Where it finds the data roots."""

MOST_PROCESSES = 8192
EXPENDABLE = 500
"""Where the machine itself runs out of memory, the kernel takes a container before the service."""
SHARED_MEMORY = 2**30
"""Bytes of /dev/shm at most, which count as the worker's memory once they are used."""

KEPT_OUTPUT = {"max-size": "1m", "max-file": "32", "compress": "true"}
"""A look reads the newest file from its start, and passes over older ones that are compressed."""

_PROGRAM = f"""\
import sys
sys.path.append("{OWN_CODE}")
from labdock_service.engines.supervisor import attend
attend(sys.argv[1])
"""


def give_away(folders: Sequence[Path]) -> None:
    """Let the account that containers run as write there, where it is not this one."""
    owner = account()
    if is_own_account():
        return
    for folder in folders:
        os.chown(folder, *owner, follow_symlinks=False)
        for entry in walk(folder):
            os.chown(entry.path, *owner, follow_symlinks=False)


def options(
    folder: WorkerFolder, spec: WorkerSpec, *, cpus: list[int], wake: Path | None
) -> dict[str, Any]:
    """What Docker is asked for, in the words of its client."""
    return _shared(spec, cpus) | {
        "entrypoint": ["python3", "-I", "-S", "-c", _PROGRAM, str(folder.path)],
        "stdin_open": True,
        "mounts": _mounts(folder, spec, wake),
        "log_config": LogConfig(type=LogConfig.types.JSON, config={"max-size": "64k"}),
    }


def unattended_options(spec: WorkerSpec, *, cpus: list[int]) -> dict[str, Any]:
    """The same for a program of the image's own, whose output Docker keeps for a while."""
    return _shared(spec, cpus) | {
        "entrypoint": [spec.argv[0]],
        "command": list(spec.argv[1:]),
        "init": True,
        "environment": visible_devices(spec) | spec.environment,
        "mounts": _same_places(spec.inputs, read_only=True),
        "log_config": LogConfig(type=LogConfig.types.JSON, config=KEPT_OUTPUT),
    }


def _shared(spec: WorkerSpec, cpus: list[int]) -> dict[str, Any]:
    return {
        **CONFINED,
        "image": spec.image,
        "hostname": spec.id[:63],
        "user": ":".join(map(str, account())),
        "working_dir": "/",
        "labels": {WORKER: spec.id},
        "tmpfs": {"/tmp": "mode=1777"},
        "shm_size": SHARED_MEMORY,
        "pids_limit": MOST_PROCESSES,
        "oom_score_adj": EXPENDABLE,
        "cpuset_cpus": ",".join(map(str, cpus)),
        "ports": {spec.port: ("127.0.0.1", spec.port)} if spec.port else {},
    } | _memory(spec.memory)


def root_places(spec: WorkerSpec) -> dict[str, Path]:
    """Where a container has what the spec links to, by the names below the worker's home."""
    return {name: ROOTS / name for name in spec.links}


def _memory(limit: int) -> dict[str, Any]:
    return {"mem_limit": limit, "memswap_limit": limit} if limit else {}


def _mounts(folder: WorkerFolder, spec: WorkerSpec, wake: Path | None) -> list[Mount]:
    own = Path(labdock_service.__file__).parent
    written = {*folder.mounted(spec), *spec.outputs.values()} | ({wake} if wake else set())
    roots = {ROOTS / name: place for name, place in spec.links.items()}
    return [
        *_same_places(written, read_only=False),
        *_same_places(spec.inputs, read_only=True),
        _mount(OWN_CODE / own.name, own, read_only=True),
        *(_mount(at, place, read_only=at == ROOTS / "data") for at, place in roots.items()),
    ]


def _same_places(paths: Iterable[Path], *, read_only: bool) -> list[Mount]:
    return [_mount(path, path, read_only=read_only) for path in sorted(paths)]


def _mount(at: Path, source: Path, *, read_only: bool) -> Mount:
    return Mount(str(at), str(source.absolute()), type="bind", read_only=read_only)
