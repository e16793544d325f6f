"""The wire types: what the service and its clients say to each other, written once.

They are plain frozen dataclasses: msgspec decodes them in the client, passing over fields that it
does not know, and FastAPI makes the OpenAPI document from them. Times are seconds since the epoch
(UTC); sizes are bytes unless a name says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from annotated_types import Ge, Le, Len, MaxLen

from labdock.inputs import Parameter

API_VERSION = 1

Digest = Annotated[str, Len(71, 71)]
"""`sha256:` and 64 hexadecimal digits."""

Name = Annotated[str, Len(1, 63)]
"""Lower-case letters, digits and dashes; it begins and ends with a letter or digit."""

JobState = Literal[
    "packaging", "queued", "starting", "running", "stopping", "succeeded", "failed", "stopped"
]
JobTarget = Literal["succeeded", "stopped"]
SnapshotState = Literal["packaging", "ready", "failed"]
LogStream = Literal["stdout", "stderr"]

Part = Literal["strategy", "keras", "batchnorm", "callbacks", "backup", "signals", "seed", "sample"]
"""What a job's runtime does to its code, and leaves undone where a job says so."""

ENDED: frozenset[JobState] = frozenset({"succeeded", "failed", "stopped"})
"""States that a job does not leave unless it is retried."""


@dataclass(frozen=True, kw_only=True)
class ErrorBody:
    """What every 4xx and 5xx answers: one sentence that says what to do instead."""

    error: str
    detail: str
    field: str | None = None


@dataclass(frozen=True, kw_only=True)
class Project:
    """A JupyterHub group, or a person's own project (then `name` is the person's)."""

    id: str
    name: str
    personal: bool
    role: Literal["member", "admin"]
    together: str | None = None
    """The path below the hub's address that leads to its own server, where there is one: there
    its members work in the same notebooks."""


@dataclass(frozen=True, kw_only=True)
class Person:
    """Who is asking: the hub's name, an id that a reused name does not inherit, and projects."""

    id: str
    name: str
    admin: bool
    projects: list[Project]


@dataclass(frozen=True, kw_only=True)
class Environment:
    """A pinned image that notebooks and jobs start from, named by its digest."""

    name: str
    digest: Digest
    title: str
    kind: Literal["local", "image"]
    python: str
    packages: dict[str, str]
    """Distribution name (normalised) to version."""
    default: bool = False
    gpu: bool = False
    """Whether it needs a GPU."""
    unavailable: str | None = None
    """Why it cannot be used here, in a sentence; none where it can."""
    verified: bool = True
    """Whether its images were verified on this machine; they are soon after they are fetched."""


@dataclass(frozen=True, kw_only=True)
class Device:
    """One GPU, by UUID, and who holds it, as `job:ID` for one, or nobody."""

    uuid: str
    title: str
    memory: int
    holder: str | None = None


@dataclass(frozen=True, kw_only=True)
class Node:
    """A machine that runs workers: its capacity and what is leased of it."""

    name: str
    cpus: float
    memory: int
    cpus_leased: float
    memory_leased: int
    devices: list[Device]


@dataclass(frozen=True, kw_only=True)
class SourceFile:
    """One file of a source; a link has a `link` (relative to its folder) and no digest."""

    path: Annotated[str, Len(1, 1024)]
    size: Annotated[int, Ge(0)] = 0
    digest: Digest | None = None
    executable: bool = False
    link: str | None = None


@dataclass(frozen=True, kw_only=True)
class Requirements:
    """What the code needs beyond its environment, before it is locked.

    `lines` are requirement specifiers (PEP 508), sorted. `origin` says where they came
    from: a file's name, `%pip install` lines, or imports.
    """

    lines: list[str] = field(default_factory=list)
    origin: Literal["requirements.txt", "pyproject.toml", "notebook", "imports", "none"] = "none"


@dataclass(frozen=True, kw_only=True)
class Source:
    """The files of a project folder and the entry point, named by `digest`.

    The digest covers `entry`, `files` and `requirements`; `git` is a note beside it.
    """

    digest: Digest
    entry: Annotated[str, Len(1, 1024)]
    files: Annotated[list[SourceFile], MaxLen(100_000)]
    requirements: Requirements = Requirements()
    git: GitCommit | None = None


@dataclass(frozen=True, kw_only=True)
class GitCommit:
    """The commit that a source was taken at, and whether files differed from it."""

    commit: str
    dirty: bool


@dataclass(frozen=True, kw_only=True)
class SourceUpload:
    """Announces a source; the answer says which contents the service still lacks."""

    project: str
    source: Source


@dataclass(frozen=True, kw_only=True)
class MissingBlobs:
    """Contents to send to `POST api/blobs` as a tar of files named by digest."""

    digests: list[Digest]


@dataclass(frozen=True, kw_only=True)
class SnapshotRequest:
    """Asks for a snapshot of an uploaded source, and for the image made from it."""

    project: str
    source: Digest
    environment: str | None = None
    """An environment's name or digest; the default one where none is named."""
    renew_lock: bool = False


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A layer of an image: its role, digest and size."""

    role: Literal["environment", "dependencies", "runtime", "code"]
    digest: Digest
    size: int


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """Source + locked dependencies + environment + runtime version, and its image.

    `digest`, `lock` and `image` are there once packaging has locked and made them.
    """

    id: str
    project: str
    state: SnapshotState
    source: Digest
    entry: str
    environment: Digest
    runtime: str
    parameters: list[Parameter] | None = None
    """What a job may set of the notebook; none where it has no cell for it."""
    digest: Digest | None = None
    lock: list[str] = field(default_factory=list)
    image: Digest | None = None
    layers: list[Layer] = field(default_factory=list)
    git: GitCommit | None = None
    step: str | None = None
    """What packaging is doing now, for a person."""
    error: str | None = None
    created: float


@dataclass(frozen=True, kw_only=True)
class Resources:
    """What each worker gets. `memory` is in bytes, 0 for no limit of its own."""

    cpus: Annotated[float, Ge(0), Le(1024)] = 1.0
    memory: Annotated[int, Ge(0)] = 0
    gpus: Annotated[int, Ge(0), Le(64)] = 0


@dataclass(frozen=True, kw_only=True)
class JobRequest:
    """A job: a snapshot, parameters and resources, run on `workers` workers."""

    snapshot: str
    name: Annotated[str, Len(1, 200)] | None = None
    workers: Annotated[int, Ge(1), Le(256)] = 1
    resources: Resources = Resources()
    parameters: dict[str, Any] = field(default_factory=dict)
    arguments: Annotated[list[str], MaxLen(1000)] = field(default_factory=list)
    """Command-line arguments of a script."""
    time_limit: Annotated[float, Ge(1)] | None = None
    """Seconds that one attempt may run."""
    max_attempts: Annotated[int, Ge(1), Le(100)] = 3
    backup_every: Annotated[int, Ge(1), Le(1_000_000_000)] | None = None
    """Steps of `fit` between two backups; none for one at the end of each epoch."""
    disable: Annotated[list[Part], MaxLen(20)] = field(default_factory=list)
    secrets: Annotated[list[str], MaxLen(50)] = field(default_factory=list)
    """Names of secrets that its code finds as variables: your own, else the project's."""
    notify: bool | None = None
    """Whether you are told of its end; none for what you set for all of your jobs."""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where a running job is. `seconds_left` is an estimate."""

    epoch: int | None = None
    epochs: int | None = None
    step: int | None = None
    steps: int | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    seconds_left: float | None = None
    cell: int | None = None
    cells: int | None = None
    curve: list[list[float]] = field(default_factory=list)
    """The loss of the `fit` that runs: a few pairs of epoch and loss, for a small picture."""


@dataclass(frozen=True, kw_only=True)
class MetricPoint:
    """What a job told of its metrics at a point of a `fit`; `epoch` has a part where it is within.

    `fit` counts the calls of it from 1.
    """

    time: float
    fit: int
    epoch: float
    metrics: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class MetricHistory:
    """The metrics of a job over its epochs, thinned out evenly where there are very many.

    `at` is the last event that it tells of: what comes later is asked for with `after`.
    """

    at: int
    points: list[MetricPoint]


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why a job failed: a sentence, and the person's own traceback where there is one."""

    reason: str
    cell: int | None = None
    traceback: str | None = None


@dataclass(frozen=True, kw_only=True)
class Worker:
    """One process or container of one attempt."""

    rank: int
    state: Literal["starting", "running", "ended"]
    node: str | None = None
    exit_code: int | None = None
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One run of a job's workers."""

    number: int
    workers: list[Worker]
    started: float | None = None
    ended: float | None = None
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job as it is now. `target` is what is wanted and `state` what was seen."""

    id: str
    project: str
    owner: str
    name: str
    snapshot: str
    entry: str
    image: Digest | None
    state: JobState
    target: JobTarget
    workers: int
    resources: Resources
    parameters: dict[str, Any]
    arguments: list[str]
    time_limit: float | None
    max_attempts: int
    disable: list[Part]
    created: float
    started: float | None = None
    ended: float | None = None
    progress: Progress = Progress()
    message: str = ""
    """A sentence about the state: what it waits for, or how it ended."""
    warnings: list[str] = field(default_factory=list)
    failure: Failure | None = None
    attempts: list[Attempt] = field(default_factory=list)
    models: list[str] = field(default_factory=list)
    """Ids of the model versions that this job saved."""
    grid: str | None = None
    """The grid that it is a point of."""
    tensorboard: str = ""
    """Path of the project's TensorBoard under the hub's address."""
    secrets: list[str] = field(default_factory=list)
    """The names of the secrets that it gets."""
    backup_every: int | None = None
    """Steps of `fit` between two backups, beside the one at the end of each epoch."""
    deleted: float | None = None
    """When it was deleted; for seven days from then it can be restored."""


@dataclass(frozen=True, kw_only=True)
class StartForecast:
    """When a job would start that were submitted now."""

    seconds: float | None
    """From now; 0 is at once, none where nobody knows."""
    message: str
    """What it would wait for."""
    before: int
    """Jobs that wait already."""


@dataclass(frozen=True, kw_only=True)
class LogLine:
    """A line of a worker's output. `cursor` continues a stream after it."""

    time: float
    stream: LogStream
    text: str
    attempt: int
    rank: int
    cursor: str


@dataclass(frozen=True, kw_only=True)
class File:
    """An artifact: a file that the chief wrote in its working copy."""

    path: str
    size: int
    modified: float


@dataclass(frozen=True, kw_only=True)
class Event:
    """Who did what to what, or a change of state. `id` only grows."""

    id: int
    time: float
    project: str
    actor: str
    """A person's name, or the part of Labdock that saw the change."""
    kind: str
    """`job.queued`, `job.progress`, `endpoint.deployed`, …: an object and a verb."""
    job: str | None = None
    endpoint: str | None = None
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Service:
    """What answers at the API's root: its versions, and where the rest is."""

    version: str
    api: int
    engine: Literal["process", "docker", "swarm"]
    source_bytes: int = 200_000_000
    """How large a source may be."""
