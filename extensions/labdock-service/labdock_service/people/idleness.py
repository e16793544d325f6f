"""Whether a person's server has something to do: its kernels and terminals say.

JupyterHub's own activity counts every request, so that a tab left open keeps a server for ever;
and a long cell that prints nothing counts for nothing. Here a busy kernel is always in use, a
watcher of a running job keeps its kernel in use by what it shows, and an open tab is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any


def last_use(
    kernels: Iterable[Mapping[str, Any]],
    terminals: Iterable[Mapping[str, Any]],
    since: datetime,
    now: datetime,
) -> datetime:
    """When anything last ran on a server, as its own API describes kernels and terminals.

    `since` is the last use that is known already, or when it started: a kernel that was closed
    is in no answer any more.
    """
    kernels = list(kernels)
    if any(kernel["execution_state"] == "busy" for kernel in kernels):
        return now
    used = [datetime.fromisoformat(item["last_activity"]) for item in (*kernels, *terminals)]
    return max([since, *used])
