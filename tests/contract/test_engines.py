"""What every engine does: each is a fixture parameter."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.workers import (
    DEADLINE,
    ENGINES,
    all_gone,
    ended,
    eventually,
    first_line,
    first_process,
    python,
    records,
    run,
    spec,
    start,
    status,
    strike,
    texts,
)

from labdock_service.engines.base import Engine
from labdock_service.errors import EngineFailed, Invalid, NotFound


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    with ENGINES[request.param](tmp_path / "state") as engine:
        yield engine


# Nodes and ports


def test_a_node_says_what_it_has(engine: Engine) -> None:
    (node,) = engine.nodes()
    assert node.name == "local"
    assert node.cpus > 0
    assert node.memory > 2**28


def test_every_worker_of_a_gang_has_an_address_of_its_own(engine: Engine) -> None:
    gangs = [engine.addresses("local", [f"job-{job}-1-0", f"job-{job}-1-1"]) for job in "ab"]
    assert len({address for gang in gangs for address in gang}) == 4


def test_reserved_ports_are_free_and_given_once(engine: Engine) -> None:
    addresses = [engine.reserve_port("local") for _ in range(6)]
    assert len(set(addresses)) == 6
    for address in addresses:
        host, _, port = address.partition(":")
        with socket.socket() as listener:
            listener.bind((host, int(port)))


# Starting and ending


def test_a_start_yields_its_state_as_it_goes(engine: Engine) -> None:
    states = list(engine.start(spec("sleep", "60")))
    told = [next(iter(state)) for state in states]
    assert told in (["work", "supervisor", "pid"], ["work", "container", "supervisor", "pid"])
    assert Path(states[0]["work"]).is_dir()


def test_a_worker_is_seen_from_start_to_end(engine: Engine) -> None:
    wanted = spec("sleep", "60", labels={"job": "j1"})
    start(engine, wanted)
    running = status(engine, wanted.id)
    assert running is not None
    assert (running.state, running.labels, running.exit_code) == ("running", {"job": "j1"}, None)
    assert running.started is not None
    engine.kill(wanted.id)
    after = ended(engine, wanted.id)
    assert after.ended is not None
    assert after.started == running.started <= after.ended


@pytest.mark.parametrize("code", [0, 1, 64, 75, 143])
def test_exit_codes(engine: Engine, code: int) -> None:
    assert run(engine, spec("sh", "-c", f"exit {code}")).exit_code == code


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGTERM, signal.SIGKILL])
def test_signals_are_negative_exit_codes(engine: Engine, number: signal.Signals) -> None:
    assert run(engine, spec("sh", "-c", f"kill -{number} $$")).exit_code == -number


def test_a_program_that_is_not_there(engine: Engine) -> None:
    wanted = spec("/no/such/program")
    with pytest.raises(EngineFailed, match="No such file or directory"):
        start(engine, wanted)
    after = ended(engine, wanted.id)
    assert after.exit_code is None
    assert after.reason == "its program cannot be started: No such file or directory"


def test_starting_twice_runs_once(engine: Engine, tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    wanted = spec("sh", "-c", "echo once >> $MARKS/it; sleep 60", outputs={"MARKS": marks})
    first = start(engine, wanted)
    again = start(engine, wanted)
    assert again.items() <= first.items()
    eventually((marks / "it").exists)
    engine.kill(wanted.id)
    ended(engine, wanted.id)
    assert start(engine, wanted) == again
    assert (marks / "it").read_text() == "once\n"


def test_an_id_that_is_no_name_is_refused(engine: Engine) -> None:
    for bad in ("../escape", "", "a/b", ".hidden", "a\n"):
        with pytest.raises(Invalid):
            start(engine, spec("true", id=bad))


# What a worker finds


def test_links_are_found_below_the_home(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "roots").mkdir()
    (tmp_path / "roots/x.csv").write_text("1,2")
    links = {"data": tmp_path / "roots", "projects/vision": tmp_path / "not/there/yet"}
    wanted = spec("sh", "-c", "cat ~/data/x.csv && cd ~/projects/vision", links=links)
    assert run(engine, wanted).exit_code == 0
    assert texts(engine, wanted.id) == ["1,2"]
    engine.remove(wanted.id)
    assert (tmp_path / "roots/x.csv").exists()


def test_the_environment_is_the_specs_and_little_else(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "the service's own")
    wanted = spec(
        *python("import json, os; print(json.dumps(dict(os.environ)))"),
        environment={"LABDOCK_RANK": "0"},
        secrets={"API_KEY": "short"},
        outputs={"LABDOCK_MODELS": tmp_path / "models"},
        python_path=(Path("/layers/a"), Path("/layers/b")),
    )
    run(engine, wanted)
    found = json.loads(texts(engine, wanted.id)[0])
    assert "JUPYTERHUB_API_TOKEN" not in found
    assert found["LABDOCK_RANK"] == "0"
    assert found["API_KEY"] == "short"
    assert found["PYTHONPATH"] == "/layers/a:/layers/b"
    assert found["CUDA_VISIBLE_DEVICES"] == "-1"
    assert Path(found["LABDOCK_MODELS"]).is_dir()
    assert Path(found["HOME"]).is_dir()
    allowed = {"HOME", "PATH", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "TZ"}
    allowed |= {"HOSTNAME", "PYTHONUNBUFFERED", "LABDOCK_EVENTS", "TMPDIR", "CUDA_VISIBLE_DEVICES"}
    assert set(found) <= allowed | {"LABDOCK_RANK", "API_KEY", "PYTHONPATH", "LABDOCK_MODELS"}


def test_leased_devices_are_the_visible_ones(engine: Engine) -> None:
    wanted = spec("sh", "-c", "echo $CUDA_VISIBLE_DEVICES", devices=("GPU-1", "GPU-2"))
    run(engine, wanted)
    assert texts(engine, wanted.id) == ["GPU-1,GPU-2"]


def test_a_worker_works_in_a_copy_of_its_code(engine: Engine, tmp_path: Path) -> None:
    layer = tmp_path / "layer"
    (layer / "package").mkdir(parents=True)
    (layer / "train.py").write_text("print('hello')")
    (layer / "package" / "run.sh").write_text("#!/bin/sh\necho ran\n")
    (layer / "package" / "run.sh").chmod(0o555)
    (layer / "data").symlink_to("../data")
    command = "package/run.sh; echo more >> train.py; rm -r package"
    wanted = spec("sh", "-c", command, code=layer, inputs=(layer,))
    work = Path(start(engine, wanted)["work"])
    after = ended(engine, wanted.id)
    assert after.work == work
    assert texts(engine, wanted.id) == ["ran"]
    assert (work / "train.py").read_text() == "print('hello')more\n"
    assert (work / "data").readlink() == Path("../data")
    assert (layer / "train.py").read_text() == "print('hello')"
    assert (layer / "package" / "run.sh").is_file()


def test_a_worker_is_bound_to_the_cpus_it_asked_for(engine: Engine) -> None:
    if engine.nodes()[0].cpus < 2:
        pytest.skip("needs a machine with two CPUs")
    code = python("import os, time; print(sorted(os.sched_getaffinity(0))); time.sleep(60)")
    first, second = spec(*code, cpus=1), spec(*code, cpus=0.5)
    for wanted in (first, second):
        start(engine, wanted)
    cpus = [json.loads(first_line(engine, wanted.id)) for wanted in (first, second)]
    assert [len(found) for found in cpus] == [1, 1]
    assert cpus[0] != cpus[1]


# Stopping


def test_stop_asks_with_sigterm(engine: Engine) -> None:
    wanted = spec(
        "sh", "-c", "trap 'echo saved; exit 143' TERM; echo up; while :; do sleep 0.1; done"
    )
    start(engine, wanted)
    assert first_line(engine, wanted.id) == "up"
    engine.stop(wanted.id)
    after = ended(engine, wanted.id)
    assert (after.exit_code, after.reason) == (143, "stopped on request")
    assert texts(engine, wanted.id) == ["up", "saved"]


def test_a_worker_that_ignores_sigterm_is_killed_after_its_grace(engine: Engine) -> None:
    wanted = spec("sh", "-c", "trap '' TERM; echo up; while :; do sleep 0.1; done", grace=0.3)
    start(engine, wanted)
    first_line(engine, wanted.id)
    engine.stop(wanted.id)
    engine.stop(wanted.id)
    after = ended(engine, wanted.id)
    assert after.exit_code == -signal.SIGKILL
    assert after.reason == "stopped on request; it was killed after 0.3 seconds"


def test_kill_does_not_wait_for_the_grace(engine: Engine) -> None:
    wanted = spec("sh", "-c", "trap '' TERM; echo up; while :; do sleep 0.1; done", grace=3600)
    start(engine, wanted)
    first_line(engine, wanted.id)
    engine.stop(wanted.id)
    engine.kill(wanted.id)
    after = ended(engine, wanted.id)
    assert (after.exit_code, after.reason) == (-signal.SIGKILL, "killed on request")


LEAVES_CHILDREN = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
children = []
for kind in ("plain", "group", "session", "orphan"):
    read, write = os.pipe()
    if not os.fork():
        if kind == "group":
            os.setpgid(0, 0)
        elif kind == "session":
            os.setsid()
        elif kind == "orphan" and os.fork():
            os._exit(0)
        os.write(write, b"%d" % os.getpid())
        time.sleep(600)
    children.append(int(os.read(read, 20)))
print(*children)
sys.stdout.flush()
if {wait}:
    time.sleep(600)
"""


@pytest.mark.parametrize("how", ["stop", "kill", "exit"])
def test_nothing_that_a_worker_started_outlives_it(engine: Engine, how: str) -> None:
    code = LEAVES_CHILDREN.replace("{wait}", str(how != "exit"))
    wanted = spec(*python(code), grace=0.2)
    start(engine, wanted)
    children = [int(pid) for pid in first_line(engine, wanted.id).split()]
    assert len(children) == 4
    if how != "exit":
        getattr(engine, how)(wanted.id)
    ended(engine, wanted.id)
    assert all_gone(engine, wanted.id, children)


def test_stopping_who_is_not_there_passes(engine: Engine) -> None:
    wanted = spec("true")
    for verb in (engine.stop, engine.kill, engine.remove):
        verb(wanted.id)
    run(engine, wanted)
    for verb in (engine.stop, engine.kill):
        verb(wanted.id)
    assert ended(engine, wanted.id).reason is None


# Limits


def test_too_much_memory_is_called_out_of_memory(engine: Engine) -> None:
    code = "import time; hog = b'x' * (200 * 2**20); print('full'); time.sleep(600)"
    after = run(engine, spec(*python(code), memory=100 * 2**20))
    assert after.exit_code == -signal.SIGKILL
    assert after.reason is not None
    assert after.reason.startswith("out of memory: it used ")
    assert after.reason.endswith("its limit is 100 MiB")


def test_memory_of_children_counts(engine: Engine) -> None:
    code = """
        import os, time
        for _ in range(3):
            if not os.fork():
                hog = b"x" * (50 * 2**20)
                time.sleep(600)
        time.sleep(600)
    """
    after = run(engine, spec(*python(code), memory=120 * 2**20))
    assert after.reason is not None
    assert after.reason.startswith("out of memory: ")


# The log


def test_lines_of_both_streams(engine: Engine) -> None:
    wanted = spec("sh", "-c", "echo out; echo err >&2; printf unended")
    run(engine, wanted)
    found = [(record.stream, record.text) for record in records(engine, wanted.id)]
    assert sorted(found) == [("stderr", "err"), ("stdout", "out"), ("stdout", "unended")]
    assert all(record.time > 1.6e9 for record in records(engine, wanted.id))


def test_following_a_log_sees_each_line_and_ends_with_the_worker(engine: Engine) -> None:
    wanted = spec("sh", "-c", "for n in 0 1 2 3 4; do echo $n; sleep 0.1; done")
    start(engine, wanted)
    assert texts(engine, wanted.id, follow=True) == ["0", "1", "2", "3", "4"]
    assert ended(engine, wanted.id).exit_code == 0


def test_a_followed_line_is_there_while_the_worker_still_runs(
    engine: Engine, tmp_path: Path
) -> None:
    answers = tmp_path / "answers"
    code = """
        import os, time
        for n in range(3):
            print(n, flush=True)
            while not os.path.exists(os.path.join(os.environ["ANSWERS"], str(n))):
                time.sleep(0.01)
    """
    wanted = spec(*python(code), outputs={"ANSWERS": answers})
    start(engine, wanted)

    async def follow() -> list[str]:
        seen = []
        async for record in engine.log(wanted.id, follow=True):
            seen.append(record.text)
            os.close(os.open(answers / record.text, os.O_CREAT))
        return seen

    assert asyncio.run(asyncio.wait_for(follow(), DEADLINE)) == ["0", "1", "2"]


def test_a_log_goes_on_after_any_cursor(engine: Engine) -> None:
    code = """
        import sys, time
        for n in range(200):
            print(n, "x" * (n % 7) * 30_000, file=sys.stderr if n % 3 else sys.stdout)
    """
    wanted = spec(*python(code))
    start(engine, wanted)

    async def broken_off() -> list[str]:
        """Follow, and begin again after every seventh line."""
        seen: list[str] = []
        cursor = None
        while True:
            log = engine.log(wanted.id, after=cursor, follow=True)
            count = 0
            async for record in log:
                cursor, count = record.cursor, count + 1
                seen.append(f"{record.stream} {record.text}")
                if count == 7:
                    break
            await log.aclose()  # type: ignore[attr-defined]
            if count < 7:
                return seen

    seen = asyncio.run(asyncio.wait_for(broken_off(), DEADLINE))
    assert seen == [f"{record.stream} {record.text}" for record in records(engine, wanted.id)]
    numbers = [int(line.split()[1]) for line in seen]
    assert sorted(numbers) == list(range(200))


def test_any_bytes_are_text(engine: Engine) -> None:
    code = (
        r"import os; os.write(1, b'\xff\xfe caf\xc3\xa9 \x00\x1b[31m red\r\n'); os.write(1, b'\n')"
    )
    wanted = spec(*python(code))
    run(engine, wanted)
    assert texts(engine, wanted.id) == ["\ufffd\ufffd café \x00\x1b[31m red\r", ""]


def test_a_line_of_fifty_megabytes(engine: Engine) -> None:
    code = "import sys; sys.stdout.write('é' * 25_000_000); print(); print('after')"
    wanted = spec(*python(code))
    run(engine, wanted)
    found = texts(engine, wanted.id)
    assert "".join(found[:-1]) == "é" * 25_000_000
    assert max(map(len, found)) < 2**20
    assert found[-1] == "after"


def test_a_flood_of_output_fills_no_memory(engine: Engine) -> None:
    code = """
        import os, time
        block = b"".join(b"line %04d %s\\n" % (n, b"x" * 100) for n in range(1000))
        for n in range(1000):
            os.write(1, block)
        print("done", flush=True)
        time.sleep(600)
    """
    wanted = spec(*python(code))
    supervisor = first_process(engine, wanted.id, start(engine, wanted))

    async def last() -> int:
        lines = 0
        async for record in engine.log(wanted.id, follow=True):
            if record.text == "done":
                break
            lines += 1
        return lines

    assert asyncio.run(last()) == 1_000_000
    peak = Path(f"/proc/{supervisor}/status").read_text().split("VmHWM:")[1].split()[0]
    assert int(peak) < 64 * 1024


def test_the_log_of_nobody(engine: Engine) -> None:
    with pytest.raises(NotFound):
        texts(engine, "job-nobody-1-0")


# Events


def test_only_whole_lines_of_events_are_given_out(engine: Engine) -> None:
    code = """
        import os, time
        file = os.open(os.environ["LABDOCK_EVENTS"], os.O_APPEND | os.O_WRONLY)
        os.write(file, b'{"n": 1}\\n{"n": 2}\\n{"n"')
        print("written", flush=True)
        time.sleep(600)
    """
    wanted = spec(*python(code))
    start(engine, wanted)
    first_line(engine, wanted.id)
    lines, offset = engine.events(wanted.id, 0)
    assert [json.loads(line) for line in lines] == [{"n": 1}, {"n": 2}]
    assert engine.events(wanted.id, offset) == ([], offset)
    assert engine.events(wanted.id, 9) == ([b'{"n": 2}'], offset)
    assert engine.events("job-nobody-1-0", 0) == ([], 0)


# Removing


def test_a_removed_worker_is_forgotten(engine: Engine, tmp_path: Path) -> None:
    layer = tmp_path / "layer"
    layer.mkdir()
    wanted = spec("sh", "-c", "mkdir made && chmod 500 made .", code=layer, inputs=(layer,))
    work = Path(start(engine, wanted)["work"])
    ended(engine, wanted.id)
    engine.remove(wanted.id)
    assert status(engine, wanted.id) is None
    assert not work.exists()
    engine.remove(wanted.id)


def test_a_running_worker_is_not_removed(engine: Engine) -> None:
    wanted = spec("sleep", "600")
    start(engine, wanted)
    with pytest.raises(EngineFailed, match="stop it"):
        engine.remove(wanted.id)
    assert status(engine, wanted.id) is not None


# Deaths


def test_a_worker_killed_from_outside(engine: Engine) -> None:
    wanted = spec("sleep", "600")
    strike(engine, wanted.id, start(engine, wanted)["pid"])
    after = ended(engine, wanted.id)
    assert (after.exit_code, after.reason) == (-signal.SIGKILL, None)


def test_every_worker_has_a_session_of_its_own(engine: Engine) -> None:
    code = "import os; print(os.getsid(0) == os.getpgid(0) == os.getpid())"
    wanted = spec(*python(code))
    run(engine, wanted)
    assert texts(engine, wanted.id) == ["True"]
