"""One TensorBoard, on a Unix socket: nobody else on the machine can reach it past the gate.

Run as `python -m labdock_service.boards.process` with TensorBoard's own flags; its standard
input is the socket that it serves. It says `ready` once it answers, and ends when the process
that started it ends.
"""

from __future__ import annotations

import argparse
import logging
import signal
import sys
from typing import Any

from tensorboard import default, program
from werkzeug.serving import make_server

from labdock_service.processes import die_with_parent


class _SocketServer(program.TensorBoardServer):  # type: ignore[misc]
    """Serves TensorBoard on standard input, by werkzeug as TensorBoard itself does."""

    def __init__(self, wsgi_app: Any, flags: argparse.Namespace) -> None:
        del flags
        self._server = make_server("unix://board", 0, wsgi_app, threaded=True, fd=0)

    def serve_forever(self) -> None:
        self._server.serve_forever()

    def get_url(self) -> str:
        return "unix"


def main() -> None:
    """Serve until SIGTERM."""
    die_with_parent()
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    board = program.TensorBoard(plugins=default.get_plugins(), server_class=_SocketServer)
    board.configure(sys.argv)
    board.launch()
    print("ready", flush=True)
    signal.pause()


if __name__ == "__main__":
    main()
