"""A person's Jupyter server, with Labdock's extension of it and a GPU that is an ordinary file."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from tests.support.deployment import CHECKOUT, eventually, free_port

TOKEN = "token-ada"
"""Ada's, at her server and at the hub alike."""


@dataclass
class Jupyter:
    """Ada's server."""

    url: str
    folder: Path

    def ask(self, method: str, path: str, body: object = None) -> Any:
        headers = {"Authorization": f"token {TOKEN}"}
        url = f"{self.url}{path}"
        answer = httpx.request(method, url, json=body, headers=headers, timeout=90)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def notebook(self, name: str) -> str:
        """A notebook is opened; the id of its kernel."""
        body = {"path": name, "name": name, "type": "notebook", "kernel": {"name": "python3"}}
        made = self.ask("POST", "api/sessions", body)
        return str(made["kernel"]["id"])

    def run(self, kernel: str, code: str) -> str:
        """What a kernel prints."""
        file = self.folder / f"kernel-{kernel}.json"
        connection = BlockingKernelClient(connection_file=str(file))
        connection.load_connection_file()
        connection.start_channels(hb=False)  # a busy machine answers late
        printed: list[str] = []

        def hear(message: dict[str, Any]) -> None:
            printed.append(message["content"].get("text", ""))

        try:
            connection.wait_for_ready(timeout=90)
            connection.execute_interactive(code, timeout=90, output_hook=hear)
        finally:
            connection.stop_channels()
        return "".join(printed).strip()

    def sees(self, kernel: str) -> str:
        return self.run(kernel, "import os; print(os.environ['CUDA_VISIBLE_DEVICES'])")


@contextlib.contextmanager
def jupyter(
    folder: Path, python: Path, monkeypatch: pytest.MonkeyPatch, **more: str
) -> Iterator[Jupyter]:
    port, home = free_port(), folder / "home"
    home.mkdir()
    url = f"http://127.0.0.1:{port}/user/ada/"
    monkeypatch.setenv("JUPYTERHUB_SERVICE_URL", url)
    paths = [CHECKOUT, CHECKOUT / "extensions/labdock"]
    own = {
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "HOME": str(home),
        "INVENTED_GPU": str(folder / "nvidia0"),
        "CUDA_VISIBLE_DEVICES": "GPU-0",
    }
    (folder / "nvidia0").touch()
    arguments = [
        "--allow-root",
        f"--ServerApp.port={port}",
        "--ServerApp.base_url=/user/ada/",
        f"--IdentityProvider.token={TOKEN}",
        "--ServerApp.jpserver_extensions={'tests.support.gpuserver': True}",
    ]
    log = folder / "jupyter.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(python), "-m", "jupyter_server", *arguments],
            env=os.environ | own | more,
            cwd=home,
            stdout=output,
            stderr=output,
        )
    made = Jupyter(url, folder / "runtime")

    def answers() -> bool:
        assert process.poll() is None, log.read_text()
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{url}api").status_code == 200
        return False

    try:
        eventually(answers, seconds=90, what="the start of Jupyter's server")
        yield made
    except BaseException:
        print(log.read_text()[-4000:])
        raise
    finally:
        process.terminate()
        process.wait(60)
