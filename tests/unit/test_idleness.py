"""What counts as use of a person's server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from labdock_service.people.idleness import last_use

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def ago(minutes: float) -> str:
    return (NOW - timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")


def kernel(minutes: float, state: str = "idle") -> dict[str, str]:
    return {"execution_state": state, "last_activity": ago(minutes)}


def idle(*kernels: dict[str, str], terminals: tuple[dict[str, str], ...] = ()) -> float:
    return (NOW - last_use(kernels, terminals, NOW - timedelta(hours=3), NOW)).total_seconds()


def test_a_server_without_kernels_is_idle_since_its_start() -> None:
    assert idle() == 3 * 3600


def test_the_last_of_all_kernels_and_terminals_counts() -> None:
    assert idle(kernel(50), kernel(20)) == 20 * 60
    assert idle(kernel(50), terminals=({"last_activity": ago(5)},)) == 5 * 60


def test_a_busy_kernel_is_in_use_however_long_it_is_silent() -> None:
    assert idle(kernel(170, "busy"), kernel(20)) == 0
