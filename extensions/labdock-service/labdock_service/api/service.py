"""The service itself, who is asking, and what there is to run on."""

from __future__ import annotations

from collections.abc import Iterable

from fastapi import APIRouter
from sqlalchemy.orm import Session

import labdock_service
from labdock.schema import API_VERSION, Device, Environment, Node, Person, Service
from labdock_service.api.access import Caller
from labdock_service.api.availability import environments_here, unverified, why_unavailable
from labdock_service.api.parts import PartsOf, Reading
from labdock_service.api.problems import describe
from labdock_service.engines import base as engines
from labdock_service.packaging.environments import find_named
from labdock_service.store import leases

router = APIRouter(tags=["service"], responses=describe())


@router.get("/")
def get_service(parts: PartsOf, _caller: Caller) -> Service:
    """What answers here: its versions and its engine."""
    return Service(
        version=labdock_service.__version__,
        api=API_VERSION,
        engine=parts.settings.engine,
        source_bytes=parts.settings.limits.source_bytes,
    )


@router.get("/me")
async def get_me(caller: Caller) -> Person:
    """Who is asking, and their projects."""
    return caller


@router.get("/environments")
def list_environments(parts: PartsOf, session: Reading, _caller: Caller) -> list[Environment]:
    """What notebooks and jobs can start from."""
    environments = environments_here(parts)
    default = find_named(environments, parts.settings.default_environment)
    unavailable = why_unavailable(parts, session, environments)
    waiting = unverified(session, environments)
    return [
        Environment(
            name=found.name,
            digest=found.digest,
            title=found.title,
            kind=parts.engine.environments,
            python=found.version,
            packages=found.packages,
            default=found is default,
            gpu=found.gpu,
            unavailable=unavailable.get(found.digest),
            verified=found.digest not in waiting,
        )
        for found in environments
    ]


@router.get("/nodes")
def list_nodes(parts: PartsOf, session: Reading, _caller: Caller) -> list[Node]:
    """The machines that run workers, and what is leased of them."""
    return node_views(session, parts.engine.nodes())


def node_views(session: Session, nodes: Iterable[engines.Node]) -> list[Node]:
    """Nodes, and what is leased of each."""
    held = leases.held(session)
    holders = {
        (lease.node, lease.device): f"{lease.holder_kind}:{lease.holder_id}" for lease in held
    }
    return [
        Node(
            name=node.name,
            cpus=node.cpus,
            memory=node.memory,
            cpus_leased=sum(lease.cpus for lease in held if lease.node == node.name),
            memory_leased=sum(lease.memory for lease in held if lease.node == node.name),
            devices=[
                Device(
                    uuid=device.uuid,
                    title=device.title,
                    memory=device.memory,
                    holder=holders.get((node.name, device.uuid)),
                )
                for device in node.devices
            ],
        )
        for node in nodes
    ]
