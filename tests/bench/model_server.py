"""Requests a second of the model server, beside what people serve such models with.

The digits model (64-64-10), one instance a request, wrk with 2 threads and 16 connections on
the same machine. All servers are up throughout; each round drives one after the other.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.bench.measure import Series, compare, interleave

import labdock_model_server

CODE = Path(labdock_model_server.__file__).parent.parent
SCRIPTS = Path(__file__).parent / "scripts"
PEERS = Path(__file__).parent / "peers"
PIXELS = [round(pixel % 17 / 16, 4) for pixel in range(64)]
LOAD = """wrk.method = "POST"
wrk.body = '%s'
wrk.headers["Content-Type"] = "application/json"
"""
OURS, BARE, FASTAPI = "labdock", "its HTTP without a model", "FastAPI, loaded signature"
KSERVE, MLSERVER = "KServe, loaded signature", "MLServer, loaded signature"


@dataclass(frozen=True)
class Way:
    """How a server is started on a port, and asked."""

    command: Callable[[int], Sequence[object]]
    path: str = "/v1/models/digits:predict"
    body: str = json.dumps({"instances": [PIXELS]})


@dataclass(frozen=True)
class Peers:
    """What there is to compare with: a folder with FastAPI, and interpreters of the others."""

    fastapi: Path | None = None
    kserve: Path | None = None
    mlserver: Path | None = None


def measure(python: Path, peers: Peers, rounds: int, seconds: int = 3) -> list[Series]:
    """Requests/s of each."""
    if shutil.which("wrk") is None:
        raise RuntimeError("wrk is missing: `apt-get install wrk`.")
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="labdock-bench-")))
        model = folder / "digits"
        export = [python, SCRIPTS / "export_digits.py", model]
        subprocess.run(export, check=True, capture_output=True)
        contenders = {
            name: driven(way, stack.enter_context(served(way)), folder / f"{number}.lua", seconds)
            for number, (name, way) in enumerate(ways(python, model, peers).items())
        }
        return list(interleave(contenders, rounds, "requests/s").values())


def ways(python: Path, model: Path, peers: Peers) -> dict[str, Way]:
    """How each server is started, and asked."""
    flags = ("--port=0", "--model_name=digits", f"--model_base_path={model}")
    own = (python, "-m", "labdock_model_server", *flags)
    bare, fastapi = SCRIPTS / "serve_bare.py", SCRIPTS / "serve_fastapi.py"
    found = {
        OURS: Way(lambda port: (*own, f"--rest_api_port={port}")),
        BARE: Way(lambda port: (python, bare, port)),
    }
    if peers.fastapi is not None:
        found[FASTAPI] = Way(lambda port: (python, fastapi, port, model / "1", peers.fastapi))
    if peers.kserve is not None:
        script = PEERS / "kserve_digits.py"
        found[KSERVE] = Way(lambda port: (peers.kserve, script, port, model / "1"))
    if peers.mlserver is not None:
        found[MLSERVER] = mlserver(peers.mlserver, model)
    return found


def mlserver(python: Path, model: Path) -> Way:
    """MLServer, which speaks the Open Inference Protocol."""
    pixels = {"name": "pixels", "shape": [1, 64], "datatype": "FP32", "data": PIXELS}
    return Way(
        lambda port: (python, PEERS / "mlserver_digits.py", port, model / "1"),
        path="/v2/models/digits/infer",
        body=json.dumps({"inputs": [pixels]}),
    )


@contextlib.contextmanager
def served(way: Way) -> Iterator[int]:
    """Start a server, wait until it predicts, and end it at the end."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port: int = unused.getsockname()[1]
    process = subprocess.Popen(
        [str(part) for part in way.command(port)],
        env={**os.environ, "PYTHONPATH": str(CODE), "TF_CPP_MIN_LOG_LEVEL": "3"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 120
        while not answers(way, port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{process.args!r} does not predict")
            time.sleep(0.1)
        yield port
    finally:
        process.kill()
        process.wait()


def answers(way: Way, port: int) -> bool:
    """Whether a prediction succeeds."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    with contextlib.closing(connection), contextlib.suppress(OSError):
        connection.request("POST", way.path, way.body, {"Content-Type": "application/json"})
        return connection.getresponse().status == 200
    return False


def driven(way: Way, port: int, load: Path, seconds: int) -> Callable[[], float]:
    """A round: requests/s, every one of them answered with 200."""
    load.write_text(LOAD % way.body)
    command: list[str | Path] = [
        "wrk",
        "-t2",
        "-c16",
        f"-d{seconds}",
        "-s",
        load,
        f"http://127.0.0.1:{port}{way.path}",
    ]

    def run() -> float:
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        found = re.search(r"Requests/sec:\s+([\d.]+)", said)
        if found is None or "Non-2xx" in said or "Socket errors" in said:
            raise RuntimeError(said)
        return float(found[1])

    return run


def main() -> None:
    """Print the series and what can be said of them as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("python", type=Path, help="a Python with TensorFlow")
    parser.add_argument("--fastapi", type=Path, help="a folder with fastapi and uvicorn")
    parser.add_argument("--kserve", type=Path, help="a Python with KServe and TensorFlow")
    parser.add_argument("--mlserver", type=Path, help="a Python with MLServer and TensorFlow")
    parser.add_argument("--rounds", type=int, default=10)
    given = parser.parse_args()
    ours, *others = measure(
        given.python, Peers(given.fastapi, given.kserve, given.mlserver), given.rounds
    )
    report = {
        "series": [{**asdict(series), "median": series.median} for series in (ours, *others)],
        "labdock over": {other.name: asdict(compare(ours, other)) for other in others},
    }
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
