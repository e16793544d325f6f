"""`labdock secrets` and `labdock notify`, as a person types them."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.support.clients import RunningService, running_service

from labdock import client as clients
from labdock.cli import main

VALUE = "hunter2-and-more"
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    with running_service(tmp_path_factory.mktemp("state")) as service:
        yield service


@pytest.fixture
def run(
    service: RunningService, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Run]:
    monkeypatch.setenv("LABDOCK_URL", service.url)
    monkeypatch.setenv("LABDOCK_TOKEN", "token-ada")
    clients._client.cache_clear()

    def run(*arguments: str, reads: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(reads))
        capsys.readouterr()
        code = main(arguments)
        return (code, *capsys.readouterr())

    yield run
    clients.default_client().transport.close()
    clients._client.cache_clear()


def test_a_secret_is_set_listed_and_deleted(run: Run) -> None:
    assert run("secrets", "set", "TOKEN", reads=f"{VALUE}\n") == (0, "", "")
    code, out, _ = run("secrets")
    titles, row = out.splitlines()
    assert titles.split() == ["NAME", "PROJECT", "SET", "BY", "HIDDEN", "IN", "LOGS"]
    assert row.split()[:2] == ["TOKEN", "ada"]
    assert row.endswith("ada  yes")
    (listed,) = json.loads(run("secrets", "--json")[1])
    assert (code, listed["name"], listed["changed_by"]) == (0, "TOKEN", "ada")
    assert run("secrets", "delete", "TOKEN") == (0, "", "")
    assert run("secrets")[2].startswith("No secret yet")
    code, _, err = run("secrets", "delete", "TOKEN")
    assert (code, "no secret 'TOKEN'" in err) == (2, True)


def test_a_value_is_typed_unseen(run: Run) -> None:
    terminal, own = pty.openpty()
    command = (
        "import sys; from labdock.cli import main; sys.exit(main(['secrets', 'set', 'TYPED']))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", command], stdin=own, stdout=own, stderr=own, start_new_session=True
    )
    os.close(own)
    assert until(terminal, b": ").endswith(b"Value: ")
    os.write(terminal, VALUE.encode() + b"\n")
    shown = until(terminal, None)
    assert process.wait() == 0
    assert VALUE.encode() not in shown
    assert [one["masked"] for one in json.loads(run("secrets", "--json")[1])] == [True]


def until(terminal: int, word: bytes | None) -> bytes:
    """What a terminal shows up to this word, or to the end."""
    shown = b""
    while word is None or word not in shown:
        try:
            shown += os.read(terminal, 4096)
        except OSError:  # so a terminal says that nobody writes any more
            assert word is None, shown
            break
    return shown


def test_what_a_person_does_wrong(run: Run) -> None:
    code, _, err = run("secrets", "set", "MY-KEY", reads=VALUE)
    assert code == 2
    assert "a variable's" in err
    assert VALUE not in err
    assert run("secrets", "set", "TOKEN", VALUE)[0] == 2  # a value is no argument
    code, _, err = run("secrets", "set", "TOKEN", reads="\n")
    assert (code, "There is no value" in err) == (2, True)
    code, _, err = run("secrets", "--project", "vision", "set", "TOKEN", reads=VALUE)
    assert (code, "after the verb" in err) == (2, True)
    code, _, err = run("secrets", "set", "TOKEN", "--project", "other", reads=VALUE)
    assert (code, err) == (2, "You are in no project 'other'.\n")


def test_a_short_value_is_warned_of(run: Run) -> None:
    code, out, err = run("secrets", "set", "PIN", reads="1234")
    assert (code, out) == (0, "")
    assert "too short to be hidden" in err
    assert "no: too short" in run("secrets")[1]


def test_a_job_names_its_secrets(run: Run, tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text("print('hello')")
    run("secrets", "set", "TOKEN", reads=VALUE)
    code, out, _ = run("submit", str(script), "--secret", "TOKEN", "--json")
    assert (code, json.loads(out)["secrets"]) == (0, ["TOKEN"])
    _, out, _ = run("show", "last")
    assert VALUE not in out
    assert any(line.split() == ["Secrets", "TOKEN"] for line in out.splitlines())
    code, _, err = run("submit", str(script), "--secret", "MISSING")
    assert (code, "no secret 'MISSING'" in err) == (2, True)
    code, _, err = run("submit", str(script), "--notify")
    assert (code, "labdock notify" in err) == (2, True)
    assert run("submit", str(script), "--no-notify")[0] == 0


def test_a_person_says_where_they_are_told(run: Run) -> None:
    assert run("notify")[2].startswith("You are told of no end")
    url = "https://hooks.example.org/services/T0/B0/x7k-which-nobody-reads"
    code, out, _ = run("notify", "--webhook", url, "--when", "failed")
    assert code == 0
    assert "ldw_" in out
    assert "x7k-which-nobody-reads" not in out
    fields = dict(line.split(maxsplit=1) for line in run("notify")[1].splitlines())
    assert fields == {"Webhook": "hooks.example.org/…", "Of": "jobs that failed"}
    assert json.loads(run("notify", "--json")[1])["when"] == "failed"
    code, _, err = run("notify", "--email", "ada@example.org")
    assert (code, "sends no e-mail" in err) == (2, True)
    code, _, err = run("notify", "--off", "--webhook", url)
    assert (code, "--off ends both" in err) == (2, True)
    assert run("notify", "--off")[2].startswith("You are told of no end")
