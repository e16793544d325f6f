"""Who is asking: against a real JupyterHub, with the roles that the deployment ships."""

from __future__ import annotations

import base64
import contextlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import httpx
import psutil
import pytest
from starlette.requests import Request
from tests.support.deployment import eventually
from tests.support.hub import RunningHub, log_in, running_hub
from tests.support.workers import gone

from labdock_service.errors import Invalid
from labdock_service.hubclient import KEPT_SECONDS, PROJECT_ID, Hub
from labdock_service.ids import person_id
from labdock_service.login import Login

API = "/services/labdock/api/"
PAGE = {"Accept": "text/html"}
FETCH = {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin"}


@pytest.fixture(scope="module")
def hub(labdock_proxy: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    with running_hub(tmp_path_factory.mktemp("hub"), labdock_proxy) as running:
        for name in ("ada", "grace"):
            running.add_person(name)
        running.add_group("vision", "ada", "grace")
        yield running


@pytest.fixture
def browser(hub: RunningHub) -> Iterator[httpx.Client]:
    """A browser in which Ada has logged in."""
    with hub.browser() as made:
        page = log_in(made, "ada", made.get("/services/labdock/", headers=PAGE))
        assert page.status_code == 200, page.text
        yield made


def xsrf_of(page: httpx.Response) -> str:
    found = re.search(r'data-xsrf="(\w+)"', page.text)
    assert found, page.text
    return found.group(1)


def test_a_token_says_who_is_asking(hub: RunningHub) -> None:
    with hub.api(hub.token("ada")[0]) as api:
        me = api.get("me").json()
        created = hub.ask("GET", "users/ada")["created"]
        assert (me["name"], me["id"]) == ("ada", person_id("ada", created))
        assert [(p["name"], p["personal"], p["role"]) for p in me["projects"]] == [
            ("ada", True, "admin"),
            ("vision", False, "member"),
        ]
        kept = hub.ask("GET", "groups/vision")["properties"][PROJECT_ID]
        assert me["projects"][1]["id"] == kept
    with hub.api(hub.token("grace")[0]) as api:
        assert api.get("me").json()["projects"][1]["id"] == kept


@pytest.mark.parametrize("header", ["token {}", "Bearer {}", "bearer {}"])
def test_both_spellings_of_a_token_count(hub: RunningHub, header: str) -> None:
    token = hub.token("ada")[0]
    headers = {"Authorization": header.format(token)}
    assert httpx.get(f"{hub.url}{API}me", headers=headers, timeout=90).status_code == 200


@pytest.mark.parametrize(
    "header",
    [b"", b"token", b"token made-up", b"Basic YTpi", b"token \xff", b"token " + b"x" * 5000],
)
def test_who_the_hub_does_not_know_gets_a_sentence(hub: RunningHub, header: bytes) -> None:
    answer = httpx.get(f"{hub.url}{API}me", headers=[(b"Authorization", header)], timeout=90)
    assert answer.status_code == 401
    assert answer.json()["detail"] == "Log in, or send a hub token: 'Authorization: token …'."


def test_a_token_needs_access_to_services(hub: RunningHub) -> None:
    narrow = hub.token("ada", scopes=["read:users:name!user"])[0]
    with hub.api(narrow) as api:
        answer = api.get("me")
        assert (answer.status_code, answer.json()["error"]) == (403, "forbidden")


def test_a_revoked_token_is_refused_soon(hub: RunningHub) -> None:
    token, number = hub.token("ada")
    with hub.api(token) as api:
        assert api.get("me").status_code == 200
        hub.ask("DELETE", f"users/ada/tokens/{number}")
        limit = KEPT_SECONDS + 30
        eventually(lambda: api.get("me").status_code == 401, seconds=limit, what="the refusal")


def test_what_is_for_admins_is_opened_by_their_own_tokens_and_not_by_their_servers(
    hub: RunningHub,
) -> None:
    with hub.api(hub.token("root")[0]) as api:
        assert api.get("admin/overview").status_code == 200
    of_server = ["access:servers!server=root/", "access:services!service=labdock"]
    with hub.api(hub.token("root", scopes=of_server)[0]) as api:
        assert api.get("me").json()["admin"]
        answer = api.get("admin/overview")
        assert (answer.status_code, "notebook's token" in answer.text) == (403, True)


def test_a_service_is_nobody(hub: RunningHub) -> None:
    from tests.support.hub import ADMIN_TOKEN

    with hub.api(ADMIN_TOKEN) as api:
        answer = api.get("me")
    assert (answer.status_code, answer.json()["error"]) == (403, "forbidden")


def test_a_browser_is_led_through_the_login_and_back(hub: RunningHub) -> None:
    with hub.browser() as browser:
        page = browser.get("/services/labdock/?from=here", headers=PAGE)
        assert page.url.path == "/hub/login"
        page = log_in(browser, "ada", page)
        assert (page.url.path, page.url.query) == ("/services/labdock/", b"from=here")
        assert "No job yet" in page.text
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
        (cookie,) = [c for c in browser.cookies.jar if c.name == "service-labdock"]
        assert cookie.path == "/services/labdock/"
        assert cookie.has_nonstandard_attr("HttpOnly")
        assert not [c for c in browser.cookies.jar if "-login-" in c.name]


def test_pages_of_others_cannot_act_for_a_browser(browser: httpx.Client) -> None:
    xsrf = {"X-XSRFToken": xsrf_of(browser.get("/services/labdock/"))}
    write = f"{API}jobs/jaaaaaaaaaa/stop"
    assert browser.get(f"{API}me").status_code == 200
    for refused in (
        browser.get(f"{API}me", headers=FETCH),
        browser.get("/services/labdock/", headers=FETCH),
        browser.post(write),
        browser.post(write, headers={"X-XSRFToken": "made-up"}),
        browser.post(write, headers=[(b"X-XSRFToken", b"\xff")]),
    ):
        assert (refused.status_code, refused.json()["error"]) == (403, "forbidden")
    assert browser.get(f"{API}me", headers={**FETCH, **xsrf}).json()["name"] == "ada"
    assert browser.post(write, headers={**FETCH, **xsrf}).status_code == 404


def test_a_login_begun_elsewhere_is_refused(hub: RunningHub, browser: httpx.Client) -> None:
    with hub.browser() as other:
        begun = other.get("/services/labdock/", follow_redirects=False, headers=PAGE)
        asked = httpx.URL(begun.headers["Location"])
    done = browser.get(str(asked), follow_redirects=False).headers["Location"]
    assert "code=" in done
    for callback in (done, "/services/labdock/oauth_callback", f"{done}&state=%00"):
        answer = browser.get(callback, follow_redirects=False)
        assert answer.status_code == 400, answer.text
        assert "service-labdock=" not in answer.headers.get("Set-Cookie", "")


@pytest.mark.parametrize(
    "page", ["//evil.example/", "https://evil.example/", "/hub/logout", "/services/labdock/\\@evil"]
)
def test_a_login_leads_to_own_pages_only(page: str) -> None:
    from tests.support.api import hub_place

    login = Login(Hub(hub_place()), guarded=True)
    assert login._own_page(page) == "/services/labdock/"


@pytest.mark.parametrize("kept", [b"null", b"1", b"[]", b"[1]", b"{", b"[" * 10_000])
async def test_a_made_up_state_is_refused(kept: bytes) -> None:
    from tests.support.api import hub_place

    login = Login(Hub(hub_place()), guarded=True)
    cookie = f"{login._state_cookie('s')}={base64.urlsafe_b64encode(kept).decode()}"
    scope = {
        "type": "http",
        "query_string": b"state=s&code=c",
        "headers": [(b"cookie", cookie.encode())],
    }
    with pytest.raises(Invalid, match="open the page again"):
        await login.callback(Request(scope))


def test_who_logs_out_of_the_hub_is_out(hub: RunningHub) -> None:
    with hub.browser() as browser:
        log_in(browser, "grace", browser.get("/services/labdock/", headers=PAGE))
        assert browser.get(f"{API}me").json()["name"] == "grace"
        browser.get("/hub/logout")
        limit = KEPT_SECONDS + 30
        eventually(
            lambda: browser.get(f"{API}me").status_code == 401, seconds=limit, what="the end"
        )


def test_names_used_again_inherit_nothing(hub: RunningHub) -> None:
    hub.add_person("alan")
    hub.add_group("maths", "alan")
    before = identities(hub, "alan")
    hub.ask("DELETE", "groups/maths")
    hub.ask("DELETE", "users/alan")
    hub.add_person("alan")
    hub.add_group("maths", "alan")
    eventually(lambda: identities(hub, "alan").isdisjoint(before), what="new ids for old names")


def identities(hub: RunningHub, name: str) -> set[str]:
    with hub.api(hub.token(name)[0]) as api:
        me = api.get("me").json()
    return {me["id"], *(project["id"] for project in me["projects"])}


def test_a_group_cannot_be_taken_by_a_person_of_its_name(hub: RunningHub) -> None:
    hub.add_person("vision")
    with hub.api(hub.token("vision")[0]) as api:
        answer = api.get("me")
        assert (answer.status_code, answer.json()["error"]) == (409, "conflict")


def test_the_gate_takes_the_same_login(hub: RunningHub) -> None:
    with hub.browser() as browser:
        page = browser.get("/services/tensorboard/", headers=PAGE)
        page = log_in(browser, "ada", page)
        assert page.url.path == "/services/tensorboard/ada/"
        runs = browser.get("/services/tensorboard/ada/data/runs", headers=FETCH)
        assert runs.json() == []
        other = browser.get("/services/tensorboard/grace/data/runs", headers=FETCH)
        assert other.status_code == 404
    token = hub.token("grace")[0]
    answer = httpx.get(
        f"{hub.url}/services/tensorboard/vision/data/runs",
        headers={"Authorization": f"token {token}"},
        timeout=90,
    )
    assert answer.json() == []


def test_a_page_elsewhere_gets_no_curves(hub: RunningHub) -> None:
    with hub.browser() as browser:
        log_in(browser, "ada", browser.get("/services/tensorboard/", headers=PAGE))
        foreign = {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "cross-site"}
        answer = browser.get("/services/tensorboard/ada/data/runs", headers=foreign)
        assert answer.status_code == 401


def test_one_person_has_one_id() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 678901)
    spellings: list[str | datetime] = [
        moment,
        moment.replace(tzinfo=UTC),
        (moment + timedelta(hours=2)).replace(tzinfo=timezone(timedelta(hours=2))),
        "2026-01-02T03:04:05.678901Z",
        "2026-01-02T03:04:05.678901+00:00",
    ]
    assert len({person_id("ada", spelling) for spelling in spellings}) == 1
    assert person_id("ada", moment + timedelta(microseconds=1)) != person_id("ada", moment)


def test_nothing_outlives_a_hub_that_was_killed(
    labdock_proxy: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    with running_hub(tmp_path_factory.mktemp("killed"), labdock_proxy) as hub:
        hub.add_person("ada")
        token = hub.token("ada")[0]
        answer = httpx.get(
            f"{hub.url}/services/tensorboard/ada/data/runs",
            headers={"Authorization": f"token {token}"},
            timeout=90,
        )
        assert answer.status_code == 200
        below = psutil.Process(hub.process.pid).children(recursive=True)
        ours = [child for child in below if "labdock_service" in " ".join(child.cmdline())]
        assert len(ours) == 3
        hub.process.kill()
        eventually(lambda: all(gone(child.pid) for child in ours), what="the end of the services")
        for child in below:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
