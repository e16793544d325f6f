"""HTTP as it goes wrong: retries, foreign answers, cut streams. The answers are made up here."""

from __future__ import annotations

import itertools
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
import uvicorn
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import Receive, Scope, Send
from tests.support.clients import DEADLINE, wait_for
from tests.support.deployment import free_port

from labdock import errors, schema, servingschema, sse, transport
from labdock.client import Client
from labdock.connection import Connection, find_connection

TOKEN = "very-secret-token"
ME = schema.Person(id="p1", name="ada", admin=False, projects=[])
UNAVAILABLE = HTMLResponse("<h1>503</h1>", 503)


class Answers:
    """Gives these answers in turn, the last one for ever, and counts the requests."""

    def __init__(self, *answers: Response) -> None:
        self.answers = list(answers)
        self.requests: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        await request.body()
        self.requests.append(f"{request.method} {request.url.path}")
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        await answer(scope, receive, send)


@contextmanager
def serving(app: Answers, listener: socket.socket) -> Iterator[None]:
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    wait_for(lambda: server.started)
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(DEADLINE)


@contextmanager
def answered(*answers: Response) -> Iterator[tuple[Client, Answers]]:
    app = Answers(*answers)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = Client(Connection(f"http://127.0.0.1:{listener.getsockname()[1]}", TOKEN))
        with serving(app, listener):
            yield client, app
        client.transport.close()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "DELAYS", (0.01, 0.01))


def person() -> Response:
    return JSONResponse({"id": "p1", "name": "ada", "admin": False, "projects": [], "new": 1})


def body(status: int, sentence: str) -> Response:
    return JSONResponse({"error": "code", "detail": sentence, "field": None}, status)


def test_a_question_is_asked_again_until_the_service_is_back() -> None:
    with answered(UNAVAILABLE, UNAVAILABLE, person()) as (client, app):
        assert client.me == ME
    assert app.requests == ["GET /services/labdock/api/me"] * 3


def test_a_service_that_is_asked_too_often_is_asked_again_when_it_says() -> None:
    """Nothing was done, so this holds for what may not be done twice too."""
    often = body(429, "You ask Labdock too often: try again in 1 s.")
    often.headers["Retry-After"] = "1"
    with answered(often, JSONResponse({"id": "p1"}, 400)) as (client, app):
        heard: list[str] = []
        client.transport.on_trouble = heard.append
        with pytest.raises(errors.LabdockError):
            client.create_job(schema.JobRequest(snapshot="s1"))
        assert len(app.requests) == 2
        assert heard == ["You ask Labdock too often: try again in 1 s. Trying again."]


def test_a_job_is_asked_for_once() -> None:
    with answered(UNAVAILABLE) as (client, app):
        with pytest.raises(errors.ServiceUnavailable, match="does not run at"):
            client.create_job(schema.JobRequest(snapshot="s1"))
        with pytest.raises(errors.ServiceUnavailable, match="all the same: see `labdock jobs`"):
            client.create_job(schema.JobRequest(snapshot="s1"))
        assert app.requests == ["POST /services/labdock/api/jobs"] * 2


def test_a_refused_deploy_is_not_said_to_have_happened() -> None:
    request = servingschema.DeployRequest(model="m1")
    with answered(body(503, "The hub is away."), UNAVAILABLE) as (client, _):
        with pytest.raises(errors.ServiceUnavailable, match=r"^The hub is away\.$"):
            client.deploy("ada", "digits", request)
        with pytest.raises(errors.ServiceUnavailable, match="see `labdock endpoints ada/digits`"):
            client.deploy("ada", "digits", request)


def test_an_answer_that_is_cut_off_may_have_been_done() -> None:
    cut = Response(headers={"Content-Length": "100"})
    with answered(cut) as (client, app):
        with pytest.raises(errors.ServiceUnavailable, match="see `labdock keys list ada/digits`"):
            client.create_key("ada", "digits", servingschema.KeyRequest())
        assert len(app.requests) == 1


def test_what_did_not_reach_the_service_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    monkeypatch.setattr(transport, "DELAYS", (0.05,) * 100)
    client = Client(Connection(f"http://127.0.0.1:{port}", TOKEN))
    failed: list[Exception] = []
    app = Answers(body(409, "It reached the service."))

    def ask() -> None:
        with pytest.raises(errors.Conflict) as caught:
            client.create_job(schema.JobRequest(snapshot="s1"))
        failed.append(caught.value)

    asking = threading.Thread(target=ask)
    asking.start()
    with socket.create_server(("127.0.0.1", port)) as listener, serving(app, listener):
        asking.join(DEADLINE)
    client.transport.close()
    assert [str(error) for error in failed] == ["It reached the service."]


def test_nobody_there_is_a_sentence_that_names_the_address() -> None:
    port = free_port()
    client = Client(Connection(f"http://127.0.0.1:{port}", TOKEN))
    with pytest.raises(errors.ServiceUnavailable, match=f"does not answer at .*:{port}"):
        client.jobs()


@pytest.mark.parametrize(
    ("answer", "error", "exit_code"),
    [
        (body(400, "No."), errors.Mistake, 2),
        (body(401, "No."), errors.NotAllowed, 2),
        (body(403, "No."), errors.NotAllowed, 2),
        (body(404, "No."), errors.NotFound, 2),
        (body(409, "No."), errors.Conflict, 2),
        (body(413, "No."), errors.Mistake, 2),
        (body(500, "No."), errors.ServiceUnavailable, 3),
        (body(503, "No."), errors.ServiceUnavailable, 3),
        (HTMLResponse("log in", 401), errors.NotAllowed, 2),
        (HTMLResponse("log in", 403), errors.NotAllowed, 2),
        (HTMLResponse("not here", 404), errors.NotConnected, 2),
        (RedirectResponse("https://other.example/"), errors.NotConnected, 2),
        (HTMLResponse("oh", 500), errors.ServiceUnavailable, 3),
        (UNAVAILABLE, errors.ServiceUnavailable, 3),
        (HTMLResponse("<p>hello</p>"), errors.ServiceUnavailable, 3),
        (JSONResponse({"detail": ["odd"]}, 422), errors.LabdockError, 3),
        (JSONResponse({"name": 5}), errors.ServiceUnavailable, 3),
    ],
)
def test_every_answer_becomes_an_error_of_ours(
    answer: Response, error: type[errors.LabdockError], exit_code: int
) -> None:
    with answered(answer) as (client, _), pytest.raises(error) as caught:
        _ = client.me
    assert caught.value.exit_code == exit_code
    assert type(caught.value) is error or error is errors.LabdockError
    assert str(caught.value).endswith(".")
    assert TOKEN not in f"{caught.value!r} {client.connection!r}"


def test_what_fails_for_good_is_not_asked_again() -> None:
    with answered(body(500, "Broken.")) as (client, app):
        with pytest.raises(errors.ServiceUnavailable, match=r"Broken\."):
            client.jobs()
        assert len(app.requests) == 1


def test_a_model_servers_error_is_told() -> None:
    answer = JSONResponse({"error": "Input has 9 columns."}, 400)
    with answered(answer) as (client, _), pytest.raises(errors.Mistake, match="9 columns"):
        client.transport.request("POST", "x", dict[str, object], content=b"{}")


def stream_of(*messages: str) -> Response:
    return Response("".join(messages), media_type="text/event-stream")


def line(number: int) -> str:
    data = {"time": 1, "stream": "stdout", "text": str(number), "attempt": 1, "rank": 0}
    text = json.dumps({**data, "cursor": f"1:{number}"})
    return f"event: line\ndata: {text}\n\n"


def test_a_log_that_is_cut_off_goes_on_after_its_cursor() -> None:
    from labdock.following import follow_log

    cut = stream_of(": ping\n\n", line(1), line(2))
    rest = stream_of(line(3), "event: end\ndata: {}\n\n")
    with answered(cut, rest) as (client, app):
        assert [found.text for found in follow_log(client, "j1")] == ["1", "2", "3"]
        assert len(app.requests) == 2


def test_a_hub_that_starts_does_not_know_its_services_yet() -> None:
    """Who has met the service waits for it; the address is not what is wrong."""
    from labdock.following import follow_log

    starting = HTMLResponse("not here", 404)
    rest = stream_of(line(2), "event: end\ndata: {}\n\n")
    with answered(stream_of(line(1)), starting, rest) as (client, _):
        assert [found.text for found in follow_log(client, "j1")] == ["1", "2"]


@pytest.mark.parametrize(
    ("url", "hub"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://127.0.0.1:8000/", "http://127.0.0.1:8000"),
        ("http://127.0.0.1:8000/hub/home", "http://127.0.0.1:8000"),
        ("https://x.example/labs/services/labdock/api/", "https://x.example/labs"),
        ("https://x.example/labs", "https://x.example/labs"),
    ],
)
def test_any_address_of_the_hub_will_do(url: str, hub: str) -> None:
    found = find_connection({"LABDOCK_URL": url, "LABDOCK_TOKEN": TOKEN})
    assert found.hub == hub
    assert found.absolute("/services/x/").startswith(f"{hub}/services/x")


@pytest.mark.parametrize("url", ["", "ftp://x", "x.example", "http://u:p@x.example", "http://"])
def test_what_is_no_address_is_a_mistake(url: str) -> None:
    with pytest.raises(errors.NotConnected, match="LABDOCK_URL"):
        find_connection({"LABDOCK_URL": url, "LABDOCK_TOKEN": TOKEN})


@pytest.mark.parametrize("token", ["é", "ab\n", "\x1b[1m"])
def test_what_is_no_token_is_a_mistake(token: str) -> None:
    with pytest.raises(errors.NotConnected, match="LABDOCK_TOKEN is no token"):
        find_connection({"LABDOCK_URL": "http://hub", "LABDOCK_TOKEN": token})


@pytest.mark.parametrize(("person", "words"), [(None, "labdock token"), ("ada", "hub's page")])
def test_a_token_that_the_hub_does_not_know(person: str | None, words: str) -> None:
    unknown = httpx.Response(401, json={"error": "unauthorized", "detail": "No."})
    connection = Connection("http://hub", TOKEN, person)
    assert words in str(transport.translate(unknown, connection))
    wrong_key = httpx.Response(401, json={"error": "key_unknown", "detail": "No such key."})
    assert str(transport.translate(wrong_key, connection)) == "No such key."


def test_in_the_hub_its_token_and_name_count() -> None:
    environ = {"LABDOCK_URL": "http://h", "JUPYTERHUB_API_TOKEN": "t", "JUPYTERHUB_USER": "ada"}
    assert find_connection(environ) == Connection("http://h", "t", "ada")
    public = {**environ, "JUPYTERHUB_PUBLIC_HUB_URL": "https://lab.example:8443/hub/"}
    found = find_connection(public)
    assert found.absolute("/services/x/") == "http://h/services/x/"
    assert found.for_people("/services/x/") == "https://lab.example:8443/services/x/"
    assert find_connection(environ).in_hub
    assert not find_connection({**environ, "LABDOCK_TOKEN": "own"}).in_hub
    with pytest.raises(errors.NotConnected, match="LABDOCK_TOKEN"):
        find_connection({"LABDOCK_URL": "http://h"})


def test_a_prefix_of_the_hub_is_not_doubled() -> None:
    connection = Connection("https://x.example/labs", TOKEN)
    assert connection.absolute("/labs/services/x/") == "https://x.example/labs/services/x/"
    assert connection.absolute("/services/x/") == "https://x.example/labs/services/x/"


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"))


@given(
    st.lists(st.tuples(texts.filter(lambda t: t == t.strip()), texts), max_size=5),
    st.lists(st.integers(0, 400), max_size=10),
)
def test_events_are_read_however_their_bytes_arrive(
    pairs: list[tuple[str, str]], cuts: list[int]
) -> None:
    raw = "".join(f"event: {kind}\ndata: {data}\n\n" for kind, data in pairs).encode()
    places = sorted({0, len(raw), *(min(cut, len(raw)) for cut in cuts)})
    chunks = [raw[a:b] for a, b in itertools.pairwise(places)]
    found = [(message.event, message.data) for message in sse.messages(chunks)]
    assert found == pairs


def _read(text: str) -> list[sse.Message]:
    return list(sse.messages([text.encode()]))


def test_fields_of_an_event() -> None:
    assert _read(": ping\n\n") == []
    assert _read("data: a\ndata: b\nid: 7\n\n") == [sse.Message("message", "a\nb", "7")]
    assert _read("data:a\r\n\r\n") == [sse.Message("message", "a")]
    assert _read("event: half\ndata: cut off") == []
