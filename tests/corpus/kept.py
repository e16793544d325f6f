"""The newest good runs of each entry, so that one entry can be run again by itself."""

from __future__ import annotations

import datetime
import json
import subprocess
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import msgspec
from tests.corpus.catalogue import CATALOGUE, Entry
from tests.corpus.running import Outcome, Pair
from tests.support.deployment import CHECKOUT

FOLDER = CHECKOUT / "build/corpus/runs"
WHAT_RUNS = ("extensions", "images", "tests/corpus", "jupyterhub_config.py", "labdock.toml")


@dataclass(frozen=True)
class Origin:
    """The day of a run, and the commit that it ran."""

    day: str
    commit: str


@dataclass(frozen=True)
class Run:
    """What came of an entry on one worker and on two, and where that comes from."""

    one: Outcome
    two: Outcome
    origin: Origin


def origin() -> Origin:
    """Where a run that begins now comes from."""
    commit = _git("rev-parse", "--short=10", "HEAD").strip()
    changed = _git("status", "--porcelain", "--", *WHAT_RUNS)
    return Origin(str(datetime.date.today()), f"{commit} with changes" if changed else commit)


def keep(entry: Entry, pair: Pair, origin: Origin, engine: str) -> None:
    """Put an entry's runs in place of older ones, without the logs."""
    file = _file(entry, engine)
    file.parent.mkdir(parents=True, exist_ok=True)
    one, two = (replace(outcome, logs=[]) for outcome in pair)
    file.write_text(json.dumps(asdict(Run(one, two, origin)), indent=1))


def forget(entry: Entry, engine: str) -> None:
    """Keep no runs of an entry that went wrong."""
    _file(entry, engine).unlink(missing_ok=True)


def kept(engine: str) -> dict[Entry, Run] | None:
    """The runs of all entries, in the catalogue's order; None where one is missing."""
    files = {entry: _file(entry, engine) for entry in CATALOGUE}
    if not all(file.exists() for file in files.values()):
        return None
    return {
        entry: msgspec.json.decode(file.read_bytes(), type=Run) for entry, file in files.items()
    }


def _file(entry: Entry, engine: str) -> Path:
    return FOLDER / engine / f"{entry.name}.json"


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    return done.stdout
