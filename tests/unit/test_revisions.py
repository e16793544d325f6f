"""What a revision does next, and the router's tables."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from labdock.servingschema import RevisionState
from labdock_service.serving.revisions import (
    DRAIN_SECONDS,
    FIRST_STARTS,
    HEAD_START,
    LONGEST_BACKOFF,
    START_SECONDS,
    Seen,
    backoff,
    decide,
    gives_up,
    is_missed,
)
from labdock_service.serving.tables import (
    Route,
    RouteKey,
    Target,
    read_endpoints,
    read_keys,
    write_endpoints,
    write_keys,
)

NEW = Seen(state="starting", wanted=True, in_traffic=False, server="none", age=0)
SEEN = st.builds(
    Seen,
    state=st.sampled_from(get_args(RevisionState)),
    wanted=st.booleans(),
    in_traffic=st.booleans(),
    server=st.sampled_from(["none", "starting", "running", "ended"]),
    age=st.floats(0, 1000),
    failures=st.integers(0, 50),
    answered=st.booleans(),
    refused=st.booleans(),
)


def test_a_new_revision_starts_asks_and_serves() -> None:
    assert decide(NEW) == "start"
    starting = replace(NEW, server="starting")
    assert decide(starting) == "ask"
    warming = replace(starting, state="warming", server="running")
    assert decide(warming) == "ask"
    assert decide(replace(warming, answered=True)) == "serve"


def test_a_server_that_never_answers_or_refuses_fails() -> None:
    running = replace(NEW, server="running")
    assert decide(replace(running, age=START_SECONDS)) == "fail"
    assert decide(replace(running, refused=True)) == "fail"


def test_the_older_one_drains_before_it_stops() -> None:
    older = Seen(state="serving", wanted=False, in_traffic=False, server="running", age=99)
    assert decide(older) == "drain"
    assert decide(replace(older, state="draining", age=0)) == "wait"
    assert decide(replace(older, state="draining", age=DRAIN_SECONDS)) == "stop"
    assert decide(replace(older, state="draining", server="ended")) == "retire"


def test_undo_during_the_drain_serves_at_once_and_after_it_starts_again() -> None:
    draining = Seen(state="draining", wanted=True, in_traffic=False, server="running", age=1)
    assert decide(draining) == "serve"
    assert decide(replace(draining, state="retired", server="ended")) == "start"


def test_a_dead_server_is_started_again_after_its_backoff() -> None:
    dead = Seen(state="serving", wanted=True, in_traffic=True, server="ended", age=500)
    assert decide(dead) == "failure"
    waiting = replace(dead, state="starting", server="none", failures=3, age=0)
    assert decide(waiting) == "wait"
    assert decide(replace(waiting, age=backoff(3))) == "start"


def test_backoff_grows_to_a_limit() -> None:
    assert [backoff(failures) for failures in range(4)] == [0, 1, 2, 4]
    assert backoff(50) == LONGEST_BACKOFF


def test_only_one_that_never_served_gives_up() -> None:
    assert gives_up(FIRST_STARTS - 1, served=False)
    assert not gives_up(50, served=True)


@given(SEEN)
def test_what_has_traffic_is_never_stopped_or_drained(seen: Seen) -> None:
    held = replace(seen, in_traffic=True)
    if held.state not in ("failed", "retired"):
        assert decide(held) not in ("stop", "drain", "retire")


@given(SEEN)
def test_traffic_goes_only_to_a_server_that_answered(seen: Seen) -> None:
    if decide(seen) == "serve":
        assert seen.server in ("starting", "running")
        assert seen.answered or seen.state in ("serving", "draining")
        assert seen.wanted or seen.in_traffic


@given(SEEN)
def test_what_nobody_wants_comes_to_rest(seen: Seen) -> None:
    now = replace(seen, wanted=False, in_traffic=False)
    for _ in range(5):
        act = decide(now)
        if act == "wait" and now.state == "draining":
            now = replace(now, age=DRAIN_SECONDS)
        elif act == "drain":
            now = replace(now, state="draining", age=0)
        elif act == "stop":
            now = replace(now, server="ended")
        elif act == "retire":
            now = replace(now, state="retired")
        else:
            break
    assert decide(now) == "wait"
    assert now.state in ("retired", "failed")
    assert now.server in ("none", "ended")


def test_tables_are_read_as_they_were_written(tmp_path: Path) -> None:
    assert read_endpoints(tmp_path) == []
    assert read_keys(tmp_path) == []
    target = Target(revision="r1", weight=100, url="http://127.0.0.1:1", model="digits")
    routes = [Route(project="ada", name="digits", id="e1", traffic=[target])]
    keys = [RouteKey(endpoint="e1", sha256="0" * 64, expires=None)]
    write_endpoints(tmp_path, routes)
    write_keys(tmp_path, keys)
    assert read_endpoints(tmp_path) == routes
    assert read_keys(tmp_path) == keys


def test_an_unchanged_table_is_not_touched(tmp_path: Path) -> None:
    write_keys(tmp_path, [])
    before = (tmp_path / "keys.json").stat()
    write_keys(tmp_path, [])
    after = (tmp_path / "keys.json").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert [file.name for file in tmp_path.iterdir()] == ["keys.json"]


def test_jobs_wait_only_for_what_is_missed_and_comes_back_soon() -> None:
    missed = Seen(state="starting", wanted=True, in_traffic=True, server="running", age=1)
    assert is_missed(missed)
    assert is_missed(replace(missed, server="none", age=10**6))
    assert not is_missed(replace(missed, in_traffic=False))
    assert not is_missed(replace(missed, state="serving"))
    assert not is_missed(replace(missed, failures=2))
    assert not is_missed(replace(missed, age=HEAD_START))
    assert not is_missed(replace(missed, age=-3600)), "the clock was set back"
