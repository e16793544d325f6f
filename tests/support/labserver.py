"""A Jupyter server of Ada's with Labdock's extension, as a browser without the hub asks it."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
from jupyter_client.blocking.client import BlockingKernelClient
from tests.support.deployment import CHECKOUT, eventually, free_port

PASSWORD = "of-the-server"
TOKEN = "token-ada"


@contextlib.contextmanager
def lab_server(
    folder: Path,
    python: Path,
    *arguments: str,
    extension: str = "labdock.notebookserver",
    password: str = PASSWORD,
    **more: str,
) -> Iterator[httpx.Client]:
    """A client of the server that says the server's own token.

    `arguments` go to Jupyter, and `more` are its variables; the home and the kernels' connection
    files lie in `folder`.
    """
    port, home = free_port(), folder / "home"
    home.mkdir()
    url = f"http://127.0.0.1:{port}/user/ada/"
    own = {
        "PYTHONPATH": os.pathsep.join(map(str, [CHECKOUT, CHECKOUT / "extensions/labdock"])),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "HOME": str(home),
        "JUPYTERHUB_API_TOKEN": TOKEN,
        "JUPYTERHUB_USER": "ada",
    }
    options = [
        "--allow-root",
        f"--ServerApp.port={port}",
        "--ServerApp.base_url=/user/ada/",
        f"--IdentityProvider.token={password}",
        f"--ServerApp.jpserver_extensions={{'{extension}': True}}",
    ]
    log = folder / "jupyter.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(python), "-m", "jupyter_server", *options, *arguments],
            env=os.environ | own | more,
            cwd=home,
            stdout=output,
            stderr=output,
        )

    def answers() -> bool:
        assert process.poll() is None, log.read_text()
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{url}api").status_code == 200
        return False

    try:
        eventually(answers, seconds=90, what="the start of Jupyter's server")
        headers = {"Authorization": f"token {password}"}
        with httpx.Client(base_url=url, headers=headers, timeout=90) as client:
            yield client
    except BaseException:
        print(log.read_text()[-4000:])
        raise
    finally:
        process.terminate()
        process.wait(60)


def printed_by(kernel: str, code: str, folder: Path) -> str:
    """What a kernel of the server in this folder prints, named by its id."""
    file = folder / f"runtime/kernel-{kernel}.json"
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
