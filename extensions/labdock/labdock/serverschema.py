"""The wire types of a person's own server: what it says to JupyterLab's page.

They are as those of `schema`, and no route of the service speaks them.
"""

from __future__ import annotations

from dataclasses import dataclass

from labdock.gpuschema import NotebookLease


@dataclass(frozen=True, kw_only=True)
class FetchRequest:
    """Asks for a copy of a job's file in the person's home."""

    job: str
    path: str


@dataclass(frozen=True, kw_only=True)
class FetchedFile:
    """Where the copy lies, below the folder that the server shows."""

    path: str
    beside: str | None = None
    """The earlier copy, which was changed by hand and is kept as it is."""


@dataclass(frozen=True, kw_only=True)
class ServerFigures:
    """What a notebook server uses now, with its kernels and terminals, of what it may use."""

    cpus_used: float
    cpus: float
    memory_used: int
    memory: int
    environment: str
    """The title of its environment; empty where nobody told it."""
    gpus: int
    """How many a kernel sees that starts now."""
    idle: float
    """Seconds since a kernel last did something, or since the GPUs came."""
    release_after: float
    """Seconds of idleness after which GPUs are given back; 0 where they never are."""
    notice: str
    """What became of its GPUs by itself; empty where nothing did."""


@dataclass(frozen=True, kw_only=True)
class ServerLease(NotebookLease):
    """The GPUs of a notebook server, as the server itself knows them."""

    visible: str
    """What a kernel sees that starts now: UUIDs between commas; empty for none."""
    notice: str
    """What became of its GPUs by itself; empty where nothing did."""


@dataclass(frozen=True, kw_only=True)
class ReleaseRequest:
    """Gives a notebook server's GPUs back."""

    shut_down: bool = False
    """Whether kernels that have one open are ended, and what is in their memory is lost."""


@dataclass(frozen=True, kw_only=True)
class AcquireRequest:
    """Asks for GPUs for a notebook server."""

    gpus: int = 1
    wait: float = 0.0
    """Seconds to wait for the answer where none is free."""
    stay: bool = False
    """Whether to keep the place in the queue then."""
