"""When somebody who asks now would start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from labdock_service.scheduling.ledger import Capacity, Lease, leases_of
from labdock_service.scheduling.queue import Ask, Plan, plan

AT_ONCE = "Starts at once."


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """`seconds` from now, none where nobody knows; and why not before."""

    seconds: float | None
    message: str


def forecast(
    nodes: Sequence[Capacity],
    leases: Sequence[Lease],
    queue: Sequence[Ask],
    ask: Ask,
    ends: Mapping[str, float],
) -> Forecast:
    """When an ask would start that came after the whole queue.

    `ends` says in how many seconds holders give back what they hold. All others, and whoever
    starts meanwhile, are taken to keep it: what is foretold is never too early for that.
    """
    held, waiting = list(leases), [*queue, ask]
    made, seconds = plan(nodes, held, waiting), 0.0
    message = made.waits.get(ask.holder, AT_ONCE)
    for end, holder in sorted((end, holder) for holder, end in ends.items()):
        if ask.holder in made.starts:
            break
        held = [lease for lease in (*held, *_taken(made, waiting)) if lease.holder != holder]
        waiting = [one for one in waiting if one.holder not in made.starts]
        made, seconds = plan(nodes, held, waiting), end
    return Forecast(seconds=seconds if ask.holder in made.starts else None, message=message)


def _taken(made: Plan, asks: Sequence[Ask]) -> list[Lease]:
    return [
        lease
        for ask in asks
        for place in made.starts.get(ask.holder, ())
        for lease in leases_of(ask.holder, ask.title, place.node, ask.need, place.devices)
    ]
