"""What nodes have, what is leased of it, and what is free."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

SLACK = 1e-9  # CPUs are fractions: ten tenths are one


class Device(Protocol):
    """A GPU of a machine."""

    @property
    def uuid(self) -> str:
        """Its name for ever."""


class Machine(Protocol):
    """A node as an engine describes it."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def cpus(self) -> float:
        """Its processors."""

    @property
    def memory(self) -> int:
        """Bytes."""

    @property
    def devices(self) -> Sequence[Device]:
        """Its GPUs."""


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """A node: what it has, or what is free of it."""

    node: str
    cpus: float
    memory: int
    devices: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Lease:
    """What somebody holds of a node; a GPU each has a lease of its own. `title` is for people."""

    holder: str
    title: str
    node: str
    cpus: float = 0.0
    memory: int = 0
    device: str | None = None


@dataclass(frozen=True, kw_only=True)
class Need:
    """What one worker gets."""

    cpus: float = 0.0
    memory: int = 0
    gpus: int = 0
    among: tuple[str, ...] = ()
    """The devices that its GPUs can be; any where there is none."""

    def suiting(self, devices: Sequence[str]) -> tuple[str, ...]:
        """The devices that it can use, of these."""
        return tuple(one for one in devices if not self.among or one in self.among)


def limited(
    machines: Iterable[Machine], *, cpus: float | None, memory: int | None
) -> list[Capacity]:
    """The machines as far as the deployment's limits let work use them."""
    return [
        Capacity(
            node=machine.name,
            cpus=machine.cpus if cpus is None else min(machine.cpus, cpus),
            memory=machine.memory if memory is None else min(machine.memory, memory),
            devices=tuple(device.uuid for device in machine.devices),
        )
        for machine in machines
    ]


def free(nodes: Iterable[Capacity], leases: Sequence[Lease]) -> list[Capacity]:
    """What is left of each node."""
    return [_left(node, [lease for lease in leases if lease.node == node.node]) for node in nodes]


def fits(need: Need, room: Capacity) -> bool:
    """Whether one worker fits into what is free of a node."""
    return (
        need.cpus <= room.cpus + SLACK
        and need.memory <= max(room.memory, 0)
        and need.gpus <= len(need.suiting(room.devices))
    )


def take(need: Need, room: Capacity) -> tuple[Capacity, tuple[str, ...]]:
    """The room that one worker leaves, and the devices it got: as much as there is."""
    devices = need.suiting(room.devices)[: need.gpus]
    left = replace(
        room,
        cpus=room.cpus - need.cpus,
        memory=room.memory - need.memory,
        devices=tuple(device for device in room.devices if device not in devices),
    )
    return left, devices


def leases_of(
    holder: str, title: str, node: str, need: Need, devices: tuple[str, ...]
) -> Iterator[Lease]:
    """The leases of one worker."""
    yield Lease(holder=holder, title=title, node=node, cpus=need.cpus, memory=need.memory)
    for device in devices:
        yield Lease(holder=holder, title=title, node=node, device=device)


def _left(node: Capacity, leases: Sequence[Lease]) -> Capacity:
    held = {lease.device for lease in leases}
    return replace(
        node,
        cpus=node.cpus - sum(lease.cpus for lease in leases),
        memory=node.memory - sum(lease.memory for lease in leases),
        devices=tuple(device for device in node.devices if device not in held),
    )
