"""`python -m tests.lab check|format|types|watch`: what developers of JupyterLab's extension run."""

from __future__ import annotations

import sys

from tests.lab import tools

from labdock_service.labextension import PACKAGE, ensure_labextension
from labdock_service.statefolder import StateFolder

CHECKOUT = PACKAGE.parents[1]
STYLED = ("src", "tests", "style")


def check() -> None:
    """Look at types, style, the API's types, and how large it is."""
    tools.run(tools.tool("tsc"))
    tools.run(tools.tool("prettier", "--check", *STYLED))
    if tools.TYPES.read_text() != tools.api_types():
        sys.exit("src/service/schema.ts is not of this API: run `make docs`.")
    built = ensure_labextension(StateFolder(CHECKOUT / ".labdock").cache, print)
    size = tools.compressed(built)
    print(f"JupyterLab's extension has {size / 1000:.1f} kB of compressed script.")
    if size > tools.MOST_SCRIPT:
        sys.exit(f"It may have {tools.MOST_SCRIPT / 1000:.0f} kB: load less.")


def style() -> None:
    """Put its files into the house's style."""
    tools.run(tools.tool("prettier", "--write", *STYLED))


def types() -> None:
    """Write the API's types."""
    tools.TYPES.write_text(tools.api_types())


COMMANDS = {"check": check, "format": style, "types": types, "watch": tools.watch}

if __name__ == "__main__":
    tools.ensure_modules()
    COMMANDS[sys.argv[1]]()
