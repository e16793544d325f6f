"""Starts the server: flags, then the model, then the port; ends when it is asked to."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from collections.abc import Sequence

import uvloop

from labdock_model_server.errors import FlagError, LoadError
from labdock_model_server.flags import Flags, parse
from labdock_model_server.http_server import Limits, Server

GRACE = 20.0
"""Seconds that requests in flight get after SIGTERM."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT. Returns the exit code: 2 for a flag or a missing model."""
    try:
        flags = parse(sys.argv[1:] if arguments is None else arguments)
        uvloop.run(_serve(flags))
    except (FlagError, LoadError) as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(f"Port {flags.rest_api_port} cannot be used: {error.strerror}.", file=sys.stderr)
        return 2
    return 0


async def _serve(flags: Flags) -> None:
    # Imported here so that a wrong flag is told at once: TensorFlow takes seconds to import.
    from labdock_model_server.model import load
    from labdock_model_server.routes import Routes

    model = load(flags.model_name, flags.model_base_path)
    limits = Limits()
    timeout = flags.rest_api_timeout_in_ms / 1000
    server = Server(Routes(model, body_limit=limits.body, timeout=timeout).handle, limits)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        server.loop.add_signal_handler(number, stop.set)
    gc.freeze()  # TensorFlow's million objects stay: a collection need not walk them again
    await server.start(flags.host, flags.rest_api_port)
    print(f"Model {model.name}, version {model.version}, on port {server.port}.", flush=True)
    await stop.wait()
    await server.drain(GRACE)
