"""What a person reads about an ask that waits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from labdock import wording
from labdock_service.scheduling.ledger import SLACK, Capacity, Lease, Need


@dataclass(frozen=True)
class _Kind:
    need: Callable[[Need], float]
    has: Callable[[Capacity], float]
    held: Callable[[Lease], float]
    words: Callable[[float], str]
    amount: Callable[[float], str]
    uncounted: bool = False


def number(value: float) -> str:
    """2 for 2.0 and 0.5 for 0.5."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _plural(word: str) -> Callable[[float], str]:
    return lambda value: f"{number(value)} {word}" + ("" if value == 1 else "s")


_KINDS = (
    _Kind(
        need=lambda need: need.gpus,
        has=lambda node: len(node.devices),
        held=lambda lease: lease.device is not None,
        words=_plural("GPU"),
        amount=number,
    ),
    _Kind(
        need=lambda need: need.cpus,
        has=lambda node: node.cpus,
        held=lambda lease: lease.cpus,
        words=_plural("CPU"),
        amount=number,
    ),
    _Kind(
        need=lambda need: need.memory,
        has=lambda node: node.memory,
        held=lambda lease: lease.memory,
        words=lambda value: f"{wording.size(value)} of memory",
        amount=wording.size,
        uncounted=True,
    ),
)


def lacks(need: Need, workers: int, nodes: Sequence[Capacity]) -> str:
    """The beginning of a sentence about an ask that is larger than what there is."""
    for kind in _KINDS:
        wanted, total = kind.need(need) * workers, sum(kind.has(node) for node in nodes)
        if wanted > total + SLACK:
            verb = "is" if total == 1 or kind.uncounted else "are"
            return f"Needs {kind.words(wanted)}, and there {verb} {kind.words(total)} in all"
    if need.among:
        return "It can use only the GPUs that it was started with, and they are not there"
    none = Capacity(node="", cpus=0, memory=0)
    largest = max(nodes, key=lambda node: (len(node.devices), node.cpus), default=none)
    has = _listed([kind.words(kind.has(largest)) for kind in _KINDS])
    return f"No node is large enough for one of its workers, and the largest has {has}"


def waits_for(
    need: Need,
    workers: int,
    nodes: Sequence[Capacity],
    leases: Sequence[Lease],
    before: str | None,
) -> str:
    """An ask that fits, but not now; `before` is who has the right to what is free."""
    if before is not None:
        return f"Waits for its turn: {before} is before it in the queue."
    for kind in _KINDS:
        wanted, total = kind.need(need) * workers, sum(kind.has(node) for node in nodes)
        used = sum(kind.held(lease) for lease in leases)
        if wanted > total - used + SLACK:
            holders = list(dict.fromkeys(x.title for x in leases if kind.held(x)))
            return (
                f"Waits for {kind.words(wanted)}: {kind.amount(used)} of {kind.amount(total)} "
                f"{'is' if used == 1 or kind.uncounted else 'are'} in use by {_names(holders)}."
            )
    return "Waits until one node has room for each of its workers."


def _names(names: Sequence[str]) -> str:
    shown = list(names[:3])
    if len(names) > 3:
        shown.append(f"{len(names) - 3} more")
    return _listed(shown) if shown else "others"


def _listed(shown: Sequence[str]) -> str:
    if len(shown) < 2:
        return shown[0]
    return f"{', '.join(shown[:-1])} and {shown[-1]}"
