"""What a person waits for at the screen: the login page, and a new point on a curve."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable

import httpx
from tests.bench.measure import Series, interleave
from tests.support.boards import Curve, curve_route
from tests.support.deployment import Deployment

MOST_STARTS = 5
PATIENCE = 60.0
"""Seconds after which what does not appear is an error."""


def second_start(deployment: Deployment, rounds: int) -> list[Series]:
    """Seconds from `labdock up` until the login page answers, all that is needed being there."""

    def run() -> float:
        deployment.down()
        began = time.perf_counter()
        deployment.up()
        httpx.get(f"{deployment.url}/hub/login").raise_for_status()
        return time.perf_counter() - began

    contenders = {"labdock up --detach, to the login page": run}
    return list(interleave(contenders, min(rounds, MOST_STARTS), "s").values())


def new_point(deployment: Deployment, rounds: int) -> list[Series]:
    """Seconds from writing a point until TensorBoard has it, read through the gate."""
    headers = {"Authorization": f"token {os.environ['LABDOCK_TOKEN']}"}
    base = f"{deployment.url}/services/tensorboard/admin/"
    with httpx.Client(base_url=base, headers=headers, timeout=PATIENCE) as client:
        client.get("data/runs").raise_for_status()  # starts it, which makes its folder
        (folder,) = deployment.state.tensorboard.iterdir()
        contenders = {"a point in TensorBoard": seen(Curve(folder / "bench/train"), client)}
        return list(interleave(contenders, rounds, "s").values())


def seen(curve: Curve, client: httpx.Client) -> Callable[[], float]:
    """A round: one more point, and a look every tenth of a second until it is there."""
    steps = itertools.count()

    def run() -> float:
        step = next(steps)
        began = time.perf_counter()
        curve.add(step, 0.5)
        while (seconds := time.perf_counter() - began) < PATIENCE:
            answer = client.get(curve_route("bench/train"))
            if answer.is_success and any(point[1] == step for point in answer.json()):
                return time.perf_counter() - began
            time.sleep(0.1)
        raise RuntimeError(f"TensorBoard shows no point after {seconds:.0f} s: {answer.text}")

    return run
