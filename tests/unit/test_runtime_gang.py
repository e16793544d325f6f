"""Workers of a gang meet over real sockets."""

from __future__ import annotations

import contextlib
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.support.runtime import free_addresses

from labdock_runtime.gang import absence, meet


@pytest.mark.parametrize("workers", [2, 5])
def test_a_whole_gang_meets_and_gives_the_address_up(workers: int) -> None:
    addresses = free_addresses(workers)
    with ThreadPoolExecutor(workers) as pool:
        met = list(pool.map(lambda rank: meet(addresses, rank, "job-1", 90), range(workers)))
    assert met == [[]] * workers
    host, port = addresses[0].split(":")
    socket.create_server((host, int(port))).close()


def test_the_chief_listens_on_its_own_address_alone() -> None:
    first = free_addresses(2)
    port = int(first[0].rpartition(":")[2])
    with ThreadPoolExecutor(1) as pool:
        chief = pool.submit(meet, first, 0, "job-1", 90)
        _say_hello_when_up("127.0.0.1", port)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", port))
        assert meet(first, 1, "job-1", 90) == []
        assert chief.result() == []


def test_everyone_hears_who_is_missing() -> None:
    addresses = free_addresses(3)
    with ThreadPoolExecutor(2) as pool:
        met = list(pool.map(lambda rank: meet(addresses, rank, "job-1", 4), [0, 2]))
    assert met == [[1], [1]]


def test_a_worker_without_a_chief_says_so() -> None:
    assert meet(free_addresses(2), 1, "job-1", 0.2) == [0]


def test_strangers_and_another_attempt_do_not_count() -> None:
    addresses = free_addresses(2)
    with ThreadPoolExecutor(3) as pool:
        chief = pool.submit(meet, addresses, 0, "job-2", 1.5)
        old = pool.submit(meet, addresses, 1, "job-1", 0.5)
        host, port = addresses[0].split(":")
        pool.submit(_say_hello, host, int(port))
        assert chief.result() == [1]
        assert old.result() == [0]


@pytest.mark.parametrize("probe", [b"\x16\x03\x01\xff\xfe\n", b"job-1 one\n", b"x" * 100_000])
def test_what_the_chief_does_not_understand_is_hung_up_on(probe: bytes) -> None:
    addresses = free_addresses(2)
    host, port = addresses[0].split(":")
    with ThreadPoolExecutor(1) as pool:
        chief = pool.submit(meet, addresses, 0, "job-1", 90)
        _say_when_up(host, int(port), probe)
        assert meet(addresses, 1, "job-1", 90) == []
        assert chief.result() == []


def _say_when_up(host: str, port: int, probe: bytes) -> None:
    deadline = time.monotonic() + 90
    while True:
        with contextlib.suppress(ConnectionRefusedError):
            stranger = socket.create_connection((host, port), 30)
            break
        assert time.monotonic() < deadline
    with stranger, contextlib.suppress(ConnectionError):
        stranger.sendall(probe)
        assert stranger.recv(1) == b""


def _say_hello_when_up(host: str, port: int) -> None:
    deadline = time.monotonic() + 90
    while True:
        with contextlib.suppress(ConnectionRefusedError):
            return _say_hello(host, port)
        assert time.monotonic() < deadline


def _say_hello(host: str, port: int) -> None:
    with socket.create_connection((host, port)) as stranger:
        stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")


def test_the_sentence_names_the_missing() -> None:
    assert "workers 1 and 3 did not start" in absence([1, 3], 4, 60)
