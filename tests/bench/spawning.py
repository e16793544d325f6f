"""How long people wait for their server: Labdock's containers beside bare DockerSpawner's.

`python -m tests.bench.spawning [--rounds N]` prints what it found. Both hubs run at once, on the
same image; a figure is the seconds from the click until the hub says that the server is ready.
"""

from __future__ import annotations

import argparse
import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
from docker.types import IPAMConfig, IPAMPool
from tests.bench.measure import Series, compare, interleave, shown
from tests.support.containers import running_on_docker
from tests.support.deployment import CHECKOUT, eventually, free_port
from tests.support.docker import docker_client, swept_prefix
from tests.support.notebook_image import notebook_image
from tests.support.person import Person

from labdock_service.installation import ensure_proxy
from labdock_service.statefolder import StateFolder

OURS, BARE = "Labdock", "bare DockerSpawner"
PASSWORD = "all-that-the-bare-hub-asks-for"
CROWD = 10
CONFIG = """
c = get_config()
c.JupyterHub.bind_url = "http://0.0.0.0:{port}"
c.JupyterHub.hub_bind_url = "http://{gateway}:{hub_port}"
c.JupyterHub.db_url = "sqlite:///{folder}/hub.sqlite"
c.JupyterHub.cookie_secret_file = "{folder}/secret"
c.ConfigurableHTTPProxy.command = {proxy!r}
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{proxy_port}"
c.ConfigurableHTTPProxy.pid_file = "{folder}/proxy.pid"
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = "{password}"
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "dockerspawner.DockerSpawner"
c.DockerSpawner.image = "{image}"
c.DockerSpawner.cmd = ["python3", "-m", "jupyterhub.singleuser"]
c.DockerSpawner.network_name = "{prefix}-bare"
c.DockerSpawner.use_internal_ip = True
c.DockerSpawner.remove = True
c.DockerSpawner.pull_policy = "never"
c.DockerSpawner.prefix = "{prefix}-bare"
c.Spawner.default_url = "/lab"
c.Spawner.start_timeout = c.Spawner.http_timeout = 120
"""


@dataclass(frozen=True)
class BareHub:
    """A hub with nothing but DockerSpawner."""

    url: str


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args()
    for series in measure(options.rounds).values():
        told = [f"{item.name}: {shown(item.median)} s ({item.spread})" for item in series]
        found = compare(series[0], series[1])
        between = f"{found.ratio:.2f} ({found.low:.2f} to {found.high:.2f})"
        print("; ".join(told), f"| ratio {between}, {found.pairs} pairs")


def measure(rounds: int) -> dict[str, list[Series]]:
    """One server, and ten at once, each in interleaved rounds."""
    prepared = StateFolder(CHECKOUT / ".labdock")
    prepared.root.mkdir(mode=0o700, exist_ok=True)
    proxy = ensure_proxy(prepared, print)
    with (
        tempfile.TemporaryDirectory(prefix="labdock-bench-") as name,
        running_on_docker(
            prepared, Path(name), LABDOCK_PROCESS__TRUSTED_TEAM="true", LABDOCK_ADMINS="admin"
        ) as deployment,
        bare_hub(Path(name), proxy) as bare,
    ):
        team = deployment.state.team_password.read_text().strip()
        ours = [person(deployment, f"p{number}", team) for number in range(CROWD)]
        theirs = [person(bare, f"p{number}", PASSWORD) for number in range(CROWD)]
        both = {OURS: ours, BARE: theirs}
        one = {name: timed(people[:1]) for name, people in both.items()}
        ten = {name: timed(people) for name, people in both.items()}
        interleave(ten, 1, "s")  # what only a first start makes
        return {
            "spawning": [*interleave(one, rounds, "s").values()],
            "spawning, ten": [*interleave(ten, max(2, rounds // 3), "s").values()],
        }


def timed(people: list[Person]) -> Callable[[], float]:
    return lambda: together(people)


def together(people: list[Person]) -> float:
    """Start everybody's server at once; seconds until the last is ready. They are stopped then."""
    with ThreadPoolExecutor(len(people)) as pool:
        began = time.monotonic()
        list(pool.map(start, people))
        took = time.monotonic() - began
        list(pool.map(stop, people))
    return took


def start(one: Person) -> None:
    """Start a server, and follow the hub's own events until it is ready: polls would be work."""
    answer = one.choose()
    assert answer.status_code == 200, answer.text
    place = f"/hub/api/users/{one.name}/server/progress"
    with one.http.stream("GET", place, timeout=300) as events:
        told = [line for line in events.iter_lines() if line.startswith("data:")]
    assert '"ready": true' in told[-1], told


def stop(one: Person) -> None:
    """Stop a server, and look now and then until it is gone."""
    place = f"/hub/api/users/{one.name}"
    one.http.delete(f"{place}/server", headers=xsrf(one))
    while one.http.get(place, headers=xsrf(one)).json()["servers"]:
        time.sleep(1)


def xsrf(one: Person) -> dict[str, str]:
    cookies = (c for c in one.http.cookies.jar if c.name == "_xsrf" and c.path == "/hub/")
    return {"X-XSRFToken": next(cookies).value or ""}


def person(hub: Any, name: str, password: str) -> Person:
    made = Person(hub, name)
    made.log_in(password)
    return made


@contextlib.contextmanager
def bare_hub(folder: Path, proxy: list[str]) -> Iterator[BareHub]:
    """JupyterHub with DockerSpawner as its documentation has it, on the same image."""
    client = docker_client()
    with swept_prefix(client) as prefix:
        gateway = own_network(client, f"{prefix}-bare")
        port = free_port()
        text = CONFIG.format(
            port=port,
            hub_port=free_port(),
            proxy_port=free_port(),
            gateway=gateway,
            folder=folder,
            proxy=proxy,
            password=PASSWORD,
            image=notebook_image(client),
            prefix=prefix,
        )
        (folder / "bare.py").write_text(text)
        command = [sys.executable, "-m", "jupyterhub", "-f", str(folder / "bare.py")]
        with (folder / "bare.log").open("wb") as log:
            hub = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
        try:
            found = BareHub(f"http://127.0.0.1:{port}")
            eventually(lambda: "is now running" in (folder / "bare.log").read_text())
            yield found
        finally:
            hub.terminate()
            hub.wait(60)


def own_network(client: docker.DockerClient, name: str) -> str:
    """A network; returns its gateway's address."""
    pool = IPAMPool(subnet="10.199.7.0/24", gateway="10.199.7.1")
    client.networks.create(name, ipam=IPAMConfig(pool_configs=[pool]))
    return "10.199.7.1"


if __name__ == "__main__":
    main()
