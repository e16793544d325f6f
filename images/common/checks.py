"""What stands before each `verify`: it runs inside the image, so it imports nothing of Labdock.

A check is a function under `@check("what it shows")`: it runs at once, what it returns is told,
and what it raises is why it failed. The last line, `finish()`, prints all of them as JSON.
"""

import json
import os
import subprocess  # noqa: F401  the next parts use it
import sys
import tempfile
from importlib import metadata  # noqa: F401
from pathlib import Path

FOUND = []


def check(what):
    """Run a check and keep what it says."""

    def run(function):
        try:
            said, passed = function() or "", True
        except Skipped as skipped:
            said, passed = str(skipped), None
        except BaseException as error:
            said, passed = f"{type(error).__name__}: {error}"[:500], False
        FOUND.append({"check": what, "passed": passed, "said": str(said)})

    return run


class Skipped(Exception):
    """A check that cannot run here, and why."""


def finish():
    """Print what was found; the exit code says whether all of it is good."""
    print(json.dumps(FOUND))
    sys.exit(any(found["passed"] is False for found in FOUND))


@check("user")
def _user():
    assert os.getuid() != 0, "it runs as root"
    status = Path("/proc/self/status").read_text().splitlines()
    said = dict(line.split(":\t", 1) for line in status if ":\t" in line)
    assert int(said["CapEff"], 16) == 0, f"it has capabilities {said['CapEff']}"
    return f"uid {os.getuid()}, no capabilities"


@check("writable folders")
def _folders():
    for folder in (os.environ["HOME"], tempfile.gettempdir()):
        with tempfile.TemporaryDirectory(dir=folder) as place:
            Path(place, "file").write_text("written")
    for folder in ("/opt", "/usr", "/etc"):
        assert not os.access(folder, os.W_OK), f"{folder} can be written"
    return f"{os.environ['HOME']} and {tempfile.gettempdir()} alone"


@check("nothing that raises rights")
def _rights():
    for folder in ("/usr", "/opt", "/etc"):
        for path in Path(folder).rglob("*"):
            assert path.is_symlink() or not path.lstat().st_mode & 0o6000, path
    return "no setuid or setgid files"
