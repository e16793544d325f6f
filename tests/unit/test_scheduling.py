"""The queue and the ledger, as properties over drawn clusters, leases and asks."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from labdock_service.engines.base import Node
from labdock_service.scheduling.ledger import Capacity, Lease, Need, fits, free, leases_of, limited
from labdock_service.scheduling.queue import Ask, Plan, never_fits, plan

HALVES = st.integers(0, 16).map(lambda value: value / 2)
NEEDS = st.builds(
    Need,
    cpus=st.integers(0, 8).map(lambda value: value / 2),
    memory=st.integers(0, 8),
    gpus=st.integers(0, 3),
)


@st.composite
def clusters(draw: st.DrawFn, most: int = 3) -> list[Capacity]:
    return [
        Capacity(
            node=f"n{index}",
            cpus=draw(HALVES),
            memory=draw(st.integers(0, 16)),
            devices=tuple(f"gpu{index}-{n}" for n in range(draw(st.integers(0, 4)))),
        )
        for index in range(draw(st.integers(1, most)))
    ]


@st.composite
def queues(draw: st.DrawFn) -> list[Ask]:
    return [
        Ask(
            holder=f"j{index}",
            title=f"job {index}",
            since=draw(st.integers(0, 5)),
            workers=draw(st.integers(1, 4)),
            need=draw(NEEDS),
        )
        for index in range(draw(st.integers(0, 8)))
    ]


def started(made: Plan, asks: list[Ask]) -> list[Lease]:
    by_holder = {ask.holder: ask for ask in asks}
    return [
        lease
        for holder, places in made.starts.items()
        for place in places
        for lease in leases_of(holder, holder, place.node, by_holder[holder].need, place.devices)
    ]


@st.composite
def busy(draw: st.DrawFn) -> tuple[list[Capacity], list[Lease]]:
    """A cluster on which an earlier plan has put something."""
    nodes, before = draw(clusters()), draw(queues())
    before = [replace(ask, holder=f"old-{ask.holder}") for ask in before]
    return nodes, started(plan(nodes, [], before), before)


def over(nodes: list[Capacity], leases: list[Lease]) -> list[Capacity]:
    return [room for room in free(nodes, leases) if room.cpus < -1e-6 or room.memory < 0]


@given(busy(), queues())
def test_nothing_is_over_capacity(
    state: tuple[list[Capacity], list[Lease]], asks: list[Ask]
) -> None:
    nodes, held = state
    assert not over(nodes, held + started(plan(nodes, held, asks), asks))


@given(busy(), queues())
def test_a_gpu_never_has_two_holders(
    state: tuple[list[Capacity], list[Lease]], asks: list[Ask]
) -> None:
    nodes, held = state
    leases = held + started(plan(nodes, held, asks), asks)
    devices = Counter(lease.device for lease in leases if lease.device)
    assert all(count == 1 for count in devices.values())
    assert set(devices) <= {device for node in nodes for device in node.devices}


@given(busy(), queues())
def test_everybody_starts_whole_or_is_told_why_not(
    state: tuple[list[Capacity], list[Lease]], asks: list[Ask]
) -> None:
    nodes, held = state
    made = plan(nodes, held, asks)
    assert sorted([*made.starts, *made.waits]) == sorted(ask.holder for ask in asks)
    for ask in asks:
        if ask.holder in made.starts:
            places = made.starts[ask.holder]
            assert len(places) == ask.workers
            assert all(len(place.devices) == ask.need.gpus for place in places)
        else:
            assert made.waits[ask.holder].endswith(".")


@given(busy(), queues(), queues())
def test_who_comes_later_changes_nothing_for_who_was_first(
    state: tuple[list[Capacity], list[Lease]], first: list[Ask], later: list[Ask]
) -> None:
    nodes, held = state
    later = [replace(ask, holder=f"z{ask.holder}", since=ask.since + 100) for ask in later]
    alone, together = plan(nodes, held, first), plan(nodes, held, first + later)
    assert {h: p for h, p in together.starts.items() if not h.startswith("z")} == alone.starts


@given(clusters(most=1), queues(), NEEDS)
@settings(max_examples=200)
def test_a_stream_of_small_asks_never_starves_a_large_one(
    nodes: list[Capacity], running: list[Ask], small: Need
) -> None:
    """One thing ends a round and a small ask comes each round: the large one starts in time."""
    large = Ask(
        holder="large",
        title="large",
        since=50,
        workers=1,
        need=Need(cpus=nodes[0].cpus, memory=nodes[0].memory, gpus=len(nodes[0].devices)),
    )
    held = started(plan(nodes, [], running), running)
    waiting = [large]
    for step in range(len(held) + 2):
        waiting.append(Ask(holder=f"s{step}", title="", since=60 + step, workers=1, need=small))
        made = plan(nodes, held, waiting)
        if "large" in made.starts:
            return
        held += started(made, waiting)
        waiting = [ask for ask in waiting if ask.holder not in made.starts]
        ends = min((lease.holder for lease in held), default=None)
        held = [lease for lease in held if lease.holder != ends]
    raise AssertionError("the large ask never started")


@given(busy(), NEEDS)
def test_a_single_ask_starts_exactly_when_a_node_has_room(
    state: tuple[list[Capacity], list[Lease]], need: Need
) -> None:
    nodes, held = state
    ask = Ask(holder="j", title="j", since=0, workers=1, need=need)
    assert ("j" in plan(nodes, held, [ask]).starts) == any(
        fits(need, room) for room in free(nodes, held)
    )


MACHINE = [Capacity(node="local", cpus=2, memory=8 * 10**9)]


def ask(name: str, since: float, cpus: float = 1, workers: int = 1, gpus: int = 0) -> Ask:
    need = Need(cpus=cpus, gpus=gpus)
    return Ask(holder=name, title=name, since=since, workers=workers, need=need)


def test_the_sentence_says_who_has_it() -> None:
    held = [
        Lease(holder="j1", title="digits (j1)", node="local", cpus=1),
        Lease(holder="j1", title="digits (j1)", node="local", cpus=1),
    ]
    made = plan(MACHINE, held, [ask("j2", 0, workers=2), ask("j3", 1)])
    assert made.waits["j2"] == "Waits for 2 CPUs: 2 of 2 are in use by digits (j1)."
    assert made.waits["j3"] == "Waits for 1 CPU: 2 of 2 are in use by digits (j1)."


def test_who_could_start_but_for_the_queue_is_told_so() -> None:
    held = [Lease(holder="j1", title="digits (j1)", node="local", cpus=1)]
    made = plan(MACHINE, held, [ask("j2", 0, workers=2), ask("j3", 1)])
    assert made.waits["j3"] == "Waits for its turn: j2 is before it in the queue."


def test_what_can_never_fit_holds_up_nobody() -> None:
    made = plan(MACHINE, [], [ask("j1", 0, gpus=1), ask("j2", 1)])
    assert made.waits["j1"].startswith("Needs 1 GPU, and there are 0 GPUs in all:")
    assert list(made.starts) == ["j2"]


def test_limits_make_a_node_smaller_and_never_larger() -> None:
    machine = Node(name="local", cpus=2, memory=16)
    assert limited([machine], cpus=1, memory=None) == [Capacity(node="local", cpus=1, memory=16)]
    assert limited([machine], cpus=64, memory=10) == [Capacity(node="local", cpus=2, memory=10)]


def test_what_will_never_fit_says_what_there_is() -> None:
    nodes = [Capacity(node="a", cpus=2, memory=10**9), Capacity(node="b", cpus=4, memory=10**9)]
    assert never_fits(Need(cpus=4), 1, nodes) is None
    assert never_fits(Need(gpus=2), 1, nodes) == "Needs 2 GPUs, and there are 0 GPUs in all"
    assert (never_fits(Need(cpus=7), 1, nodes) or "").endswith("there are 6 CPUs in all")
    one = [Capacity(node="a", cpus=1, memory=10**9)]
    assert never_fits(Need(cpus=2), 1, one) == "Needs 2 CPUs, and there is 1 CPU in all"
    memory = never_fits(Need(memory=2 * 10**9), 1, one)
    assert memory == "Needs 2 GB of memory, and there is 1 GB of memory in all"
    assert never_fits(Need(cpus=5), 1, nodes) == (
        "No node is large enough for one of its workers, "
        "and the largest has 0 GPUs, 4 CPUs and 1 GB of memory"
    )
    assert never_fits(Need(), 1, []) is not None
