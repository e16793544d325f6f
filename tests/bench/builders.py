"""What people make images with by hand: BuildKit and the classic builder, both with a push."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.support.services import require

BASE = "labdock/training:built"
"""What Labdock's jobs start from too; `labdock images build` leaves it in Docker."""
CODE = "COPY train.py /opt/labdock/code/train.py\n"
NEW_SET = ["pandas==2.3.3", "pyarrow==21.0.0"]
"""What the training image has not: it comes with scikit-learn."""
INSTALL = f"pip install --quiet {' '.join(NEW_SET)}"


@cache
def docker_program() -> str:
    """A `docker` that has BuildKit built in: newer ones want a plugin that may not be there."""
    for folder in os.get_exec_path():
        found = shutil.which("docker", path=folder)
        if found and _builds(found):
            return found
    require(False, "a `docker` with BuildKit (`apt-get install docker.io`)")
    raise AssertionError


@dataclass(frozen=True)
class Builder:
    """One of Docker's two builders, which pushes to a repository of its own."""

    kit: bool
    registry: str
    folder: Path
    login: dict[str, str]
    """Variables that make Docker know the registry's login."""

    @property
    def image(self) -> str:
        """What it builds, by name."""
        return f"{self.registry}/{'buildkit' if self.kit else 'classic'}/job:1"

    def change(self) -> float:
        """Seconds that a changed line takes, built and pushed."""
        return self._made(CODE)

    def new_set(self, *, cold: bool) -> float:
        """The same for new packages; warm, pip's cache is kept as BuildKit can keep it."""
        mounted = f"--mount=type=cache,target=/pip PIP_CACHE_DIR=/pip {INSTALL}"
        run = f"{INSTALL} --no-cache-dir" if cold else mounted
        return self._made(f"RUN {run}\n{CODE}", "--no-cache")

    def change_and_run(self) -> float:
        """Seconds until the first line of a changed script, run as soon as it is pushed."""
        began = time.perf_counter()
        self.change()
        command = [
            docker_program(),
            "run",
            "--rm",
            self.image,
            "python",
            "/opt/labdock/code/train.py",
        ]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as running:
            assert running.stdout is not None
            assert running.stdout.readline()
            return time.perf_counter() - began

    def remove(self) -> None:
        """Take its images out of Docker again, the older ones too."""
        asked = [docker_program(), "images", "--quiet", self.image.removesuffix(":1")]
        found = subprocess.run(asked, check=True, capture_output=True, text=True).stdout.split()
        if found:
            command = [docker_program(), "image", "rm", "--force", *found]
            subprocess.run(command, check=True, capture_output=True)

    def _made(self, lines: str, *more: str) -> float:
        self._lay_out(lines)
        told = {**os.environ, **self.login, "DOCKER_BUILDKIT": str(int(self.kit))}
        build = ["build", "--quiet", "--network", "host", "--tag", self.image, *more, "."]
        began = time.perf_counter()
        for arguments in (build, ["push", "--quiet", self.image]):
            command = [docker_program(), *arguments]
            subprocess.run(command, cwd=self.folder, env=told, check=True, capture_output=True)
        return time.perf_counter() - began

    def _lay_out(self, lines: str) -> None:
        self.folder.mkdir(exist_ok=True)
        (self.folder / "train.py").write_text(f"print({time.time_ns()}, flush=True)\n")
        trusted = "".join(_trusted(self.folder))
        text = f"FROM {BASE}\nUSER root\n{trusted}{lines}USER 1000:1000\n"
        (self.folder / "Dockerfile").write_text(text)


def _trusted(folder: Path) -> Iterator[str]:
    """The lines that a closed network's certificates take."""
    if given := os.environ.get("SSL_CERT_FILE"):
        shutil.copy(given, folder / "ca.crt")
        yield "COPY ca.crt /etc/ssl/bench.crt\nENV PIP_CERT=/etc/ssl/bench.crt\n"


def _builds(program: str) -> bool:
    told = {**os.environ, "DOCKER_BUILDKIT": "1"}
    empty = b"FROM scratch\nLABEL bench=1\n"
    command = [program, "build", "--quiet", "-"]
    done = subprocess.run(command, input=empty, env=told, capture_output=True, check=False)
    return done.returncode == 0
