"""The GPUs of a notebook server: who has which, and giving back and asking for one's own.

    from labdock import gpu

    gpu.release()
    gpu.acquire(wait=True)

A kernel sees what its server had when the kernel was started: restart it after `acquire`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import msgspec

from labdock.client import default_client
from labdock.errors import Conflict, Mistake, ServiceUnavailable
from labdock.gpuschema import Gpu, NotebookLease
from labdock.transport import body_of

LONG_POLL = 30.0
_NOT_HERE = (
    "This is for a notebook server of the hub: run it in a notebook or in a terminal there. "
    "A server that was started by an older Labdock has to be stopped and started once."
)


def status() -> list[Gpu]:
    """Every GPU there is, with who has it."""
    return default_client().gpus()


def lease() -> NotebookLease:
    """What this person's notebook server has, or waits for."""
    return default_client().notebook_lease()


def notice() -> str:
    """What became of this server's GPUs by itself; empty where nothing did."""
    return str(_ask("GET", "", None).get("notice", ""))


def release(*, shut_down: bool = False) -> NotebookLease:
    """Give this server's GPUs back to others.

    Raises Conflict where a kernel has one open; with `shut_down` such kernels are ended, and what
    was in their memory is lost. Kernels started from now on see no GPU.
    """
    return _lease(_ask("POST", "release", {"shut_down": shut_down}))


def acquire(
    gpus: int = 1, *, wait: bool = False, told: Callable[[str], None] = print
) -> NotebookLease:
    """Ask for GPUs; kernels started from now on see them.

    Raises Conflict where none is free now. With `wait` it keeps a place in the queue of jobs until
    they come, and says what it waits for through `told`, whenever that changes.
    """
    asked = {"gpus": gpus, "wait": LONG_POLL if wait else 0, "stay": wait}
    said = ""
    try:
        while (found := _lease(_ask("POST", "acquire", asked))).state == "waiting":
            if found.message != said:
                told(found.message)
                said = found.message
    except KeyboardInterrupt:
        default_client().release_gpus()
        raise
    if found.state != "held":
        raise Conflict("Nobody waits any more: the GPUs were given back from elsewhere.")
    return found


def _lease(answer: dict[str, Any]) -> NotebookLease:
    return msgspec.convert(answer, NotebookLease)


def _ask(method: str, verb: str, body: dict[str, Any] | None) -> dict[str, Any]:
    """Ask this server's own extension. Raises Conflict, Mistake and ServiceUnavailable."""
    import httpx

    headers = {"Authorization": f"token {os.environ.get('JUPYTERHUB_API_TOKEN', '')}"}
    timeout = httpx.Timeout(10.0, read=LONG_POLL + 30)
    try:
        answer = httpx.request(
            method, _own_server(verb), json=body, headers=headers, timeout=timeout, trust_env=False
        )
    except httpx.HTTPError:
        raise ServiceUnavailable("Your notebook server does not answer: try again.") from None
    if answer.status_code == 409:
        raise Conflict(answer.json()["detail"])
    if answer.status_code == 503:
        raise ServiceUnavailable(answer.json()["detail"])
    if not answer.is_success:
        raise Mistake(body_of(answer.content).get("detail") or _NOT_HERE)
    found: dict[str, Any] = answer.json()
    return found


def _own_server(verb: str) -> str:
    """The address of the extension in the server that this runs in."""
    parts = urlsplit(os.environ.get("JUPYTERHUB_SERVICE_URL", ""))
    if not parts.port:
        raise Mistake(_NOT_HERE)
    host = "127.0.0.1" if parts.hostname in ("0.0.0.0", "::", "") else parts.hostname
    host = f"[{host}]" if host and ":" in host else host
    return f"{parts.scheme}://{host}:{parts.port}{parts.path.rstrip('/')}/labdock/gpus/{verb}"
