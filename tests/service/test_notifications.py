"""People are told that their jobs have ended: from the end to a mailbox and a webhook."""

from __future__ import annotations

import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select, text
from tests.support.api import Api, WrittenPerson, make_job, make_settings, problem, running_api
from tests.support.receivers import Hooks, Mailbox, mail_server, webhooks
from tests.support.reconciling import Deployment, deployed, eventually, make, reconciling

from labdock.personal import Notify, NotifyChange
from labdock.schema import JobRequest
from labdock_service.delivery.messages import MailServer
from labdock_service.delivery.webhook import sign
from labdock_service.ids import new_id
from labdock_service.reconciler.parts import Parts
from labdock_service.reconciler.post import Post
from labdock_service.sealing import Seal
from labdock_service.sections import NotifySettings
from labdock_service.store import grids, jobs, notify, people, snapshots
from labdock_service.store.tables import NotifyRow, OutboxRow

LIMIT = 90.0
FAILS = "raise ValueError('no <data>')"


@pytest.fixture
def hooks() -> Iterator[Hooks]:
    with webhooks() as found:
        yield found


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with mail_server() as found:
        yield found


@pytest.fixture
def place(tmp_path: Path, mailbox: Mailbox) -> Iterator[Deployment]:
    settings = {
        "LABDOCK_NOTIFY__SMTP_HOST": "127.0.0.1",
        "LABDOCK_NOTIFY__SMTP_PORT": str(mailbox.port),
        "LABDOCK_NOTIFY__SMTP_SECURITY": "none",
        "LABDOCK_NOTIFY__SENDER": "labdock@example.org",
        "LABDOCK_NOTIFY__HUB_URL": "https://labdock.example.org/",
        "LABDOCK_NOTIFY__WEBHOOK_HOSTS": "127.0.0.1",
    }
    with deployed(tmp_path, **settings) as deployment:
        yield deployment


def want(place: Deployment, name: str = "ada", **change: str) -> Notify:
    with place.acting() as (session, _, _):
        person = people.ensure_person(session, name, "2026-01-01T00:00:00Z")
        seal = Seal(place.state.secret_keys)
        return notify.change(session, seal, person, NotifyChange(**change), "127.0.0.1")  # type: ignore[arg-type]


def told(place: Deployment) -> Notify:
    with place.acting() as (session, person, _):
        return notify.view(notify.find(session, person.id))


def waiting(place: Deployment) -> list[OutboxRow]:
    with place.store.read() as session:
        return list(session.scalars(select(OutboxRow)))


def hurry(place: Deployment) -> None:
    """Have what waits for another try sent now."""
    with place.acting() as (session, _, _):
        for row in session.scalars(select(OutboxRow)):
            row.due = 0.0


def submit_grid(place: Deployment, *points: list[str]) -> None:
    snapshot = place.snapshot({"train.py": "import sys; sys.exit(int(sys.argv[1]))"}, "train.py")
    with place.acting() as (session, person, _):
        row = snapshots.find(session, snapshot)
        assert row
        requests = [JobRequest(snapshot=row.id, arguments=point) for point in points]
        grids.create(session, row, person, "lr", {"lr": [1, 2]}, requests)


def test_a_webhook_and_a_mailbox_are_told(
    place: Deployment, hooks: Hooks, mailbox: Mailbox
) -> None:
    key = want(place, webhook=hooks.url, email="ada@example.org").signing_key
    assert key
    place.start()
    job = place.submit(FAILS, name="digits")
    place.until(job, "failed")
    eventually(lambda: hooks.received and mailbox.mails)
    eventually(lambda: not waiting(place))
    (request,), (mail,) = hooks.received, mailbox.mails
    said = json.loads(request.body)
    assert (said["job"], said["name"], said["project"]) == (job, "digits", "ada")
    assert said["state"] == "failed"
    assert said["sentence"].startswith("Job digits failed after ")
    assert said["sentence"].endswith("ValueError: no <data>")
    assert "&lt;data>" in said["text"]
    assert said["link"] == "https://labdock.example.org/services/labdock/"
    assert request.headers["Labdock-Delivery"] == said["id"]
    assert request.headers["Labdock-Signature"] == sign(key, request.body)
    assert mail["To"] == "ada@example.org"
    assert mail["Subject"].startswith("[Labdock] Job digits failed after ")
    assert told(place).problem is None
    assert told(place).last


def test_who_wants_to_hear_of_failures_hears_of_nothing_else(
    place: Deployment, hooks: Hooks
) -> None:
    want(place, webhook=hooks.url, when="failed")
    place.start()
    quiet = [place.submit("pass"), place.submit(FAILS, notify=False)]
    place.until(quiet[0], "succeeded")
    place.until(quiet[1], "failed")
    loud = [place.submit(FAILS), place.submit("pass", notify=True)]
    place.until(loud[0], "failed")
    place.until(loud[1], "succeeded")
    eventually(lambda: len(hooks.received) == 2)
    assert {json.loads(request.body)["job"] for request in hooks.received} == {*loud}


def test_what_does_not_arrive_is_tried_again(place: Deployment, hooks: Hooks) -> None:
    hooks.answers = [500, 503]
    want(place, webhook=hooks.url)
    place.start()
    place.until(place.submit("pass"), "succeeded")
    for tries in (1, 2):
        eventually(lambda: "It is tried again." in str(told(place).problem))
        eventually(lambda tries=tries: [row.tries for row in waiting(place)] == [tries])  # type: ignore[misc]
        hurry(place)
    eventually(lambda: not waiting(place))
    ids = [request.headers["Labdock-Delivery"] for request in hooks.received]
    assert len(ids) == 3
    assert len({*ids}) == 1
    assert told(place).problem is None


def test_what_cannot_arrive_is_given_up_and_said(place: Deployment, hooks: Hooks) -> None:
    hooks.answers = [404]
    want(place, webhook=hooks.url, email="nobody@example.org")
    place.start()
    place.until(place.submit("pass"), "succeeded")
    eventually(lambda: not waiting(place) and told(place).last)
    assert told(place).problem in (
        "127.0.0.1 answered with 404.",
        "The mail server refuses your address: 550 5.1.1 no such mailbox.",
    )
    assert len(hooks.received) == 1


def test_a_reconciler_that_is_killed_forgets_nothing(place: Deployment, hooks: Hooks) -> None:
    hooks.answers = [500]
    want(place, webhook=hooks.url)
    place.start()
    place.until(place.submit("pass"), "succeeded")
    eventually(lambda: waiting(place) and waiting(place)[0].tries)
    place.kill()
    hurry(place)
    place.start()
    eventually(lambda: not waiting(place))
    assert len(hooks.received) == 2


def test_what_is_off_is_not_sent(place: Deployment, hooks: Hooks) -> None:
    hooks.answers = [500]
    want(place, webhook=hooks.url)
    place.start()
    place.until(place.submit("pass"), "succeeded")
    eventually(lambda: waiting(place) and waiting(place)[0].tries)
    assert want(place, webhook="", email="") == Notify(email=None, webhook=None, when="always")
    assert not waiting(place)
    place.until(place.submit("pass"), "succeeded")
    assert not waiting(place)
    assert len(hooks.received) == 1


class SetMeanwhile(Post):
    """Something is set between the look at the outbox and the sending."""

    change: Callable[[], object]

    def _send(self, row: OutboxRow) -> None:
        self.change()
        super()._send(row)


class Slow(Post):
    """One person's webhook takes what it is sent, and answers once it is let go."""

    let_go: threading.Event
    held: list[str]

    def _send(self, row: OutboxRow) -> None:
        if row.channel == notify.HOOK and row.message["project"] == "ada":
            self.held.append(row.id)
            assert self.let_go.wait(LIMIT)
        super()._send(row)


def put(place: Deployment, *names: str, channel: str = notify.HOOK) -> None:
    """Have somebody told of something, for each name."""
    with place.acting() as (session, _, _):
        for number, name in enumerate(names):
            row = OutboxRow(
                id=new_id("n"),
                person_id=people.ensure_person(session, name, "2026-01-01T00:00:00Z").id,
                channel=channel,
                message={"sentence": "It ended.", "project": name},
                **{"created": 0.0, "due": float(number), "tries": 0},
            )
            session.add(row)


def post_parts(place: Deployment, mail: MailServer | None = None) -> Parts:
    return Parts(
        store=place.store,
        fence=place.store.take_fence(),
        engine=place.engine,
        state=place.state,
        webhook_hosts=["127.0.0.1"],
        mail=mail or MailServer(),
    )


def test_what_is_put_off_as_it_is_sent_is_not_sent(place: Deployment, hooks: Hooks) -> None:
    want(place, webhook=hooks.url)
    put(place, "ada")
    sent = threading.Event()
    post = SetMeanwhile(post_parts(place), sent.set)
    post.change = lambda: want(place, webhook="", email="ada@example.org")
    post.advance()
    assert sent.wait(LIMIT)
    post.advance()
    post.close()
    assert (hooks.received, waiting(place)) == ([], [])
    assert (told(place).last, told(place).problem) == (None, None)


def test_a_slow_webhook_holds_up_nobody_else_and_no_mail(
    place: Deployment, hooks: Hooks, mailbox: Mailbox
) -> None:
    want(place, webhook=hooks.url, email="ada@example.org")
    want(place, "grace", webhook=hooks.url)
    put(place, *["ada"] * 200, "grace")
    put(place, "ada", channel=notify.MAIL)
    server = MailServer(host="127.0.0.1", port=mailbox.port, security="none", sender="l@x.org")
    post = Slow(post_parts(place, server), lambda: None)
    post.let_go, post.held = threading.Event(), []
    try:
        post.advance()
        eventually(lambda: hooks.received and mailbox.mails)
        post.advance()
        assert len(post.held) == 1
    finally:
        post.close()
        post.let_go.set()
    assert json.loads(hooks.received[0].body)["project"] == "grace"


def test_a_grid_is_told_of_as_a_whole(place: Deployment, hooks: Hooks) -> None:
    want(place, webhook=hooks.url, when="failed")
    submit_grid(place, ["0"], ["1"], ["0"])
    place.start()
    (said,) = eventually(lambda: [json.loads(request.body) for request in hooks.received])
    assert said["sentence"] == "Grid lr has ended: 1 failed, 2 succeeded."
    assert (said["state"], said["project"], "job" in said) == ("failed", "ada", False)


def test_a_job_ends_also_where_nobody_can_be_told(
    place: Deployment, caplog: pytest.LogCaptureFixture
) -> None:
    want(place, email="ada@example.org")
    job = place.submit("pass")
    place.stop(job)
    with place.acting() as (session, _, _):
        session.execute(text("DROP TABLE outbox"))
    reconciler = make(place)
    with reconciling(reconciler):
        reconciler.settle()
    assert place.job(job).state == "stopped"
    assert f"Job {job} has ended, and its owner is not told" in caplog.text


# Setting it


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    smtp = {"smtp_host": "127.0.0.1", "sender": "labdock@example.org"}
    settings = make_settings(tmp_path, notify=NotifySettings(**smtp))
    async with running_api(tmp_path, settings) as made:
        yield made


async def change(client: httpx.AsyncClient, **what: str | None) -> httpx.Response:
    return await client.patch("notify", json=what)


async def test_a_person_says_where(api: Api) -> None:
    ada, grace = await api.client("ada"), await api.client("grace")
    nothing = {"email": None, "webhook": None, "when": "always", "last": None, "problem": None}
    assert (await ada.get("notify")).json() == nothing | {"signing_key": None}
    url = "https://hooks.example.org/services/T0/B0/x7k-which-nobody-reads"
    made = (await change(ada, webhook=url, when="failed")).json()
    assert (made["webhook"], made["when"]) == ("hooks.example.org/…", "failed")
    assert made["signing_key"].startswith("ldw_")
    made = (await change(ada, email="ada@example.org")).json()
    assert made == nothing | {
        "email": "ada@example.org",
        "webhook": "hooks.example.org/…",
        "when": "failed",
        "signing_key": None,
    }
    assert (await grace.get("notify")).json()["email"] is None
    for file in api.parts.state.root.rglob("*"):
        assert not file.is_file() or b"x7k-which-nobody-reads" not in file.read_bytes(), file
    made = (await change(ada, webhook="", email="")).json()
    assert (made["webhook"], made["email"], made["when"]) == (None, None, "failed")


async def test_what_cannot_be_set(api: Api) -> None:
    ada = await api.client("ada")
    for what in (
        {"email": "ada"},
        {"email": "ada@example.org, eve@example.org"},
        {"email": "ada@example.org\nBcc: eve@example.org"},
        {"email": "a" * 300 + "@example.org"},
        {"webhook": "http://127.0.0.1:8081/hub/api"},
        {"webhook": "ftp://example.org/"},
        {"webhook": "https://a..b/"},
        {"when": "never"},
        {"more": "x"},
    ):
        problem(await change(ada, **what), 400)
    assert (await ada.get("notify")).json()["email"] is None


async def test_a_job_that_shall_be_told_of_needs_a_place(api: Api) -> None:
    ada = await api.client("ada")
    snapshot = (await make_job(ada, notify=False))["snapshot"]
    answer = await ada.post("jobs", json={"snapshot": snapshot, "notify": True})
    assert "labdock notify" in problem(answer, 400)
    await change(ada, email="ada@example.org")
    answer = await ada.post("jobs", json={"snapshot": snapshot, "notify": True})
    assert answer.status_code == 201


async def test_nobody_is_told_for_a_project(api: Api) -> None:
    """Who set that with the token of its server may be in the project no longer."""
    api.hub.people["project--vision"] = WrittenPerson(groups=["vision"])
    shared = await api.client("project--vision")
    assert "set this in your own" in problem(await change(shared, email="eve@example.org"), 403)
    job = await make_job(shared, "vision")
    with api.parts.store.write() as session:
        row = jobs.find(session, job["id"])
        assert row
        session.add(NotifyRow(person_id=row.owner_id, when="always", email="eve@example.org"))
        session.flush()
        assert notify.wanted(session, row, failed=True) == []
    answer = await shared.post("jobs", json={"snapshot": job["snapshot"], "notify": True})
    assert "set this in your own" in problem(answer, 400)


async def test_without_a_mail_server_there_is_no_mail(tmp_path: Path) -> None:
    async with running_api(tmp_path) as api:
        ada = await api.client("ada")
        assert "webhook" in problem(await change(ada, email="ada@example.org"), 400)
