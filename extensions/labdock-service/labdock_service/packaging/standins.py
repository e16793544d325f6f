"""Wheels that stand for an environment's packages while a lock is resolved.

Each holds a name, a version and what the package's extras need, and no code. Given to uv
as constraints they are the only version of these packages that there is: what is there
counts as installed, nothing asks an index for it, and what does not fit is a conflict.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path

from packaging.utils import canonicalize_name

from labdock.digests import canonical_json, sha256
from labdock.distributions import provided
from labdock_service.packaging.environments import PinnedEnvironment
from labdock_service.packaging.scratch import publish, scratch
from labdock_service.statefolder import StateFolder

CONSTRAINTS = "constraints.txt"
WHEEL = "Wheel-Version: 1.0\nGenerator: labdock\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def constraints(environment: PinnedEnvironment, state: StateFolder) -> Path:
    """The file of constraints for an environment, made at the first use."""
    packages = provided(environment.packages)
    name = sha256(canonical_json([environment.digest, packages])).removeprefix("sha256:")
    folder = state.cache / "standins" / name
    if not folder.exists():
        with scratch(state) as made:
            _fill(made.path / name, folder, packages, _metadata(environment.site_packages))
            publish(made.path / name, folder)
    return folder / CONSTRAINTS


def _fill(
    folder: Path, final: Path, packages: Mapping[str, str], about: Mapping[str, Message]
) -> None:
    folder.mkdir()
    lines = []
    for name, version in sorted(packages.items()):
        file = f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
        _write_wheel(folder / file, name, version, about.get(name))
        lines.append(f"{name} @ {(final / file).as_uri()}\n")
    (folder / CONSTRAINTS).write_text("".join(lines))


def _metadata(site_packages: Path) -> dict[str, Message]:
    parser = HeaderParser()
    files = site_packages.glob("*.dist-info/METADATA")
    read = (parser.parsestr(file.read_text("utf-8", "replace")) for file in files)
    return {str(canonicalize_name(about["Name"])): about for about in read if about["Name"]}


def _write_wheel(path: Path, name: str, version: str, about: Message | None) -> None:
    lines = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", *_extras(about)]
    inside = f"{path.name.rsplit('-', 3)[0]}.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{inside}/METADATA", "".join(lines))
        wheel.writestr(f"{inside}/WHEEL", WHEEL)
        wheel.writestr(f"{inside}/RECORD", "")


def _extras(about: Message | None) -> Iterator[str]:
    """What a package's extras need. Its own needs are in the environment already."""
    if about is None:
        return
    for extra in about.get_all("Provides-Extra", []):
        yield f"Provides-Extra: {extra}\n"
    for needed in about.get_all("Requires-Dist", []):
        if "extra" in needed.partition(";")[2]:
            yield f"Requires-Dist: {needed}\n"
