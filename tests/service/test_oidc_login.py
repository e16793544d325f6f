"""Login by OpenID Connect, against a real provider: its form, its codes and tokens, its claims."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from oidc_provider_mock import User, run_server_in_thread
from tests.support.deployment import Deployment, running_deployment

from labdock_service.names import hub_name
from labdock_service.statefolder import StateFolder

pytestmark = pytest.mark.timeout(900)

PEOPLE = [
    User(sub="1", claims={"preferred_username": "ann", "email": "ann@example.org"}),
    User(sub="2", claims={"preferred_username": "bo"}),
    User(sub="3", claims={"preferred_username": "Zoe.Stranger"}),
    User(sub="4", claims={"preferred_username": "../admin"}),
    User(sub="5", claims={"preferred_username": "Dee.Jones"}),
]
DEE = hub_name("dee.jones")


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    """The address of the provider."""
    with run_server_in_thread(user_claims=PEOPLE) as server:
        yield f"http://localhost:{server.server_port}"


@pytest.fixture(scope="module")
def hub(
    provider: str,
    prepared: StateFolder,
    environment: Path,
    labdock_proxy: list[str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Deployment]:
    """The shipped deployment for a trusted team that logs in there."""
    del environment, labdock_proxy
    settings = {
        "LABDOCK_PROCESS__TRUSTED_TEAM": "true",
        "LABDOCK_ADMINS": "ann",
        "LABDOCK_AUTH__KIND": "oidc",
        "LABDOCK_AUTH__CLIENT_ID": "labdock",
        "LABDOCK_AUTH__CLIENT_SECRET": "a-secret-of-the-client",
        "LABDOCK_AUTH__AUTHORIZE_URL": f"{provider}/oauth2/authorize",
        "LABDOCK_AUTH__TOKEN_URL": f"{provider}/oauth2/token",
        "LABDOCK_AUTH__USERDATA_URL": f"{provider}/userinfo",
        "LABDOCK_AUTH__ALLOWED_USERS": "bo, dee.jones",
        "LABDOCK_AUTH__TITLE": "the institute",
    }
    with running_deployment(prepared, tmp_path_factory.mktemp("oidc"), **settings) as running:
        yield running


def log_in(hub: Deployment, person: str) -> httpx.Response:
    """Go through the provider's form as a browser does; the answer is the hub's last page."""
    browser = httpx.Client(follow_redirects=True, timeout=60)
    form = browser.get(f"{hub.url}/hub/oauth_login?next=%2Fhub%2Fhome")
    assert "/oauth2/authorize" in str(form.url), form.text
    return browser.post(str(form.url), data={"sub": person})


def test_the_login_page_leads_to_the_provider(hub: Deployment) -> None:
    page = httpx.get(f"{hub.url}/hub/login", timeout=60).text
    assert "Sign in with the institute" in re.sub(r"\s+", " ", page)


@pytest.mark.parametrize(("person", "name"), [("1", "ann"), ("2", "bo"), ("5", DEE)])
def test_who_is_allowed_comes_in(hub: Deployment, person: str, name: str) -> None:
    page = log_in(hub, person)
    assert page.status_code == 200 and page.url.path == "/hub/home", page.text
    assert re.search(rf'user:\s*"{name}"', page.text)


def test_only_the_admin_is_one(hub: Deployment) -> None:
    assert "/hub/admin" in log_in(hub, "1").text
    assert "/hub/admin" not in log_in(hub, "2").text


@pytest.mark.parametrize("person", ["3", "4"])
def test_a_stranger_is_refused(hub: Deployment, person: str) -> None:
    page = log_in(hub, person)
    assert page.status_code == 403
    assert "not currently authorized" in page.text


def test_another_browsers_callback_logs_nobody_in(hub: Deployment) -> None:
    page = log_in(hub, "2")
    callback = next(str(step.url) for step in page.history if "oauth_callback" in str(step.url))
    stranger = httpx.Client(follow_redirects=True, timeout=60)
    stranger.get(callback)
    assert stranger.get(f"{hub.url}/hub/home").url.path != "/hub/home"


def test_the_clients_secret_is_nowhere(hub: Deployment) -> None:
    assert "a-secret-of-the-client" not in hub.logs()
    doctor = hub.labdock("doctor")
    assert "oidc" in doctor.stdout and "a-secret-of-the-client" not in doctor.stdout
