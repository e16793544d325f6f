"""Model servers: which one a revision gets, and how it is started."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from sqlalchemy.orm import Session

from labdock_service.engines.base import WorkerSpec
from labdock_service.errors import EngineFailed
from labdock_service.linux import host_name
from labdock_service.packaging.environments import PinnedEnvironment, find_environments
from labdock_service.packaging.layers import LayerStore
from labdock_service.packaging.sourcecode import package_layer, read_package
from labdock_service.reconciler.parts import Parts
from labdock_service.serving.servers import (
    Choice,
    ServerImage,
    choose,
    instead,
    own,
    read_servers,
)
from labdock_service.statefolder import StateFolder
from labdock_service.store import verifications
from labdock_service.store.tables import RevisionRow, WorkerRow

SERVER = "labdock_model_server"
SERVER_PROGRAM = "tensorflow_model_server"
"""TensorFlow Serving's, in the images that hold it."""
GRPC_PORT = 8500
"""TensorFlow Serving wants one. It is published nowhere."""
IMAGE_PYTHON = "python"
"""The interpreter of an image, which its variables lead to."""
SERVER_GRACE = 25.0
"""Seconds that a model server has to answer what is in flight: it takes 20 at most."""


def settle_server(parts: Parts, session: Session, revision: RevisionRow) -> None:
    """Choose a revision's server at its first start; it keeps it from then on."""
    if revision.image is None:
        _note(revision, _choose(parts, session, revision))


def fall_back(revision: RevisionRow, why: str) -> None:
    """Have a revision served by Labdock's own server from its next start on, which is its first."""
    _note(revision, instead(revision.server, why))
    revision.failures = 0


def without_place(state: StateFolder, revision: RevisionRow, said: str) -> str:
    """What a server that is not Labdock's said, with the model's name for its folder here."""
    return said.replace(str(_place(state, revision)), revision.model.name)


def _note(revision: RevisionRow, choice: Choice) -> None:
    revision.image, revision.server = choice.image, choice.sentence


def _choose(parts: Parts, session: Session, revision: RevisionRow) -> Choice:
    if parts.engine.environments == "local":
        return own("this engine runs no images")
    servers = read_servers(parts.state.environments)
    digest = revision.model.job.snapshot.environment
    found = find_environments(parts.state, parts.engine.environments)
    packages = next((one.packages for one in found if one.digest == digest), {})
    return choose(
        servers,
        packages.get("tensorflow", ""),
        gpus=revision.resources["gpus"] > 0,
        refused=_refused(parts, session, servers),
    )


def _refused(parts: Parts, session: Session, servers: Sequence[ServerImage]) -> Mapping[str, str]:
    """Images that nobody verified here, those that failed, and those that a scan keeps out."""
    said = {}
    for one in servers:
        digest = one.image.rpartition("@")[2]
        row = verifications.find(session, digest, host_name())
        scans = verifications.kept_out(session, [digest], parts.policy, parts.clock())
        if row is None:
            said[one.image] = "was not verified on this machine yet"
        elif not row.passed:
            said[one.image] = "failed its verification on this machine"
        elif found := next(scans, None):
            said[one.image] = "is kept out by a scan that was read on {}: {}".format(*found)
    return said


def image_server_spec(
    state: StateFolder, worker: WorkerRow, revision: RevisionRow, devices: tuple[str, ...]
) -> WorkerSpec:
    """A revision's model server out of an image that has nothing of Labdock's.

    A model that it cannot load ends it at once, instead of after minutes.
    """
    model = revision.model
    place, port = _place(state, revision), _port(worker)
    return WorkerSpec(
        id=worker.id,
        image=revision.image or "",
        unattended=True,
        argv=(
            SERVER_PROGRAM,
            f"--port={GRPC_PORT}",
            f"--rest_api_port={port}",
            f"--model_name={model.name}",
            f"--model_base_path={place}",
            "--max_num_load_retries=0",
        ),
        inputs=(place,),
        port=port,
        labels=_labels(worker, revision, revision.image or ""),
        node=worker.node,
        devices=devices,
        cpus=revision.resources["cpus"],
        memory=revision.resources["memory"],
        grace=SERVER_GRACE,
    )


def server_spec(
    state: StateFolder,
    worker: WorkerRow,
    revision: RevisionRow,
    environment: PinnedEnvironment,
    devices: tuple[str, ...],
) -> WorkerSpec:
    """A revision's model server, in the environment of the job that made the model.

    It is a layer of its own, like the runtime, and the worker's label names its version.
    """
    server = read_package(package_folder(SERVER), SERVER)
    layers = LayerStore(state)
    program = layers.unpacked(package_layer(server, layers).digest)
    place, port = _place(state, revision), _port(worker)
    return WorkerSpec(
        id=worker.id,
        image=environment.training,
        argv=(
            IMAGE_PYTHON if environment.training else str(environment.python),
            "-m",
            SERVER,
            "--port=0",
            f"--rest_api_port={port}",
            f"--model_name={revision.model.name}",
            f"--model_base_path={place}",
            *(["--host=0.0.0.0"] if environment.training else []),
        ),
        python_path=(program,),
        inputs=(program, place),
        port=port,
        labels=_labels(worker, revision, server.version),
        node=worker.node,
        devices=devices,
        cpus=revision.resources["cpus"],
        memory=revision.resources["memory"],
        grace=SERVER_GRACE,
    )


def package_folder(name: str) -> Path:
    """Where an installed package lies."""
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise EngineFailed(f"The package {name} is not installed: run `make up` again.")
    return Path(spec.origin).parent


def _place(state: StateFolder, revision: RevisionRow) -> Path:
    return state.models / revision.model.id / revision.model.name


def _port(worker: WorkerRow) -> int:
    return int((worker.address or "").rpartition(":")[2])


def _labels(worker: WorkerRow, revision: RevisionRow, server: str) -> dict[str, str]:
    return {"revision": revision.id, "attempt": str(worker.attempt), "server": server}
