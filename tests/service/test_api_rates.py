"""Requests that are too many are refused for a while."""

from __future__ import annotations

from pathlib import Path

import httpx
from tests.support.api import PREFIX, make_settings, running_api

from labdock_service.sections import RateSettings, TlsSettings


async def test_a_person_who_asks_too_often(tmp_path: Path) -> None:
    settings = make_settings(tmp_path, rates=RateSettings(requests_per_minute=3))
    async with running_api(tmp_path, settings) as api:
        ada, grace = await api.client("ada"), await api.client("grace")
        statuses = [(await ada.get("me")).status_code for _ in range(4)]
        assert statuses == [200, 200, 200, 429]
        refused = await ada.get("me")
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert refused.json()["detail"].startswith("You ask Labdock too often: try again in")
        assert (await grace.get("me")).status_code == 200


async def test_strangers_are_held_back_and_those_beside_them_are_not(tmp_path: Path) -> None:
    rates = RateSettings(strangers_per_minute=3)
    proxies = TlsSettings(proxies=["10.9.9.9"])
    settings = make_settings(tmp_path, rates=rates, tls=proxies, domain="lab.example")
    async with running_api(tmp_path, settings) as api, httpx.AsyncClient() as http:

        async def ask(token: str, *hops: str) -> int:
            headers = {"X-Forwarded-For": ", ".join(hops), "Authorization": f"token {token}"}
            return (await http.get(f"{api.url}{PREFIX}api/me", headers=headers)).status_code

        assert await ask("token-ada", "10.0.0.1") == 200
        for _ in range(3):
            assert await ask("guessed", "10.0.0.1") == 401
        assert await ask("guessed", "10.0.0.1") == 429
        assert await ask("guessed", "6.6.6.6", "10.0.0.1") == 429  # what it says itself
        assert await ask("guessed", "10.0.0.1", "10.9.9.9") == 429  # what our proxy says
        assert await ask("token-ada", "10.0.0.1") == 200
        assert await ask("guessed", "10.0.0.2") == 401
