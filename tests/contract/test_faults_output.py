"""Output that no disk could hold, and what a worker leaves running."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.disks import filled, small_disk
from tests.support.workers import (
    ENGINES,
    ended,
    eventually,
    process_engine,
    python,
    records,
    run,
    spec,
    start,
    status,
    texts,
)

from labdock_service import linux
from labdock_service.engines import statusfile, supervisor
from labdock_service.engines.base import Engine
from labdock_service.engines.criolog import LineWriter
from labdock_service.engines.outputlog import LogFile
from labdock_service.engines.process import ProcessEngine
from labdock_service.errors import EngineFailed
from labdock_service.statefolder import StateFolder

WORKER = "job-jflood-1-0"


class SmallLog(LogFile):
    """Keeps little."""

    HEAD = 20_000
    TAIL = 60_000
    STEP = 10_000


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[ProcessEngine]:
    with process_engine(tmp_path / "state") as engine:
        yield engine


@pytest.fixture(params=ENGINES)
def each_engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    with ENGINES[request.param](tmp_path / "state") as engine:
        yield engine


@pytest.fixture
def log(tmp_path: Path) -> SmallLog:
    """The log of a worker that no engine started."""
    folder = StateFolder(tmp_path / "state").workers / WORKER
    folder.mkdir(parents=True)
    (folder / "log").touch()
    return SmallLog(str(folder / "log"))


def flood(log: LogFile, count: int) -> None:
    writer = LineWriter("stdout")
    for number in range(count):
        log.append(writer.feed(b"line %06d\n" % number, number))


def test_a_log_that_is_too_long_keeps_its_two_ends(
    engine: ProcessEngine, log: SmallLog, tmp_path: Path
) -> None:
    flood(log, 20_000)
    found = records(engine, WORKER)
    lines = [record.text for record in found]
    cut = next(n for n, text in enumerate(lines) if "left out" in text)
    assert lines[cut].startswith("labdock: ") and lines[cut].endswith(
        " of output are left out here."
    )
    assert lines[:cut] == [f"line {n:06d}" for n in range(cut)]
    kept = len(lines) - cut - 1
    assert lines[cut + 1 :] == [f"line {n:06d}" for n in range(20_000 - kept, 20_000)]
    file = tmp_path / "state/workers" / WORKER / "log"
    assert file.stat().st_blocks * 512 < 120_000 < file.stat().st_size
    for place in (0, cut - 1, cut, cut + 1, len(lines) - 1):
        rest = records(engine, WORKER, after=found[place].cursor)
        assert [record.text for record in rest] == lines[place + 1 :]


def test_a_reader_whose_place_was_cut_out_goes_on_after_it(
    engine: ProcessEngine, log: SmallLog
) -> None:
    flood(log, 1_500)
    place = records(engine, WORKER)[-1].cursor
    flood(log, 20_000)
    lines = texts(engine, WORKER, after=place)
    assert "left out" in lines[0]
    assert lines[-1] == "line 019999"


def test_where_no_hole_can_be_made_the_beginning_is_kept(
    engine: ProcessEngine, log: SmallLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: int) -> None:
        raise OSError(errno.EOPNOTSUPP, "not here")

    monkeypatch.setattr(linux, "punch_hole", refuse)
    flood(log, 20_000)
    lines = texts(engine, WORKER)
    assert lines[-1] == "labdock: this log is full, and what follows is left out"
    assert lines[:-1] == [f"line {n:06d}" for n in range(len(lines) - 1)]


@pytest.mark.parametrize("fault", [errno.ENOSPC, errno.EROFS, errno.EIO])
def test_a_disk_that_fails_loses_output_and_ends_nothing(
    engine: ProcessEngine, log: SmallLog, monkeypatch: pytest.MonkeyPatch, fault: int
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(fault, "not now")

    with monkeypatch.context() as broken:
        broken.setattr(os, "write", refuse)
        flood(log, 3)
    flood(log, 1)
    lines = texts(engine, WORKER)
    assert "bytes of output were lost" in lines[-2]
    assert lines[-1] == "line 000000"


@pytest.mark.parametrize("fault", [errno.ENOSPC, errno.EROFS, errno.EIO])
@pytest.mark.parametrize("walled", [False, True])
def test_a_supervisor_outlives_a_disk_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, walled: bool, fault: int
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(fault, "not now")

    monkeypatch.chdir(tmp_path)
    (tmp_path / "log").touch()
    watched = supervisor.Supervisor({"masked": (), "wake": "", "walled": walled}, control=0)
    if walled:  # it writes into a file that its engine made
        (tmp_path / "status.json").touch()
    with monkeypatch.context() as broken:
        broken.setattr(statusfile, "overwrite" if walled else "write", refuse)
        assert not watched._say("ended")
    assert watched._say("ended")
    assert statusfile.read(tmp_path)


def test_a_job_that_prints_without_end_fills_no_disk(each_engine: Engine) -> None:
    """As fast as it can: hundreds of megabytes a second."""
    code = """
        import os
        block = (b"x" * 65535 + b"\\n") * 16
        for _ in range(500):
            os.write(1, block)
        print("done")
    """
    wanted = spec(*python(code))
    work = Path(start(each_engine, wanted)["work"])
    assert ended(each_engine, wanted.id).exit_code == 0
    assert (work / "log").stat().st_blocks * 512 < LogFile.HEAD + LogFile.TAIL + 4 * LogFile.STEP
    found = texts(each_engine, wanted.id)
    assert sum("left out here" in text for text in found) == 1
    assert found[-1] == "done"


@pytest.mark.parametrize("kind", ENGINES)
@pytest.mark.parametrize("leave", [0, 4096])
def test_a_worker_that_cannot_start_on_a_full_disk_can_once_there_is_space(
    tmp_path: Path, leave: int, kind: str
) -> None:
    """Also where only its supervisor finds the disk full."""
    with small_disk(tmp_path / "disk", "1m") as disk, ENGINES[kind](disk / "state") as engine:
        assert run(engine, spec("true")).exit_code == 0
        wanted = spec("sh", "-c", "echo ran")
        with filled(disk, leave=leave), pytest.raises(EngineFailed, match=r"[Nn]o space left"):
            start(engine, wanted)
        eventually(lambda: status(engine, wanted.id) is None)
        assert run(engine, wanted).exit_code == 0
        assert texts(engine, wanted.id) == ["ran"]


def test_processes_that_a_worker_leaves_are_named_in_its_log(each_engine: Engine) -> None:
    wanted = spec("sh", "-c", "sleep 600 & setsid sleep 600 & echo done")
    assert run(each_engine, wanted).exit_code == 0
    assert texts(each_engine, wanted.id) == [
        "done",
        "labdock: 2 processes that this worker left running are ended with it.",
    ]
    quick = spec("sh", "-c", "sleep 0.05 & echo done")
    assert run(each_engine, quick).exit_code == 0
    assert texts(each_engine, quick.id) == ["done"]
