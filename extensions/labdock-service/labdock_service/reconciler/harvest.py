"""What an attempt leaves: the chief's new and changed files, and the models that it saved.

Everything here can be done again after a crash at any point, and ends the same.
"""

from __future__ import annotations

import filecmp
import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from labdock.servingschema import UNCHECKED, ModelCheck, Sample
from labdock_service.folders import PASSED_OVER, delete_folder, link_or_copy, walk
from labdock_service.ids import derived_id
from labdock_service.plainfile import read_plain
from labdock_service.reconciler import handing

T = TypeVar("T")

LONGEST_NOTE = 1_000_000
"""Bytes that a job may say of a model."""


@dataclass(frozen=True, kw_only=True)
class Left:
    """What to harvest. `work` is the chief's working copy, of `code`, gone where it was lost."""

    job: str
    attempt: int
    work: Path | None
    code: Path
    folder: Path
    """The job's folder: artifacts/ATTEMPT/ is made in it, models/ATTEMPT/ read."""
    drawn: Path
    """The job's curves, one folder an attempt."""
    shown: Path
    """Where TensorBoard finds the job's curves."""
    models: Path
    """Where model versions lie."""
    lost: bool
    """Whether nobody saw the chief end, so that it may write on."""
    with_models: bool


@dataclass(frozen=True, kw_only=True)
class FoundModel:
    """A model that lies where model servers want it: `models/ID/NAME/1/saved_model.pb`."""

    id: str
    name: str
    digest: str
    size: int
    signature: dict[str, Any]
    metrics: dict[str, Any]
    check: ModelCheck
    sample: Sample | None


def harvest(left: Left) -> list[FoundModel]:
    """Keep the artifacts and models of an attempt; returns the models in the order saved."""
    if left.work is not None and left.work.is_dir() and not left.work.is_symlink():
        kept = left.folder / "artifacts" / str(left.attempt)
        keep = shutil.copy2 if left.lost else link_or_copy
        _keep_artifacts(left.work, left.code, kept, keep)
    if left.with_models:
        return list(_keep_models(left))
    handing.hand_on(left.folder, left.drawn, left.attempt, left.shown, lost=left.lost)
    return []


def _keep_artifacts(
    work: Path, code: Path, kept: Path, keep: Callable[[Path, Path], object]
) -> None:
    """Each attempt's in a folder of its own: none deletes what an earlier one made.

    A second name for a file is enough where its writer has ended: the working copy is deleted.
    """
    fresh = kept.with_suffix(".new")
    delete_folder(fresh)
    fresh.mkdir(parents=True)
    for file in _files(work):
        path = file.relative_to(work)
        if not _same(file, code / path):
            _make_folders(fresh, path.parent)
            keep(file, fresh / path)
    delete_folder(kept)
    fresh.rename(kept)


def _make_folders(below: Path, path: Path) -> None:
    """Make a folder and those that it lies in; `mkdir` calls itself for each of them."""
    if not (below / path).is_dir():
        for folder in (*reversed(path.parents), path):
            (below / folder).mkdir(exist_ok=True)


def _files(folder: Path) -> Iterator[Path]:
    """Regular files; links are left out, since they may lead anywhere."""
    for entry in walk(folder, PASSED_OVER):
        if entry.is_file(follow_symlinks=False):
            yield Path(entry.path)


def _same(file: Path, original: Path) -> bool:
    return (
        original.is_file()
        and not original.is_symlink()
        and filecmp.cmp(file, original, shallow=False)
    )


def _keep_models(left: Left) -> Iterator[FoundModel]:
    saved = left.folder / "models" / str(left.attempt)
    notes = sorted(saved.glob("*.json"), key=lambda note: (note.lstat().st_mtime_ns, note.name))
    for note in notes:
        said = _read_note(note)
        name = model_name(str(said.get("name") or note.stem))
        model_id = derived_id("m", left.job, str(left.attempt), note.stem)
        place = left.models / model_id / name / "1"
        _move(saved / note.stem, place)
        if place.is_dir():
            digest, size = _measure(place)
            yield FoundModel(
                id=model_id,
                name=name,
                digest=digest,
                size=size,
                signature=_object(said.get("signature")),
                metrics=_object(said.get("metrics")),
                check=_read(said.get("check"), ModelCheck) or UNCHECKED,
                sample=_read(said.get("sample"), Sample),
            )


def model_name(wanted: str) -> str:
    """A name that can be a folder, a part of a URL and a model server's argument."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", wanted).strip("-.")[:100] or "model"


def _move(saved: Path, place: Path) -> None:
    """Move a model to its place in one step, where it was not before.

    On another file system it is copied beside its place first, and lies where it was until then.
    """
    if place.exists() or saved.is_symlink() or not saved.is_dir():
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    with suppress(OSError):
        saved.rename(place)
        return
    half = place.with_name("new")
    shutil.rmtree(half, ignore_errors=True)
    shutil.copytree(saved, half, symlinks=True)
    half.rename(place)


def _measure(folder: Path) -> tuple[str, int]:
    """Digest and size of a folder's files, whatever their times, order and names' encoding."""
    whole, size = hashlib.sha256(), 0
    for name, file in sorted(
        (os.fsencode(file.relative_to(folder)), file) for file in _files(folder)
    ):
        with file.open("rb") as stream:
            content = hashlib.file_digest(stream, "sha256").hexdigest()
        whole.update(name + f"\0{content}\n".encode())
        size += file.stat().st_size
    return f"sha256:{whole.hexdigest()}", size


def _read_note(note: Path) -> dict[str, Any]:
    """What is said of a model, if it is of bearable length and all of it can be kept."""
    try:
        return _object(msgspec.json.decode(read_plain(note, LONGEST_NOTE)))
    except (msgspec.DecodeError, UnicodeDecodeError, OSError, RecursionError):
        return {}


def _read(value: object, kind: type[T]) -> T | None:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return None


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
