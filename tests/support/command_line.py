"""The command line as a person types it, in the process of the test."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from tests.support.clients import Hand

from labdock import client as clients
from labdock.cli import main


class Result:
    """What a command ended with, and what it wrote."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


Run = Callable[..., Result]


@contextmanager
def running_commands(capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """What runs commands with a client of their own."""
    clients._client.cache_clear()

    def run(*arguments: str) -> Result:
        capsys.readouterr()
        code = main(arguments)
        return Result(code, *capsys.readouterr())

    yield run
    clients.default_client().transport.close()
    clients._client.cache_clear()


def packaged(run: Run, hand: Hand, *arguments: str) -> Result:
    made: list[Result] = []
    making = threading.Thread(target=lambda: made.append(run("package", *arguments)))
    making.start()
    while making.is_alive():
        hand.finish_snapshots()
        making.join(0.05)
    return made[0]
