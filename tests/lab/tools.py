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
from typing import Any, Literal

from docs.generate import openapi_document
from pydantic import TypeAdapter

from labdock import schema, serverschema, trainingschema
from labdock_service.labextension import PACKAGE, build_command
from labdock_service.nodejs import node, npm_ci

MODULES = PACKAGE / "node_modules"
TYPES = PACKAGE / "src/service/schema.ts"
PREFIX = "/services/labdock/api"
Mode = Literal["validation", "serialization"]
OWN = (serverschema, trainingschema)
"""What a person's own server takes and answers itself."""

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
    """The API's types as TypeScript, its paths without the service's prefix, and `OWN`."""
    document = openapi_document()
    paths = {path.removeprefix(PREFIX): value for path, value in document["paths"].items()}
    schemas = document["components"]["schemas"]
    schemas.update({name: each for name, each in own_schemas().items() if name not in schemas})
    made = run(tool("openapi-typescript"), json.dumps(document | {"paths": paths}))
    return run(tool("prettier", "--stdin-filepath", str(TYPES)), made)


def own_schemas() -> dict[str, Any]:
    """What a person's own server and the streams say, which is in no document of the service."""
    kinds = [kind for module in OWN for kind in vars(module).values() if isinstance(kind, type)]
    said = [kind for kind in kinds if is_dataclass(kind)]
    adapters: list[tuple[str, Mode, TypeAdapter[Any]]] = [
        (kind.__name__, _mode(kind), TypeAdapter(kind)) for kind in (*said, schema.LogLine)
    ]
    _, made = TypeAdapter.json_schemas(adapters, ref_template="#/components/schemas/{model}")
    found: dict[str, Any] = made["$defs"]
    return found


def _mode(kind: type) -> Mode:
    """Of what is answered every field is there; what is asked may leave defaults out."""
    return "validation" if kind.__name__.endswith("Request") else "serialization"


def compressed(folder: Path) -> int:
    """Bytes of the scripts in a built extension, as a browser gets them."""
    scripts = (folder / "labextension/static").glob("*.js")
    return sum(len(gzip.compress(script.read_bytes(), mtime=0)) for script in scripts)


def watch() -> None:
    """Build whenever a file changes, until Ctrl-C."""
    command = build_command(PACKAGE, "--development", "--watch")
    with contextlib.suppress(KeyboardInterrupt):
        subprocess.run(command, cwd=PACKAGE, check=False)
