"""The wire types between JupyterLab's Train dialog and the person's own server.

They are as those of `schema`. A path is one of JupyterLab's: relative to the folder it shows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from annotated_types import Len

from labdock.inputs import Parameter
from labdock.schema import Digest, GitCommit, Requirements, Resources, SourceFile


@dataclass(frozen=True, kw_only=True)
class TrainingEntry:
    """What was chosen to be trained: what it is, and what can be set of it."""

    path: str
    kind: Literal["notebook", "script", "folder"]
    entries: list[str] = field(default_factory=list)
    """Of a folder, the names of its notebooks and scripts."""
    parameters: list[Parameter] | None = None
    """Of a notebook, what its cell of parameters sets; none where it has no such cell."""


@dataclass(frozen=True, kw_only=True)
class TrainingRequest:
    """A job, as a person chose it in the dialog."""

    path: Annotated[str, Len(1, 4096)]
    environment: str | None = None
    project: str | None = None
    name: str | None = None
    workers: int = 1
    resources: Resources = field(default_factory=Resources)
    parameters: dict[str, str] = field(default_factory=dict)
    """What was typed, by name; it is read as `labdock submit -p NAME=VALUE` reads it."""
    arguments: str = ""
    """Of a script, as typed in a terminal."""
    secrets: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class FieldProblem:
    """Why a field of the request cannot be used, in a sentence."""

    field: str
    detail: str


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """What does not travel, and why; a folder's path ends with a slash."""

    path: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class ImagePreview:
    """What a submission would take along. `files` and `left_out` are cut off where they are long.

    `count` and `size` are of all files, and `left_out_count` is of all that stays.
    """

    source: Digest
    entry: str
    files: list[SourceFile]
    """The largest first."""
    count: int
    size: int
    requirements: Requirements
    left_out: list[LeftOut]
    left_out_count: int
    warnings: list[str]
    git: GitCommit | None


@dataclass(frozen=True, kw_only=True)
class TrainingStep:
    """What is done now of a submission, and the share of it that is done where that is known."""

    message: str
    share: float | None = None
