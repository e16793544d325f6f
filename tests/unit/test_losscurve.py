"""The small curve of the loss: few points, evenly spread, of the training that runs."""

from __future__ import annotations

import itertools
from dataclasses import replace

from labdock.schema import Progress
from labdock_service.reconciler.losscurve import MOST, Curve, extended


def drawn(*told: tuple[int, int, float], steps: int = 10) -> Curve:
    """The curve after epochs and steps of them were told."""
    progress = Progress(steps=steps)
    for epoch, step, loss in told:
        now = replace(progress, epoch=epoch, step=step, metrics={"loss": loss})
        progress = replace(now, curve=extended(now, ended=False))
    return progress.curve


def test_points_lie_within_epochs() -> None:
    assert drawn((1, 5, 3.0), (1, 10, 2.0), (2, 5, 1.0)) == [[0.5, 3.0], [1.0, 2.0], [1.5, 1.0]]


def test_what_is_run_again_is_drawn_once() -> None:
    assert drawn((1, 10, 3.0), (2, 10, 2.0), (2, 5, 2.5)) == [[1.0, 3.0], [1.5, 2.5]]


def test_another_training_begins_anew() -> None:
    assert drawn((1, 10, 3.0), (2, 10, 2.0), (1, 1, 9.0)) == [[0.1, 9.0]]


def test_a_long_training_keeps_few_points_evenly_spread() -> None:
    curve = drawn(*((epoch, 10, 1 / epoch) for epoch in range(1, 2001)))
    assert len(curve) == MOST
    assert (curve[0][0], curve[-1][0]) == (1.0, 2000.0)
    gaps = [later[0] - earlier[0] for earlier, later in itertools.pairwise(curve)]
    assert max(gaps) < 2000 / MOST * 4


def test_parts_of_epochs_go_where_there_are_epochs_enough() -> None:
    told = [(epoch, step, 1.0) for epoch in range(1, 9) for step in (5, 10)]
    assert [epoch for epoch, _ in drawn(*told)] == [*map(float, range(1, 9))]


def test_what_has_no_place_or_no_loss_is_left_out() -> None:
    assert extended(Progress(metrics={"loss": 1.0}), ended=True) == []
    assert extended(Progress(epoch=1, metrics={"accuracy": 1.0}), ended=True) == []
    assert extended(Progress(epoch=10**400, metrics={"loss": 1.0}), ended=True) == []
    assert extended(Progress(epoch=1, step=2, steps=1, metrics={"loss": 1.0}), ended=False) == []
