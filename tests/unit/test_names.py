"""The hub's names for people: whom a login knows by which name, and who may come in."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from traitlets.config import Config
from traitlets.utils.importstring import import_item

from labdock_service import hub
from labdock_service.names import NAME, hub_name, is_account
from labdock_service.people.together import update_together
from labdock_service.settings import Settings, load_settings

ADDRESSES = "authorize_url = 'https://id.example/a'\ntoken_url = 'https://id.example/t'\n"
LOCAL = hub.Local(ports={}, proxy=[], admin_token="", password="", team_password="", root=False)

names = (
    st.text(max_size=80).map("project-{}".format)
    | st.text(min_size=1, max_size=80)
    | st.from_regex(r"[a-c.@_-]{1,6}", fullmatch=True)
)


@pytest.mark.parametrize("name", ["ann", "ann-smith", "a", "9lives"])
def test_a_name_that_fits_stays(name: str) -> None:
    assert hub_name(name) == name == hub_name(name.upper())


@pytest.mark.parametrize(
    "said", ["project.", "project", "project--digits", "Project__x", "project@"]
)
def test_no_login_is_a_projects_own_account(said: str) -> None:
    assert not is_account(hub_name(said)) and len(hub_name("project.." + "x" * 80)) <= 63


@given(names)
def test_every_name_becomes_one_that_the_hub_takes(said: str) -> None:
    assert re.fullmatch(NAME, hub_name(said)) and not is_account(hub_name(said))


@given(names, names)
def test_two_names_never_become_one(one: str, other: str) -> None:
    assert (hub_name(one) == hub_name(other)) == (one.lower() == other.lower())


def settings_of(folder: Path, kind: str, **auth: list[str]) -> Settings:
    lines = "".join(f"{name} = {value!r}\n" for name, value in auth.items())
    file = folder / "labdock.toml"
    file.write_text(
        "admins = ['ann.smith@example.org']\n[process]\ntrusted_team = true\n"
        "[projects.digits]\nmembers = ['bo', 'Dee.Jones@example.org']\n"
        f"[auth]\nkind = '{kind}'\nclient_id = 'x'\nclient_secret = 'y'\n{lines}"
        + (f"{ADDRESSES}userdata_url = 'https://id.example/u'\n" if kind == "oidc" else "")
    )
    return load_settings(file)


async def log_in(settings: Settings, c: Config | None = None, **claims: Any) -> str | None:
    """The hub's name for whom the provider says this of; None where they may not come in."""
    c = c or Config()
    hub.update_login(c, settings, LOCAL)
    hub.update_people(c, settings)
    login = import_item(c.JupyterHub.authenticator_class)(config=c)

    async def provided(*_arguments: object) -> dict[str, Any]:
        return claims

    login.token_to_user = provided

    async def authenticate(*_arguments: object) -> Any:
        return await login._token_to_auth_model(
            {"access_token": "t", "token_type": "", "scope": ""}
        )

    login.authenticate = authenticate
    found = await login.get_authenticated_user(None, None)
    return found["name"] if found else None


def of_google(address: str, domain: str | None = None) -> dict[str, Any]:
    return {"email": address, "verified_email": True} | ({"hd": domain} if domain else {})


async def test_googles_name_for_somebody_is_their_address(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, "google", allowed_users=["bo@gmail.com"])
    assert await log_in(settings, **of_google("bo@gmail.com")) == hub_name("bo@gmail.com")
    admin = await log_in(settings, **of_google("Ann.Smith@example.org", "example.org"))
    assert [admin] == settings.admins
    assert await log_in(settings, **of_google("dee.jones@example.org")) in (
        settings.projects["digits"].members
    )


@pytest.mark.parametrize(
    "address", ["bo@example.org", "bo@gmail-com.org", "bo-gmail@com.org", "b.o@gmail.com"]
)
async def test_googles_strangers_stay_outside(tmp_path: Path, address: str) -> None:
    settings = settings_of(tmp_path, "google", allowed_users=["bo@gmail.com"])
    assert await log_in(settings, **of_google(address)) is None


async def test_the_one_domain_that_may_log_in_is_left_out_of_names(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, "google", allowed_users=["*"], hosted_domain=["Example.org"])
    assert await log_in(settings, **of_google("cy@example.org", "example.org")) == "cy"
    admin = await log_in(settings, **of_google("ann.smith@example.org", "example.org"))
    assert [admin] == settings.admins == [hub_name("ann.smith")]
    assert await log_in(settings, **of_google("cy@gmail.com")) is None
    alias = await log_in(settings, **of_google("cy@alias.org", "example.org"))
    assert alias == hub_name("cy@alias.org")


async def test_people_of_two_domains_stay_two(tmp_path: Path) -> None:
    domains = ["example.org", "example.com"]
    settings = settings_of(tmp_path, "google", allowed_users=["*"], hosted_domain=domains)
    found = {await log_in(settings, **of_google(f"cy@{domain}", domain)) for domain in domains}
    assert len(found) == 2 and None not in found


@pytest.mark.parametrize("said", ["project.", "Project"])
async def test_somebody_called_project_comes_in(tmp_path: Path, said: str) -> None:
    settings = settings_of(tmp_path, "oidc", allowed_users=[said])
    c = Config()
    hub.update_people(c, settings)
    hub.update_roles(c, settings)
    update_together(c, settings, [])
    assert await log_in(settings, c, preferred_username=said) == hub_name(said)


async def test_an_openid_providers_dots(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, "oidc", allowed_users=["ann.smith"])
    assert await log_in(settings, preferred_username="ann.smith") == hub_name("ann.smith")
    for other in ("ann-smith", "ann_smith", hub_name("ann.smith")):
        assert await log_in(settings, preferred_username=other) is None


async def test_githubs_names_stay_as_they_are(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, "github", allowed_users=["Bo-2"])
    assert await log_in(settings, login="bo-2", email="bo@example.org") == "bo-2"
