"""The TensorBoard gate, with real TensorBoards."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from playwright.async_api import Page, Response, async_playwright
from tests.support.api import WrittenHub, WrittenPerson, hub_place
from tests.support.boards import Curve, curve_route
from tests.support.browser import OPTIONS
from tests.support.waiting import until
from tests.support.web import serving
from tests.support.workers import gone

from labdock_service.boards.base import BoardSpec
from labdock_service.boards.boards import Boards
from labdock_service.boards.process import COMMAND, ProcessBoard, ProcessBoards
from labdock_service.hubclient import PROJECT_ID
from labdock_service.ids import personal_project_id
from labdock_service.statefolder import StateFolder
from labdock_service.tensorboard_gate import Gate

PREFIX = "/services/tensorboard/"
VISION = "gvisionvision"[:11]
PAGE = {"Accept": "text/html"}
DEADLINE = 180.0


@dataclass
class RunningGate:
    url: str
    hub: WrittenHub
    state: StateFolder

    def client(self, name: str | None = None, **headers: str) -> httpx.AsyncClient:
        if name is not None:
            headers["Authorization"] = f"Bearer token-{name}"
        return httpx.AsyncClient(base_url=f"{self.url}{PREFIX}", headers=headers, timeout=DEADLINE)


@contextlib.asynccontextmanager
async def running(
    folder: Path, idle: float = 600, framed_by: str = "", **more: Any
) -> AsyncIterator[RunningGate]:
    state = StateFolder(folder / "state")
    people = {"ada": WrittenPerson(groups=["vision", "empty"]), "alan": WrittenPerson()}
    hub = WrittenHub(hub_place(PREFIX, "tensorboard"), **people)
    hub.groups["vision"] = {PROJECT_ID: VISION}
    boards = Boards(lambda: ProcessBoards(state, 1, **more), idle_seconds=idle)
    async with serving(Gate(hub, boards, framed_by).app()) as url:
        yield RunningGate(url, hub, state)


@pytest.fixture
async def gate(tmp_path: Path) -> AsyncIterator[RunningGate]:
    async with running(tmp_path) as made:
        yield made


async def personal_logs(gate: RunningGate, name: str) -> Path:
    user = await gate.hub.user(name)
    assert user is not None
    return gate.state.tensorboard / personal_project_id(user.id)


def boards_below(pid: int | None = None) -> list[psutil.Process]:
    return [child for child in psutil.Process(pid).children(recursive=True) if is_board(child)]


def is_board(process: psutil.Process) -> bool:
    try:
        return "labdock_service.boards.server" in process.cmdline()
    except psutil.Error:  # it ends just now
        return False


async def test_a_member_sees_the_curves_of_the_project_alone(gate: RunningGate) -> None:
    Curve(gate.state.tensorboard / VISION / "j1/train").add(1, 0.5)
    Curve(await personal_logs(gate, "alan") / "j2/train").add(1, 0.25)
    async with gate.client("ada") as ada, gate.client("alan") as alan:
        (point,) = await appearing(ada, f"vision/{curve_route('j1/train')}")
        assert point[1:] == [1, 0.5]
        (point,) = await appearing(alan, f"alan/{curve_route('j2/train')}")
        assert point[1:] == [1, 0.25]
        assert list((await ada.get("vision/data/runs")).json()) == ["j1/train"]
        assert list((await alan.get("alan/data/runs")).json()) == ["j2/train"]


async def test_the_folder_of_the_logs_is_not_told(gate: RunningGate) -> None:
    await personal_logs(gate, "ada")
    async with gate.client("ada") as client:
        for page in ("data/logdir", "data/environment"):
            answer = await client.get(f"ada/{page}")
            assert answer.status_code == 200
            assert str(gate.state.root) not in answer.text


async def appearing(client: httpx.AsyncClient, route: str, points: int = 1) -> list[list[float]]:
    """The points of a curve, once there are as many."""
    async with asyncio.timeout(DEADLINE):
        while True:
            answer = await client.get(route)
            if answer.status_code == 200 and len(answer.json()) >= points:
                found: list[list[float]] = answer.json()
                return found
            await asyncio.sleep(0.1)


async def test_points_appear_while_they_are_written(gate: RunningGate) -> None:
    curve = Curve(await personal_logs(gate, "ada") / "j1/train")
    async with gate.client("ada") as ada:
        for step in range(3):
            curve.add(step, 1.0 / (step + 1))
            points = await appearing(ada, f"ada/{curve_route('j1/train')}", step + 1)
            assert [point[1] for point in points] == list(range(step + 1))


@pytest.mark.parametrize(
    "path",
    [
        "vision/",
        "vision/data/runs",
        "vision",
        "alan/../vision/data/runs",
        "alan/%2e%2e/vision/data/runs",
        "%76ision/data/runs",
        "nobody/",
        "ada/",
    ],
)
async def test_nobody_else_gets_in(gate: RunningGate, path: str) -> None:
    Curve(gate.state.tensorboard / VISION / "j1/train").add(1, 0.5)
    async with gate.client("alan") as alan:
        request = alan.build_request("GET", "x")
        request.url = request.url.copy_with(raw_path=f"{PREFIX}{path}".encode())
        answer = await alan.send(request)
    assert answer.status_code == 404 or answer.json() == []
    assert "j1" not in answer.text


async def test_only_this_origin_and_those_of_people_show_it_in_a_frame(
    gate: RunningGate, tmp_path: Path
) -> None:
    async with running(tmp_path / "domain", framed_by="https://*.lab.example") as other:
        for one, origins in ((gate, "'self'"), (other, "'self' https://*.lab.example")):
            await personal_logs(one, "ada")
            async with one.client("ada") as client:
                for path in ("nothing/", "ada/data/runs"):
                    (policy,) = policies(await client.get(path))
                    assert policy.endswith(f"; frame-ancestors {origins}")
                *others, policy = policies(await client.get("ada/"))
            assert policy == f"frame-ancestors {origins}"
            assert "script-src" in others[0], "TensorBoard's own, which its page needs"


def policies(answer: httpx.Response) -> list[str]:
    """All of them count, each by itself."""
    return answer.headers.get_list("Content-Security-Policy")


async def test_who_is_not_logged_in_is_sent_to_the_login(gate: RunningGate) -> None:
    async with gate.client() as nobody:
        for path in ("", "ada/", "ada/data/runs"):
            assert (await nobody.get(path)).status_code == 401
            answer = await nobody.get(path, headers=PAGE)
            assert answer.status_code == 302
            assert answer.headers["Location"].startswith("/hub/api/oauth2/authorize?")
        answer = await nobody.get("ada/", headers={"Authorization": "token made-up"})
        assert answer.status_code == 401


async def test_the_index_leads_to_the_own_project(gate: RunningGate) -> None:
    async with gate.client("ada") as ada:
        assert (await ada.get("")).headers["Location"] == f"{PREFIX}ada/"
        assert (await ada.get("ada")).headers["Location"] == f"{PREFIX}ada/"
        empty = await ada.get("empty/")
        assert empty.status_code == 404
        assert empty.json()["detail"] == ("Project empty has no jobs yet, and so nothing to show.")


def once_there(file: Path) -> Sequence[str]:
    """The command of a TensorBoard that starts when there is such a file."""
    script = f"until [ -e '{file}' ]; do sleep 0.05; done; exec \"$@\""
    return ("sh", "-c", script, "sh", *COMMAND)


async def test_a_browser_sees_a_page_that_reloads_itself_and_then_tensorboard(
    tmp_path: Path,
) -> None:
    go = tmp_path / "go"
    async with (
        running(tmp_path, command=once_there(go)) as gate,
        gate.client("ada", **PAGE) as ada,
    ):
        answer = await ada.get("ada/")
        assert answer.status_code == 200
        assert 'http-equiv="refresh"' in answer.text
        go.touch()
        async with asyncio.timeout(DEADLINE):
            while 'http-equiv="refresh"' in answer.text:
                await asyncio.sleep(0.2)
                answer = await ada.get("ada/")
        assert "<tb-webapp" in answer.text
        assert f'<script src="{PREFIX}-/live.js" defer></script></head>' in answer.text
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "script-src" in answer.headers["Content-Security-Policy"]
        assert (await ada.get("-/live.js")).headers["Content-Type"].startswith("text/javascript")
        assert (await ada.get("ada/index.js")).status_code == 200


@pytest.fixture
async def page(chromium: Path) -> AsyncIterator[Page]:
    """A window of Ada's browser."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium, args=OPTIONS, timeout=DEADLINE * 1000
        )
        opened = await browser.new_page(extra_http_headers={"Authorization": "token token-ada"})
        opened.set_default_timeout(DEADLINE * 1000)
        yield opened
        await browser.close()


@pytest.mark.browser
async def test_a_browser_shows_new_points_by_itself(gate: RunningGate, page: Page) -> None:
    curve = Curve(await personal_logs(gate, "ada") / "j1/train")
    curve.add(0, 1.0)
    await page.goto(f"{gate.url}{PREFIX}ada/")
    for step in range(1, 4):
        holds = partial(_holds, f'"step":{step},')
        async with page.expect_response(holds):
            curve.add(step, 1.0 / step)


@pytest.mark.browser
async def test_a_link_can_show_the_runs_of_one_grid_alone(gate: RunningGate, page: Page) -> None:
    logs = await personal_logs(gate, "ada")
    names = ["digits-xaaaaaaaaaa/lr=0.1-j1", "digits-xaaaaaaaaaa/lr=0.2-j2", "other-j3"]
    for number, name in enumerate(names):
        written = gate.state.curves / logs.name / f"j{number}/1"
        Curve(written / "train").add(1, 0.5)
        (logs / name).parent.mkdir(parents=True, exist_ok=True)
        (logs / name).symlink_to(written, target_is_directory=True)
    await page.goto(f"{gate.url}{PREFIX}ada/?runFilter=xaaaaaaaaaa#anything")
    table = page.locator("runs-data-table")
    await table.get_by_text("lr=0.2-j2/train").wait_for(timeout=DEADLINE * 1000)
    shown = await table.inner_text()
    assert names[0] in shown and "other-j3" not in shown


async def _holds(wanted: str, answer: Response) -> bool:
    if not answer.url.endswith("/timeSeries"):
        return False
    return wanted in (await answer.text()).replace(" ", "")


async def test_large_bodies_pass(gate: RunningGate) -> None:
    requests = '[{"plugin": "scalars", "tag": "loss", "run": "j1/train"}]'
    Curve(await personal_logs(gate, "ada") / "j1/train").add(1, 0.5)
    async with gate.client("ada") as ada:
        await appearing(ada, f"ada/{curve_route('j1/train')}")
        padding = ("file", b"x" * 120_000_000)
        files: dict[str, Any] = {"requests": (None, requests), "padding": padding}
        answer = await ada.post("ada/data/plugin/timeseries/timeSeries", files=files)
        assert answer.status_code == 200, answer.text
        assert answer.json()[0]["runToSeries"]["j1/train"][0]["value"] == 0.5


async def test_one_that_died_is_started_again(gate: RunningGate) -> None:
    async with gate.client("ada") as ada:
        assert (await ada.get("ada/data/runs")).status_code == 200
        (first,) = boards_below()
        first.kill()
        await until(lambda: not boards_below())
        assert (await ada.get("ada/data/runs")).status_code == 200
        (second,) = boards_below()
        assert second.pid != first.pid


async def test_one_that_nobody_uses_ends(tmp_path: Path) -> None:
    async with running(tmp_path, idle=3) as gate, gate.client("ada") as ada:
        assert (await ada.get("ada/data/runs")).status_code == 200
        await until(lambda: not boards_below())
        assert (await ada.get("ada/data/runs")).status_code == 200
    assert not boards_below()


async def test_one_that_does_not_start_is_a_sentence(tmp_path: Path) -> None:
    command = (sys.executable, "-c", "raise SystemExit(1)")
    async with running(tmp_path, command=command) as gate, gate.client("ada") as ada:
        for _ in range(2):
            answer = await ada.get("ada/data/runs")
            assert answer.status_code == 503
            assert answer.json()["detail"] == "TensorBoard does not start: ask an admin."


async def test_none_outlives_a_gate_that_was_killed(tmp_path: Path) -> None:
    script = """
import asyncio, sys
from pathlib import Path
from labdock_service.boards.base import BoardSpec
from labdock_service.boards.process import ProcessBoards
from labdock_service.statefolder import StateFolder

async def main():
    boards = ProcessBoards(StateFolder(Path(sys.argv[1])), 1)
    board = await boards.start(BoardSpec(project_id="gaaaaaaaaaa", path="/x"))
    print(board.process.pid, flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""
    gate = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert gate.stdout is not None
    board = int(await gate.stdout.readline())
    os.kill(gate.pid, signal.SIGKILL)
    await gate.wait()
    await until(lambda: gone(board))


async def test_an_older_boards_end_leaves_the_newer_one(tmp_path: Path) -> None:
    lasting = "print('ready', flush=True); import time; time.sleep(600)"
    driver = ProcessBoards(StateFolder(tmp_path), 1, (sys.executable, "-c", lasting))
    boards = Boards(lambda: driver, idle_seconds=600)
    spec = BoardSpec(project_id=VISION, path="/x")
    older = await boards.get(spec)
    del boards._starting[VISION]
    newer = await boards.get(spec)
    assert isinstance(older, ProcessBoard)
    older.process.kill()
    await until(lambda: older.session.closed)
    assert await boards.get(spec) is newer
    await boards.close()
