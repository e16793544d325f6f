"""Many requests at once."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest
from anyio.to_thread import current_default_thread_limiter
from tests.support.api import running_api

from labdock.schema import Job, Person
from labdock_service.store import jobs

REQUESTS = 40
THREADS = 16
"""More than there are connections, so that a thread can wait for one."""


async def test_more_requests_than_connections_are_all_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who holds a connection needs a thread for the rest, also where all others wait for one."""
    come, all_here, go_on = 0, asyncio.Event(), threading.Event()

    async with running_api(tmp_path) as api:
        ada = await api.client("ada")
        listed, person = jobs.listed, api.parts.people.person

        def slowly(*given: Any, **more: Any) -> list[Job]:
            found = listed(*given, **more)
            go_on.wait(30)
            return found

        async def counted(user: Any) -> Person:
            nonlocal come
            come += 1
            if come == REQUESTS:
                all_here.set()
            return await person(user)

        monkeypatch.setattr(jobs, "listed", slowly)
        monkeypatch.setattr(api.parts.people, "person", counted)
        current_default_thread_limiter().total_tokens = THREADS
        asked = [asyncio.create_task(ada.get("jobs")) for _ in range(REQUESTS)]
        await all_here.wait()
        go_on.set()
        assert {(await one).status_code for one in asked} == {200}
