"""When a revision goes on with Labdock's own model server, which the other one's ends lead to."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.reconciling import Deployment, deployed, make, reconciling

from labdock.schema import Resources
from labdock_service.engines.base import WorkerSpec
from labdock_service.engines.process import ProcessEngine
from labdock_service.errors import EngineFailed, ImageGone
from labdock_service.ids import new_id
from labdock_service.serving.servers import OWN
from labdock_service.store import endpoints, jobs, models
from labdock_service.store.tables import RevisionRow

IMAGE = f"127.0.0.1:5000/tf-serving@sha256:{'1' * 64}"


class Refusing(ProcessEngine):
    """Starts no model server."""

    error: Exception

    def start(self, spec: WorkerSpec) -> Iterator[dict[str, Any]]:
        del spec
        raise self.error


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Deployment]:
    with deployed(tmp_path) as deployment:
        yield deployment


def served_from_image(place: Deployment, served: float | None) -> str:
    """A revision whose server out of an image has just come to grief for the first time."""
    job_id = place.submit("print('hello')")
    place.stop(job_id)
    with place.acting() as (session, person, project):
        job = jobs.find(session, job_id)
        assert job is not None
        said: dict[str, Any] = {"name": "m", "digest": IMAGE[-71:], "size": 1, "signature": {}}
        model = models.create(session, new_id("m"), job, **said, metrics={})
        endpoint = endpoints.ensure(session, project, "digits", person)
        revision = endpoints.deploy(session, endpoint, model, Resources(), "ada")
        revision.image, revision.server = IMAGE, "TensorFlow Serving 2.20.0: it is there."
        revision.state, revision.failures, revision.served = "starting", 1, served
        revision.changed = time.time() - 60
        return revision.id


@pytest.mark.parametrize(
    ("error", "served"),
    [
        (ImageGone("its image is not in the registry any more"), None),
        (ImageGone("its image is not in the registry any more"), 1.0),
        (EngineFailed("it crashed"), None),
        (EngineFailed("it crashed"), 1.0),
    ],
)
def test_an_images_server_that_does_not_come_up_is_done_without(
    place: Deployment, error: Exception, served: float | None
) -> None:
    revision = served_from_image(place, served)
    engine = Refusing(place.state)
    engine.error = error
    reconciler = make(place, engine=engine)
    with reconciling(reconciler):
        reconciler.settle()
    with place.store.read() as session:
        row = session.get_one(RevisionRow, revision)
        assert (row.image, row.state, row.failures) == ("", "starting", 1)
        assert row.server.startswith(OWN) and str(error) in row.server
