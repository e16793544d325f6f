"""The first step of `make`: a virtual environment from a lock, then the command in it.

`python3 -I bootstrap.py hub labdock up` makes `venvs/hub` in the state folder where it is
missing or older than its lock, and becomes `labdock up` in it. Standard library only, and it
must parse on the Pythons it refuses.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

OLDEST = (3, 11)
SPACE = 5_000_000_000
"""Bytes that a whole first set-up takes, with some to work in."""

CHECKOUT = Path(__file__).resolve().parents[3]
HUB_LOCK = CHECKOUT / "extensions/labdock-service/requirements.lock"
LOCKS = {"hub": (HUB_LOCK,), "test": (HUB_LOCK, CHECKOUT / "tests/requirements.lock")}
PACKAGES = tuple(
    CHECKOUT / "extensions" / name
    for name in ("labdock", "labdock-runtime", "labdock-model-server", "labdock-service")
)
PROGRAMS = ("git", "make")
STAMP = "labdock-digest"


class Refused(Exception):
    """Why it cannot go on: one sentence that says what to do."""


def main(arguments: list[str]) -> None:
    """Make the virtual environment that is named first, and become the command after it."""
    name, program, *rest = arguments
    try:
        state = state_folder()
        current = is_current(state, name)
        if rest[:1] != ["doctor"]:
            check_python()
        elif not current:
            examine(state)
        if not current:
            update(state, name, rest)
    except Refused as refusal:
        print(refusal, file=sys.stderr)
        sys.exit(2)
    script = state / "venvs" / name / "bin" / program
    os.execv(script, [str(script), *rest])


def update(state: Path, name: str, command: list[str]) -> None:
    """Make or update the environment, except under a hub that runs in it."""
    check_access(state)
    there = (state / "venvs" / name).exists()
    if command == ["down"]:
        if not there:
            raise Refused("Nothing is set up here, so there is nothing to stop.")
    elif name == "hub" and there and hub_runs(state):
        raise Refused("Labdock runs as it was before the update: `make down`, then `make up`.")
    else:
        make_environment(state, name)


def check_access(state: Path) -> None:
    """Refuse somebody who may not look into the state folder."""
    try:
        os.scandir(state).close()
    except PermissionError:
        raise Refused(
            f"The state folder '{state.name}' is another account's: run this as the one that "
            "starts Labdock, or set LABDOCK_STATE to a folder of your own."
        ) from None
    except OSError:
        return  # there is none yet; who makes it says what is in the way


def hub_runs(state: Path) -> bool:
    """Whether the recorded process is there and is a hub."""
    try:
        pid = json.loads((state / "run/hub.json").read_text())["pid"]
        return b"jupyterhub" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError, KeyError):
        return False


def check_python() -> None:
    """Refuse a Python that is too old, or one without the module that makes environments."""
    if sys.version_info < OLDEST:
        found = "{}.{}".format(*sys.version_info)
        raise Refused(
            f"Labdock needs Python 3.11 or newer and found {found}: install it, or name it "
            "with `make up PYTHON=python3.11`."
        )
    try:
        import ensurepip  # noqa: F401  Debian ships it in a package of its own
        import venv  # noqa: F401
    except ImportError:
        raise Refused(
            "Python's venv module is missing: install it with `apt-get install python3-venv`."
        ) from None


def examine(state: Path) -> None:
    """Say all that keeps the environment of `labdock doctor` from being made. Raises Refused."""
    problems = [*problems_of(check_python), *problems_of(lambda: check_place(state))]
    if problems:
        raise Refused("\n".join([*problems, *problems_of(check_programs)]))


def problems_of(check: Callable[[], None]) -> list[str]:
    """What a check refuses, if it does."""
    try:
        check()
    except Refused as refusal:
        return [str(refusal)]
    return []


def check_programs() -> None:
    """Refuse a machine without the programs that a checkout is worked with."""
    missing = " ".join(name for name in PROGRAMS if not shutil.which(name))
    if missing:
        raise Refused(f"These programs are missing: install them with `apt-get install {missing}`.")


def state_folder(file: Path = CHECKOUT / "labdock.toml") -> Path:
    """The state folder that the settings name, before there is anything to read them with."""
    file = Path(os.environ.get("LABDOCK_SETTINGS") or file).absolute()
    try:
        import tomllib

        said = tomllib.loads(file.read_text(encoding="utf-8")).get("state")
    except (ImportError, OSError, ValueError):
        said = None  # what is wrong with Python or the file is said by those who need them
    named = os.environ.get("LABDOCK_STATE", "").strip() or str(said or "").strip() or ".labdock"
    try:
        return (file.parent / Path(named).expanduser()).resolve()
    except RuntimeError:
        raise Refused(f"The state folder '{named}' is in the home of nobody here.") from None


def is_current(state: Path, name: str) -> bool:
    """Whether the environment is there and was made from this checkout's locks."""
    try:
        return (state / "venvs" / name / STAMP).read_text() == digest(name)
    except OSError:
        return False


def digest(name: str) -> str:
    """What an environment depends on, in one string."""
    hashed = hashlib.sha256(f"{sys.version} {CHECKOUT}".encode())
    for file in (*LOCKS[name], *(package / "pyproject.toml" for package in PACKAGES)):
        hashed.update(file.read_bytes())
    return hashed.hexdigest()


def make_environment(state: Path, name: str) -> None:
    """Make the environment from its locks, Labdock's own packages from this checkout."""
    check_place(state)
    print(f"Setting up Labdock in {state.name}/ (only at the first start, and after an update).")
    folder = state / "venvs" / name
    with step("uv, which installs the rest"):
        uv = find_uv(state)
    with step(f"Python packages of the {'hub' if name == 'hub' else 'development tools'}"):
        install(uv, folder, name)
    (folder / STAMP).write_text(digest(name))


def make_folder(state: Path) -> None:
    """Make the state folder, for its owner only."""
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = state / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise Refused(
            f"The state folder '{state.name}' cannot be written ({error.strerror}): set "
            "LABDOCK_STATE to a folder of your own."
        ) from None


def check_place(state: Path) -> None:
    """Refuse a state folder that cannot take an environment."""
    make_folder(state)
    check_space(state)


def check_space(state: Path) -> None:
    """Refuse a disk that the set-up would fill."""
    free = shutil.disk_usage(state).free
    if free < SPACE:
        raise Refused(
            f"Labdock needs {SPACE / 1e9:.0f} GB for its set-up and the disk has "
            f"{free / 1e9:.1f} GB left: free some, or set LABDOCK_STATE to a folder elsewhere."
        )


class step:
    """Says what is done and how long it took."""

    def __init__(self, what: str) -> None:
        self.what = what

    def __enter__(self) -> None:
        print(f"  {self.what} ...", flush=True)
        self.start = time.monotonic()

    def __exit__(self, kind: object, *_rest: object) -> None:
        if kind is None:
            print(f"  {self.what}: {time.monotonic() - self.start:.0f} s", flush=True)


def find_uv(state: Path) -> str:
    """The uv of an environment made before, one on PATH that is new enough, or the pinned one."""
    version = re.search(r"^uv==(\S+)", HUB_LOCK.read_text(), re.MULTILINE)
    assert version, "the hub's lock holds uv"
    for candidate in (state / "venvs/uv/bin/uv", shutil.which("uv")):
        if candidate and has_version(str(candidate), version.group(1)):
            return str(candidate)
    folder = state / "venvs/uv"
    pinned = state / "venvs/uv.txt"
    pinned.parent.mkdir(parents=True, exist_ok=True)
    pinned.write_text(pinned_lines("uv"))
    run([sys.executable, "-m", "venv", "--clear", str(folder)])
    pip = [str(folder / "bin/python"), "-m", "pip", "--quiet", "--disable-pip-version-check"]
    run([*pip, "install", "--require-hashes", "--no-deps", "-r", str(pinned)])
    return str(folder / "bin/uv")


def has_version(uv: str, oldest: str) -> bool:
    """Whether this uv runs and is no older than the pinned one."""
    try:
        said = subprocess.run([uv, "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return False
    return numbers(said.split()[1]) >= numbers(oldest)


def numbers(version: str) -> list[int]:
    """A version's numbers, to compare."""
    return [int(part) for part in re.findall(r"\d+", version)[:3]]


def pinned_lines(package: str) -> str:
    """The lines of the hub's lock that pin one package, with its hashes."""
    found = re.search(rf"^{package}==(?:.*\\\n)+.*\n", HUB_LOCK.read_text(), re.MULTILINE)
    assert found, f"the hub's lock holds {package}"
    return found.group(0)


def install(uv: str, folder: Path, name: str) -> None:
    """Fill the environment: what the locks pin, then Labdock's own packages, editable."""
    python = str(folder / "bin/python")
    (folder / STAMP).unlink(missing_ok=True)
    if not Path(python).exists():
        run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)])
    locks = [str(lock) for lock in LOCKS[name]]
    compiled = ["--compile-bytecode", "--python", python]
    run([uv, "pip", "sync", *progress(), "--require-hashes", *compiled, *locks])
    editable = [part for package in PACKAGES for part in ("--editable", str(package))]
    quiet = ["--quiet", "--no-deps", "--no-build-isolation", "--python", python]
    run([uv, "pip", "install", *quiet, *editable])


def progress() -> list[str]:
    """A person at a terminal sees uv's own progress bars."""
    return [] if sys.stderr.isatty() else ["--quiet"]


def run(command: list[str]) -> None:
    """Run a step; what it says when it fails is the person's to read."""
    kept = {k: v for k, v in os.environ.items() if k not in ("VIRTUAL_ENV", "PYTHONPATH")}
    if subprocess.run(command, env=kept).returncode:
        raise Refused("The set-up did not succeed; the lines above say why. Then run it again.")


if __name__ == "__main__":
    main(sys.argv[1:])
