"""The culler's memory: what a server was last used for, when nothing of it is there any more."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from labdock_service.people.culler import Culler

LIMIT = 3600.0


def ago(minutes: float) -> str:
    return (datetime.now(UTC) - timedelta(minutes=minutes)).isoformat()


@dataclass(frozen=True)
class WrittenCuller(Culler):
    """Hears of a hub and of one person's server what a test wrote."""

    hub: str = "hub"
    proxy: str = "proxy"
    token: str = "token"
    limit: float = LIMIT
    kernels: list[dict[str, str]] = field(default_factory=list)
    started: list[str] = field(default_factory=lambda: [ago(180)])
    ready: list[str] = field(default_factory=lambda: [ago(180)])
    """When the server itself says that it started: a start takes a while."""
    stopped: list[str] = field(default_factory=list)

    def _send(
        self, method: str, url: str, token: str, body: dict[str, Any] | None = None, host: str = ""
    ) -> Any:
        del token, body, host
        if method == "DELETE":
            self.stopped.append(url)
        elif url.endswith("/tokens"):
            return {"token": "for-a-minute"}
        elif "users?" in url:
            return [
                {"name": "ada", "servers": {"": {"started": self.started[-1], "url": "/user/ada/"}}}
            ]
        elif "/kernels" in url:
            return self.kernels
        elif "/status" in url:
            return {"started": self.ready[-1]}
        return []


def test_a_kernel_that_was_closed_counts_until_its_last_use() -> None:
    culler = WrittenCuller()
    culler.kernels.append({"execution_state": "idle", "last_activity": ago(5)})
    culler.look()
    culler.kernels.clear()
    culler.look()
    assert not culler.stopped
    culler.started.append(ago(1))  # another start knows nothing of the last
    culler.look()
    assert not culler.stopped


def test_a_server_counts_from_when_it_was_there() -> None:
    """As its page does, so that the notice comes before the end."""
    culler = WrittenCuller(began=datetime.now(UTC) - timedelta(days=1))
    culler.ready.append(ago(59))
    culler.look()
    assert not culler.stopped


def test_a_kernel_that_is_there_is_believed() -> None:
    culler = WrittenCuller()
    culler.kernels.append({"execution_state": "idle", "last_activity": ago(61)})
    culler.look()
    assert culler.stopped == ["hub/hub/api/users/ada/server"]


def test_a_culler_that_begins_stops_no_server_for_what_it_did_not_see() -> None:
    fresh, old = WrittenCuller(), WrittenCuller(began=datetime.now(UTC) - timedelta(minutes=61))
    for culler in (fresh, old):
        culler.look()
    assert (len(fresh.stopped), len(old.stopped)) == (0, 1)
