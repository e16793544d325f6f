"""A port that a newer process takes over from an older one without a refused connection."""

from __future__ import annotations

import contextlib
import ctypes
import socket

_SO_ATTACH_REUSEPORT_CBPF = 51
_RETURN = 0x06
"""`BPF_RET | BPF_K`: the one instruction of the program."""


class _Filter(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_uint16),
        ("jump_true", ctypes.c_uint8),
        ("jump_false", ctypes.c_uint8),
        ("value", ctypes.c_uint32),
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("filters", ctypes.POINTER(_Filter)))


def listen(host: str, port: int) -> socket.socket:
    """Listen beside the process that has the port now, and get every new connection from here on.

    Without this, the kernel would deal connections out to both, and those that the older one
    had not accepted when it closed would be reset.
    """
    listener = socket.create_server((host, port), reuse_port=True, backlog=1024)
    with contextlib.suppress(OSError):
        _take_new_connections(listener)
    return listener


def _take_new_connections(listener: socket.socket) -> None:
    """Choose the second socket of those that share the port, which is the newer one.

    Once it is alone, there is no second, and the kernel falls back to the one there is.
    """
    instruction = _Filter(_RETURN, 0, 0, 1)
    program = _Program(1, ctypes.pointer(instruction))
    listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_REUSEPORT_CBPF, bytes(program))
