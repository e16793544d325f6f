"""Settings: the file, the variables, and a sentence for whatever is wrong with either."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.authority import Authority

from labdock_service.names import own_name
from labdock_service.sections import Section
from labdock_service.settings import (
    Settings,
    SettingsError,
    load_settings,
    setting_names,
    settings_environment,
)

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("LABDOCK_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "labdock.toml"


def refused(file: Path, text: str = "") -> SettingsError:
    file.write_text(text)
    with pytest.raises(SettingsError) as error:
        load_settings(file)
    sentence = str(error.value)
    assert sentence.endswith((".", "?")) and "\n" not in sentence, sentence
    return error.value


def test_without_a_file_there_are_defaults(file: Path) -> None:
    settings = load_settings(file)
    assert settings.address == "http://127.0.0.1:8000"
    assert settings.state.root == file.parent / ".labdock"
    assert settings.database_url == f"sqlite:///{file.parent / '.labdock/labdock.sqlite'}"
    assert settings.admins == [own_name()]


def test_the_shipped_file_is_all_defaults(file: Path) -> None:
    shipped = load_settings(CHECKOUT / "labdock.toml").model_dump(exclude={"state", "database_url"})
    assert shipped == load_settings(file).model_dump(exclude={"state", "database_url"})


def test_the_shipped_file_names_every_setting(file: Path) -> None:
    """What is commented out there, put in, is known and of the right type."""
    text = (CHECKOUT / "labdock.toml").read_text()
    commented = re.findall(r"^# (\w+) = ", text, re.MULTILINE)
    names = {name.split(".")[-1] for name in setting_names()} - {"ignore", "projects"}
    assert names <= {*commented}
    assert "# [projects." in text and "# [images.ignore." in text
    settable = re.sub(r"^# (?=[\w.]+ = |\[[\w.-]+\]$)", "", text, flags=re.MULTILINE)
    file.write_text(settable.replace("trusted_team = false", "trusted_team = true"))
    assert load_settings(file).projects["digits"].people == ["ann", "bo"]


def test_a_variable_wins_over_the_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("port = 9000\n[process]\ntrusted_team = true\n[limits]\ncpus = 2\n")
    monkeypatch.setenv("LABDOCK_PORT", "9001")
    monkeypatch.setenv("LABDOCK_LIMITS__MEMORY", "2GB")
    monkeypatch.setenv("LABDOCK_ADMINS", "ann, bo")
    settings = load_settings(file)
    assert (settings.port, settings.limits.cpus, settings.limits.memory) == (9001, 2, 2_000_000_000)
    assert settings.admins == ["ann", "bo"]


def test_a_service_reads_the_same_settings(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("port = 9000\n")
    monkeypatch.setenv("LABDOCK_GANG_TIMEOUT", "7")
    settings = load_settings(file)
    for name, value in settings_environment(settings).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir("/")
    assert load_settings() == settings


def test_a_settings_file_may_have_another_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "ours.toml"
    file.write_text("port = 9000\n")
    for name, value in settings_environment(load_settings(file)).items():
        monkeypatch.setenv(name, value)
    assert load_settings().port == 9000
    assert "take it out of ours.toml" in str(refused(file, "zzz = 1"))


def test_a_relative_database_counts_from_the_settings_file(file: Path) -> None:
    settings = load_settings_with(file, "database_url = 'sqlite:///jobs.sqlite'")
    assert settings.database_url == f"sqlite:///{file.parent / 'jobs.sqlite'}"
    settings = load_settings_with(file, "database_url = 'sqlite:////srv/jobs.sqlite'")
    assert settings.database_url == "sqlite:////srv/jobs.sqlite"


@pytest.mark.parametrize(
    ("text", "field", "says"),
    [
        ("prot = 1", "prot", "did you mean 'port'?"),
        ("[limits]\ncpuz = 1", "limits.cpuz", "did you mean 'limits.cpus'?"),
        ("[projects.a]\nmember = []", "projects.a.member", "There is no setting"),
        ("port = 'x'", "port", "cannot be set to 'x'"),
        ("port = 70000", "port", "less than or equal to 65535"),
        ("engine = 'swarm'", "engine", "'swarm'"),
        ("[docker]\nsubnet = '8.8.0.0/16'", "docker.subnet", "no private range"),
        ("[docker]\nsubnet = '10.0.0.0/30'", "docker.subnet", "no private range"),
        ("[docker]\nreachable = ['10.0.0.1/8']", "docker.reachable.0", "host bits set"),
        ("[docker]\nserver_memory = 0", "docker.server_memory", "greater than or equal to"),
        ("[limits]\nmemory = 0", "limits.memory", "greater than 0"),
        ("[docker]\nprefix = 'Team A'", "docker.prefix", "'Team A'"),
        (
            "engine = 'docker'\nadmins = ['ann', 'bo']",
            "",
            "gives all people one password",
        ),
        ("engine = 'docker'\nhost = '::1'", "", "containers come by IPv4"),
        ("state = ''", "state", "it is empty"),
        ("host = '0.0.0.0'", "", "'process.trusted_team'"),
        ("[auth]\nkind = 'github'\nclient_id = 'x'", "auth", "'auth.client_secret'"),
        ("port = ", None, "not valid TOML"),
    ],
)
def test_what_is_wrong_is_a_sentence(file: Path, text: str, field: str | None, says: str) -> None:
    error = refused(file, text)
    assert error.field == field
    assert says in str(error)


def test_containers_may_be_reached_from_elsewhere(file: Path) -> None:
    settings = load_settings_with(
        file, "engine = 'docker'\nhost = '0.0.0.0'\n[tls]\nplain_http = true\n"
    )
    assert settings.host == "0.0.0.0"
    opened = load_settings_with(file, "[docker]\nreachable = ['10.0.7.4/32', '10.1.0.0/16']")
    assert opened.docker.reachable == ["10.0.7.4/32", "10.1.0.0/16"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("host = '0.0.0.0'", "may not be '0.0.0.0' without encryption"),
        ("[tls]\ncertificate = 'c.pem'", "Set 'tls.key' too"),
        ("[tls]\nkey = 'k.pem'", "Set 'tls.certificate' too"),
        ("[tls]\nredirect_from = 80", "Set 'tls.certificate' too"),
        ("[tls]\nproxies = ['10.0.0.5']", "Set 'notify.hub_url' too"),
        ("[tls]\nproxies = ['proxy.example']", "'tls.proxies.0' cannot be set"),
        ("domain = 'Lab_1'", "'domain' cannot be set"),
        ("[tls]\nproxies = ['10.0.0.5']\n[notify]\nhub_url = 'http://b.example'", "'https://'"),
        ("domain = 'b.example'\n[notify]\nhub_url = 'http://b.example/x'", "but no path"),
        ("domain = 'a.example'\n[notify]\nhub_url = 'https://b.example'", "by one name"),
    ],
)
def test_what_would_not_reach_people_safely(file: Path, text: str, says: str) -> None:
    top, _, sections = text.partition("[")
    section = f"[{sections}" if sections else ""
    assert says in str(refused(file, f"{top}\n[process]\ntrusted_team = true\n{section}"))


@pytest.mark.parametrize(
    ("text", "public"),
    [
        ("port = 80\n[tls]\nplain_http = true", "http://127.0.0.1:80"),
        ("domain = 'lab.example'", "http://lab.example:8000"),
        ("domain = 'lab.example'\n[tls]\nproxies = ['10.0.0.5']", "https://lab.example"),
        ("[notify]\nhub_url = 'https://lab.example/'", "https://lab.example"),
    ],
)
def test_the_address_that_people_use(file: Path, text: str, public: str) -> None:
    assert load_settings_with(file, text).public_address == public


def test_a_certificates_name_is_the_address(file: Path) -> None:
    certificate, key = Authority(file.parent).sign("ours", "127.0.0.1", "lab.example")
    tls = f"[process]\ntrusted_team = true\n[tls]\ncertificate = '{certificate}'\nkey = '{key}'"
    here = load_settings_with(file, tls)
    assert (here.address, here.public_address) == ("https://127.0.0.1:8000",) * 2
    there = load_settings_with(file, f"host = '0.0.0.0'\n{tls}")
    assert there.address == "https://127.0.0.1:8000"
    assert there.public_address == "https://lab.example:8000"
    assert there.door == "https://127.0.0.1:8000"


def test_an_unknown_variable_is_refused(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABDOCK_PROT", "1")
    assert "did you mean 'port'?" in str(refused(file))


def test_the_process_engine_keeps_to_this_machine_and_one_login(file: Path) -> None:
    login = "kind='github'\nclient_id='x'\nclient_secret='hush'\nallowed_users=['*']"
    assert "trusted_team" in str(refused(file, f"[auth]\n{login}"))
    file.write_text(f"[process]\ntrusted_team = true\n[auth]\n{login}")
    assert load_settings(file).auth.kind == "github"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("admins = ['ann', 'bo']", "ann, bo"),
        ("admins = ['ann']\n[auth]\nallowed_users = ['bo']", "ann, bo"),
        ("admins = ['ann']\n[auth]\nallowed_users = ['*']", "ann, *"),
        ("admins = ['ann']\n[projects.a]\nmembers = ['ann', 'cy']", "ann, cy"),
        ("admins = ['ann']\n[projects.a]\nadmins = ['cy']", "ann, cy"),
    ],
)
def test_the_process_engine_takes_one_person(file: Path, text: str, named: str) -> None:
    said = str(refused(file, text))
    assert "takes one person" in said and named in said and "'process.trusted_team'" in said
    assert load_settings_with(file, f"{text}\n[process]\ntrusted_team = true")


def test_one_person_may_be_named_everywhere(file: Path) -> None:
    text = "admins = ['ann']\n[auth]\nallowed_users = ['ann']\n[projects.a]\nmembers = ['ann']"
    assert load_settings_with(file, text).admins == ["ann"]
    assert "takes one person" in str(refused(file, "[projects.a]\nmembers = ['not-me']"))


def test_a_name_that_the_password_login_cannot_take(file: Path) -> None:
    assert "'ann.smith' cannot log in" in str(refused(file, "admins = ['ann.smith']"))
    for text in (
        "admins = ['project--digits']",
        "[process]\ntrusted_team = true\n[projects.digits]\nmembers = ['project--x']",
    ):
        said = str(refused(file, text))
        assert "--" in said and "nobody logs in" in said


def test_a_domain_is_for_google(file: Path) -> None:
    assert "hosted_domain" in str(refused(file, "[auth]\nhosted_domain = ['example.org']"))


def test_a_variable_of_the_tests_is_no_exception(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABDOCK_TEST_STATE", "/elsewhere")
    assert "'test_state'" in str(refused(file))


@pytest.mark.parametrize(
    "text", ["[auth]\nclient_secret = ['hush']", "database_url = ['hush']", "database_url = 3"]
)
def test_a_secret_is_in_no_message(file: Path, text: str) -> None:
    assert "hush" not in str(refused(file, text))
    assert "hush" not in repr(load_settings_with(file, "[auth]\nclient_secret = 'hush'"))


def load_settings_with(file: Path, text: str) -> Settings:
    file.write_text(text)
    return load_settings(file)


@given(st.text(alphabet="abcdefgpotrhs_.", min_size=1, max_size=12))
def test_any_key_that_is_none_is_named(key: str) -> None:
    from tempfile import TemporaryDirectory

    sections = {
        n for n, f in Settings.model_fields.items() if f.annotation in Section.__subclasses__()
    }
    if key in Settings.model_fields or key in sections:
        return
    with TemporaryDirectory() as folder:
        error = refused(Path(folder, "labdock.toml"), f'"{key}" = 1')
    assert f"'{key}'" in str(error)


@pytest.mark.parametrize("place", ["mysql://ada:geheim@here/x", "postgres://geheim@x/y", "x.db"])
def test_a_database_is_sqlite_or_postgresql(file: Path, place: str) -> None:
    error = refused(file, f'database_url = "{place}"')
    assert error.field == "database_url"
    assert "'postgresql://'" in str(error) and "geheim" not in str(error)


def test_a_folder_that_is_none_of_labdocks_leads_to_the_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command in a wrong folder makes no second deployment there."""
    monkeypatch.chdir(tmp_path)
    assert load_settings().folder == CHECKOUT
    monkeypatch.setattr("labdock_service.settings.CHECKOUT", tmp_path)
    with pytest.raises(SettingsError, match="This is no Labdock folder: "):
        load_settings()
