"""The workers of a gang meet before TensorFlow starts, because TensorFlow waits without end.

The chief listens on the address that its TensorFlow server will use; the others call it and
say their rank. When all have called, the chief lets them go and gives the address up.
"""

from __future__ import annotations

import contextlib
import socket
import time

FIRST_PAUSE = 0.05
LONGEST_PAUSE = 1.0
ANSWER_MARGIN = 5.0
LONGEST_LINE = 8192


def meet(addresses: list[str], rank: int, token: str, timeout: float) -> list[int]:
    """Wait for the whole gang. Gives the ranks that did not come, none when all did."""
    deadline = time.monotonic() + timeout
    if rank == 0:
        return _wait_for_callers(addresses, token, deadline)
    return _call_chief(addresses[0], rank, token, deadline)


def absence(missing: list[int], workers: int, timeout: float) -> str:
    """The sentence about a gang that did not form."""
    ranks = " and ".join(str(rank) for rank in missing)
    noun = "worker" if len(missing) == 1 else "workers"
    return (
        f"The {workers} workers did not come together: {noun} {ranks} did not start TensorFlow "
        f"within {timeout:g} s. Every worker must reach the line that imports it."
    )


def _wait_for_callers(addresses: list[str], token: str, deadline: float) -> list[int]:
    callers: dict[int, socket.socket] = {}
    host, port = _place(addresses[0])
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server((host, port), backlog=len(addresses)))
        while len(callers) < len(addresses) - 1 and (left := deadline - time.monotonic()) > 0:
            listener.settimeout(left)
            with contextlib.suppress(OSError):
                caller = stack.enter_context(listener.accept()[0])
                rank = _rank_of(caller, token)
                if rank is None:
                    caller.close()
                else:
                    callers[rank] = caller
        missing = [rank for rank in range(1, len(addresses)) if rank not in callers]
        for caller in callers.values():
            _answer(caller, missing)
    return missing


def _rank_of(caller: socket.socket, token: str) -> int | None:
    """Whoever does not speak as a worker of this attempt is a stranger: None."""
    caller.settimeout(1.0)
    try:
        words = caller.makefile("rb").readline(LONGEST_LINE).split()
    except OSError:
        return None
    if len(words) != 2 or words[0] != token.encode() or not words[1].isdigit():
        return None
    return int(words[1])


def _answer(caller: socket.socket, missing: list[int]) -> None:
    """Tell a caller who is missing, and let it hang up first, so that the address is free."""
    with contextlib.suppress(OSError):
        caller.sendall(("go " + " ".join(map(str, missing))).strip().encode() + b"\n")
        caller.recv(1)


def _call_chief(address: str, rank: int, token: str, deadline: float) -> list[int]:
    place = _place(address)
    pause = FIRST_PAUSE
    while (left := deadline - time.monotonic()) > 0:
        with contextlib.suppress(OSError), socket.create_connection(place, 1) as chief:
            chief.settimeout(left + ANSWER_MARGIN)
            chief.sendall(f"{token} {rank}\n".encode())
            words = chief.makefile("rb").readline(LONGEST_LINE).split()
            if words and words[0] == b"go":
                return [int(word) for word in words[1:] if word.isdigit()]
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)
    return [0]


def _place(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host, int(port)
