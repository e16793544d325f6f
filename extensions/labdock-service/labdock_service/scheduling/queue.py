"""The queue: first come, first served, all workers of a gang or none.

Who cannot start yet keeps what is free for it, so that a later and smaller ask never delays
it; what it has no use for goes to the next. An ask that the nodes could not hold even when
empty waits without holding up anybody.

The first that wait are told what for. The others read what does not change each time that
somebody starts or ends: a thousand that wait are not written down anew then.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

from labdock_service.scheduling.ledger import Capacity, Lease, Need, fits, free, take
from labdock_service.scheduling.sentences import lacks, waits_for

TOLD = 10
"""How many that wait are told what for."""
TURN = "Waits for its turn."
"""What the others read."""


@dataclass(frozen=True, kw_only=True)
class Ask:
    """Somebody who wants `workers` workers at once; `since` is the place in the queue."""

    holder: str
    title: str
    since: float
    workers: int
    need: Need


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a worker goes, and the devices it gets."""

    node: str
    devices: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Who starts now and where (by rank), and what the others wait for, by holder."""

    starts: dict[str, list[Place]]
    waits: dict[str, str]


def plan(nodes: Sequence[Capacity], leases: Sequence[Lease], asks: Sequence[Ask]) -> Plan:
    """Decide for the whole queue."""
    unused = rooms = free(nodes, leases)
    starts: dict[str, list[Place]] = {}
    waits: dict[str, str] = {}
    behind: list[Ask] = []
    never = functools.cache(lambda need, workers: never_fits(need, workers, nodes))
    for ask in sorted(asks, key=lambda ask: (ask.since, ask.holder)):
        if lacking := never(ask.need, ask.workers):
            waits[ask.holder] = f"{lacking}: stop it and ask for less."
            continue
        placed = _place(ask.need, ask.workers, rooms)
        if placed is not None:
            starts[ask.holder], rooms = placed
            continue
        waits[ask.holder] = TURN
        if len(behind) < TOLD:
            could = _place(ask.need, ask.workers, unused) is not None
            before = behind[0].title if could and behind else None
            waits[ask.holder] = waits_for(ask.need, ask.workers, nodes, leases, before)
        rooms = _reserve(ask, rooms, nodes)
        behind.append(ask)
    return Plan(starts=starts, waits=waits)


def never_fits(need: Need, workers: int, nodes: Sequence[Capacity]) -> str | None:
    """What even empty nodes lack, as the beginning of a sentence; none if it fits."""
    return lacks(need, workers, nodes) if _place(need, workers, list(nodes)) is None else None


def _place(
    need: Need, workers: int, rooms: list[Capacity]
) -> tuple[list[Place], list[Capacity]] | None:
    """Places for all workers and the rooms that they leave, or none at all."""
    rooms = list(rooms)
    places = []
    for _ in range(workers):
        index = _tightest(need, rooms)
        if index is None:
            return None
        rooms[index], devices = take(need, rooms[index])
        places.append(Place(node=rooms[index].node, devices=devices))
    return places, rooms


def _tightest(need: Need, rooms: Sequence[Capacity]) -> int | None:
    """The node that this worker fills best, so that large rooms stay for large workers."""
    fitting = [index for index, room in enumerate(rooms) if fits(need, room)]

    def left(index: int) -> tuple[int, float, int]:
        return len(rooms[index].devices), rooms[index].cpus, index

    return min(fitting, key=left, default=None)


def _reserve(ask: Ask, rooms: list[Capacity], nodes: Sequence[Capacity]) -> list[Capacity]:
    """The rooms without what is kept for an ask that cannot start yet."""
    rooms = list(rooms)
    empty = list(nodes)
    for _ in range(ask.workers):
        able = [index for index, node in enumerate(empty) if fits(ask.need, node)]
        if not able:
            break
        index = max(able, key=lambda able: (len(rooms[able].devices), rooms[able].cpus, -able))
        rooms[index], _ = take(ask.need, rooms[index])
        empty[index], _ = take(ask.need, empty[index])
    return rooms
