"""Stops people's servers that nobody uses, as a service that ends with the hub.

On the process engine it is JupyterHub's idle culler. On the Docker engine, where a server may
hold a GPU, each is asked what its kernels do: see `idleness`. JupyterLab says it ten per cent of
the time before.
"""

from __future__ import annotations

import json
import logging
import os
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from jupyterhub_idle_culler import main as cull

from labdock_service import certificates
from labdock_service.partports import HUB, read_ports
from labdock_service.people.idleness import last_use
from labdock_service.processes import claim, die_with_parent
from labdock_service.settings import Settings, load_settings

LOG = logging.getLogger(__name__)
PAGE = 100
"""Servers that the hub is asked about at once."""
LONGEST = 1_000_000
"""Bytes of an answer that are read."""
TOKEN_SECONDS = 60


@dataclass(frozen=True)
class Culler:
    """Looks at every server, as the hub's `culler` service."""

    hub: str
    """The hub's own address."""
    proxy: str
    """The address at which people's servers answer."""
    token: str
    limit: float
    """Seconds without anything to do after which a server is stopped."""
    trusted: ssl.SSLContext | None = None
    """How the proxy's certificate is known."""
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    """Since when it looks: what was closed before, it cannot know."""
    _used: dict[str, datetime] = field(default_factory=dict)
    """When each person's server was last in use."""

    def look(self) -> None:
        """Stop every server that was idle for too long."""
        for person, server in self._running():
            try:
                idle = self._idle(person, server)
                if idle > self.limit:
                    LOG.info("The server of %s had nothing to do for %.0f s.", person, idle)
                    self._ask_hub("DELETE", f"users/{quote(person)}/server")
            except Exception as error:  # what a server says is its person's doing
                LOG.warning("The server of %s says nothing: %s", person, error)

    def _running(self) -> Iterator[tuple[str, dict[str, Any]]]:
        offset = 0
        while True:
            people = self._ask_hub("GET", f"users?state=ready&limit={PAGE}&offset={offset}")
            for person in people:
                if server := person["servers"].get(""):
                    yield person["name"], server
            if len(people) < PAGE:
                return
            offset += PAGE

    def _idle(self, person: str, server: dict[str, Any]) -> float:
        """Ask the server by its own host's name, where it has one: so the proxy knows it."""
        token = self._token_for(person)
        address = urlsplit(server["url"])
        place = f"{self.proxy}{address.path}api"
        kernels, terminals, status = (
            self._send("GET", f"{place}/{what}?no_track_activity=1", token, host=address.netloc)
            for what in ("kernels", "terminals", "status")
        )
        now, started = datetime.now(UTC), datetime.fromisoformat(server["started"])
        began = max(started, datetime.fromisoformat(status["started"]))
        since = self._used.get(person) or (began if kernels or terminals else self.began)
        self._used[person] = last_use(kernels, terminals, max(began, since), now)
        return (now - self._used[person]).total_seconds()

    def _token_for(self, person: str) -> str:
        """A token that is good for this one server: its person sees whatever is sent to it."""
        wanted = {
            "expires_in": TOKEN_SECONDS,
            "scopes": [f"access:servers!server={person}/"],
            "note": "Labdock looks whether the server is idle",
        }
        return str(self._ask_hub("POST", f"users/{quote(person)}/tokens", wanted)["token"])

    def _ask_hub(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        return self._send(method, f"{self.hub}/hub/api/{path}", self.token, body)

    def _send(
        self,
        method: str,
        url: str,
        token: str,
        body: dict[str, Any] | None = None,
        host: str = "",
    ) -> Any:
        """The answer as JSON; one that leads elsewhere or is very long is an error."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"token {token}", "Content-Type": "application/json"}
        if host:
            headers["Host"] = host
        request = urllib.request.Request(url, data, headers, method=method)
        straight = urllib.request.ProxyHandler({})  # it is all on this machine
        secure = urllib.request.HTTPSHandler(context=self.trusted)
        opener = urllib.request.build_opener(_NowhereElse, straight, secure)
        with opener.open(request, timeout=20) as answer:
            return json.loads(answer.read(LONGEST) or b"null")


class _NowhereElse(urllib.request.HTTPRedirectHandler):
    """Follows nobody anywhere."""

    def redirect_request(self, *_arguments: Any, **_more: Any) -> None:
        """Nothing: the answer that leads elsewhere is an error."""


def main() -> None:
    """Stop servers that nobody uses, until the hub ends."""
    die_with_parent()
    settings = load_settings()
    claim(settings.state, "culler")
    if settings.engine == "process":
        cull()
    else:
        watch(settings)


def watch(settings: Settings) -> None:
    """Look at the servers from time to time."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s culler: %(message)s")
    limit, certificate = settings.idle.cull_after, settings.tls.certificate
    culler = Culler(
        hub=f"http://127.0.0.1:{read_ports(settings.state)[HUB]}",
        proxy=settings.door,
        token=os.environ["JUPYTERHUB_API_TOKEN"],
        limit=limit,
        trusted=certificates.trusting(Path(certificate)) if certificate else None,
    )
    while True:
        time.sleep(min(60, max(1, limit // 10)))
        try:
            culler.look()
        except (urllib.error.URLError, OSError, ValueError) as error:
            LOG.warning("The hub says nothing: %s", error)


if __name__ == "__main__":
    main()
