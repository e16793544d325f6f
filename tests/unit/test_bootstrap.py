"""The first step of `make`, with nothing but the standard library."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from labdock_service import bootstrap
from labdock_service.settings import SettingsError, load_settings

SCRIPT = Path(bootstrap.__file__)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with settings of its own."""
    monkeypatch.setenv("LABDOCK_SETTINGS", str(tmp_path / "labdock.toml"))
    monkeypatch.delenv("LABDOCK_STATE", raising=False)
    return tmp_path


def test_it_needs_nothing_that_is_not_pythons_own() -> None:
    tree = ast.parse(SCRIPT.read_text())
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported <= set(sys.stdlib_module_names)


def test_it_parses_on_the_pythons_that_it_refuses() -> None:
    ast.parse(SCRIPT.read_text(), feature_version=(3, 7))


def test_the_state_folder_is_the_settings(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert bootstrap.state_folder() == place / ".labdock"
    (place / "labdock.toml").write_text("state = 'here'")
    assert bootstrap.state_folder() == place / "here"
    monkeypatch.setenv("LABDOCK_STATE", "/elsewhere")
    assert bootstrap.state_folder() == Path("/elsewhere")
    monkeypatch.setenv("LABDOCK_STATE", " ")
    assert bootstrap.state_folder() == place / "here"
    monkeypatch.setenv("LABDOCK_STATE", "")
    assert bootstrap.state_folder() == place / "here"
    (place / "labdock.toml").write_text("state = ''")
    assert bootstrap.state_folder() == place / ".labdock"


@pytest.mark.usefixtures("place")
def test_without_a_name_the_checkouts_settings_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABDOCK_SETTINGS", "")
    assert bootstrap.state_folder() == bootstrap.CHECKOUT / ".labdock"


@pytest.mark.parametrize("by", ["file", "variable"])
def test_a_home_is_the_same_for_both_who_read_it(
    place: Path, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    monkeypatch.setenv("HOME", str(place / "home"))
    if by == "file":
        (place / "labdock.toml").write_text("state = '~/x'")
    else:
        monkeypatch.setenv("LABDOCK_STATE", "~/x")
    assert bootstrap.state_folder() == load_settings().state.root == place / "home/x"


def test_the_home_of_nobody(place: Path) -> None:
    (place / "labdock.toml").write_text("state = '~nobody-of-that-name/x'")
    with pytest.raises(bootstrap.Refused, match="home of nobody"):
        bootstrap.state_folder()
    with pytest.raises(SettingsError, match="home of nobody"):
        load_settings()


def test_uv_is_pinned_with_hashes() -> None:
    lines = bootstrap.pinned_lines("uv")
    assert lines.startswith("uv==") and "--hash=sha256:" in lines
    assert all(line.startswith(("uv==", "    ")) for line in lines.splitlines())


def test_a_disk_without_space() -> None:
    with pytest.raises(bootstrap.Refused, match="GB left: free some"):
        bootstrap.check_space(Path("/proc"))


def test_a_folder_that_cannot_be_written() -> None:
    with pytest.raises(bootstrap.Refused, match="cannot be written"):
        bootstrap.make_folder(Path("/proc/labdock"))


def run(*arguments: str, state: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", SCRIPT, *arguments],
        env=os.environ | {"LABDOCK_STATE": str(state)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_nothing_to_stop(tmp_path: Path) -> None:
    done = run("hub", "labdock", "down", state=tmp_path / "state")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "Nothing is set up here, so there is nothing to stop.\n"
    assert not (tmp_path / "state").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize("command", ["up", "down", "doctor"])
def test_another_accounts_state_folder(tmp_path: Path, command: str) -> None:
    """Here by one who is nobody: the folder is closed as that of `make up` is."""
    made(tmp_path / "state", "labdock", "echo seen")
    (tmp_path / "state").chmod(0o700)
    as_nobody = (
        "import ensurepip, os, runpy, tomllib, venv;"
        f"main = runpy.run_path({str(SCRIPT)!r})['main'];"
        "os.setgid(65534); os.setuid(65534);"
        f"main(['hub', 'labdock', {command!r}])"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", as_nobody],
        env={"LABDOCK_STATE": str(tmp_path / "state"), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    (sentence,) = done.stderr.splitlines()
    assert "LABDOCK_STATE" in sentence


def test_doctor_says_all_that_the_set_up_lacks(tmp_path: Path) -> None:
    """On a machine with too old a Python, no git and a state folder that cannot be."""
    (tmp_path / "file").write_text("")
    older = (
        "import runpy, sys; sys.version_info = (3, 9, 2, 'final', 0);"
        "sys.argv = ['bootstrap', 'hub', 'labdock', 'doctor'];"
        f"runpy.run_path({str(SCRIPT)!r}, run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", older],
        env={"LABDOCK_STATE": str(tmp_path / "file/state"), "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    old, folder, programs = done.stderr.splitlines()
    assert "found 3.9" in old and "cannot be written" in folder
    assert "apt-get install git make" in programs


def test_doctor_of_what_is_set_up_is_the_environments_own(tmp_path: Path) -> None:
    made(tmp_path, "labdock", "echo examined")
    done = run("hub", "labdock", "doctor", state=tmp_path)
    assert (done.returncode, done.stdout) == (0, "examined\n")


def made(state: Path, program: str, does: str) -> None:
    """A current environment with one program."""
    venv = state / "venvs/hub"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / program).write_text(f"#!/bin/sh\n{does}\n")
    (venv / "bin" / program).chmod(0o755)
    (venv / bootstrap.STAMP).write_text(bootstrap.digest("hub"))


def test_a_current_environment_is_used_as_it_is(tmp_path: Path) -> None:
    made(tmp_path, "hello", "echo hello $1")
    done = run("hub", "hello", "there", state=tmp_path)
    assert (done.returncode, done.stdout) == (0, "hello there\n")


def test_an_update_waits_for_the_hub_to_end(tmp_path: Path) -> None:
    (tmp_path / "venvs/hub").mkdir(parents=True)
    (tmp_path / "run").mkdir()
    command = [sys.executable, "-c", "input()", "jupyterhub"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as hub:
        (tmp_path / "run/hub.json").write_text(f'{{"pid": {hub.pid}}}')
        done = run("hub", "labdock", "up", state=tmp_path)
        hub.kill()
    assert done.returncode == 2
    assert "`make down`, then `make up`" in done.stderr
