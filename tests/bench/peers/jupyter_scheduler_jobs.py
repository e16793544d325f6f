"""jupyter-scheduler: for each line on standard input, run a notebook and print the seconds.

It shows a job's output when the job has ended, so that is what is timed.
Run with the peers' interpreter: jupyter_scheduler_jobs.py FOLDER NOTEBOOK
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from typing import Any

POLL_SECONDS = 0.05
LIMIT_SECONDS = 120
TOKEN = "bench"


def call(base: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """One request to the Jupyter server."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        base + path,
        data,
        {"Authorization": f"token {TOKEN}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def until_ended(base: str, notebook: str, environment: str) -> float:
    """Seconds from the call until the job is known to have ended."""
    began = time.perf_counter()
    body = {"input_uri": notebook, "name": "bench", "runtime_environment_name": environment}
    job = call(base, "scheduler/jobs", body)["job_id"]
    while True:
        status = call(base, f"scheduler/jobs/{job}")["status"]
        if status == "COMPLETED":
            return time.perf_counter() - began
        if status == "FAILED" or time.perf_counter() - began > LIMIT_SECONDS:
            raise SystemExit(f"the job is {status}")
        time.sleep(POLL_SECONDS)


def free_port() -> int:
    """A port that is free now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_until_up(base: str) -> None:
    """Return when the server answers."""
    for _ in range(600):
        try:
            call(base, "api/status")
        except OSError:
            time.sleep(POLL_SECONDS)
        else:
            return
    raise SystemExit("the Jupyter server did not start")


def main() -> None:
    """Start a Jupyter server, say so, and answer each line of standard input."""
    folder, notebook = sys.argv[1:]
    port = free_port()
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "jupyter", "server", f"--port={port}", "--no-browser"),
            *(
                f"--IdentityProvider.token={TOKEN}",
                "--allow-root",
                f"--ServerApp.root_dir={folder}",
            ),
            f"--SchedulerApp.db_url=sqlite:///{tempfile.mkdtemp()}/scheduler.sqlite",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        base = f"http://127.0.0.1:{port}/"
        wait_until_up(base)
        name = call(base, "scheduler/runtime_environments")[0]["name"]
        print("ready", flush=True)
        for _ in sys.stdin:
            print(until_ended(base, notebook, name), flush=True)
    finally:
        server.terminate()


main()
