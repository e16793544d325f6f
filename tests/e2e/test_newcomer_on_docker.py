"""The newcomer's morning again, in containers: the same story, told of the Docker engine.

The images are built in the same run, by the command that an admin uses.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.e2e.test_newcomer import (  # noqa: F401  the story itself
    api,
    endpoint,
    job,
    newcomer,
    notebook,
    test_a_second_person_is_told_why_not,
    test_a_wrong_password_does_not_let_in,
    test_an_unsaved_notebook_is_not_submitted,
    test_plain_http_with_a_key,
    test_several_values_are_compared,
    test_tensorboard_is_behind_the_login,
    test_tensorboard_shows_the_curves,
    test_the_command_line_does_the_same,
    test_the_endpoint_answers_as_the_notebook_did_in_the_job,
    test_the_endpoint_reads_a_digit,
    test_the_executed_notebook_is_kept,
    test_the_home_has_examples_and_data_roots,
    test_the_job_trains_on_two_workers_and_shows_it,
    test_the_log_is_the_persons_own_output,
    test_the_way_back_from_an_answer,
    test_what_pip_installs_is_the_persons_own_and_goes_into_their_jobs,
)
from tests.support.deployment import Deployment
from tests.support.docker import docker_client
from tests.support.imagedeployment import running_on_images
from tests.support.watched import EPOCHS, Watched

from labdock_service.statefolder import StateFolder

pytestmark = [pytest.mark.tensorflow, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def deployment(
    prepared: StateFolder, labdock_proxy: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    """The shipped deployment on the Docker engine, with a registry of the team's own."""
    del labdock_proxy  # it lies in `prepared` now
    with running_on_images(prepared, tmp_path_factory.mktemp("docker")) as running:
        yield running


def test_both_workers_ran_from_the_jobs_image(
    deployment: Deployment,
    job: dict[str, Any],  # noqa: F811
) -> None:
    """Each was started from the image that the way back names, out of the registry."""
    asked = [
        json.loads((deployment.state.workers / f".job-{job['id']}-1-{rank}.json").read_bytes())
        for rank in (0, 1)
    ]
    registry = deployment.settings["LABDOCK_DOCKER__REGISTRY"]
    for spec in asked:
        assert spec["image"].startswith(f"{registry}/labdock/jobs/")
        assert spec["image"].endswith(f"@{job['image']}")


def test_a_killed_worker_costs_at_most_its_epoch_and_a_stop_loses_none(
    deployment: Deployment,
) -> None:
    """A gang of two that trains; `docker kill` takes one of them."""
    gang = Watched(deployment)
    gang.until_epoch(2)
    prefix = deployment.settings["LABDOCK_DOCKER__PREFIX"]
    docker_client().containers.get(f"{prefix}-job-{gang.id}-1-1").kill("KILL")
    at_the_kill = max(gang.epochs())
    gang.until_epoch(at_the_kill + 1)
    gang.say("stop", gang.id)
    assert gang.until_over()["state"] == "stopped"
    at_the_stop = max(gang.epochs())
    gang.say("retry", gang.id)
    gang.hurry()
    ended = gang.until_over()
    assert ended["state"] == "succeeded", ended["message"] + deployment.logs()
    assert "Worker 1 of 2 was killed" in ended["attempts"][0]["reason"]
    after_the_kill, after_the_stop = gang.begun()
    assert after_the_kill > at_the_kill  # an epoch may end, and be saved, before it is told
    assert after_the_stop > at_the_stop
    assert gang.epochs() == list(range(1, EPOCHS + 1))
    assert f"RESULT True {EPOCHS}" in gang.log()
