"""The wire types of models and of what serves them. They are as those of `schema`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from annotated_types import Ge, Le, Len

from labdock.schema import Digest, GitCommit, Job, Resources, Snapshot

RevisionState = Literal["starting", "warming", "serving", "draining", "failed", "retired"]


@dataclass(frozen=True, kw_only=True)
class Sample:
    """An input that a model takes, by names as in a request, and its answer as it was exported."""

    inputs: dict[str, Any]
    outputs: dict[str, Any] | None = None
    """None where they were too large to keep, or differ from one call to the next."""
    made: bool = False
    """Whether it was made up to fit the signature, where no data was seen."""


@dataclass(frozen=True, kw_only=True)
class ModelCheck:
    """Whether an exported model answered its sample as the model in the job's memory did."""

    state: Literal["equal", "different", "unchecked"]
    reason: str = ""
    """How the answers differ, or why they were not compared."""
    difference: float | None = None
    """The largest that was found, and `allowed` what may be rounding."""
    allowed: float | None = None


UNCHECKED = ModelCheck(state="unchecked", reason="Its job's runtime made no check.")


@dataclass(frozen=True, kw_only=True)
class Tensor:
    """What a model takes or gives under one name. `dtype` is TensorFlow's name, as `float32`."""

    dtype: str
    shape: list[int | None] | None = None
    """None where an axis is of any size, and for all where it may have any axes."""


@dataclass(frozen=True, kw_only=True)
class Signature:
    """What a model takes and gives, by name; empty where that is not known."""

    inputs: dict[str, Tensor] = field(default_factory=dict)
    outputs: dict[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ModelVersion:
    """A SavedModel that a job saved."""

    id: str
    project: str
    name: str
    version: int
    job: str
    digest: Digest
    size: int
    created: float
    signature: Signature = field(default_factory=Signature)
    metrics: dict[str, float] = field(default_factory=dict)
    check: ModelCheck = UNCHECKED
    sample: Sample | None = None
    """Left out where versions are listed."""


@dataclass(frozen=True, kw_only=True)
class DeployRequest:
    """Puts a model version behind an endpoint, made if there is none of that name."""

    model: str
    """A model version's id, or a job's id (then the last version that it saved)."""
    resources: Resources = field(default_factory=Resources)
    anyway: bool = False
    """Also a version whose answers are not those of the model in memory."""


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """A share of an endpoint's requests."""

    revision: str
    weight: Annotated[int, Ge(0), Le(100)]


@dataclass(frozen=True, kw_only=True)
class Revision:
    """A model version behind an endpoint, in a model server of its own.

    `server` says which model server and why; empty before its first start.
    """

    id: str
    endpoint: str
    number: int
    model: str
    state: RevisionState
    created: float
    message: str = ""
    server: str = ""


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """A named URL of a project, and the revisions behind it. `url` is a path under the hub."""

    id: str
    project: str
    name: str
    url: str
    traffic: list[Traffic]
    revisions: list[Revision]
    created: float
    before: str | None = None
    """The revision that undoing goes back to, where there is one."""


@dataclass(frozen=True, kw_only=True)
class KeyRequest:
    """Asks for a key of an endpoint; `expires_in` is in seconds, none for a lasting one."""

    title: Annotated[str, Len(1, 100)] = "key"
    expires_in: Annotated[float, Ge(1), Le(315_576_000)] | None = None
    """Ten years at most."""


@dataclass(frozen=True, kw_only=True)
class Key:
    """A key of an endpoint. `secret` is there once, in the answer that made it."""

    id: str
    endpoint: str
    title: str
    created: float
    created_by: str
    expires: float | None = None
    secret: str | None = None


@dataclass(frozen=True, kw_only=True)
class Trace:
    """The way back from a revision to the notebook that trained its model."""

    revision: Revision
    endpoint: Endpoint
    model: ModelVersion
    job: Job
    snapshot: Snapshot
    entry: str
    git: GitCommit | None


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What has changed in the caller's projects, each thing as it is now.

    `at` is the last event that it tells of: what came later is asked for with `after`.
    """

    at: int
    jobs: list[Job] = field(default_factory=list)
    endpoints: list[Endpoint] = field(default_factory=list)
    deleted_endpoints: list[str] = field(default_factory=list)
    """Their ids."""
    everything: bool = False
    """Whether too much has changed to be told: whoever keeps a list reads it again."""
