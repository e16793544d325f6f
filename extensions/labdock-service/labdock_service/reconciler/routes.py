"""The router's table of endpoints, from what is seen to serve."""

from __future__ import annotations

from sqlalchemy.orm import Session

from labdock_service.reconciler.parts import Parts
from labdock_service.serving.tables import Route, Target, write_endpoints
from labdock_service.store import active, workers
from labdock_service.store.tables import EndpointRow, RevisionRow


def write_routes(parts: Parts) -> None:
    """Bring run/endpoints.json up to date."""
    with parts.store.read() as session:
        routes = [_route(session, endpoint) for endpoint in active.endpoints(session)]
    write_endpoints(parts.state.run, routes)


def _route(session: Session, endpoint: EndpointRow) -> Route:
    shares = ((share["revision"], share["weight"]) for share in endpoint.traffic)
    targets = (_target(session, revision, weight) for revision, weight in shares)
    return Route(
        project=endpoint.project.name,
        name=endpoint.name,
        id=endpoint.id,
        traffic=[target for target in targets if target is not None],
    )


def _target(session: Session, revision_id: str, weight: int) -> Target | None:
    """Where a revision answers; nowhere while its model server is not up."""
    revision = session.get_one(RevisionRow, revision_id)
    server = workers.of_revision(session, revision.id, revision.attempt)
    if revision.state != "serving" or server is None or server.state != "running":
        return None
    return Target(
        revision=revision.id,
        weight=weight,
        url=f"http://{server.address}",
        model=revision.model.name,
    )
