"""From Docker's log of a container to a worker's, broken off anywhere."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.disks import filled, small_disk
from tests.support.workers import texts

from labdock_service.engines.carrying import carry
from labdock_service.engines.logreader import LogReader, parse_time
from labdock_service.engines.outputlog import LogFile
from labdock_service.engines.process import ProcessEngine
from labdock_service.statefolder import StateFolder


def stamp(number: int) -> bytes:
    """A time of its own for each number, four to the second."""
    seconds, quarter = divmod(number, 4)
    minutes, seconds = divmod(seconds, 60)
    return b"2026-01-02T03:%02d:%02d.%09dZ" % (minutes, seconds, quarter * 250_000_000 + number)


def frame(number: int, text: bytes) -> bytes:
    content = stamp(number) + b" " + text
    return bytes([1 + number % 2, 0, 0, 0]) + len(content).to_bytes(4, "big") + content


class Output:
    """What Docker has so far, and gives from a second on."""

    def __init__(self) -> None:
        self.frames: list[tuple[int, bytes]] = []

    def say(self, number: int, text: bytes) -> None:
        self.frames.append((number, frame(number, text)))

    def since(self, seconds: str) -> bytes:
        wanted = int(seconds)
        return b"".join(
            found for number, found in self.frames if parse_time(stamp(number)) >= wanted
        )


def read(log: Path) -> list[str]:
    """The log's lines, as people get them."""
    reader = LogReader()
    return [record.text for record in reader.feed(log.read_bytes())]


@settings(max_examples=50)
@given(st.lists(st.lists(st.integers(0, 15), max_size=5), max_size=20))
def test_every_line_is_there_once(
    tmp_path_factory: pytest.TempPathFactory, rounds: list[list[int]]
) -> None:
    """However often it is looked, and though a line comes after one that has a later time."""
    log = tmp_path_factory.mktemp("worker") / "log"
    log.touch()
    output, number, said = Output(), 0, []
    for lengths in rounds:
        numbers = [number + at for at in range(len(lengths))]
        number += len(lengths)
        if len(numbers) > 1:
            numbers[-2:] = numbers[:-3:-1]
        for at, length in zip(numbers, lengths, strict=True):
            output.say(at, b"%d " % at + b"x" * length * 1000 + b"\n")
            said.append(f"{at} " + "x" * length * 1000)
            if length % 3 == 0:
                carry(output.since, log)
        carry(output.since, log)
    assert read(log) == said


def test_a_line_in_pieces_is_one_line(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.touch()
    output = Output()
    for number in (0, 2, 4):
        output.say(number, b"x" * 16 * 1024)
        carry(output.since, log)
    output.say(6, b"end")
    carry(output.since, log)
    assert read(log) == ["x" * 3 * 16 * 1024 + "end"]


def own_frame(text: bytes) -> bytes:
    """What Docker itself says, which has no time."""
    return bytes([3, 0, 0, 0]) + len(text).to_bytes(4, "big") + text


def test_what_docker_says_of_a_damaged_log_is_a_line_of_it_and_the_rest_is_carried(
    tmp_path: Path,
) -> None:
    log = tmp_path / "log"
    log.touch()
    output = Output()
    complaint = own_frame(b"Error grabbing logs: invalid character\n")
    carry(lambda _: complaint, log)
    output.say(0, b"first\n")
    for _ in range(2):
        carry(lambda since: output.since(since) + complaint, log)
    output.say(8, b"last\n")
    carry(output.since, log)
    assert read(log) == ["first", "Error grabbing logs: invalid character", "last"]


def test_what_a_full_disk_did_not_take_is_taken_later(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "1m") as disk:
        log = disk / "log"
        log.touch()
        output = Output()
        output.say(0, b"first\n")
        carry(output.since, log)
        output.say(1, b"y" * 10_000 + b"\n")
        with filled(disk), pytest.raises(OSError) as full:
            carry(output.since, log)
        assert full.value.errno == errno.ENOSPC
        output.say(2, b"last\n")
        carry(output.since, log)
        assert read(log) == ["first", "y" * 10_000, "last"]


def test_a_log_that_grows_too_large_loses_its_middle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LogFile, "HEAD", 64 * 1024)
    monkeypatch.setattr(LogFile, "TAIL", 256 * 1024)
    log = tmp_path / "log"
    log.touch()
    output = Output()
    for number in range(900):
        output.say(number, b"%d " % number + b"z" * 1000 + b"\n")
        if number % 10 == 0:
            carry(output.since, log)
            output.frames = output.frames[-20:]
    assert log.stat().st_blocks * 512 < 400 * 1024 < log.stat().st_size
    found = [int(line.split()[0]) for line in lines_of(log)]
    assert found[0] == 0 and found[-1] == 890
    assert found == sorted(set(found))


def lines_of(log: Path) -> list[str]:
    """The lines that are left, as the engine reads them; not what it says of those that are not."""
    state = StateFolder(log.parent / "state")
    folder = state.workers / "job-j1-1-0"
    folder.mkdir(parents=True)
    log.rename(folder / "log")
    found = texts(ProcessEngine(state), "job-j1-1-0")
    return [text for text in found if not text.startswith("labdock: ")]
