"""Notebooks run as people run them: by a Jupyter server's kernel, or headless by nbclient."""

from __future__ import annotations

import json
import os
import subprocess
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from tests.support.clients import RunningService, wait_for
from tests.support.deployment import free_port

import labdock

CLIENT = Path(labdock.__file__).parents[1]
TOKEN = "jupyter-token"

_DRIVER = """
import json, sys, time
from jupyter_client import BlockingKernelClient

order = json.load(sys.stdin)
client = BlockingKernelClient(connection_file=order["connection"])
client.load_connection_file()
client.start_channels()
client.wait_for_ready(timeout=150)
found = []

def note(message):
    kind, content = message["header"]["msg_type"], message["content"]
    if kind in ("stream", "error", "display_data", "update_display_data", "execute_result"):
        found.append({"kind": kind, **content})
    elif kind in ("comm_open", "comm_msg"):
        state = content["data"].get("state") or {}
        found.append({"kind": kind, "comm": content["comm_id"], "state": state})

client.allow_stdin = order["interactive"]
for code in order["cells"]:
    client.execute_interactive(
        code, allow_stdin=order["interactive"], store_history=True, output_hook=note, timeout=150
    )
until = time.time() + 150
while order["until"] and order["until"] not in json.dumps(found[-40:]) and time.time() < until:
    try:
        note(client.get_iopub_msg(timeout=0.2))
    except Exception:
        pass
print(json.dumps(found))
"""

_HEADLESS = """
import sys
import nbclient, nbformat
from pathlib import Path

path = Path(sys.argv[1])
notebook = nbformat.read(path, as_version=4)
try:
    nbclient.NotebookClient(notebook, resources={"metadata": {"path": str(path.parent)}}).execute()
finally:
    nbformat.write(notebook, path.with_suffix(".run.ipynb"))
"""


def write_notebook(path: Path, *cells: str, counts: Sequence[int | None] = ()) -> Path:
    """A notebook of these code cells, as if they had been run under these numbers."""
    numbers = [*counts, *[None] * len(cells)]
    body = {
        "cells": [
            {
                "cell_type": "code",
                "id": uuid.uuid4().hex[:8],
                "metadata": {},
                "execution_count": number,
                "outputs": [],
                "source": source,
            }
            for source, number in zip(cells, numbers, strict=False)
        ],
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    path.write_text(json.dumps(body))
    return path


class JupyterServer:
    """A Jupyter server of the environment that notebooks use, with one notebook open."""

    def __init__(self, python: Path, folder: Path, environ: dict[str, str]) -> None:
        self._python = python
        self.root = folder / "work"
        self.root.mkdir()
        self._runtime = folder / "runtime"
        self._environ = {**environ, "JUPYTER_RUNTIME_DIR": str(self._runtime)}
        self._port = free_port()
        self._http = httpx.Client(
            base_url=f"http://127.0.0.1:{self._port}/api",
            headers={"Authorization": f"token {TOKEN}"},
            trust_env=False,
            timeout=60,
        )

    def start(self) -> None:
        options = {"port": self._port, "root_dir": self.root, "open_browser": False}
        flags = [f"--ServerApp.{name}={value}" for name, value in options.items()]
        command = [str(self._python), "-m", "jupyter_server", "--allow-root", *flags]
        token = f"--IdentityProvider.token={TOKEN}"
        self._process = subprocess.Popen(
            [*command, token], env=self._environ, stderr=subprocess.DEVNULL
        )
        wait_for(self._answers)

    def _answers(self) -> bool:
        assert self._process.poll() is None, "the Jupyter server ended"
        try:
            return self._http.get("/status").is_success
        except httpx.TransportError:
            return False

    def open(self, notebook: Path) -> Session:
        path = notebook.relative_to(self.root).as_posix()
        kernel = {"name": "python3"}
        asked = {"path": path, "name": notebook.name, "type": "notebook", "kernel": kernel}
        answer = self._http.post("/sessions", json=asked).raise_for_status().json()
        return Session(self, answer["id"], answer["kernel"]["id"])

    def rename(self, session: str, path: str) -> None:
        self._http.patch(f"/sessions/{session}", json={"path": path}).raise_for_status()

    def shut(self, session: str) -> None:
        self._http.delete(f"/sessions/{session}")

    def drive(
        self, kernel: str, cells: Sequence[str], interactive: bool, until: str
    ) -> list[dict[str, Any]]:
        order = {
            "connection": str(self._runtime / f"kernel-{kernel}.json"),
            "cells": list(cells),
            "interactive": interactive,
            "until": until,
        }
        return _run(self._python, _DRIVER, self._environ, given=json.dumps(order))

    def stop(self) -> None:
        self._http.close()
        self._process.terminate()
        self._process.wait(90)


class Session:
    """An open notebook and its kernel."""

    def __init__(self, server: JupyterServer, session: str, kernel: str) -> None:
        self._server = server
        self._session = session
        self._kernel = kernel

    def run(self, *cells: str, interactive: bool = True, until: str = "") -> list[dict[str, Any]]:
        """Run cells; what they write, and what comes later up to `until`."""
        return self._server.drive(self._kernel, cells, interactive, until)

    def text(self, *cells: str, interactive: bool = True) -> str:
        """What cells print; errors too."""
        found = self.run(*cells, interactive=interactive)
        return "".join(one.get("text", one.get("evalue", "")) for one in found)

    def rename(self, path: str) -> None:
        self._server.rename(self._session, path)

    def shut(self) -> None:
        self._server.shut(self._session)


def kernel_environ(service: RunningService, python: Path) -> dict[str, str]:
    """What a person's server has in its environment."""
    return {
        **os.environ,
        "PYTHONPATH": str(CLIENT),
        "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",
        "LABDOCK_URL": service.url,
        "JUPYTERHUB_API_TOKEN": "token-ada",
        "JUPYTERHUB_USER": "ada",
    }


@contextmanager
def jupyter_server(python: Path, folder: Path, environ: dict[str, str]) -> Iterator[JupyterServer]:
    server = JupyterServer(python, folder, environ)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def run_headless(python: Path, notebook: Path, environ: dict[str, str]) -> list[dict[str, Any]]:
    """Run a notebook with nbclient; the outputs of its cells, also where one failed."""
    subprocess.run(
        [str(python), "-c", _HEADLESS, str(notebook)], env=environ, capture_output=True, timeout=150
    )
    cells = json.loads(notebook.with_suffix(".run.ipynb").read_text())["cells"]
    return [output for cell in cells for output in cell["outputs"]]


def _run(python: Path, code: str, environ: dict[str, str], given: str) -> list[dict[str, Any]]:
    done = subprocess.run(
        [str(python), "-c", code],
        input=given,
        env=environ,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found
