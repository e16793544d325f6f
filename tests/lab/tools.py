"""JupyterLab's extension as its developers work on it: node_modules, its types, its size."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import os
import subprocess
import sys
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

import msgspec
from docs.generate import openapi_document

from labdock import serverschema
from labdock_service.labextension import PACKAGE, build_command
from labdock_service.nodejs import node, npm_ci

MODULES = PACKAGE / "node_modules"
TYPES = PACKAGE / "src/service/schema.ts"
PREFIX = "/services/labdock/api"
MOST_SCRIPT = 250_000
"""Bytes of compressed script that the whole interface may have."""


def ensure_modules() -> None:
    """Install what package-lock.json says, unless it is there."""
    stamp = MODULES / ".labdock-digest"
    wanted = hashlib.sha256((PACKAGE / "package-lock.json").read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text() != wanted:
        print("  node_modules of JupyterLab's extension (240 MB) ...", flush=True)
        run(npm_ci())
        stamp.write_text(wanted)


def run(command: list[str], given: str = "") -> str:
    """Run a program in the package; its output. Ends with its complaints where it fails."""
    environment = os.environ | {"PATH": f"{node().parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        command,
        cwd=PACKAGE,
        env=environment,
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return done.stdout


def tool(name: str, *arguments: str) -> list[str]:
    """The command of a tool in node_modules."""
    return [str(node()), str(MODULES / ".bin" / name), *arguments]


def api_types() -> str:
    """The API's types as TypeScript; its paths without the service's prefix."""
    document = openapi_document()
    paths = {path.removeprefix(PREFIX): value for path, value in document["paths"].items()}
    document["components"]["schemas"] |= own_server_schemas()
    made = run(tool("openapi-typescript"), json.dumps(document | {"paths": paths}))
    return run(tool("prettier", "--stdin-filepath", str(TYPES)), made)


def own_server_schemas() -> dict[str, Any]:
    """What a person's own server says to the page, which is in no document of the service."""
    kinds = [kind for kind in vars(serverschema).values() if is_dataclass(kind)]
    said = [kind for kind in kinds if kind.__module__ == serverschema.__name__]
    place = "#/components/schemas/{name}"
    return msgspec.json.schema_components(said, ref_template=place)[1]


def compressed(folder: Path) -> int:
    """Bytes of the scripts in a built extension, as a browser gets them."""
    scripts = (folder / "labextension/static").glob("*.js")
    return sum(len(gzip.compress(script.read_bytes(), mtime=0)) for script in scripts)


def watch() -> None:
    """Build whenever a file changes, until Ctrl-C."""
    command = build_command(PACKAGE, "--development", "--watch")
    with contextlib.suppress(KeyboardInterrupt):
        subprocess.run(command, cwd=PACKAGE, check=False)
