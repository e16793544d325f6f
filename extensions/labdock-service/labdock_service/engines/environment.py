"""The environment variables of a worker: few, and none of the service's own."""

from __future__ import annotations

import os
from pathlib import Path

from labdock_service.engines.base import WorkerSpec
from labdock_service.engines.workerfolder import WorkerFolder

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_INHERITED = ("LANG", "LC_ALL", "LD_LIBRARY_PATH", "TZ")
"""Of the machine, not of the deployment: language, CUDA's libraries, time zone."""


def worker_environment(folder: WorkerFolder, spec: WorkerSpec) -> dict[str, str]:
    """The machine's few variables, the engine's defaults, the spec's own, and the secrets."""
    return {
        **{name: os.environ[name] for name in _INHERITED if name in os.environ},
        **_language(),
        "PATH": _path(Path(spec.argv[0])),
        **container_environment(folder, spec),
    }


def container_environment(folder: WorkerFolder, spec: WorkerSpec) -> dict[str, str]:
    """The same without the machine's: a container has its image's variables."""
    return {
        "HOME": str(folder.home),
        "PYTHONUNBUFFERED": "1",
        **({"PYTHONPATH": ":".join(map(str, spec.python_path))} if spec.python_path else {}),
        **spec.environment,
        **{name: str(path) for name, path in spec.outputs.items()},
        **spec.secrets,
        "LABDOCK_EVENTS": str(folder.events),
        "TMPDIR": str(folder.temporary),
        **visible_devices(spec),
    }


def visible_devices(spec: WorkerSpec) -> dict[str, str]:
    """What tells CUDA which GPUs there are."""
    return {"CUDA_VISIBLE_DEVICES": ",".join(spec.devices) or "-1"}


def _path(program: Path) -> str:
    return f"{program.parent}:{_PATH}" if program.is_absolute() else _PATH


def _language() -> dict[str, str]:
    named = "LANG" in os.environ or "LC_ALL" in os.environ
    return {} if named else {"LANG": "C.UTF-8"}
