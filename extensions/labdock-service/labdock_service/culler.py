"""Stops people's servers that nobody uses, as a service that ends with the hub.

On the process engine it is JupyterHub's idle culler. On the Docker engine, where a server may
hold a GPU, each is asked what its kernels do: see `idleness`. JupyterLab says it ten per cent of
the time before.
"""

from __future__ import annotations

import json
import logging
import os
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from jupyterhub_idle_culler import main as cull

from labdock_service.idleness import idle_seconds
from labdock_service.processes import claim, die_with_parent
from labdock_service.settings import Settings, load_settings

LOG = logging.getLogger(__name__)
PAGE = 100
"""Servers that the hub is asked about at once."""


@dataclass(frozen=True)
class Culler:
    """Looks at every server through the proxy, as the hub's `culler` service."""

    address: str
    token: str
    limit: float
    """Seconds without anything to do after which a server is stopped."""

    def look(self) -> None:
        """Stop every server that was idle for too long."""
        for person, server in self._running():
            try:
                idle = self._idle(person, datetime.fromisoformat(server["started"]))
                if idle > self.limit:
                    LOG.info("The server of %s had nothing to do for %.0f s.", person, idle)
                    self._ask("DELETE", f"/hub/api/users/{quote(person)}/server")
            except (OSError, ValueError, KeyError) as error:
                LOG.warning("The server of %s says nothing: %s", person, error)

    def _running(self) -> Iterator[tuple[str, dict[str, Any]]]:
        offset = 0
        while True:
            place = f"/hub/api/users?state=ready&limit={PAGE}&offset={offset}"
            people = self._ask("GET", place)
            for person in people:
                if server := person["servers"].get(""):
                    yield person["name"], server
            if len(people) < PAGE:
                return
            offset += PAGE

    def _idle(self, person: str, started: datetime) -> float:
        api = f"/user/{quote(person)}/api"
        kernels, terminals = (
            self._ask("GET", f"{api}/{what}?no_track_activity=1")
            for what in ("kernels", "terminals")
        )
        return idle_seconds(kernels, terminals, started, datetime.now(UTC))

    def _ask(self, method: str, path: str) -> Any:
        headers = {"Authorization": f"token {self.token}"}
        request = urllib.request.Request(self.address + path, headers=headers, method=method)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.loads(answer.read() or b"null")


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
    limit = settings.idle.cull_after
    culler = Culler(settings.address, os.environ["JUPYTERHUB_API_TOKEN"], limit)
    while True:
        time.sleep(min(60, max(1, limit // 10)))
        try:
            culler.look()
        except (urllib.error.URLError, OSError, ValueError) as error:
            LOG.warning("The hub says nothing: %s", error)


if __name__ == "__main__":
    main()
