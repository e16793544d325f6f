"""What the Train dialog asks, answered from the files that lie in the person's own server."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from labdock import parameters, submission
from labdock.client import Client
from labdock.errors import Mistake, NotFound
from labdock.inputs import Parameter
from labdock.schema import Job
from labdock.submission import Order, Report, Step
from labdock.trainingschema import (
    FieldProblem,
    ImagePreview,
    LeftOut,
    TrainingEntry,
    TrainingRequest,
)

MOST_SHOWN = 200
"""Files of a preview that are listed, and as many of those that stay."""

ENTRIES = (".ipynb", ".py")


def find_entry(root: Path, path: str) -> TrainingEntry:
    """What lies at a path. Raises Mistake where nothing there can be trained."""
    place = _place(root, path)
    if place.is_dir():
        return TrainingEntry(path=path, kind="folder", entries=_entries(place))
    if place.suffix not in ENTRIES or not place.is_file():
        raise NotFound(f"There is no notebook or script {place.name}: it may have been moved.")
    if place.suffix == ".py":
        return TrainingEntry(path=path, kind="script")
    return TrainingEntry(path=path, kind="notebook", parameters=_known(place))


def find_problems(root: Path, request: TrainingRequest) -> list[FieldProblem]:
    """What cannot be used of what was typed."""
    return list(_problems(root, request))


def preview(root: Path, client: Client, path: str, environment: str | None) -> ImagePreview:
    """What a job would take along, of all files as they are now. Raises Mistake."""
    order = Order(entry=_place(root, path), environment=environment)
    taken = submission.take(client, order, _say_nothing)
    source = taken.source
    by_size = sorted(source.files, key=lambda file: (-file.size, file.path))
    stays = [LeftOut(path=one, reason=why) for one, why in taken.left_out]
    return ImagePreview(
        source=source.digest,
        entry=source.entry,
        files=by_size[:MOST_SHOWN],
        count=len(source.files),
        size=taken.size,
        requirements=source.requirements,
        left_out=stays[:MOST_SHOWN],
        left_out_count=len(stays),
        warnings=taken.warnings,
        git=source.git,
    )


def submit(root: Path, client: Client, request: TrainingRequest, report: Report) -> Job:
    """Submit a job as `labdock.train()` does. Raises Mistake."""
    order = _order(root, request)
    return submission.submit(client, order, submission.take(client, order, report), report)


def _order(root: Path, request: TrainingRequest) -> Order:
    entry = _place(root, request.path)
    known = _known(entry) or []
    return Order(
        entry=entry,
        environment=request.environment,
        project=request.project,
        name=request.name,
        workers=request.workers,
        resources=request.resources,
        parameters={name: _parse(known, name, text) for name, text in request.parameters.items()},
        arguments=_arguments(request.arguments),
        secrets=request.secrets,
    )


def _problems(root: Path, request: TrainingRequest) -> Iterator[FieldProblem]:
    entry = _place(root, request.path)
    known = _known(entry) if request.parameters else None
    values: dict[str, Any] = {}
    for name, text in request.parameters.items():
        try:
            values[name] = _parse(known or [], name, text)
        except Mistake as mistake:
            yield _problem(mistake)
    try:
        order = Order(entry=entry, parameters=values, arguments=_arguments(request.arguments))
        submission.check(order)
    except Mistake as mistake:
        yield _problem(mistake)


def _problem(mistake: Mistake) -> FieldProblem:
    return FieldProblem(field=mistake.field or "", detail=str(mistake))


def _parse(known: Sequence[Parameter], name: str, text: str) -> Any:
    parameter = next((one for one in known if one.name == name), Parameter(name=name))
    try:
        return parameters.parse(parameter, text)
    except Mistake as mistake:
        raise Mistake(str(mistake), field=f"parameters.{name}") from None


def _arguments(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        sentence = "The arguments have a quotation mark without its other one: add it."
        raise Mistake(sentence, field="arguments") from None


def _known(entry: Path) -> list[Parameter] | None:
    try:
        return parameters.of_entry(entry)
    except OSError as error:
        raise Mistake(f"{entry.name} cannot be read: {error.strerror}.", field="path") from None
    except Mistake as mistake:
        raise Mistake(str(mistake), field="parameters") from None


def _entries(folder: Path) -> list[str]:
    try:
        names = [item.name for item in folder.iterdir() if item.suffix in ENTRIES]
    except OSError as error:
        raise Mistake(f"{folder.name} cannot be read: {error.strerror}.", field="path") from None
    if not names:
        raise Mistake(
            f"There is no notebook (.ipynb) or script (.py) in {folder.name}: choose a folder "
            "that has one.",
            field="path",
        )
    return sorted(names, key=lambda name: (not name.endswith(".ipynb"), name))


def _place(root: Path, path: str) -> Path:
    parts = PurePosixPath(path.strip("/")).parts
    if ".." in parts:
        raise NotFound("There is nothing at this path.")
    return root.joinpath(*parts)


def _say_nothing(_step: Step) -> None:
    """A preview is answered at once, or not at all."""
