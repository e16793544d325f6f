"""From files on disk to a job: take the source, send it, ask for a snapshot, start the job."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from labdock import wording
from labdock.client import Client
from labdock.errors import Mistake
from labdock.gridschema import Grid, GridRequest
from labdock.schema import (
    Environment,
    Job,
    JobRequest,
    Part,
    Resources,
    Snapshot,
    SnapshotRequest,
    Source,
)
from labdock.upload import Sending, send_source

if TYPE_CHECKING:
    from labdock.snapshot import Taken

WAIT = 3.0
"""Seconds that one request waits for packaging; then its step is told."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """What a person asks to be run, and on what."""

    entry: Path
    project: str | None = None
    environment: str | None = None
    renew_lock: bool = False
    name: str | None = None
    workers: int = 1
    resources: Resources = field(default_factory=Resources)
    parameters: dict[str, Any] = field(default_factory=dict)
    grid: dict[str, list[Any]] | None = None
    """Values of parameters to try in every combination, a job each."""
    arguments: list[str] = field(default_factory=list)
    time_limit: float | None = None
    max_attempts: int = 3
    backup_every: int | None = None
    disable: list[Part] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)
    notify: bool | None = None


@dataclass(frozen=True)
class Step:
    """What is done now, and the share of it that is done where that is known."""

    message: str
    share: float | None = None


Report = Callable[[Step], None]

Record = TypeVar("Record")
Send = Callable[[Client, Order, "Taken", Report], Record]
"""What submits an order's source, once it is taken."""


@dataclass(frozen=True, kw_only=True)
class Package:
    """What a submission would run: the source, its image, and what stayed behind and why."""

    source: Source
    snapshot: Snapshot
    parameters: dict[str, Any]
    """Values in place of the notebook's own."""
    left_out: dict[str, str]
    warnings: list[str]


def parts(words: Collection[str]) -> list[Part]:
    """Parts of the runtime by name, each once. Raises Mistake where there is none of a name."""
    known: dict[str, Part] = {part: part for part in get_args(Part)}
    for word in words:
        if word not in known:
            raise Mistake(f"A job cannot be without '{word}': choose of {', '.join(known)}.")
    return [known[word] for word in dict.fromkeys(words)]


def take(client: Client, order: Order, report: Report) -> Taken:
    """Read the files of the entry's folder."""
    from labdock import snapshot

    if order.entry.is_file():
        check(order)
    report(Step(f"Reading the files beside {order.entry.name}"))
    return snapshot.take(
        order.entry,
        environment=choose_environment(client.environments(), order.environment),
        data_roots=_data_roots(Path.home()) if client.connection.in_hub else {},
        limit=client.service.source_bytes,
    )


def check(order: Order) -> None:
    """Raise a Mistake for a parameter or an argument that the entry cannot take."""
    from labdock import parameters, points

    if order.grid is None and not (order.parameters or order.arguments):
        return
    given = (order.entry.name, parameters.of_entry(order.entry), order.parameters, order.arguments)
    if order.grid is None:
        found = parameters.find_problem(*given)
    else:
        found = points.find_grid_problem(*given, order.grid)
    if found is not None:
        raise Mistake(found.sentence, field=found.field)


def choose_environment(environments: list[Environment], wanted: str | None) -> Environment:
    """The environment of this name or digest, or the default one. Raises Mistake."""
    for environment in environments:
        names = (environment.name, environment.digest)
        if wanted in names if wanted else environment.default:
            if environment.unavailable:
                sentence = f"{environment.name}: {environment.unavailable}"
                raise Mistake(sentence, field="environment")
            return environment
    if wanted:
        sentence = f"There is no environment {wanted}: `labdock environments` lists them."
        raise Mistake(sentence, field="environment")
    raise Mistake("This Labdock has no environment yet: its admin makes one with `labdock up`.")


def _data_roots(home: Path) -> dict[str, Path]:
    """The data roots that a home on the hub has, by their path below it."""
    places = [home / "data", *sorted(home.glob("projects/*"))]
    return {str(place.relative_to(home)): place.resolve() for place in places if place.is_dir()}


def ask_snapshot(client: Client, order: Order, taken: Taken, report: Report) -> Snapshot:
    """Send what the service lacks of the source, and ask for a snapshot of it."""
    project = order.project or client.project

    def sending(now: Sending) -> None:
        message = f"Sending {wording.size(now.total)}"
        report(Step(message, now.sent / now.total if now.total else None))

    send_source(client, project, taken, sending)
    return client.create_snapshot(
        SnapshotRequest(
            project=project,
            source=taken.source.digest,
            environment=order.environment,
            renew_lock=order.renew_lock,
        )
    )


def submit(client: Client, order: Order, taken: Taken, report: Report) -> Job:
    """Start the job; its image is made meanwhile."""
    snapshot = ask_snapshot(client, order, taken, report)
    return client.create_job(_request(order, snapshot))


def submit_grid(client: Client, order: Order, taken: Taken, report: Report) -> Grid:
    """Start a job for each of the grid's points; all of them have the same image."""
    snapshot = ask_snapshot(client, order, taken, report)
    request = GridRequest(job=_request(order, snapshot), grid=order.grid or {})
    return client.create_grid(request)


def _request(order: Order, snapshot: Snapshot) -> JobRequest:
    return JobRequest(
        snapshot=snapshot.id,
        name=order.name,
        workers=order.workers,
        resources=order.resources,
        parameters=order.parameters,
        arguments=order.arguments,
        time_limit=order.time_limit,
        max_attempts=order.max_attempts,
        backup_every=order.backup_every,
        disable=order.disable,
        secrets=order.secrets,
        notify=order.notify,
    )


def package(client: Client, order: Order, report: Report) -> Package:
    """Make the snapshot and its image, and run nothing."""
    taken = take(client, order, report)
    snapshot = ask_snapshot(client, order, taken, report)
    while snapshot.state == "packaging":
        report(Step(snapshot.step or "Making the image"))
        snapshot = client.snapshot(snapshot.id, wait=WAIT)
    if snapshot.state == "failed":
        raise Mistake(snapshot.error or "The image could not be made.")
    return Package(
        source=taken.source,
        snapshot=snapshot,
        parameters=order.parameters,
        left_out=dict(taken.left_out),
        warnings=list(taken.warnings),
    )
