"""When somebody who asks now would start."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.test_scheduling import NEEDS, ask, busy, queues

from labdock_service.scheduling.forecast import AT_ONCE, forecast
from labdock_service.scheduling.ledger import Capacity, Lease, Need
from labdock_service.scheduling.queue import Ask, plan

ONE = [Capacity(node="a", cpus=2, memory=8, devices=("g0",))]


def lease(holder: str, cpus: float = 2, device: str | None = None) -> Lease:
    return Lease(holder=holder, title=holder, node="a", cpus=cpus, device=device)


def test_what_is_free_is_had_at_once() -> None:
    found = forecast(ONE, [], [], ask("new", since=9), {})
    assert (found.seconds, found.message) == (0, AT_ONCE)


def test_who_ends_first_makes_room() -> None:
    held = [lease("long", cpus=1), lease("short", cpus=1)]
    found = forecast(ONE, held, [], ask("new", since=9), {"long": 600, "short": 60})
    assert found.seconds == 60
    assert found.message == "Waits for 1 CPU: 2 of 2 are in use by long and short."


def test_nobody_knows_when_somebody_ends_who_says_nothing() -> None:
    assert forecast(ONE, [lease("held")], [], ask("new", since=9), {}).seconds is None


def test_who_waits_before_takes_what_becomes_free() -> None:
    waiting = [ask("before", since=1, cpus=2)]
    held = [lease("held")]
    assert forecast(ONE, held, waiting, ask("new", since=9), {"held": 60}).seconds is None


@given(busy(), queues(), NEEDS, st.integers(1, 3), st.data())
def test_it_is_foretold_at_once_exactly_when_the_queue_would_start_it(
    cluster: tuple[list[Capacity], list[Lease]],
    queue: list[Ask],
    need: Need,
    workers: int,
    data: st.DataObject,
) -> None:
    nodes, held = cluster
    new = replace(ask("new", since=1e9, workers=workers), need=need)
    ends = data.draw(
        st.dictionaries(st.sampled_from([one.holder for one in held] or ["x"]), st.floats(1, 1e4))
    )
    found = forecast(nodes, held, queue, new, ends)
    now = plan(nodes, held, [*queue, new])
    assert (found.seconds == 0) == ("new" in now.starts)
    assert found.seconds in {0.0, None, *ends.values()}


@given(busy(), NEEDS)
def test_an_empty_machine_is_waited_for_no_longer_than_its_last_holder(
    cluster: tuple[list[Capacity], list[Lease]], need: Need
) -> None:
    nodes, held = cluster
    new = replace(ask("new", since=1e9), need=need)
    ends = {one.holder: float(place + 1) for place, one in enumerate(held)}
    found = forecast(nodes, held, [], new, ends)
    fits = "new" in plan(nodes, [], [new]).starts
    assert (found.seconds is not None) == fits
