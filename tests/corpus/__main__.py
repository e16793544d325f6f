"""Run the corpus and write `docs/explanation/corpus.md`."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.corpus.catalogue import CATALOGUE, Entry
from tests.corpus.judging import problems
from tests.corpus.kept import Runs, forget, keep, kept
from tests.corpus.page import PAGE, write_page
from tests.corpus.running import Outcome, run
from tests.support.deployment import CHECKOUT

from labdock_service.installation import ensure_environment
from labdock_service.statefolder import StateFolder

LOG_LINES = 60


def main() -> int:
    """`python -m tests.corpus [--at-once N] [ENTRY ...]`; the page needs every entry once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("entries", nargs="*", help="names of entries; all where none is named")
    parser.add_argument("--at-once", type=int, default=2, help="entries that run at the same time")
    options = parser.parse_args()
    chosen = [entry for entry in CATALOGUE if entry.name in (options.entries or [entry.name])]
    began = time.monotonic()
    faults = run_all(chosen, interpreter(), options.at_once)
    print(f"{len(chosen) - faults} of {len(chosen)} in {time.monotonic() - began:.0f} s")
    if results := kept():
        write_page(results)
        print(PAGE)
    return 1 if faults else 0


def interpreter() -> Path:
    """A Python with TensorFlow: LABDOCK_TEST_ENVIRONMENT, else the environment's own."""
    if named := os.environ.get("LABDOCK_TEST_ENVIRONMENT"):
        return Path(named)
    state = StateFolder(CHECKOUT / ".labdock")
    state.root.mkdir(mode=0o700, exist_ok=True)
    return ensure_environment(state, print) / "venv/bin/python"


def run_all(entries: list[Entry], python: Path, at_once: int) -> int:
    """Run entries, telling of each as it ends. Gives how many went wrong."""
    faults = 0
    with ThreadPoolExecutor(at_once) as pool:
        pending = [(entry, pool.submit(run_both, entry, python)) for entry in entries]
        for entry, future in pending:
            found = problems(entry, *future.result())
            faults += bool(found)
            if found:
                forget(entry)
            else:
                keep(entry, future.result())
            tell(entry, *future.result(), found)
    return faults


def run_both(entry: Entry, python: Path) -> Runs:
    """Run an entry on one worker, then on two."""
    with tempfile.TemporaryDirectory(prefix="labdock-corpus-") as name:
        folder = Path(name)
        return run(entry, 1, python, folder / "one"), run(entry, 2, python, folder / "two")


def tell(entry: Entry, one: Outcome, two: Outcome, found: list[str]) -> None:
    """A line for an entry that ended as it should; else what is wrong, and its logs."""
    verdict = "FAILED" if found else "ok"
    print(f"{entry.name}: {verdict} ({one.seconds:.0f} s, {two.seconds:.0f} s)", flush=True)
    if not found:
        return
    print(*[f"  {sentence}" for sentence in found], sep="\n")
    for title, log in zip(("1 worker", "chief", "worker 1"), [*one.logs, *two.logs], strict=True):
        print(f"--- {title}", *log.splitlines()[-LOG_LINES:], sep="\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
