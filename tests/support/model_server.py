"""A model server as a process, and a client that shows what came over the wire."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.deployment import free_port

CODE = Path(__file__).parents[2] / "extensions" / "labdock-model-server"


@dataclass(frozen=True)
class Reply:
    """A whole answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, NaN and Infinity included."""
        return json.loads(self.body)

    @property
    def error(self) -> str:
        """The message of an error."""
        assert self.json.keys() == {"error"}
        return str(self.json["error"])


class ModelServer:
    """A running server."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.process = process
        self.port = port

    def ask(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> Reply:
        """One request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(connection):
            connection.request(method, path, body or None, headers or {})
            return read_reply(connection)

    def predict(self, document: Any, model: str = "kit") -> Reply:
        """Ask for a prediction; a text is sent as it is, and anything else as JSON."""
        text = document if isinstance(document, str) else json.dumps(document)
        return self.ask("POST", f"/v1/models/{model}:predict", text.encode())

    def stop(self) -> int:
        """End it and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(120)


def read_reply(connection: http.client.HTTPConnection) -> Reply:
    """The next answer of a connection."""
    answer = connection.getresponse()
    headers = {name.title(): value for name, value in answer.getheaders()}
    return Reply(answer.status, headers, answer.read())


@contextlib.contextmanager
def model_server(python: Path, base: Path, *flags: str) -> Iterator[ModelServer]:
    """Start a server of the model in a folder and end it, however the test ended."""
    port = free_port()
    process = subprocess.Popen(
        [
            *(python, "-m", "labdock_model_server", "--port=0", f"--rest_api_port={port}"),
            *(f"--model_name={base.name}", f"--model_base_path={base}", *flags),
        ],
        env={**os.environ, "PYTHONPATH": str(CODE)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        assert "on port" in process.stdout.readline()
        yield ModelServer(process, port)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
