"""A Docker daemon of a test's own, which it may kill.

It has its own images, containers and networks; its networks are bridges of this machine, so that
what runs on it reaches a registry here.
"""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import docker
from tests.support.deployment import eventually
from tests.support.docker import docker_client


class OwnDocker:
    """The daemon, and where it listens."""

    def __init__(self, folder: Path, data: Path, bridge: str) -> None:
        self._folder, self._data, self._bridge = folder, data, bridge
        self.address = f"unix://{folder}/docker.sock"
        self._process: subprocess.Popen[bytes] | None = None
        self._containerd = self._started(
            "containerd", f"--root={folder}/images", f"--state={folder}/state",
            f"--address={folder}/containerd.sock",
        )  # fmt: skip
        self.client = docker.DockerClient(base_url=self.address, version="1.41")

    def start(self) -> None:
        """Start it, and wait until it answers."""
        folder = self._folder
        self._process = self._started(
            "dockerd", f"--bridge={self._bridge}", "--iptables=false",
            f"--host={self.address}", f"--containerd={folder}/containerd.sock",
            f"--data-root={self._data}", f"--exec-root={folder}/exec",
            f"--pidfile={folder}/docker.pid",
        )  # fmt: skip
        eventually(self._answers)

    def _started(self, *command: str) -> subprocess.Popen[bytes]:
        with (self._folder / "log").open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log)

    def kill(self) -> None:
        """kill -9, and of what it started nothing."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def end(self) -> None:
        """End it, and all that it made."""
        for container in self.client.containers.list(all=True):
            container.remove(force=True)
        self.client.networks.prune()
        assert self._process is not None
        for process in (self._process, self._containerd):
            process.terminate()
            process.wait()
        subprocess.run(["umount", "--lazy", self._folder / "data"], check=False)

    def _answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except (docker.errors.DockerException, OSError):
            return False


@contextmanager
def _bridge() -> Iterator[str]:
    """A bridge to stand on: a daemon that is told to have none deletes the machine's `docker0`."""
    name = f"lt{secrets.token_hex(4)}"
    options = {"com.docker.network.bridge.name": name}
    network = docker_client().networks.create(name, options=options)
    try:
        yield name
    finally:
        network.remove()


@contextmanager
def own_docker(data: Path | None = None) -> Iterator[OwnDocker]:
    """A running daemon with folders of its own, of which nothing is left; `data` is for images."""
    with _bridge() as bridge, TemporaryDirectory(prefix="lt-") as folder:  # short, for its sockets
        found = OwnDocker(Path(folder), data or Path(folder, "data"), bridge)
        found.start()
        try:
            yield found
        except BaseException:
            print((Path(folder) / "log").read_text()[-4000:])
            raise
        finally:
            found.end()
