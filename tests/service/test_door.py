"""The door before the hub's own proxy: by https, and with every container known by its address."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import httpx
import pytest
from tests.support.authority import Authority
from tests.support.deployment import eventually, free_port, listens

from labdock_service.certificates import trusting
from labdock_service.door import seen_as, serve


class Hub(BaseHTTPRequestHandler):
    """Says who the proxy says came, as JupyterHub reads it: the last that is no proxy's."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        said = f"{self.headers['X-Forwarded-For'].split(',')[-1]} {len(body)}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing."""


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    return Authority(tmp_path).sign("ours", "lab.example")


@pytest.fixture
def proxy(labdock_proxy: list[str], certificate: tuple[Path, Path]) -> Iterator[int]:
    """The port of a proxy that speaks https and leads to a hub."""
    port = free_port()
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as hub:
        Thread(target=hub.serve_forever, daemon=True).start()
        running = subprocess.Popen(
            [
                *labdock_proxy,
                "--ip=127.0.0.1",
                f"--port={port}",
                f"--api-port={free_port()}",
                f"--ssl-cert={certificate[0]}",
                f"--ssl-key={certificate[1]}",
                f"--default-target=http://127.0.0.1:{hub.server_port}",
            ]
        )
        try:
            eventually(lambda: listens(port), what="the proxy")
            yield port
        finally:
            running.kill()
            running.wait()
            hub.shutdown()


@contextlib.asynccontextmanager
async def opened(proxy: int, certificate: Path) -> AsyncIterator[int]:
    port = free_port()
    trusted = trusting(certificate)
    serving = asyncio.create_task(serve(("0.0.0.0", port), ("127.0.0.1", proxy), trusted))
    await asyncio.to_thread(eventually, lambda: listens(port), what="the door")
    try:
        yield port
    finally:
        serving.cancel()


@pytest.mark.timeout(180)
async def test_each_is_known_by_its_own_address(proxy: int, certificate: tuple[Path, Path]) -> None:
    body = b"a checkpoint" * 500_000
    async with opened(proxy, certificate[0]) as port:
        for address in ("127.1.2.3", "127.1.2.4"):
            transport = httpx.AsyncHTTPTransport(local_address=address)
            async with httpx.AsyncClient(transport=transport, timeout=60) as container:
                forged = {"X-Forwarded-For": "192.0.2.7, 127.0.0.1"}
                for _ in range(2):
                    place = f"http://127.0.0.1:{port}/hub/login"
                    said = await container.post(place, content=body, headers=forged)
                    assert said.text.split() == [address, str(len(body))]


def test_a_containers_address_is_this_machines_own() -> None:
    assert seen_as("10.213.4.2") == "127.213.4.2"
    assert seen_as("192.168.4.2") == "127.168.4.2"
