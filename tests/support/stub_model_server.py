"""The model server's HTTP without a model: `python stub_model_server.py PORT NAME`.

It answers with its name and what it was asked, and ends on SIGTERM as the model server does.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys

from labdock_model_server.http_server import Answer, Request, Server


async def _serve(port: int, name: str) -> None:
    def answer(request: Request) -> Answer:
        said = {
            "by": name,
            "method": request.method.decode(),
            "path": request.url.decode(),
            "size": len(request.body),
        }
        return Answer(200, json.dumps(said).encode())

    server = Server(answer)
    stop = asyncio.Event()
    server.loop.add_signal_handler(signal.SIGTERM, stop.set)
    await server.start("127.0.0.1", port)
    print("ready", flush=True)
    await stop.wait()
    await server.drain(10)


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), sys.argv[2]))
