"""What the hub may offer to a person who starts their server."""

from __future__ import annotations

from fastapi import APIRouter

from labdock.gpuschema import ServerOffer
from labdock_service.api.access import FromHub
from labdock_service.api.availability import environments_here, unverified, why_unavailable
from labdock_service.api.bodies import StrictRoute
from labdock_service.api.parts import PartsOf, Reading
from labdock_service.api.problems import describe
from labdock_service.store import leases

router = APIRouter(tags=["gpus"], route_class=StrictRoute)


@router.get("/server-offer", responses=describe(), dependencies=[FromHub])
def get_server_offer(parts: PartsOf, session: Reading) -> ServerOffer:
    """The GPUs that there are, and the environments that nobody can choose now. For the hub."""
    environments, nodes = environments_here(parts), parts.engine.nodes()
    has_devices = any(node.devices for node in nodes)
    return ServerOffer(
        gpus=leases.gpus(session, nodes),
        why_no_gpu=parts.engine.why_no_gpu() if has_devices else None,
        unavailable=why_unavailable(parts, session, environments),
        unverified=unverified(session, environments),
    )
