"""Locking: from requirements to exact versions with hashes, beyond what the environment has.

A lock names no index. It lists, for one environment, what the dependency layer holds.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from labdock.distributions import SAME_MODULES, provided
from labdock.schema import Requirements
from labdock_service.errors import PackagingFailed
from labdock_service.packaging.environments import PinnedEnvironment
from labdock_service.packaging.reasons import clash, known_reason, plain
from labdock_service.packaging.standins import constraints
from labdock_service.packaging.uv import UvFailed, refuse_trouble, run_uv
from labdock_service.statefolder import StateFolder

ORIGINS = {"notebook": "The notebook", "imports": "The code", "none": "The source"}
"""What asks for requirements; those from a file are named by it."""

NO_EXTRA = re.compile(r"The package `(\S+?)==\S+` does not have an extra named `(\S+)`")


@dataclass(frozen=True)
class Locking:
    """What a lock is made for."""

    requirements: Requirements
    environment: PinnedEnvironment
    state: StateFolder
    fresh: bool = False
    """Ask the index again for what uv's cache knows."""


def lock_digest(lock: str) -> str:
    """The name of a lock."""
    return f"sha256:{hashlib.sha256(lock.encode()).hexdigest()}"


def locked_packages(lock: str) -> list[str]:
    """The packages that a lock lists, as `name==version`."""
    return [line.split()[0] for line in lock.splitlines() if line[:1].strip() and "==" in line]


def make_lock(locking: Locking) -> str:
    """Resolve what the environment lacks. Raises PackagingFailed with uv's reason."""
    wanted = list(_lacking(locking.requirements, locking.environment))
    if not wanted:
        return ""
    try:
        return _resolve([str(requirement) for requirement in wanted], locking)
    except UvFailed as failed:
        refuse_trouble(failed.output)
        raise PackagingFailed(_explain(failed.output, wanted, locking)) from None


def _lacking(requirements: Requirements, environment: PinnedEnvironment) -> Iterator[Requirement]:
    """The requirements that the environment does not meet by itself."""
    has = provided(environment.packages)
    for line in requirements.lines:
        requirement = _parse(line)
        name = str(canonicalize_name(requirement.name))
        if requirement.marker and not requirement.marker.evaluate(_markers(environment)):
            continue
        if name in has and not requirement.specifier.contains(has[name], prereleases=True):
            raise PackagingFailed(
                f"{ORIGINS.get(requirements.origin, requirements.origin)} asks for "
                f"{name}{requirement.specifier}, and the environment {environment.name} has "
                f"{name} {has[name]}: ask for {name} alone, or for a version that this one meets."
            )
        if name not in has or (requirement.extras and name not in set(SAME_MODULES.values())):
            yield requirement


def _parse(line: str) -> Requirement:
    try:
        requirement = Requirement(line)
    except InvalidRequirement:
        raise PackagingFailed(f"`{line[:200]}` is no requirement.") from None
    if requirement.url:
        raise PackagingFailed(
            f"{requirement.name} is fetched from a URL, which a lock cannot keep."
        )
    return requirement


def _markers(environment: PinnedEnvironment) -> dict[str, str]:
    return {
        "python_version": environment.minor,
        "python_full_version": environment.version,
        "platform_machine": environment.machine,
        "platform_system": "Linux",
        "sys_platform": "linux",
        "os_name": "posix",
        "extra": "",
    }


def _resolve(lines: Sequence[str], locking: Locking) -> str:
    environment = locking.environment
    arguments: list[str | Path] = [
        "pip", "compile", "-", "--generate-hashes", "--no-header", "--no-annotate",
        "--only-binary", ":all:",
        "--constraints", constraints(environment, locking.state),
        "--python", environment.python,
        "--python-version", environment.version,
        "--python-platform", environment.platform,
        *(["--refresh"] if locking.fresh else []),
    ]  # fmt: skip
    text = "".join(f"{line}\n" for line in lines)
    lock, said = run_uv(arguments, cache=locking.state.uv_cache, text=text)
    _refuse_lost_extra(said)
    return "".join(_without_standins(lock))


def _without_standins(lock: str) -> Iterator[str]:
    """The lock without the environment's own packages, which uv lists by their wheels."""
    keep = True
    for line in lock.splitlines(keepends=True):
        if not line.startswith(" "):
            keep = " @ " not in line
        if keep:
            yield line


def _refuse_lost_extra(said: str) -> None:
    """uv goes back to versions before there was an extra, where newer ones do not fit."""
    for name, extra in NO_EXTRA.findall(said):
        raise PackagingFailed(
            f"No version of {name} fits whose extra {extra} has wheels for all that it needs: ask "
            f"for {name} and list by name what you use of {name}[{extra}]."
        )


def _explain(output: str, wanted: Sequence[Requirement], locking: Locking) -> str:
    """uv's reason in a sentence, with what would fit where something does."""
    environment = locking.environment
    reason = clash(output, provided(environment.packages), environment.name) or known_reason(
        output,
        python=environment.minor,
        machine=environment.machine,
    )
    if reason is None:
        return f"The requirements cannot be met: {plain(output)}."
    reason += _what_fits(wanted, locking)
    return f"{reason[0].upper() if reason.startswith('there') else reason[0]}{reason[1:]}."


def _what_fits(wanted: Sequence[Requirement], locking: Locking) -> str:
    """The versions that are found when the requirements ask for none."""
    bare = [_bare(requirement) for requirement in wanted]
    try:
        found = locked_packages(_resolve(bare, locking))
    except (UvFailed, PackagingFailed):
        return ""
    names = {str(canonicalize_name(requirement.name)): requirement for requirement in wanted}
    fitting = [
        f"{name} {version}"
        for name, _, version in (package.partition("==") for package in found)
        if name in names and not names[name].specifier.contains(version, prereleases=True)
    ]
    return f"; {' and '.join(fitting)} would fit" if fitting else ""


def _bare(requirement: Requirement) -> str:
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    marker = f"; {requirement.marker}" if requirement.marker else ""
    return f"{requirement.name}{extras}{marker}"
