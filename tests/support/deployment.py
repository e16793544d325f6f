"""The shipped deployment in a temporary state folder, started by the command a person uses."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from labdock_service.installation import ensure_environment, ensure_proxy
from labdock_service.statefolder import StateFolder

CHECKOUT = Path(__file__).resolve().parents[2]
LABDOCK = Path(sys.executable).with_name("labdock")
SHARED = ("environments", "proxy")
"""What a temporary state folder takes from the prepared one, as links."""

Found = TypeVar("Found")


def free_port() -> int:
    """A port that nothing listens on now, and that the kernel gives to no outgoing connection."""
    for port in random.sample(range(12_000, 20_000), 100):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("there is no free port")


def listens(port: int) -> bool:
    """Whether anything listens there on this machine."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def eventually(look: Callable[[], Found], *, seconds: float = 60, what: str = "it") -> Found:
    """What `look` finds, as soon as it is true; an error where it never was."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.1)
    raise AssertionError(f"{what} did not happen in {seconds:.0f} s")


@dataclass
class Deployment:
    """One deployment, and the processes that belong to it."""

    state: StateFolder
    port: int = field(default_factory=free_port)
    settings: dict[str, str] = field(default_factory=dict)
    scheme: str = "http"

    @property
    def url(self) -> str:
        """The hub's address."""
        return f"{self.scheme}://127.0.0.1:{self.port}"

    @property
    def password(self) -> str:
        """The password that the first start made."""
        return self.state.password.read_text().strip()

    def password_of(self, person: str) -> str:
        """What a person of a trusted team logs in with."""
        file = self.state.password if person == "admin" else self.state.team_password
        return file.read_text().strip()

    @property
    def database(self) -> Path:
        """The service's SQLite file."""
        url = self.settings.get("LABDOCK_DATABASE_URL")
        return Path(url.removeprefix("sqlite:///")) if url else self.state.database

    @property
    def environment(self) -> dict[str, str]:
        """What its commands run with."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("LABDOCK_", "JUPYTER"))}
        own = {"LABDOCK_STATE": str(self.state.root), "LABDOCK_PORT": str(self.port)}
        return kept | own | self.settings

    def labdock(
        self, *arguments: str, given: str = "", **more: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of the command line to its end, with what it is given at its input."""
        return subprocess.run(
            [LABDOCK, *arguments],
            cwd=CHECKOUT,
            env=self.environment | more,
            input=given,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def submit(self, entry: Path, *options: str) -> str:
        """Submit a file as the admin does by the command line; the job's id."""
        made = self.labdock("token", "admin")
        assert made.returncode == 0, made.stderr
        place = {"LABDOCK_URL": self.url, "LABDOCK_TOKEN": made.stdout.strip()}
        done = self.labdock("submit", str(entry), "--json", *options, **place)
        assert done.returncode == 0, done.stdout + done.stderr
        return str(json.loads(done.stdout)["id"])

    def up(self) -> str:
        """Start it; returns what the command printed."""
        done = self.labdock("up", "--detach")
        assert done.returncode == 0, done.stdout + done.stderr + self.logs()
        return done.stdout

    def down(self) -> str:
        """Stop it; returns what the command printed."""
        done = self.labdock("down")
        assert done.returncode == 0, done.stdout + done.stderr + self.logs()
        return done.stdout

    def pid(self, name: str) -> int:
        """The process id in a record of the state folder."""
        return int(json.loads((self.state.run / f"{name}.json").read_text())["pid"])

    def kill(self, name: str) -> None:
        """kill -9 what a record names."""
        os.kill(self.pid(name), signal.SIGKILL)

    def processes(self) -> dict[int, str]:
        """The command of every process that was started for this deployment."""
        found = {}
        mark = str(self.state.root).encode()
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit() and int(folder.name) != os.getpid():
                with contextlib.suppress(OSError):
                    command = (folder / "cmdline").read_bytes()
                    if command and (mark in command or mark in (folder / "environ").read_bytes()):
                        words = command.decode(errors="replace").split("\0")
                        found[int(folder.name)] = " ".join(words).strip()
        return found

    def sweep(self) -> None:
        """End every process of it, whatever state it is in."""
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def logs(self) -> str:
        """The ends of all its logs."""
        parts = []
        for log in sorted(self.state.logs.glob("*.log")):
            lines = log.read_text(errors="replace").splitlines()[-80:]
            parts += [f"\n--- {log.name}", *lines]
        return "\n".join(parts)


def prepare(engine: str) -> StateFolder:
    """The state folder of this checkout, with what an engine needs installed into it."""
    prepared = StateFolder(CHECKOUT / ".labdock")
    prepared.root.mkdir(mode=0o700, exist_ok=True)
    if engine == "process":
        ensure_environment(prepared, print)
    ensure_proxy(prepared, print)
    return prepared


def new_deployment(prepared: StateFolder, folder: Path, **settings: str) -> Deployment:
    """A deployment that is not started, whose environment and proxy are there already."""
    state = StateFolder(folder / "state")
    state.root.mkdir(mode=0o700)
    for name in SHARED:
        if (prepared.root / name).exists():
            (state.root / name).symlink_to(prepared.root / name)
    return Deployment(state, settings=settings)


@contextlib.contextmanager
def running_deployment(
    prepared: StateFolder, folder: Path, **settings: str
) -> Iterator[Deployment]:
    """A started deployment; everything of it is ended afterwards, and failures show its logs."""
    deployment = new_deployment(prepared, folder, **settings)
    try:
        deployment.up()
        yield deployment
    finally:
        deployment.sweep()
