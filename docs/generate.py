"""Write `docs/reference/` from the code: `python docs/generate.py [FOLDER]`.

A test runs it in a process of its own and compares, so that the reference cannot drift.
"""

from __future__ import annotations

import inspect
import sys
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
from pydantic import BaseModel
from pydantic.fields import FieldInfo

REFERENCE = Path(__file__).parent / "reference"
METHODS = ("get", "post", "put", "patch", "delete")


def settings_page() -> str:
    """Every setting of `labdock.toml`, with its variable and its default."""
    from labdock_service.settings import Settings

    lines = [
        "# Settings",
        "",
        "`labdock.toml` lies beside `jupyterhub_config.py`. A variable wins over the file. A key",
        "that does not exist, or a value that cannot be, ends `make up` with a sentence that names",
        "it.",
    ]
    return page([*lines, *setting_rows(Settings, "")])


def setting_rows(model: type[BaseModel], section: str) -> Iterator[str]:
    """A table of one section's settings, then the sections within it."""
    yield from ("", f"## `[{section}]`" if section else "## At the top of the file", "")
    yield from ("| setting | variable | default | meaning |", "|---|---|---|---|")
    inner: list[tuple[str, type[BaseModel]]] = []
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            inner.append((name, kind))
            continue
        path = [*([section] if section else []), name]
        variable = "LABDOCK_" + "__".join(path).upper()
        yield f"| `{name}` | `{variable}` | {default_of(field)} | {meaning_of(field, path)} |"
    for name, kind in inner:
        yield from setting_rows(kind, name)


def default_of(field: FieldInfo) -> str:
    """A setting's default as it would stand in the file."""
    value = field.get_default(call_default_factory=True)
    root = getattr(value, "root", None)
    if root is not None:
        return f"`{root}`"
    if hasattr(value, "get_secret_value") or value in ("", None):
        return "none"
    return f"`{value!r}`".replace("'", '"') if not isinstance(value, bool) else f"`{value}`".lower()


def meaning_of(field: FieldInfo, path: list[str]) -> str:
    """A setting's description; a setting without one may not exist."""
    if not field.description:
        raise SystemExit(f"the setting {'.'.join(path)} has no description")
    return " ".join(field.description.split())


def commands_page() -> str:
    """Every command with its help text."""
    from labdock.cli import cli

    lines = [
        "# Commands",
        "",
        "Exit codes: 0 done, 1 the job failed, 2 your mistake, 3 the service did not answer.",
        "`up`, `down`, `doctor`, `token`, `rekey`, `backup` and `restore` are for the machine that",
        "the hub runs on.",
    ]
    for path, command in walk(cli, ["labdock"]):
        group = click.Context(cli, info_name="labdock", **cli.context_settings)
        name = " ".join(path[1:])
        context = click.Context(command, info_name=name, parent=group, terminal_width=88)
        lines += ["", f"## {' '.join(path)}", "", "```text", command.get_help(context), "```"]
    return page(lines)


def walk(command: click.Command, path: list[str]) -> Iterator[tuple[list[str], click.Command]]:
    """A command and those under it, sorted by name; a group too where it does something."""
    if not isinstance(command, click.Group):
        yield path, command
        return
    if command.invoke_without_command:
        yield path, command
    context = click.Context(command, info_name=path[-1])
    for name in sorted(command.list_commands(context)):
        inner = command.get_command(context, name)
        if inner is not None and not inner.hidden:
            yield from walk(inner, [*path, name])


def api_page() -> str:
    """Every route with its answers, from the OpenAPI document."""
    document = openapi_document()
    lines = [
        "# API",
        "",
        "The OpenAPI document is at `/services/labdock/api/openapi.json`. A request carries a",
        "token of the hub: `Authorization: token …`. Every error answers `{error, detail, field}`,",
        "where `detail` is a sentence for the person. The bodies are in the document and in",
        "[`labdock.schema`](python.md#labdockschema).",
        "",
        "| route | what it does | answers |",
        "|---|---|---|",
    ]
    return page([*lines, *route_rows(document)])


def openapi_document() -> dict[str, Any]:
    """What the service serves at `api/openapi.json`."""
    from labdock_service.app import assemble, create_app
    from labdock_service.hubclient import Hub, HubPlace
    from labdock_service.settings import Settings
    from labdock_service.store import Store

    place = HubPlace(
        prefix="/services/labdock/",
        api_url="",
        api_token="",
        client_id="",
        callback="",
        authorize="",
        access_scopes=frozenset(),
        secure=False,
    )
    return create_app(assemble(Settings(), Hub(place), Store("sqlite://"))).openapi()


def route_rows(document: dict[str, Any]) -> Iterator[str]:
    """A row of the table for each route."""
    for path, operations in sorted(document["paths"].items()):
        for method in METHODS:
            if operation := operations.get(method):
                answers = ", ".join(sorted(operation["responses"]))
                told = operation.get("description") or operation["summary"]
                first = told.strip().split("\n\n")[0].replace("\n", " ")
                yield f"| `{method.upper()} {path}` | {first} | {answers} |"


def python_page() -> str:
    """The public names of `labdock`, and the wire types."""
    import labdock
    from labdock import (
        gpu,
        gpuschema,
        gridschema,
        inputs,
        personal,
        schema,
        servingschema,
        trainingschema,
    )

    lines = ["# Python", "", "## labdock", "", inspect.getdoc(labdock) or ""]
    for name in labdock.__all__:
        lines += documented(name, getattr(labdock, name))
    lines += ["", "## labdock.gpu", "", inspect.getdoc(gpu) or ""]
    for name in ("status", "lease", "notice", "release", "acquire"):
        lines += documented(name, getattr(gpu, name))
    for wire in (schema, inputs, gridschema, servingschema, personal, gpuschema, trainingschema):
        lines += ["", f"## {wire.__name__}", "", inspect.getdoc(wire) or ""]
        for name, kind in vars(wire).items():
            if inspect.isclass(kind) and kind.__module__ == wire.__name__:
                lines += ["", f"### {name}", "", inspect.getdoc(kind) or "", ""]
                lines += [f"- `{field}: {spelled}`" for field, spelled in spelled_fields(kind)]
    return page(lines)


def documented(name: str, thing: object) -> list[str]:
    """A public function or class, its methods below it."""
    lines = ["", f"### {name}{signature_of(thing)}", "", inspect.getdoc(thing) or ""]
    if inspect.isclass(thing) and not issubclass(thing, Exception):
        for method, member in sorted(vars(thing).items()):
            if not method.startswith("_") and inspect.getdoc(member):
                lines += ["", f"**`{name}.{method}{signature_of(member)}`**", ""]
                lines += [inspect.getdoc(member) or ""]
    return lines


def signature_of(thing: object) -> str:
    """How it is called, or nothing for what is not."""
    if isinstance(thing, property) or inspect.isclass(thing) or not callable(thing):
        return ""
    return str(inspect.signature(thing))


def spelled_fields(kind: type) -> Iterator[tuple[str, str]]:
    """A wire type's fields, as written in the source."""
    yield from typing.cast("dict[str, str]", inspect.get_annotations(kind)).items()


def page(lines: list[str]) -> str:
    """A page's text, with a line that says where it comes from."""
    made = "<!-- Made by docs/generate.py. Change the code, then run it. -->"
    return "\n".join([lines[0], "", made, *lines[1:]]).rstrip() + "\n"


PAGES: dict[str, Callable[[], str]] = {
    "settings.md": settings_page,
    "commands.md": commands_page,
    "api.md": api_page,
    "python.md": python_page,
}


def main() -> None:
    """Write every page."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else REFERENCE
    folder.mkdir(exist_ok=True)
    for name, make in PAGES.items():
        (folder / name).write_text(make(), encoding="utf-8")
        print(f"docs/reference/{name}")


if __name__ == "__main__":
    main()
