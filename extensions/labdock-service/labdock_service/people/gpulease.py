"""GPUs for people's servers: what a spawner says to the ledger before it starts one and after.

The hub has no way to the database. It asks the service's API with the token that only the hub and
the admin's commands hold.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import quote

from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPResponse
from tornado.httputil import url_concat

from labdock_service.errors import Conflict, Invalid, Unavailable
from labdock_service.partports import read_ports
from labdock_service.settings import Settings

LOG = logging.getLogger(__name__)

WAIT_SECONDS = 5.0
"""How long a start waits for a GPU that somebody may just be giving back."""
AWAY_SECONDS = 20.0
"""How long a start waits for a service that is being started itself; an end does not."""


@dataclass(frozen=True)
class Gpus:
    """What the ledger says of this machine's GPUs."""

    total: int = 0
    free: int = 0
    next_free: datetime | None = None
    """When the next is expected back, where anybody knows."""
    problem: str = ""
    """Why none is offered though there are some, in a sentence."""


@dataclass(frozen=True)
class Offered:
    """What the service says that people may choose now; nothing is wrong where it is away."""

    gpus: Gpus = field(default_factory=Gpus)
    unavailable: Mapping[str, str] = field(default_factory=dict)
    """Why environments cannot be chosen, by their digests."""
    unverified: Collection[str] = ()
    """The digests of those that were not verified on this machine yet."""


def _count(gpus: Iterable[Mapping[str, Any]]) -> Gpus:
    known = [gpu for gpu in gpus if not gpu.get("lost")]
    held = [gpu for gpu in known if gpu.get("holder")]
    ends = [gpu["until"] for gpu in held if gpu.get("until")]
    soonest = datetime.fromtimestamp(min(ends), UTC) if ends else None
    return Gpus(total=len(known), free=len(known) - len(held), next_free=soonest)


@dataclass(frozen=True)
class GpuLedger:
    """The ledger, as far as the hub may use it."""

    settings: Settings

    async def lease(
        self, name: str, start: str, gpus: int, *, keeps_devices: bool = False
    ) -> list[str]:
        """The devices of this start of a person's server, by UUID; to be asked for before it.

        Raises Conflict with what holds them, Invalid where there are not so many, and
        Unavailable; a server that wants none starts all the same.
        """
        body = {"start": start, "gpus": gpus, "keeps_devices": keeps_devices}
        try:
            query = {"wait": f"{WAIT_SECONDS:g}"}
            answer = await self._ask("PUT", name, query, body, patience=AWAY_SECONDS)
        except Unavailable:
            if gpus:
                raise
            LOG.warning("The start of %s's server is not in the ledger of GPUs", name)
            return []
        if answer["state"] == "waiting":
            await self.give_back(name, start)
            raise Conflict(f"{answer['message'] or 'No GPU is free now.'} Start without one.")
        return cast(list[str], answer["devices"])

    async def offered(self) -> Offered:
        """What people may choose now; no GPU where nobody can say."""
        answer = await self._fetch("GET", "server-offer")
        if answer is None:
            return Offered()
        said = json.loads(answer.body)
        why_no_gpu = said.get("why_no_gpu")
        gpus = Gpus(problem=why_no_gpu) if why_no_gpu else _count(said["gpus"])
        return Offered(gpus, said.get("unavailable", {}), said.get("unverified", ()))

    async def give_back(self, name: str, start: str) -> None:
        """Say that this start is over, or came to nothing; said twice, it changes nothing."""
        try:
            await self._ask("DELETE", name, {"start": start}, None)
        except Unavailable:
            LOG.warning("The end of %s's server is found by the reconciler", name)

    async def _ask(
        self,
        method: str,
        name: str,
        query: dict[str, str],
        body: dict[str, Any] | None,
        patience: float = 0.0,
    ) -> dict[str, Any]:
        """The answer; a service that is away is asked again for a while."""
        until = time.monotonic() + patience
        while (answer := await self._send(method, name, query, body)) is None:
            if time.monotonic() > until:
                raise Unavailable("Labdock's service does not answer: try again in a moment.")
            await asyncio.sleep(0.5)
        if answer.code in (400, 404, 409):
            raise Invalid(json.loads(answer.body)["detail"])
        return cast(dict[str, Any], json.loads(answer.body or b"{}"))

    async def _send(
        self, method: str, name: str, query: dict[str, str], body: dict[str, Any] | None
    ) -> HTTPResponse | None:
        path = url_concat(f"notebook-leases/{quote(name, safe='')}", query)
        return await self._fetch(method, path, None if body is None else json.dumps(body))

    async def _fetch(self, method: str, path: str, body: str | None = None) -> HTTPResponse | None:
        """The answer; None where none came, or none of the service's own."""
        port = read_ports(self.settings.state).get("labdock", 0)
        token = self.settings.state.admin_token.read_text().strip()
        headers = {"Authorization": f"token {token}", "Content-Type": "application/json"}
        try:
            answer = await AsyncHTTPClient().fetch(
                f"http://127.0.0.1:{port}/services/labdock/api/{path}",
                method=method,
                headers=headers,
                body=body,
                request_timeout=60,
                raise_error=False,
            )
        except (HTTPClientError, OSError):
            return None
        return answer if answer.code < 300 or answer.code in (400, 404, 409) else None
