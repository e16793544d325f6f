"""Packaging processes are there while there is something to package, and for a while after."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.reconciling import deployed, eventually, make, reconciling

from labdock_service.reconciler import pool


def test_they_rest_when_there_is_nothing_to_do_and_come_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with deployed(tmp_path) as place, reconciling(reconciler := make(place)):
        processes = reconciler._packages._pool
        assert processes._opened is None
        for text in ("print(1)", "print(2)"):
            monkeypatch.setattr(pool, "REST_SECONDS", 300.0)
            job = place.submit(text)

            def packaged(job: str = job) -> bool:
                reconciler.settle()
                return place.job(job).image is not None

            eventually(packaged)
            assert processes._opened is not None
            monkeypatch.setattr(pool, "REST_SECONDS", 0.0)
            reconciler.settle()
            assert processes._opened is None
