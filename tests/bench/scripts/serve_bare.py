"""The model server's HTTP and JSON without a model: serve_bare.py PORT."""

import asyncio
import sys

import orjson
import uvloop

from labdock_model_server.http_server import Answer, Request, Server

DIGITS = [0.1] * 10


def answer(request: Request) -> Answer:
    """As many rows as were sent."""
    instances = orjson.loads(request.body)["instances"]
    return Answer(200, orjson.dumps({"predictions": [DIGITS for _ in instances]}))


async def serve() -> None:
    """Serve until killed."""
    await Server(answer).start("127.0.0.1", int(sys.argv[1]))
    await asyncio.Event().wait()


uvloop.run(serve())
