"""The reconciler's time, and times that lie ahead after the clock was set back."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from labdock_service.engines import ports
from labdock_service.jsonfile import write_json
from labdock_service.reconciler.clock import SteadyClock


class Wall:
    """A clock on the wall, which somebody sets."""

    ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


@pytest.mark.parametrize("jump", [-3600.0, 3600.0])
def test_a_clock_that_is_set_moves_no_deadline(jump: float) -> None:
    wall = Wall()
    clock = SteadyClock(wall)
    before = clock()
    wall.ahead = jump
    assert before <= clock() < before + 60
    assert abs(SteadyClock(wall)() - wall()) < 60


def test_ports_that_were_reserved_in_the_future_are_free(tmp_path: Path) -> None:
    """An hour ahead of the clock they were noted by: nobody holds them any more."""
    record = tmp_path / "reserved.json"
    write_json(record, {str(port): time.time() + 3600 for port in range(10_000, 65_536)})
    assert len(ports.reserve(record, 2)) == 2
