"""The wire types of GPUs: who has which, and those of a person's notebook server.

They are as those of `schema`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from annotated_types import Ge, Le, Len

Count = Annotated[int, Ge(0), Le(64)]
LeaseState = Literal["none", "waiting", "held"]


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """A GPU of a machine, and who has it; nobody where `holder` is none."""

    uuid: str
    title: str
    memory: int
    node: str
    holder: str | None = None
    """`notebook:ID`, `job:ID`, `revision:ID` or `verification:PROCESS`."""
    held_by: str | None = None
    """The holder as people know it."""
    since: float | None = None
    """When the holder got it; none where that is not known."""
    until: float | None = None
    """When the holder gives it back at the latest; none where that is not known."""
    lost: bool = False
    """Whether its machine no longer lists it, though somebody holds it."""


@dataclass(frozen=True, kw_only=True)
class ServerOffer:
    """What people can choose for their servers now, as the hub shows it."""

    gpus: list[Gpu]
    why_no_gpu: str | None = None
    """Why none of these can be given to a server; none where they can."""
    unavailable: dict[str, str] = field(default_factory=dict)
    """Why environments cannot be chosen, by their digests; those that can are not in it."""
    unverified: list[str] = field(default_factory=list)
    """The digests of environments whose images were not verified on this machine yet."""


@dataclass(frozen=True, kw_only=True)
class NotebookStart:
    """A start of a person's server, told by the hub: what it wants of the ledger."""

    start: Annotated[str, Len(1, 80)]
    """Names this start and no other one of the same person."""
    gpus: Count = 0
    keeps_devices: bool = False
    """Whether it can use only those devices, as a container can."""


@dataclass(frozen=True, kw_only=True)
class NotebookLease:
    """The GPUs of a person's notebook server."""

    state: LeaseState = "none"
    gpus: int = 0
    """How many it has, or waits for."""
    devices: list[str] = field(default_factory=list)
    """What it has, by UUID."""
    message: str = ""
    """What it waits for, or what is wrong with what it has."""
    unavailable: str = ""
    """Why it cannot be given one while it runs, as a sentence; empty where it may ask."""


@dataclass(frozen=True, kw_only=True)
class GpuRequest:
    """How many GPUs a notebook server wants."""

    gpus: Annotated[int, Ge(1), Le(64)] = 1
