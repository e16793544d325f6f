"""Curves that an older Labdock kept elsewhere are shown all the same, and are written on."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from labdock_service.reconciler.oldercurves import move_older_curves
from labdock_service.statefolder import StateFolder

SHOWN = ["gvision/digits-j1", "gvision/grid-x1/lr=0.1-j1"]


def older(state: StateFolder, name: str) -> Path:
    """A job's curves as they lay, with one point; where they are shown."""
    place = state.jobs / "j1/tensorboard/2"
    place.mkdir(parents=True)
    (place / "events").write_text("one")
    shown = state.tensorboard / name
    shown.parent.mkdir(parents=True)
    up = "../" * (name.count("/") + 1)
    shown.symlink_to(f"{up}jobs/j1/tensorboard/2")
    return shown


@pytest.mark.parametrize("name", SHOWN)
def test_they_lie_with_the_projects_and_a_job_that_runs_writes_on(
    tmp_path: Path, name: str
) -> None:
    state = StateFolder(tmp_path)
    shown = older(state, name)
    for _ in range(2):
        move_older_curves(state)
        assert shown.resolve() == state.curves / "gvision/j1/2"
    with (state.jobs / "j1/tensorboard/2/events").open("a") as events:
        events.write(" and another")
    assert (shown / "events").read_text() == "one and another"


@pytest.mark.parametrize("done", [1, 2])
def test_what_broke_off_halfway_is_finished(tmp_path: Path, done: int) -> None:
    state = StateFolder(tmp_path)
    shown = older(state, SHOWN[0])
    drawn, before = state.curves / "gvision/j1", state.jobs / "j1/tensorboard"
    drawn.parent.mkdir(parents=True)
    shutil.move(before, drawn)
    if done == 2:
        before.symlink_to("../../curves/gvision/j1")
    move_older_curves(state)
    assert (shown / "events").read_text() == "one"
    assert (before / "2/events").read_text() == "one"


def test_links_of_today_and_folders_are_left_alone(tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    move_older_curves(state)
    shown, place = state.tensorboard / "gvision/digits-j1", state.curves / "gvision/j1/1"
    place.mkdir(parents=True)
    shown.parent.mkdir(parents=True)
    shown.symlink_to("../../curves/gvision/j1/1")
    (state.tensorboard / "gvision/begun-j2").mkdir()
    move_older_curves(state)
    assert str(shown.readlink()) == "../../curves/gvision/j1/1"
