"""`python -m tests.lab check|types|watch`: the checks of JupyterLab's extension."""

from __future__ import annotations

import sys

from tests.lab import tools

from labdock_service.labextension import PACKAGE, ensure_labextension
from labdock_service.statefolder import StateFolder

CHECKOUT = PACKAGE.parents[1]


def check() -> None:
    """Types, style, the API's types, and how large it is."""
    tools.run(tools.tool("tsc"))
    tools.run(tools.tool("prettier", "--check", "src", "tests", "style"))
    if tools.TYPES.read_text() != tools.api_types():
        sys.exit("src/service/schema.ts is not of this API: run `make docs`.")
    built = ensure_labextension(StateFolder(CHECKOUT / ".labdock").cache, print)
    size = tools.compressed(built)
    print(f"JupyterLab's extension has {size / 1000:.1f} kB of compressed script.")
    if size > tools.MOST_SCRIPT:
        sys.exit(f"It may have {tools.MOST_SCRIPT / 1000:.0f} kB: load less, or load it later.")


def types() -> None:
    """Write the API's types."""
    tools.TYPES.write_text(tools.api_types())


COMMANDS = {"check": check, "types": types, "watch": tools.watch}

if __name__ == "__main__":
    tools.ensure_modules()
    COMMANDS[sys.argv[1]]()
