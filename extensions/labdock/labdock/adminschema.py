"""The wire types of what admins see of a whole deployment.

They are as those of `schema`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from labdock.gpuschema import Gpu
from labdock.schema import Job, Node


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """Who waits in the queue, in its order, and for what."""

    kind: Literal["job", "notebook"]
    id: str
    """The job's; of a notebook server, its person's name."""
    title: str
    since: float
    workers: int
    cpus: float
    memory: int
    gpus: int
    """Of each worker, as `cpus` and `memory` are."""
    message: str


@dataclass(frozen=True, kw_only=True)
class RunningServer:
    """A person's server that runs or starts."""

    person: str
    environment: str
    """The title of what it was started from."""
    ready: bool
    started: float | None = None
    last_activity: float | None = None


@dataclass(frozen=True, kw_only=True)
class RunningRevision:
    """A revision that serves, or shall soon."""

    id: str
    number: int
    project: str
    endpoint: str
    model: str
    """Name and version."""
    state: str
    message: str
    since: float
    """When it came into its state."""
    wanted: bool
    """Whether it is the one that shall have the traffic."""


@dataclass(frozen=True, kw_only=True)
class DiskFolder:
    """A folder of the state, and what it takes."""

    name: str
    bytes: int


@dataclass(frozen=True, kw_only=True)
class Disk:
    """The disk that holds the state."""

    total: int
    free: int
    folders: list[DiskFolder] = field(default_factory=list)
    """The largest first, as they were last measured."""
    measured: float | None = None
    """When; none while they are measured for the first time."""


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What an image's `verify` found on a node, the last time that it ran there."""

    image: str
    node: str
    time: float
    passed: bool
    failed: list[str] = field(default_factory=list)
    """What each check that failed said."""


@dataclass(frozen=True, kw_only=True)
class Scan:
    """What a scanner's last report says of an image."""

    image: str
    scanner: str
    time: float
    findings: int
    refused: str = ""
    """The findings that keep it out; empty where it may be used."""


@dataclass(frozen=True, kw_only=True)
class Admission:
    """An environment: whether it can be used, and how that is known."""

    name: str
    title: str
    digest: str
    unavailable: str | None = None
    """Why it cannot be used, in a sentence; none where it can."""
    verifications: list[Verification] = field(default_factory=list)
    scans: list[Scan] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Overview:
    """Everything that runs, waits and takes room, whoever it belongs to."""

    nodes: list[Node]
    gpus: list[Gpu]
    queue: list[Waiting]
    jobs: list[Job]
    """Those that run, start, stop or are packaged."""
    servers: list[RunningServer]
    revisions: list[RunningRevision]
    disk: Disk
    environments: list[Admission]
