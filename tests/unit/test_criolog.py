from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labdock_service.engines import criolog, logreader
from labdock_service.engines.base import LogRecord
from labdock_service.engines.criolog import LineWriter
from labdock_service.engines.logreader import LogReader
from labdock_service.errors import Invalid

NOON = 1_700_000_000_123_456_789

outputs = st.lists(
    st.tuples(
        st.sampled_from(["stdout", "stderr"]),
        st.lists(st.sampled_from([b"\n", b"ab", b"\xc3\xa9", b"\xff", b"0123456789", b" "])).map(
            b"".join
        ),
    ),
    max_size=30,
)


@pytest.fixture(scope="module", autouse=True)
def short_lines() -> Iterator[None]:
    """Parts and records so short that generated lines are in many of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(criolog, "LONGEST_PART", 8)
        patch.setattr(logreader, "LONGEST_RECORD", 32)
        yield


def written(pieces: list[tuple[str, bytes]]) -> bytes:
    writers = {stream: LineWriter(stream) for stream in ("stdout", "stderr")}
    log = b"".join(writers[stream].feed(output, NOON) for stream, output in pieces)
    return log + b"".join(writer.finish(NOON) for writer in writers.values())


def read(log: bytes, cursor: str | None = None, block: int = 1000) -> list[LogRecord]:
    reader = LogReader(cursor)
    found: list[LogRecord] = []
    while piece := log[reader.offset : reader.offset + block]:
        found += reader.feed(piece)
    return found


def test_a_line_is_in_the_format_of_container_runtimes() -> None:
    log = written([("stdout", b"hello\nworld\n")])
    assert log.splitlines() == [
        b"2023-11-14T22:13:20.123456789Z stdout F hello",
        b"2023-11-14T22:13:20.123456789Z stdout F world",
    ]


def test_a_record_has_time_and_stream() -> None:
    (record,) = read(written([("stderr", b"oh\n")]))
    assert (record.stream, record.text) == ("stderr", "oh")
    assert record.time == pytest.approx(NOON / 1e9, abs=1e-6)


def test_a_long_line_is_in_parts_that_cut_no_character() -> None:
    pieces = ("xé" * 3).encode() + b"\xc3", b"\xa9!", b"\n"
    log = written([("stdout", piece) for piece in pieces])
    parts = [line.split(b" ", 3)[2:] for line in log.splitlines()]
    assert parts == [[b"P", ("xé" * 3).encode()], [b"F", "é!".encode()]]


@given(outputs, st.integers(1, 200))
def test_what_was_written_is_read(pieces: list[tuple[str, bytes]], block: int) -> None:
    found = read(written(pieces), block=block)
    for stream in ("stdout", "stderr"):
        output = b"".join(piece for name, piece in pieces if name == stream)
        text = "".join(record.text for record in found if record.stream == stream)
        assert text == output.replace(b"\n", b"").decode(errors="replace")


@given(outputs)
def test_short_lines_are_records(pieces: list[tuple[str, bytes]]) -> None:
    output = b"".join(piece for _, piece in pieces)
    lines = output.split(b"\n")
    if max(map(len, lines)) < 8:
        expected = lines[:-1] + [line for line in lines[-1:] if line]
        found = read(written([("stdout", output)]))
        assert [record.text for record in found] == [
            line.decode(errors="replace") for line in expected
        ]


@given(outputs, st.integers(1, 200))
def test_reading_goes_on_after_any_cursor(pieces: list[tuple[str, bytes]], block: int) -> None:
    log = written(pieces)
    every = read(log)
    for number, record in enumerate(every):
        assert read(log, record.cursor, block) == every[number + 1 :]


@given(st.binary(max_size=300))
def test_what_is_no_log_is_passed_over(rubbish: bytes) -> None:
    line = written([("stdout", b"hello\n")])
    found = read(rubbish + b"\n" + line)
    assert found[-1].text.endswith("hello")


@pytest.mark.parametrize("cursor", ["x", "-1", "1-2", "1-2-3-4", "²"])
def test_a_wrong_cursor_is_the_callers_mistake(cursor: str) -> None:
    with pytest.raises(Invalid):
        LogReader(cursor)


@given(
    pieces=st.lists(
        st.sampled_from([b"hunter22", b"hunt", b"er22", b"\n", b"er", b"\xc3\xa9", b"0123456789"])
    )
)
def test_what_is_masked_is_in_no_line_however_it_is_cut(pieces: list[bytes]) -> None:
    writer = LineWriter("stdout", (b"hunter22",))
    log = b"".join(writer.feed(piece, NOON) for piece in pieces) + writer.finish(NOON)
    whole = b"".join(pieces).replace(b"hunter22", b"***").replace(b"\n", b"")
    assert "".join(record.text for record in read(log)) == whole.decode()


def test_a_line_of_nothing_but_what_is_masked() -> None:
    writer = LineWriter("stdout", (b"hunter22",))
    log = writer.feed(b"hunter22" * 1000, NOON) + writer.finish(NOON)
    assert b"hunter" not in log
