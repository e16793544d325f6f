"""The wire types of a person's own server: what it says to JupyterLab's page.

They are as those of `schema`, and no route of the service speaks them.
"""

from __future__ import annotations

from dataclasses import dataclass


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
