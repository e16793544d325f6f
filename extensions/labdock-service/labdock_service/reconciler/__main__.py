"""`python -m labdock_service.reconciler [--suspend]`.

Packaging processes import this module too, so it imports little by itself.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from collections.abc import Sequence
from functools import partial


def main(arguments: Sequence[str] | None = None) -> int:
    """Be the reconciler until SIGTERM; workers go on and are adopted by the next one."""
    from labdock_service import linux, processes
    from labdock_service.child import in_child
    from labdock_service.errors import Invalid
    from labdock_service.reconciler.parts import log
    from labdock_service.reconciler.start import open_reconciler, read_setup
    from labdock_service.store import Fenced, upgrade

    options = _options(arguments)
    linux.leave_no_core_dump()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        setup = in_child(read_setup)
    except Invalid as error:
        print(error, file=sys.stderr)
        return 2
    if not options.suspend:
        processes.die_with_parent()
    processes.claim(setup.state, "reconciler")
    in_child(partial(upgrade, setup.database_url))
    reconciler = open_reconciler(setup)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: reconciler.stop())
    try:
        if not options.suspend:
            reconciler.run()
        elif not reconciler.suspend():
            log.error("Some workers did not end in time: try again")
            return 1
    except Fenced:
        log.warning("Another reconciler has begun: this one ends")
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m labdock_service.reconciler")
    parser.add_argument(
        "--suspend",
        action="store_true",
        help="stop everything with a checkpoint, to go on at the next start",
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    code = main()
    sys.stderr.flush()
    os._exit(code)  # at once: threads that wait for a model server hold up nobody
