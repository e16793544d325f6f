"""This machine's Docker, as far as the engine needs it; its errors become sentences."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import docker
import requests
from docker.errors import APIError, DockerException, NotFound
from docker.models.containers import Container
from docker.utils.socket import frames_iter_no_tty

from labdock_service.engines.launch import Answers
from labdock_service.engines.networks import DEPLOYMENT, Networks
from labdock_service.engines.pulling import pull
from labdock_service.engines.toolkit import Toolkit, find_toolkit
from labdock_service.errors import EngineAway, EngineFailed, ImageGone
from labdock_service.registry import RegistryPlace

PERSON = "labdock.person"
"""The label of a person's server; its value is their id."""

BOARD = "labdock.board"
"""The label of a TensorBoard's container; its value is the project's id."""

WORKER = "labdock.worker"
"""The label of a worker's container; its value is the worker's id."""

VERIFIER = "labdock.verifier"
"""The label of a container in which an image is verified; its value is the process's `own_id`."""

NO_SPACE = "no space left on device"
_PATIENCE_SECONDS = 60

NOTICE_SECONDS = 10.0
"""How long Docker may take to notice that a process is gone, on a machine with much to do."""

REMOVAL_SECONDS = 60.0
"""How long the removal of a container that somebody else began may take."""


@dataclass(frozen=True)
class Dockerd:
    """Docker, for one deployment, whose containers and networks have names with its prefix."""

    prefix: str
    pool: str
    """The addresses that its networks are cut out of, as in `10.213.0.0/16`."""
    lock: Path
    """The file by which processes take turns at its networks."""
    registry: RegistryPlace | None = None
    """The registry that jobs' images are pulled from, with the account there."""
    port: int = 0
    """The door's."""
    reachable: tuple[str, ...] = ()
    """Private networks that may be reached."""

    @cached_property
    def client(self) -> docker.DockerClient:
        """The connection, made when it is first needed."""
        with _sentences():
            return docker.from_env(timeout=_PATIENCE_SECONDS)

    def find_toolkit(self) -> Toolkit | None:
        """How containers get GPUs here; None where they cannot."""
        with _sentences():
            return find_toolkit(self.client.info())

    def ensure_image(self, image: str) -> None:
        """Have the image here. Raises ImageGone where no registry has it any more."""
        with _sentences():
            try:
                pull(self.client, image, place=self.registry)
            except NotFound:
                raise ImageGone("its image is not in the registry any more") from None
            except APIError as error:
                if error.is_client_error() or NO_SPACE in str(error.explanation):
                    raise
                said = str(error.explanation).rstrip(".")
                raise EngineAway(f"Its image cannot be fetched now: {said}.") from error

    @cached_property
    def networks(self) -> Networks:
        """Its networks."""
        return Networks(self.client, self.prefix, self.pool, self.port, self.lock, self.reachable)

    def ensure_network(self, name: str) -> None:
        """Have the network of this name; nobody has it yet: see `network`."""
        with _sentences():
            self.networks.ensure(self._full(name))

    @contextlib.contextmanager
    def network(self, name: str, image: str) -> Iterator[str]:
        """The network of this name, made where it is missing, behind its walls; its full name.

        It is the caller's for as long as this lasts, and then that of a container made for it. The
        walls are put up each time: a firewall that was loaded anew has none of them. `image` is
        any that is here, for who is not root.
        """
        with _sentences():
            self.networks.ensure_walls(image)
            with self.networks.claimed(self._full(name)) as full:
                yield full

    def create_container(self, name: str, **options: Any) -> Container:
        """Make a container; one of this name that never ran is made anew.

        Raises EngineFailed where somebody else's has its name.
        """
        full = self._full(name)
        options["labels"] = {DEPLOYMENT: self.prefix, **options["labels"]}
        with _sentences():
            try:
                return self.client.containers.create(name=full, **options)
            except APIError as error:
                if error.status_code != requests.codes.conflict:
                    raise
                self._clear_away(full)
                return self.client.containers.create(name=full, **options)

    def run(self, container: Container) -> None:
        """Start a container that needs no input."""
        with _sentences():
            container.start()

    @contextlib.contextmanager
    def started(self, container: Container) -> Iterator[Attachment]:
        """Start a container with its input and output in hand, for as long as this lasts."""
        with _sentences():
            stream = container.attach_socket(params={"stdin": 1, "stdout": 1, "stream": 1})
        try:
            with _sentences():
                container.start()
            yield Attachment(stream._sock)
        finally:
            stream.close()

    def start_held(self, container: Container) -> socket.socket:
        """Start a container; its input ends with what is returned, which carries its output."""
        streams = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
        with _sentences(), contextlib.closing(container.attach_socket(params=streams)) as stream:
            held: socket.socket = stream._sock.dup()
            container.start()
            return held

    def output(self, container: Container) -> bytes:
        """What its first process wrote, which is little: workers have logs of their own."""
        with _sentences():
            return bytes(container.logs())

    def output_since(self, container: Container, seconds: str) -> bytes:
        """What it wrote since a time, in Docker's frames, each with the time of its own."""
        wanted = {"stdout": 1, "stderr": 1, "timestamps": 1, "since": seconds}
        api = self.client.api
        with _sentences():
            answer = api.get(
                api._url("/containers/{0}/logs", container.id), params=wanted, timeout=api.timeout
            )
            api._raise_for_status(answer)
            return bytes(answer.content)

    def send_signal(self, name: str, number: int) -> None:
        """Send a signal to a container's program; one that has ended is passed over."""
        container = self.find_container(name)
        if container is None:
            return
        with _sentences():
            try:
                container.kill(number)
            except APIError as error:
                if error.status_code not in (requests.codes.not_found, requests.codes.conflict):
                    raise

    def find_container(self, name: str) -> Container | None:
        """The deployment's container of this name, with its state. Raises EngineAway."""
        with _sentences():
            try:
                return self._own(self.client.containers.get(self._full(name)))
            except NotFound:
                return None

    def await_end(self, container: Container) -> None:
        """Wait for Docker to notice that its first process is gone, and learn its state anew.

        What does not end in a while is left to run on.
        """
        with _sentences():
            with contextlib.suppress(requests.ReadTimeout, requests.ConnectionError):
                container.wait(timeout=NOTICE_SECONDS)
            container.reload()

    def workers(self) -> dict[str, str]:
        """Docker's ids of the containers that workers have here, whatever their state."""
        labels = [f"{DEPLOYMENT}={self.prefix}", WORKER]
        with _sentences():
            found = self.client.api.containers(all=True, filters={"label": labels})
        return {container["Labels"][WORKER]: container["Id"] for container in found}

    def has_server(self, person_id: str) -> bool:
        """Whether a person's server has a container here."""
        labels = [f"{DEPLOYMENT}={self.prefix}", f"{PERSON}={person_id}"]
        with _sentences():
            return bool(self.client.api.containers(filters={"label": labels}))

    def has_verification(self, process: str) -> bool:
        """Whether a container runs in which a process verifies an image."""
        with _sentences():
            label = f"{VERIFIER}={process}"
            return bool(self.client.api.containers(filters={"label": label}))

    def remove_container(self, name: str) -> None:
        """End and delete a container and its anonymous volumes; one that is gone is gone."""
        container = self.find_container(name)
        if container is not None:
            self.remove_exactly(str(container.id))

    def remove_exactly(self, container: str) -> None:
        """The same by Docker's own id, which no container has that took its name meanwhile."""
        with _sentences(), contextlib.suppress(NotFound):
            end_container(self.client.containers.get(container))

    def remove_labelled(self, label: str) -> None:
        """End and delete those of the deployment's containers that have this label."""
        wanted = {"label": [f"{DEPLOYMENT}={self.prefix}", label]}
        with _sentences():
            for found in self.client.containers.list(all=True, filters=wanted, ignore_removed=True):
                end_container(found)

    def remove_network(self, name: str) -> None:
        """Delete a network, unless somebody is on it still."""
        with _sentences():
            self.networks.remove(self._full(name))

    def _full(self, name: str) -> str:
        return f"{self.prefix}-{name}"

    def _own(self, container: Container) -> Container | None:
        return container if container.labels.get(DEPLOYMENT) == self.prefix else None

    def _clear_away(self, full: str) -> None:
        with contextlib.suppress(NotFound):  # it went meanwhile
            container = self.client.containers.get(full)
            if self._own(container) is None:
                raise EngineFailed(
                    f"A container named {full} is there that is not Labdock's: remove or rename it."
                )
            end_container(container)


class Attachment:
    """The input and output of a container that begins."""

    def __init__(self, stream: socket.socket) -> None:
        self._stream = stream
        frames = frames_iter_no_tty(stream)
        self._answers = Answers(stream.fileno(), lambda: next(frames, (0, b""))[1])

    def expect(self, word: str) -> str:
        """The rest of its next line, which begins with this word."""
        return self._answers.expect(word)

    def send(self, data: bytes) -> None:
        """Hand it all of its input. It may be gone."""
        with contextlib.suppress(OSError):
            self._stream.sendall(data)
            self._stream.shutdown(socket.SHUT_WR)


def end_container(container: Container, patience: float = REMOVAL_SECONDS) -> None:
    """End and delete a container and its anonymous volumes; one that is gone is gone.

    A removal that is under way is waited for. Raises EngineAway where it takes too long.
    """
    with contextlib.suppress(NotFound):
        try:
            container.remove(force=True, v=True)
        except APIError as error:
            if error.status_code != requests.codes.conflict:
                raise
            _await_removal(container, patience)


def _await_removal(container: Container, patience: float) -> None:
    """Look until Docker has it no more; its own way to wait may miss the end."""
    until = time.monotonic() + patience
    while time.monotonic() < until:
        container.reload()
        time.sleep(0.05)
    raise EngineAway(
        f"Docker has been removing the container {container.name} for {patience:g} s: "
        f"`docker rm -f {container.name}` says what keeps it."
    )


@contextlib.contextmanager
def _sentences() -> Iterator[None]:
    """Docker's errors, as EngineFailed or EngineAway."""
    try:
        yield
    except EngineFailed:
        raise
    except (DockerException, requests.RequestException) as error:
        raise _explained(error) from error


def _explained(error: Exception) -> EngineFailed:
    said = str(error.explanation if isinstance(error, APIError) else error)
    if NO_SPACE in said:
        return EngineAway("There is no space left on the disk that Docker keeps images on.")
    if isinstance(error, APIError) and not error.is_server_error():
        return EngineFailed(f"Docker refuses to start it: {said.rstrip('.')}.")
    if isinstance(error, APIError):
        return EngineFailed(f"Docker could not start it: {said.rstrip('.')}.")
    return EngineAway("Docker does not answer: `systemctl status docker` says why.")
