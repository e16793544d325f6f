"""Run the corpus and write `docs/explanation/corpus.md`."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from tests.corpus.catalogue import CATALOGUE, Entry
from tests.corpus.judging import problems
from tests.corpus.kept import forget, keep, kept, origin
from tests.corpus.page import PAGES, write_page
from tests.corpus.running import Pair, desk
from tests.support.deployment import Deployment, prepare, running_deployment
from tests.support.imagedeployment import running_on_images

from labdock_service.statefolder import StateFolder

LOG_LINES = 60

Starts = Callable[[StateFolder, Path], AbstractContextManager[Deployment]]
ENGINES: dict[str, Starts] = {"process": running_deployment, "docker": running_on_images}


def main() -> int:
    """`python -m tests.corpus [--engine docker] [ENTRY ...]`; a page needs every entry once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("entries", nargs="*", help="names of entries; all where none is named")
    parser.add_argument("--engine", choices=PAGES, default="process", help="what runs the jobs")
    options = parser.parse_args()
    names, engine = options.entries, options.engine
    if unknown := set(names) - {entry.name for entry in CATALOGUE}:
        parser.error(f"there is no entry {', '.join(sorted(unknown))}")
    chosen = [entry for entry in CATALOGUE if entry.name in (names or [entry.name])]
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="labdock-corpus-") as folder,
        ENGINES[engine](prepare(engine), Path(folder)) as deployment,
    ):
        faults = run_all(chosen, deployment, engine)
    print(f"{len(chosen) - faults} of {len(chosen)} in {time.monotonic() - began:.0f} s")
    if results := kept(engine):
        write_page(results, engine)
        print(PAGES[engine])
    return 1 if faults else 0


def run_all(entries: list[Entry], deployment: Deployment, engine: str) -> int:
    """Run entries, telling of each as it ends. Gives how many went wrong."""
    faults, source = 0, origin()
    try:
        for entry, pair in desk(deployment).run(entries):
            found = problems(entry, *pair)
            faults += bool(found)
            if found:
                forget(entry, engine)
            else:
                keep(entry, pair, source, engine)
            tell(entry, pair, found)
    except BaseException:
        print(deployment.logs(), flush=True)
        raise
    return faults


def tell(entry: Entry, pair: Pair, found: list[str]) -> None:
    """A line for an entry that ended as it should; else what is wrong, and its logs."""
    verdict = "FAILED" if found else "ok"
    one, two = pair
    print(f"{entry.name}: {verdict} ({one.seconds:.0f} s, {two.seconds:.0f} s)", flush=True)
    if not found:
        return
    print(*[f"  {sentence}" for sentence in found], sep="\n")
    for workers, outcome in enumerate(pair, 1):
        for rank, log in enumerate(outcome.logs):
            print(f"--- rank {rank} of {workers}", *log.splitlines()[-LOG_LINES:], sep="\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
