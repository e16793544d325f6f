"""The tables. `target` columns belong to the API, `state` columns to the reconciler.

The migrations make them: there partial indices are partial on PostgreSQL too, which to say here
as well takes its dialect's 2 MB in every process.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, MetaData, String, Text, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

DELETED_OR_HIDDEN = "files <> 'gone' AND (deleted IS NOT NULL OR files = 'hidden')"
"""Jobs whose files the reconciler still has something to do with: few of all."""

BigId = BigInteger().with_variant(Integer, "sqlite")


class Base(DeclarativeBase):
    """Base of all tables."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012  (SQLAlchemy's own name)
        dict[str, Any]: JSON(none_as_null=True),
        list[Any]: JSON,
        int: BigInteger().with_variant(Integer, "sqlite"),
    }


class Fence(Base):
    """The number of the process that may write as `name`."""

    __tablename__ = "fences"
    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    number: Mapped[int]


class PersonRow(Base):
    """A person, by an id made from the hub's name and the time the hub made them."""

    __tablename__ = "people"
    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    name: Mapped[str] = mapped_column(String(255), index=True)
    created: Mapped[float]
    retired: Mapped[float | None]


class ProjectRow(Base):
    """A hub group or a person's own project. A retired one keeps its id and loses its name."""

    __tablename__ = "projects"
    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    name: Mapped[str] = mapped_column(String(255))
    person_id: Mapped[str | None] = mapped_column(ForeignKey("people.id"))
    created: Mapped[float]
    retired: Mapped[float | None]
    __table_args__ = (
        Index(
            "uq_projects_name",
            "name",
            unique=True,
            sqlite_where=text("retired IS NULL"),
        ),
    )


class SourceRow(Base):
    """A source that a project uploaded; `body` is its wire form."""

    __tablename__ = "sources"
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    digest: Mapped[str] = mapped_column(String(71), primary_key=True)
    body: Mapped[dict[str, Any]]
    created: Mapped[float]


class BlobRow(Base):
    """A project has a content only if it uploaded it, whoever else has the same."""

    __tablename__ = "blobs"
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    digest: Mapped[str] = mapped_column(String(71), primary_key=True)
    size: Mapped[int]


class LockRow(Base):
    """The kept lock of a project's requirements on an environment's foundation."""

    __tablename__ = "locks"
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    requirements: Mapped[str] = mapped_column(String(71), primary_key=True)
    foundation: Mapped[str] = mapped_column(String(71), primary_key=True)
    text: Mapped[str] = mapped_column(Text)
    created: Mapped[float]


class SnapshotRow(Base):
    """A snapshot; packaging fills in what it locked and made."""

    __tablename__ = "snapshots"
    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"), index=True)
    owner_id: Mapped[str] = mapped_column(ForeignKey("people.id"))
    source: Mapped[str] = mapped_column(String(71), index=True)
    entry: Mapped[str] = mapped_column(Text)
    environment: Mapped[str] = mapped_column(String(71))
    foundation: Mapped[str] = mapped_column(String(71))
    """The environment's, which kept locks are found by."""
    runtime: Mapped[str] = mapped_column(String(80))
    renew_lock: Mapped[bool]
    git: Mapped[dict[str, Any] | None]
    created: Mapped[float]
    state: Mapped[str] = mapped_column(String(16), index=True)
    step: Mapped[str | None] = mapped_column(Text)
    error: Mapped[str | None] = mapped_column(Text)
    lock: Mapped[str | None] = mapped_column(Text, deferred=True)
    """Long, and loaded only where it is asked for."""
    digest: Mapped[str | None] = mapped_column(String(71))
    image: Mapped[str | None] = mapped_column(String(71))
    layers: Mapped[list[Any]]
    parameters: Mapped[list[Any] | None] = mapped_column(JSON(none_as_null=True))
    """What the entry's cell of parameters sets; none where it has none."""
    looked_into: Mapped[bool]
    """Whether its entry was read for that: not by versions that knew no parameters."""
    project: Mapped[ProjectRow] = relationship(lazy="joined")


class GridRow(Base):
    """A group of jobs of one snapshot; `values` are those of each parameter that they try."""

    __tablename__ = "grids"
    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"))
    owner_id: Mapped[str] = mapped_column(ForeignKey("people.id"))
    snapshot_id: Mapped[str] = mapped_column(ForeignKey("snapshots.id"))
    name: Mapped[str] = mapped_column(String(200))
    values: Mapped[dict[str, Any]]
    created: Mapped[float]
    project: Mapped[ProjectRow] = relationship(lazy="joined")
    owner: Mapped[PersonRow] = relationship(lazy="joined")
    snapshot: Mapped[SnapshotRow] = relationship(lazy="joined")
    __table_args__ = (Index("ix_grids_project_id_created", "project_id", "created"),)


class JobRow(Base):
    """A job. The API writes `target` and `retries`; the reconciler all that it saw."""

    __tablename__ = "jobs"
    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"))
    owner_id: Mapped[str] = mapped_column(ForeignKey("people.id"))
    snapshot_id: Mapped[str] = mapped_column(ForeignKey("snapshots.id"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    workers: Mapped[int]
    cpus: Mapped[float]
    memory: Mapped[int]
    gpus: Mapped[int]
    parameters: Mapped[dict[str, Any]]
    arguments: Mapped[list[Any]]
    time_limit: Mapped[float | None]
    max_attempts: Mapped[int]
    backup_every: Mapped[int | None]
    """Steps of `fit` between two backups; none for those at the ends of epochs only."""
    disable: Mapped[list[Any]]
    """What its runtime leaves undone."""
    secrets: Mapped[list[Any]]
    """Names of the secrets that its workers get."""
    notify: Mapped[bool | None]
    """Whether its owner is told of its end; what they set for all jobs where it is none."""
    grid_id: Mapped[str | None] = mapped_column(ForeignKey("grids.id"), index=True)
    run: Mapped[str] = mapped_column(String(255))
    """Its folder among the project's TensorBoard logs, with a name that people can read."""
    created: Mapped[float]
    target: Mapped[str] = mapped_column(String(16))
    retries: Mapped[int]
    """How often a person asked to run it again."""
    retries_seen: Mapped[int]
    state: Mapped[str] = mapped_column(String(16), index=True)
    message: Mapped[str] = mapped_column(Text)
    queued: Mapped[float]
    """Since when it waits: its place in the queue."""
    attempt: Mapped[int]
    """The latest attempt's number, 0 before the first; older ones are fenced."""
    counted: Mapped[int]
    """Attempts that count against `max_attempts`, since the last retry."""
    retried_after: Mapped[int]
    """The attempt before the last retry, 0 where there was none."""
    started: Mapped[float | None]
    ended: Mapped[float | None]
    progress: Mapped[dict[str, Any]]
    warnings: Mapped[list[Any]]
    """What its workers said that a person should read, each once."""
    failure: Mapped[dict[str, Any] | None]
    deleted: Mapped[float | None]
    """When a person deleted it; the API writes it."""
    files: Mapped[str] = mapped_column(String(16))
    """`shown`, `hidden` while a deleted job may be restored, `leaving` or `gone` for good."""
    project: Mapped[ProjectRow] = relationship(lazy="joined")
    owner: Mapped[PersonRow] = relationship(lazy="joined")
    snapshot: Mapped[SnapshotRow] = relationship(lazy="selectin")
    """Read once for all jobs of a query."""
    __table_args__ = (
        Index("ix_jobs_project_id_created", "project_id", "created"),
        Index("ix_jobs_retried", "id", sqlite_where=text("retries > retries_seen")),
        Index("ix_jobs_deleted", "id", sqlite_where=text(DELETED_OR_HIDDEN)),
    )


class AttemptRow(Base):
    """One run of a job's workers."""

    __tablename__ = "attempts"
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    planned: Mapped[float]
    started: Mapped[float | None]
    ended: Mapped[float | None]
    reason: Mapped[str | None] = mapped_column(Text)
    ending: Mapped[str | None] = mapped_column(String(16))
    """Why Labdock itself ends its workers: see the reconciler's `Ending`."""
    failures: Mapped[dict[str, Any]]
    """The first failure that each of its workers reported, by rank."""


class WorkerRow(Base):
    """One worker of a job's attempt or of a revision; written before it is started."""

    __tablename__ = "workers"
    id: Mapped[str] = mapped_column(String(80), primary_key=True)
    job_id: Mapped[str | None] = mapped_column(ForeignKey("jobs.id"), index=True)
    revision_id: Mapped[str | None] = mapped_column(ForeignKey("revisions.id"), index=True)
    attempt: Mapped[int]
    rank: Mapped[int]
    node: Mapped[str] = mapped_column(String(255))
    address: Mapped[str | None] = mapped_column(String(255))
    state: Mapped[str] = mapped_column(String(16), index=True)
    started: Mapped[float | None]
    ended: Mapped[float | None]
    exit_code: Mapped[int | None]
    reason: Mapped[str | None] = mapped_column(Text)
    stopping: Mapped[bool]
    """Labdock ends it: how it ends says nothing about the code."""
    event_offset: Mapped[int]
    """How far its event file was read, in the same transaction as what was read."""


class LeaseRow(Base):
    """What a worker holds of a node; with a device, the one GPU that it names."""

    __tablename__ = "leases"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    holder_kind: Mapped[str] = mapped_column(String(16))
    holder_id: Mapped[str] = mapped_column(String(80))
    title: Mapped[str] = mapped_column(String(255))
    """The holder as people know it."""
    attempt: Mapped[int]
    worker_id: Mapped[str | None] = mapped_column(ForeignKey("workers.id"))
    node: Mapped[str] = mapped_column(String(255))
    cpus: Mapped[float]
    memory: Mapped[int]
    device: Mapped[str | None] = mapped_column(String(80))
    lost: Mapped[float | None]
    """Since when the node no longer lists the device."""
    __table_args__ = (
        Index("ix_leases_holder", "holder_kind", "holder_id"),
        Index("uq_leases_device", "node", "device", unique=True),
    )


class NotebookRow(Base):
    """A person's server and the GPUs it wants. The API writes it, the reconciler what it got."""

    __tablename__ = "notebooks"
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"), primary_key=True)
    start: Mapped[str] = mapped_column(String(80))
    """Which start of the server this is: what comes late from an older one changes nothing."""
    attempt: Mapped[int]
    """Grows whenever something else is wanted: leases of an older number are given back."""
    gpus: Mapped[int]
    asked: Mapped[float]
    """Since when it waits: its place in the queue."""
    polls: Mapped[int]
    """How often somebody asked whether they are leased; 0 where nobody waits."""
    message: Mapped[str] = mapped_column(Text)
    keeps_devices: Mapped[bool]
    """Whether it can use only the devices that it was started with."""
    devices: Mapped[list[Any]]
    """Those, where it keeps them."""
    person: Mapped[PersonRow] = relationship(lazy="joined")


class ModelRow(Base):
    """A model version that a job saved."""

    __tablename__ = "models"
    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"))
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    version: Mapped[int]
    digest: Mapped[str] = mapped_column(String(71))
    size: Mapped[int]
    created: Mapped[float]
    signature: Mapped[dict[str, Any]]
    metrics: Mapped[dict[str, Any]]
    checked: Mapped[dict[str, Any] | None]
    """Whether it answers as the model in memory did; None of a runtime that did not check."""
    sample: Mapped[dict[str, Any] | None] = mapped_column(deferred=True)
    """An input that it takes; large, and loaded only where it is asked for."""
    project: Mapped[ProjectRow] = relationship(lazy="joined")
    job: Mapped[JobRow] = relationship()
    __table_args__ = (
        Index("uq_models_project_id_name_version", "project_id", "name", "version", unique=True),
    )


class EndpointRow(Base):
    """A named URL. The API writes `wanted` and `deleted`; the reconciler `traffic`."""

    __tablename__ = "endpoints"
    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"))
    owner_id: Mapped[str] = mapped_column(ForeignKey("people.id"))
    name: Mapped[str] = mapped_column(String(63))
    created: Mapped[float]
    wanted: Mapped[str | None] = mapped_column(String(16))
    """The revision that shall have all traffic."""
    deleted: Mapped[float | None]
    traffic: Mapped[list[Any]]
    """What the router's table says: `[{revision, weight}]`."""
    project: Mapped[ProjectRow] = relationship(lazy="joined")
    owner: Mapped[PersonRow] = relationship()
    revisions: Mapped[list[RevisionRow]] = relationship(
        order_by="RevisionRow.number", back_populates="endpoint"
    )
    __table_args__ = (
        Index(
            "uq_endpoints_project_id_name",
            "project_id",
            "name",
            unique=True,
            sqlite_where=text("deleted IS NULL"),
        ),
    )


class RevisionRow(Base):
    """A model version behind an endpoint."""

    __tablename__ = "revisions"
    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    endpoint_id: Mapped[str] = mapped_column(ForeignKey("endpoints.id"), index=True)
    model_id: Mapped[str] = mapped_column(ForeignKey("models.id"))
    number: Mapped[int]
    before: Mapped[str | None] = mapped_column(String(16))
    """The revision that undo goes back to."""
    resources: Mapped[dict[str, Any]]
    anyway: Mapped[bool]
    """Whether it serves though its answers are not those of the job."""
    created: Mapped[float]
    state: Mapped[str] = mapped_column(String(16), index=True)
    message: Mapped[str] = mapped_column(Text)
    attempt: Mapped[int]
    """The latest model server's number, 0 before the first."""
    failures: Mapped[int]
    """Model servers that ended since it last answered."""
    changed: Mapped[float]
    """When it came into its state."""
    served: Mapped[float | None]
    """When it first took traffic."""
    image: Mapped[str | None] = mapped_column(String(512))
    """The image of its model server; empty for Labdock's own, None before its first start."""
    server: Mapped[str] = mapped_column(Text)
    """Which that is, and why, as a sentence."""
    endpoint: Mapped[EndpointRow] = relationship(back_populates="revisions", lazy="joined")
    model: Mapped[ModelRow] = relationship(lazy="joined")


class KeyRow(Base):
    """A key of an endpoint: only its hash is kept."""

    __tablename__ = "keys"
    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    endpoint_id: Mapped[str] = mapped_column(ForeignKey("endpoints.id"), index=True)
    owner_id: Mapped[str] = mapped_column(ForeignKey("people.id"))
    title: Mapped[str] = mapped_column(String(100))
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    created: Mapped[float]
    expires: Mapped[float | None]
    revoked: Mapped[float | None]
    owner: Mapped[PersonRow] = relationship(lazy="joined")


class SecretRow(Base):
    """A secret of a project or of a person's own, sealed with keys that the database has not."""

    __tablename__ = "secrets"
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    sealed: Mapped[str] = mapped_column(Text)
    masked: Mapped[bool]
    """Whether it is long enough to be hidden in output."""
    owner_id: Mapped[str] = mapped_column(ForeignKey("people.id"))
    """Who set it last."""
    changed: Mapped[float]
    owner: Mapped[PersonRow] = relationship(lazy="joined")
    project: Mapped[ProjectRow] = relationship(lazy="joined")


class NotifyRow(Base):
    """How a person is told that their jobs end. The webhook's address and key are sealed."""

    __tablename__ = "notify"
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"), primary_key=True)
    email: Mapped[str | None] = mapped_column(String(254))
    webhook: Mapped[str | None] = mapped_column(Text)
    webhook_host: Mapped[str | None] = mapped_column(String(255))
    when: Mapped[str] = mapped_column("told_when", String(16))
    last: Mapped[float | None]
    """When a notification was last sent or given up."""
    problem: Mapped[str | None] = mapped_column(Text)


class OutboxRow(Base):
    """A notification that is to be sent, written with the end that it tells of."""

    __tablename__ = "outbox"
    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"), index=True)
    channel: Mapped[str] = mapped_column(String(16))
    message: Mapped[dict[str, Any]]
    created: Mapped[float]
    due: Mapped[float] = mapped_column(index=True)
    """When it is tried next."""
    tries: Mapped[int]


class VerificationRow(Base):
    """What an image's `verify` found on a node, the last time that it ran there."""

    __tablename__ = "verifications"
    image: Mapped[str] = mapped_column(String(255), primary_key=True)
    """Its digest."""
    node: Mapped[str] = mapped_column(String(255), primary_key=True)
    time: Mapped[float]
    passed: Mapped[bool]
    checks: Mapped[list[Any]]
    """`[{check, passed, said}]`; `passed` is none where one could not run."""


class ScanRow(Base):
    """What a scanner's last report says of an image; the policy is asked anew each time."""

    __tablename__ = "scans"
    image: Mapped[str] = mapped_column(String(255), primary_key=True)
    """Its digest."""
    scanner: Mapped[str] = mapped_column(String(40), primary_key=True)
    time: Mapped[float]
    """When it was read."""
    findings: Mapped[list[Any]]


class EventRow(Base):
    """Who did what to what, or a change of state. Nothing is changed or deleted here."""

    __tablename__ = "events"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    time: Mapped[float]
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"))
    actor: Mapped[str] = mapped_column(String(255))
    kind: Mapped[str] = mapped_column(String(80))
    job_id: Mapped[str | None] = mapped_column(String(16), index=True)
    endpoint_id: Mapped[str | None] = mapped_column(String(16), index=True)
    data: Mapped[dict[str, Any]]
    project: Mapped[ProjectRow] = relationship(lazy="joined")
    __table_args__ = (
        Index("ix_events_project_id_id", "project_id", "id"),
        {"sqlite_autoincrement": True},
    )
