"""A base made by debootstrap, where no registry is to be had."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

from docker import DockerClient

from labdock_service.errors import Invalid, Unavailable
from labdock_service.images.layout import BuiltImages

SUITE = "bookworm"
MIRROR = "http://deb.debian.org"
SOURCES = """\
deb {mirror}/debian {suite} main
deb {mirror}/debian {suite}-updates main
deb {mirror}/debian-security {suite}-security main
"""


def bootstrap(docker: DockerClient, images: BuiltImages, mirror: str = MIRROR) -> str:
    """Make a small Debian with debootstrap and give it to Docker; its id there."""
    if os.geteuid() != 0:
        raise Invalid("debootstrap needs root: run `labdock images build --bootstrap` with sudo.")
    if not shutil.which("debootstrap"):
        raise Invalid("debootstrap is missing: install it with `apt-get install debootstrap`.")
    with images.scratch() as place:
        root = place / "root"
        log = images.folder / "debootstrap.log"
        alone = ["unshare", "--mount"]  # what it mounts and leaves when it fails, nobody sees
        command = [*alone, "debootstrap", "--variant=minbase", "--include=ca-certificates", SUITE]
        with log.open("wb") as output:
            done = subprocess.run(
                [*command, str(root), f"{mirror}/debian"], stdout=output, stderr=output, check=False
            )
        if done.returncode:
            raise Unavailable(f"debootstrap did not succeed: {_last_line(log)}")
        _clean(root, mirror)
        tar = place / "root.tar"
        subprocess.run(["tar", "--numeric-owner", "-C", root, "-cf", tar, "."], check=True)
        return _import(docker, tar)


def _import(docker: DockerClient, tar: Path) -> str:
    said = docker.api.import_image_from_file(str(tar))
    return str(json.loads(said.splitlines()[-1])["status"])


def _clean(root: Path, mirror: str) -> None:
    """Take out what came from this machine."""
    for name in ("etc/hostname", "etc/resolv.conf", "etc/hosts"):
        (root / name).unlink(missing_ok=True)
    sources = SOURCES.format(mirror=mirror, suite=SUITE)
    (root / "etc/apt/sources.list").write_text(sources)


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1].removeprefix("E: ") if lines else "it said nothing"
