"""A Jupyter server of Ada's with Labdock's extension, as a browser without the hub asks it."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
from tests.support.deployment import CHECKOUT, eventually, free_port

PASSWORD = "of-the-server"
TOKEN = "token-ada"


@contextlib.contextmanager
def lab_server(folder: Path, python: Path, **more: str) -> Iterator[httpx.Client]:
    """A client of the server that says the server's own token; `more` are its variables."""
    port, home = free_port(), folder / "home"
    home.mkdir()
    url = f"http://127.0.0.1:{port}/user/ada/"
    own = {
        "PYTHONPATH": str(CHECKOUT / "extensions/labdock"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "HOME": str(home),
        "JUPYTERHUB_API_TOKEN": TOKEN,
        "JUPYTERHUB_USER": "ada",
    }
    arguments = [
        "--allow-root",
        f"--ServerApp.port={port}",
        "--ServerApp.base_url=/user/ada/",
        f"--IdentityProvider.token={PASSWORD}",
        "--ServerApp.jpserver_extensions={'labdock.notebookserver': True}",
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

    def answers() -> bool:
        assert process.poll() is None, log.read_text()
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{url}api").status_code == 200
        return False

    try:
        eventually(answers, seconds=90, what="the start of Jupyter's server")
        headers = {"Authorization": f"token {PASSWORD}"}
        with httpx.Client(base_url=url, headers=headers, timeout=90) as client:
            yield client
    except BaseException:
        print(log.read_text()[-4000:])
        raise
    finally:
        process.terminate()
        process.wait(60)
