"""A job of the chaos run: it counts in epochs and steps with its gang, keeps its place after
each epoch, numbers every line that it prints, and may fail in a way that is known before."""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any, TextIO

MODULUS = 1_000_003
LINES = 4
"""Lines on each stream that a step prints."""

PATIENCE = 100.0
FILLER = "." * 60


def expected(epochs: int, steps: int, workers: int) -> int:
    """What the count comes to, however often the job was cut off."""
    value = 0
    for epoch in range(1, epochs + 1):
        for step in range(1, steps + 1):
            value = counted(value, epoch, step, sum(range(1, workers + 1)))
    return value


def counted(value: int, epoch: int, step: int, together: int) -> int:
    return (value * 31 + epoch * 1009 + step * together) % MODULUS


def main() -> None:
    from labdock_runtime.events import Events
    from labdock_runtime.job import Job

    options = arguments()
    job = Job(os.environ)
    run_alone(job)
    log, place = Log(), Place(Path(job.checkpoints))
    gang, events = Gang(job.gang, job.rank), Events(job)
    done, value = gang.meet(*place.read())
    log.say(f"begins after epoch {done} at {value}")
    for epoch in range(done + 1, options.epochs + 1):
        if (epoch, job.rank) == (options.at, job.workers - 1):
            fail(options.fail, log)
        for step in range(1, options.steps + 1):
            value = counted(value, epoch, step, gang.add_up(job.rank + 1))
            for _ in range(LINES):
                log.say(f"epoch {epoch} step {step}")
            time.sleep(options.pause)
        if job.chief:
            events.emit("epoch", epoch=epoch, epochs=options.epochs, metrics={"value": value})
            place.write(epoch, value)
    if job.chief:
        leave(job, value, with_model=options.model)
    log.end()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--pause", type=float, required=True)
    parser.add_argument("--fail", choices=["raise", "exit", "crash"])
    parser.add_argument("--at", type=int, default=0)
    parser.add_argument("--model", action="store_true")
    return parser.parse_args()


def run_alone(job: Any) -> None:
    """Leave a note of this worker, and another one where its job runs twice at once."""
    folder = Path(os.environ["KERAS_HOME"], "chaos", job.id)  # all its attempts have this place
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "began").open("a") as began:
        began.write(f"{job.attempt}-{job.rank}\n")
    lock = os.open(folder / f"lock-{job.rank}", os.O_CREAT | os.O_RDWR)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        (folder / f"twice-{job.attempt}-{job.rank}").touch()


class Log:
    """Lines that are numbered on each stream by itself."""

    def __init__(self) -> None:
        self._count = 0

    def say(self, text: str) -> None:
        self._count += 1
        for name, stream in (("out", sys.stdout), ("err", sys.stderr)):
            stream.write(f"{name} {self._count} {text} {FILLER}\n")

    def end(self) -> None:
        """Say how many there were."""
        print(f"end {self._count}", flush=True)


class Place:
    """The chief's place in the count, kept for the next attempt."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "place.json"

    def read(self) -> tuple[int, int]:
        with contextlib.suppress(FileNotFoundError):
            epoch, value = json.loads(self._file.read_text())
            return epoch, value
        return 0, 0

    def write(self, epoch: int, value: int) -> None:
        fresh = self._file.with_suffix(".new")
        fresh.write_text(json.dumps([epoch, value]))
        fresh.replace(self._file)


class Gang:
    """The job's workers on TF_CONFIG's addresses: the first adds up, the others call it."""

    def __init__(self, addresses: list[str], rank: int) -> None:
        self._addresses = [(host, int(port)) for host, port in (a.split(":") for a in addresses)]
        self._rank = rank
        self._peers: list[TextIO] = []
        self._kept: list[socket.socket] = []
        """They stay open to the very end, so that whoever fails first is heard of last."""

    def meet(self, epoch: int, value: int) -> tuple[int, int]:
        """Find the others; the chief's place is everybody's."""
        if self._rank:
            self._call()
        elif self._addresses:
            self._listen()
        answer = self._round(f"{epoch} {value}")
        epoch, value = map(int, answer.split())
        return epoch, value

    def add_up(self, number: int) -> int:
        """The sum of everybody's number."""
        if self._rank:
            return int(self._round(str(number)))
        total = number + sum(int(self._hear(peer)) for peer in self._peers)
        self._tell(str(total))
        return total

    def _round(self, word: str) -> str:
        """The chief says its word; the others send theirs and hear the chief's."""
        self._tell(word)
        if self._rank:
            return self._hear(self._peers[0])
        return word

    def _tell(self, word: str) -> None:
        for peer in self._peers:
            peer.write(word + "\n")
            peer.flush()

    def _hear(self, peer: TextIO) -> str:
        line = peer.readline()
        if not line.endswith("\n"):
            raise ConnectionError("the other side hung up")
        return line

    def _listen(self) -> None:
        server = socket.create_server(self._addresses[0])
        self._kept.append(server)
        server.settimeout(PATIENCE)
        for _ in self._addresses[1:]:
            self._take(server.accept()[0])
        for peer in self._peers:
            self._hear(peer)

    def _call(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while not self._peers:
            with contextlib.suppress(ConnectionRefusedError, socket.gaierror):
                self._take(socket.create_connection(self._addresses[0], PATIENCE))
                return
            if time.monotonic() > deadline:
                raise TimeoutError("the chief did not answer")
            time.sleep(0.05)

    def _take(self, connection: socket.socket) -> None:
        connection.settimeout(PATIENCE)
        self._kept.append(connection)
        self._peers.append(connection.makefile("rw"))


def fail(how: str, log: Log) -> None:
    """End in the way that was asked for."""
    log.end()
    if how == "exit":
        sys.exit(7)
    if how == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    raise ValueError("this is where it was meant to fail")


def leave(job: Any, value: int, *, with_model: bool) -> None:
    """The result, as an artifact and, where asked for, as a model version."""
    Path("result.json").write_text(json.dumps({"value": value}))
    if with_model:
        model = Path(job.models, "count")
        model.mkdir(parents=True, exist_ok=True)
        (model / "saved_model.pb").write_text(str(value))
        model.with_suffix(".json").write_text('{"name": "count"}')


if __name__ == "__main__":
    main()
