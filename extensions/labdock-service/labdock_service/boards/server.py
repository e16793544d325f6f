"""One TensorBoard, on a Unix socket: nobody else on the machine can reach it past the gate.

It says `ready` on its output once it answers. What it is given: the folder that its links lead
to, and TensorBoard's own flags; it shows the folder that it works in.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tensorboard import default, program
from werkzeug.serving import make_server

from labdock_service.boards.confined import confine


class _SocketServer(program.TensorBoardServer):  # type: ignore[misc]
    """Serves TensorBoard on standard input, by werkzeug as TensorBoard itself does."""

    def __init__(self, wsgi_app: Any, flags: argparse.Namespace) -> None:
        del flags
        self._server = make_server("unix://board", 0, wsgi_app, threaded=True, fd=0)

    def serve_forever(self) -> None:
        self._server.serve_forever()

    def get_url(self) -> str:
        return "unix"


def serve(arguments: Sequence[str]) -> None:
    """Serve on standard input, which is a listening socket; returns once it answers."""
    curves, *flags = arguments
    confine([Path.cwd(), Path(curves)])
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    board = program.TensorBoard(plugins=default.get_plugins(), server_class=_SocketServer)
    board.configure(
        ["tensorboard", "--logdir=.", "--load_fast=false", *flags]
    )  # it tells its logdir
    board.launch()
    print("ready", flush=True)


def serve_while_held(address: str, arguments: Sequence[str]) -> None:
    """Serve at an address for as long as somebody holds the other end of standard input."""
    held = os.dup(0)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(128)
        os.dup2(listener.fileno(), 0)
    serve(arguments)
    while os.read(held, 4096):
        pass
    os._exit(0)


def main() -> None:
    """Serve on standard input until SIGTERM, or until the process that started this one ends."""
    from labdock_service.processes import die_with_parent

    die_with_parent()
    serve(sys.argv[1:])
    signal.pause()


if __name__ == "__main__":
    main()
