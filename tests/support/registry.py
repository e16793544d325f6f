"""A real registry (Debian's docker-registry) on a port of its own, with a login."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from tests.support.deployment import eventually, free_port
from tests.support.services import require

from labdock_service.registry import Login, Registry

LOGIN = Login("labdock", "only-for-tests")
ACCOUNTS = "labdock:$2y$05$zR7ekP0IdU7/PLHPowUjYumvFF8f0vUZxBUx7rRUusDzFXrgRwepe\n"
"""That login as htpasswd writes it."""
KEPT = "registry"
"""Where in its folder a registry keeps what it has."""


@dataclass
class RunningRegistry:
    """A registry, and where it keeps its blobs."""

    address: str
    folder: Path
    program: str
    _process: subprocess.Popen[bytes] | None = None

    def client(self) -> Registry:
        return Registry(self.address, LOGIN)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = [self.program, "serve", str(self.folder / "config.yml")]
        with (self.folder / "registry.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        eventually(lambda: _answers(self.address), what="an answer of the registry")

    def fill(self, other: Path) -> None:
        """Have what another registry's folder has; blobs, which nobody writes to, are shared."""
        target = self.folder / KEPT
        shutil.copytree(other / KEPT, target, copy_function=_shared, dirs_exist_ok=True)

    def stop(self) -> None:
        """End it; what it holds stays."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


@contextmanager
def running_registry(folder: Path, **more: Any) -> Iterator[RunningRegistry]:
    """A registry that keeps its blobs in a folder; `more` are sections of its settings."""
    program = shutil.which("docker-registry")
    require(program is not None, "Debian's docker-registry (`apt-get install docker-registry`)")
    assert program
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yml").write_text(json.dumps({**_settings(folder, port), **more}))
    running = RunningRegistry(f"127.0.0.1:{port}", folder, program)
    try:
        running.start()
        yield running
    except BaseException:
        print((folder / "registry.log").read_text()[-4000:])
        raise
    finally:
        running.stop()


def _settings(folder: Path, port: int) -> dict[str, Any]:
    (folder / "accounts").write_text(ACCOUNTS)
    return {
        "version": 0.1,
        "log": {"level": "warn"},
        "storage": {
            "filesystem": {"rootdirectory": str(folder / KEPT)},
            "delete": {"enabled": True},
        },
        "http": {"addr": f"127.0.0.1:{port}"},
        "auth": {"htpasswd": {"realm": "labdock", "path": str(folder / "accounts")}},
    }


def _shared(source: str, target: str) -> None:
    blob, place = Path(source), Path(target)
    if blob.name == "data" and blob.stat().st_dev == place.parent.stat().st_dev:
        place.hardlink_to(blob)
    else:
        shutil.copy2(source, target)


def _answers(address: str) -> bool:
    try:
        return requests.get(f"http://{address}/v2/", timeout=10).status_code in (200, 401)
    except requests.ConnectionError:
        return False
