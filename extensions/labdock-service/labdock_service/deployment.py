"""The deployment as a set of processes: is it running, start it, end it.

`labdock up` stays the hub's parent. Whatever ends either of them, the records in the state
folder say what still runs, and the next `up` or `down` ends what nobody adopts.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from labdock import wording
from labdock_service import certificates, containers, processes
from labdock_service.engines.opening import EngineChoice, open_engine
from labdock_service.errors import ServiceError, Unavailable
from labdock_service.jsonfile import write_json
from labdock_service.partports import read_ports
from labdock_service.settings import (
    FILE_NAME,
    OTHER_VARIABLES,
    PREFIX,
    Settings,
    load_settings,
    settings_environment,
)
from labdock_service.statefolder import StateFolder

HUB = "hub"
STARTED_FILE = "started.json"
"""What the hub was started with; beside it lies a copy of the settings' file."""

LAST_SERVICE = "labdock"
"""The service that the hub awaits last."""

SERVERS = ("server-",)
"""How the names of the records of people's servers begin."""

ADOPTED = (*SERVERS, "router")
"""The same of what a new hub adopts, or its new router replaces."""

LEAST_SPACE = 20_000_000
"""Bytes that the databases and logs may take until jobs are held back."""

_ANY_CERTIFICATE = ssl.create_default_context()
_ANY_CERTIFICATE.check_hostname = False
_ANY_CERTIFICATE.verify_mode = ssl.CERT_NONE
"""For a look at our own proxy on this machine, which sends nothing."""

START_SECONDS = 120.0
STOP_SECONDS = 60.0


class NotStarted(ServiceError):
    """The hub could not start; the message says what is in the way."""

    code = "not_started"


@dataclass(frozen=True)
class Deployment:
    """One deployment on this machine."""

    settings: Settings

    @property
    def state(self) -> StateFolder:
        """Its state folder."""
        return self.settings.state

    @property
    def log(self) -> Path:
        """The log of the hub and its services."""
        return self.state.logs / "hub.log"

    def is_running(self) -> bool:
        """Whether its hub runs."""
        return HUB in processes.recorded(self.state)

    def has_left_something(self) -> bool:
        """Whether any process of it is there, and be it a job whose hub has ended."""
        if processes.recorded(self.state) or self._proxy():
            return True
        if self.settings.engine == "docker" and containers.servers_of(self.settings):
            return True
        engine = open_engine(EngineChoice.of(self.settings), self.state)
        return any(worker.state != "ended" for worker in engine.look())

    def check_space(self) -> None:
        """Refuse a disk on which not even a database could grow. Raises NotStarted."""
        free = shutil.disk_usage(self.state.root).free
        if free < LEAST_SPACE:
            raise NotStarted(
                f"The disk has {wording.size(free)} left, and Labdock starts with "
                f"{wording.size(LEAST_SPACE)} or more: free some, or set LABDOCK_STATE to a "
                "folder elsewhere."
            )

    def check_certificate(self) -> None:
        """Refuse a certificate that browsers or notebooks would not take.

        Raises Invalid, and NotStarted where its name does not lead anywhere from here.
        """
        tls = self.settings.tls
        if not tls.certificate:
            return
        certificates.check(Path(tls.certificate), Path(tls.key), self.settings.certified_hosts)
        name = urlsplit(self.settings.address).hostname
        try:
            socket.getaddrinfo(name, self.settings.port)
        except OSError:
            raise NotStarted(
                f"Notebooks come by the certificate's name '{name}', which leads nowhere from "
                "this machine: enter it in the DNS, or in /etc/hosts."
            ) from None

    def check_ports(self) -> None:
        """Refuse ports that another program has. Raises NotStarted."""
        self._check_port(self.settings.port, "'port' in labdock.toml, or LABDOCK_PORT")
        if redirect := self.settings.tls.redirect_from:
            self._check_port(redirect, "'tls.redirect_from'")

    def _check_port(self, port: int, setting: str) -> None:
        kind = socket.AF_INET6 if ":" in self.settings.host else socket.AF_INET
        with socket.socket(kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self.settings.host, port))
            except OSError as error:
                reason = (error.strerror or "refused").lower()
                raise NotStarted(
                    f"Labdock cannot listen on {self.settings.host}:{port} ({reason}): set "
                    f"{setting}."
                ) from None

    def check_engine(self) -> None:
        """Refuse Docker that does not answer, or has no room for the hub's network.

        Raises Unavailable or EngineFailed.
        """
        if self.settings.engine == "docker":
            containers.networks_of(self.settings).ensure_door()

    def start(self) -> subprocess.Popen[bytes]:
        """Start the hub, its output in its log, in a session of its own."""
        self.state.logs.mkdir(parents=True, exist_ok=True)
        self.state.hub.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            self.log.replace(self.log.with_suffix(".log.1"))
        config = self.settings.folder / "jupyterhub_config.py"
        with self.log.open("wb") as log:
            hub = subprocess.Popen(
                [sys.executable, "-m", "jupyterhub", "-f", str(config)],
                cwd=self.settings.folder,
                env=os.environ | settings_environment(self.settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=heed_interrupts,
            )
        processes.record(self.state, HUB, hub.pid)
        keep_settings(self.settings)
        return hub

    def wait_until_ready(self, hub: subprocess.Popen[bytes]) -> None:
        """Wait for the login page. Raises NotStarted where the hub ends or takes too long."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if hub.poll() is not None:
                raise NotStarted(f"The hub ended while it started: {self.last_words()}")
            if self.answers():
                return
            time.sleep(0.1)
        raise NotStarted(f"The hub did not start in {START_SECONDS:.0f} s: {self.last_words()}")

    def answers(self) -> bool:
        """Whether the login page is there.

        The hub opens its doors when the last of its services listens; the proxy is not asked
        before that, since it would log each of these questions as an error.
        """
        port = read_ports(self.state).get(LAST_SERVICE)
        if port is None:
            return False
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5):
                pass
            where = f"{self.settings.door}/hub/login"
            with urllib.request.urlopen(where, timeout=5, context=_ANY_CERTIFICATE) as page:
                return bool(page.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def last_words(self) -> str:
        """Where to read more, and the last line of the log that tells of an error."""
        place = f"see {self.log.name} in the state folder's logs"
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        told = [line for line in lines if "Error" in line or line.startswith("[C ")]
        return f"{told[-1].strip()} ({place})" if told else f"{place}."

    def sweep(self, kept: tuple[str, ...] = ADOPTED) -> None:
        """End what a hub that ended left behind, except what the next one adopts."""
        self._end_proxy()
        for name, process in processes.recorded(self.state).items():
            if not name.startswith(kept):
                processes.end_process(*process)

    def stop(self, report: Callable[[str], None]) -> None:
        """End everything. The hub goes first, since it would start again what ends.

        Raises Unavailable where the jobs could not be stopped; the rest has ended then.
        """
        report("the hub and its services")
        if hub := processes.recorded(self.state).get(HUB):
            processes.end_process(*hub, grace=STOP_SECONDS)
        report("jobs, which keep a checkpoint")
        suspended = self._suspend_jobs()
        report("people's servers and the rest")
        for process in processes.recorded(self.state).values():
            processes.end_process(*process)
        if self.settings.engine == "docker":
            containers.end_servers(self.settings)
        self._end_proxy()
        if not suspended:
            raise Unavailable("Some jobs could not be stopped: the end of logs/hub.log says why.")

    def _suspend_jobs(self) -> bool:
        command = [sys.executable, "-m", "labdock_service.reconciler", "--suspend"]
        self.state.logs.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            done = subprocess.run(
                command,
                cwd=self.settings.folder,
                env=os.environ | settings_environment(self.settings),
                stdout=log,
                stderr=log,
                check=False,
            )
        return done.returncode == 0

    @property
    def _proxy_file(self) -> Path:
        return self.state.run / "proxy.pid"

    def _proxy(self) -> tuple[int, float] | None:
        """The hub keeps only the proxy's process id: the command says whether it is ours."""
        with contextlib.suppress(OSError, ValueError):
            pid = int(self._proxy_file.read_text())
            command = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
            started = processes.start_time(pid)
            if "configurable-http-proxy" in command and started is not None:
                return pid, started
        return None

    def _end_proxy(self) -> None:
        if proxy := self._proxy():
            processes.end_process(*proxy)
        self._proxy_file.unlink(missing_ok=True)


def heed_interrupts() -> None:
    """Let SIGINT end this process and its own, also where a shell's `&` made it ignored.

    The hub asks its services by SIGINT to end, and waits ten seconds for each that ignores it.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def keep_settings(settings: Settings) -> None:
    """Note what a hub is started with: commands that come later may be told otherwise."""
    run = settings.state.run
    copy = run / FILE_NAME
    copy.touch(mode=0o600)
    copy.write_bytes(settings.file.read_bytes() if settings.file.exists() else b"")
    given = {
        name: value
        for name, value in os.environ.items()
        if name.startswith(PREFIX) and name not in OTHER_VARIABLES
    }
    settled = {
        "LABDOCK_SETTINGS": str(copy),
        "LABDOCK_STATE": str(settings.state.root),
        "LABDOCK_DATABASE_URL": settings.database_url,
    }
    started = {"host": settings.host, "port": settings.port, "variables": given | settled}
    write_json(run / STARTED_FILE, started)


def as_it_runs(settings: Settings) -> Settings:
    """The settings with the address that the hub has, where one runs."""
    started = _started(settings.state)
    if started is None or not Deployment(settings).is_running():
        return settings
    return settings.model_copy(update={name: started[name] for name in ("host", "port")})


def restore_settings(state: StateFolder) -> Settings | None:
    """The settings that the last hub was started with, for this process and those it starts."""
    started = _started(state)
    if started is None:
        return None
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        del os.environ[name]
    os.environ.update(started["variables"])
    return load_settings()


def _started(state: StateFolder) -> dict[str, Any] | None:
    try:
        return dict(json.loads((state.run / STARTED_FILE).read_bytes()))
    except (OSError, ValueError):
        return None


@contextlib.contextmanager
def ending(hub: subprocess.Popen[bytes]) -> Iterator[None]:
    """End the hub when this process is asked to end, its terminal closes, or the block raises."""

    def stop(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:  # `nohup` asks to go on
            signal.signal(number, stop)
    try:
        yield
    except BaseException:
        hub.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            hub.wait(STOP_SECONDS)
        hub.kill()
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
