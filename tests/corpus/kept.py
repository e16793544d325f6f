"""The newest good runs of each entry, so that one entry can be run again by itself."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

from tests.corpus.catalogue import CATALOGUE, Entry
from tests.corpus.running import PACKAGES, Outcome

Runs = tuple[Outcome, Outcome]
FOLDER = PACKAGES / "runs"


def keep(entry: Entry, runs: Runs) -> None:
    """Put an entry's runs in place of older ones, without the logs."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    kept = [asdict(replace(outcome, logs=[])) for outcome in runs]
    (FOLDER / f"{entry.name}.json").write_text(json.dumps(kept, indent=1))


def forget(entry: Entry) -> None:
    """Keep no runs of an entry that went wrong."""
    (FOLDER / f"{entry.name}.json").unlink(missing_ok=True)


def kept() -> dict[Entry, Runs] | None:
    """The runs of all entries, in the catalogue's order; None where one is missing."""
    files = {entry: FOLDER / f"{entry.name}.json" for entry in CATALOGUE}
    if not all(file.exists() for file in files.values()):
        return None
    return {entry: _read(file.read_text()) for entry, file in files.items()}


def _read(text: str) -> Runs:
    one, two = (Outcome(**outcome) for outcome in json.loads(text))
    return one, two
