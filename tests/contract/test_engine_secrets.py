"""What every engine does with a worker's secrets: it has them, and its log has them not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.workers import ENGINES, ended, python, run, spec, start, texts

from labdock_service.engines import criolog
from labdock_service.engines.base import Engine

SECRET = 'hunter2 "quoted" é&<'
KEY = "-----BEGIN KEY-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQEF\n-----END KEY-----\n"


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    with ENGINES[request.param](tmp_path / "state") as engine:
        yield engine


def log_of(engine: Engine, code: str, **secrets: str) -> list[str]:
    """What a worker of this code wrote, as its log has it."""
    wanted = spec(*python("import os\n" + code), secrets=secrets)
    assert run(engine, wanted).exit_code == 0, texts(engine, wanted.id)
    return texts(engine, wanted.id)


def test_a_worker_has_its_secrets(engine: Engine) -> None:
    code = f"assert os.environ['TOKEN'] == {SECRET!r} and os.environ['KEY'] == {KEY!r}"
    assert log_of(engine, code, TOKEN=SECRET, KEY=KEY) == []


def test_its_log_has_stars_where_it_prints_one(engine: Engine) -> None:
    code = "print('before', os.environ['TOKEN'], 'after'); os.write(2, os.environb[b'TOKEN'])"
    assert log_of(engine, code, TOKEN=SECRET) == ["before *** after", "***"]


@pytest.mark.parametrize(
    "spelled",
    [
        "repr(value)",
        "repr(value.encode())",
        "json.dumps(value)",
        "json.dumps(value, ensure_ascii=False)",
        "html.escape(value)",
        "urllib.parse.quote(value)",
        "urllib.parse.quote_plus(value)",
    ],
)
def test_however_it_is_spelled(engine: Engine, spelled: str) -> None:
    code = f"import html, json, urllib.parse; value = os.environ['TOKEN']; print({spelled})"
    (line,) = log_of(engine, code, TOKEN=SECRET)
    assert line.strip("b'\"") == "***"


def test_a_value_that_is_written_piece_by_piece(engine: Engine) -> None:
    code = """
import time
for character in os.environ["TOKEN"]:
    os.write(1, character.encode())
    time.sleep(0.01)
"""
    assert log_of(engine, code, TOKEN=SECRET) == ["***"]


def test_a_value_across_the_parts_of_a_long_line(engine: Engine) -> None:
    before = criolog.LONGEST_PART - 3
    code = f"os.write(1, b'x' * {before}); import time; time.sleep(0.1)\n"
    code += "os.write(1, os.environb[b'TOKEN'] + b'y' * 300000)"
    assert "".join(log_of(engine, code, TOKEN=SECRET)) == "x" * before + "***" + "y" * 300000


def test_each_line_of_a_value_is_hidden(engine: Engine) -> None:
    code = "print(os.environ['KEY']); print(os.environ['KEY'].splitlines()[1], 'alone')"
    assert log_of(engine, code, KEY=KEY) == ["***"] * 4 + ["", "*** alone"]


def test_a_short_value_is_not_hidden(engine: Engine) -> None:
    assert log_of(engine, "print(os.environ['PIN'])", PIN="12345") == ["12345"]


def test_what_a_worker_starts_is_read_the_same_way(engine: Engine) -> None:
    wanted = spec("sh", "-c", 'sh -c "echo $TOKEN"', secrets={"TOKEN": "tr0ub4dor"})
    start(engine, wanted)
    ended(engine, wanted.id)
    assert texts(engine, wanted.id) == ["***"]
