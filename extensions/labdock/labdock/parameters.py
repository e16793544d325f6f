"""What a job may set of its notebook, checked in the client and in the service alike."""

from __future__ import annotations

import json
import keyword
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labdock.declarations import NotReadable, declared
from labdock.errors import Mistake
from labdock.inputs import Parameter, ParameterKind

LONGEST_VALUE = 60
"""How much of a value is said in a sentence."""

KINDS: dict[ParameterKind, tuple[str, str]] = {
    "bool": ("true or false", "true"),
    "int": ("a whole number", "20"),
    "float": ("a number", "0.01"),
    "str": ("text", '"text"'),
    "list": ("a list", "[1, 2]"),
    "dict": ("a dictionary", '{"a": 1}'),
    "any": ("any value", "1"),
}
"""Each kind as a person calls it, and a value of it."""

_YES = {"true", "yes", "on", "1"}
_NO = {"false", "no", "off", "0"}


@dataclass(frozen=True)
class Problem:
    """What cannot be used: which field of a request it is, and a sentence that says why."""

    field: str
    sentence: str


def of_entry(entry: Path) -> list[Parameter] | None:
    """The parameters of a notebook's file; none where it has none, or is none."""
    if entry.suffix != ".ipynb" or not entry.is_file():
        return None
    try:
        return declared(entry.read_bytes())
    except NotReadable:
        raise Mistake(
            f"The cell of parameters of {entry.name} is no Python that can be read: "
            "keep it to lines such as lr = 0.001."
        ) from None


def find_problem(
    entry: str,
    known: Sequence[Parameter] | None,
    parameters: Mapping[str, Any],
    arguments: Collection[str],
) -> Problem | None:
    """What a job of this entry cannot take of its parameters and arguments."""
    if parameters and entry.endswith(".py"):
        return Problem(
            "parameters",
            f"{entry} is a script, which takes no parameters: give it arguments, "
            f"as in `labdock submit {entry} -- --epochs 10`.",
        )
    if arguments and entry.endswith(".ipynb"):
        return Problem(
            "arguments",
            f"{entry} is a notebook, which takes no arguments: give it parameters, "
            f"as in `labdock submit {entry} -p epochs=10`.",
        )
    return find_unknown(entry, known, parameters) or find_unfit(known or [], parameters)


def find_unknown(
    entry: str, known: Sequence[Parameter] | None, names: Collection[str]
) -> Problem | None:
    """A name that the notebook's cell of parameters does not set."""
    for name in names:
        if not is_name(name):
            return Problem(_field(name), _no_name(name))
    if names and known is None:
        sentence = (
            f"{entry} has no cell of parameters: give the tag `parameters` to the cell "
            f"that sets {', '.join(names)}."
        )
        return Problem("parameters", sentence)
    set_there = [parameter.name for parameter in known or []]
    missing = [name for name in names if name not in set_there]
    if not missing:
        return None
    told = f"it sets {', '.join(set_there)}" if set_there else "it sets nothing"
    return Problem(
        _field(missing[0]),
        f"The cell of parameters of {entry} does not set {', '.join(missing)}: {told}.",
    )


def find_unfit(known: Sequence[Parameter], parameters: Mapping[str, Any]) -> Problem | None:
    """A value that is of another kind than the notebook's own."""
    by_name = {parameter.name: parameter for parameter in known}
    for name, value in parameters.items():
        sentence = why_unfit(by_name.get(name, Parameter(name=name)), value)
        if sentence:
            return Problem(_field(name), sentence)
    return None


def why_unfit(parameter: Parameter, value: Any) -> str | None:
    """Why this cannot be the parameter's value."""
    try:
        json.dumps(value, allow_nan=False)
    except TypeError:
        return (
            f"{parameter.name} is a {type(value).__name__}, which cannot be sent: give text, a "
            "number, true or false, a list or a dictionary of these."
        )
    except ValueError:
        return (
            f"The parameter {parameter.name} is not finite, which JSON does not know: "
            "give a number that is, or text."
        )
    return None if _fits(parameter, value) else _unfit(parameter, repr(value))


def _fits(parameter: Parameter, value: Any) -> bool:
    if value is None:
        return parameter.optional or parameter.kind == "any"
    match parameter.kind:
        case "bool":
            return isinstance(value, bool)
        case "int":
            return isinstance(value, int) and not isinstance(value, bool)
        case "float":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "str":
            return isinstance(value, str)
        case "list":
            return isinstance(value, list | tuple)
        case "dict":
            return isinstance(value, dict)
        case "any":
            return True


def _unfit(parameter: Parameter, shown: str) -> str:
    kind, example = KINDS[parameter.kind]
    default = f" (default {parameter.text})" if parameter.text else ""
    short = shown if len(shown) <= LONGEST_VALUE else shown[: LONGEST_VALUE - 1] + "…"
    return f"{parameter.name} is {kind}{default}: give it as {example}, not {short}."


def is_name(name: str) -> bool:
    """Whether a variable can be called so."""
    return name.isidentifier() and not keyword.iskeyword(name)


def plain(value: Any) -> Any:
    """A value as JSON has it: NumPy's numbers and arrays become Python's."""
    convert = getattr(value, "tolist", None)
    if convert is not None:
        return convert()
    if isinstance(value, list | tuple | range | set):
        return [plain(item) for item in value]
    return value


def split(text: str, option: str) -> tuple[str, str]:
    """The name and the text of `NAME=VALUE`. Raises Mistake."""
    name, found, value = text.partition("=")
    if not found:
        raise Mistake(f"{text!r} is no parameter: write {option}.")
    if not is_name(name):
        raise Mistake(_no_name(name))
    return name, value


def parse(parameter: Parameter, text: str) -> Any:
    """The value that a person typed. Raises Mistake where it is of another kind."""
    if parameter.optional and parameter.kind != "str" and text in ("null", "None", "none"):
        return None
    try:
        return _parse(parameter.kind, text)
    except ValueError:
        raise Mistake(_unfit(parameter, text)) from None


def _parse(kind: ParameterKind, text: str) -> Any:
    match kind:
        case "str":
            return text
        case "bool":
            if text.lower() in _YES | _NO:
                return text.lower() in _YES
            raise ValueError
        case "int":
            return int(text)
        case "float":
            return _number(text)
        case "any":
            return _json_or_text(text)
        case _:
            return json.loads(text)


def _number(text: str) -> int | float:
    """A whole number stays one, so that it is shown as it was written."""
    try:
        return int(text)
    except ValueError:
        return float(text)


def _json_or_text(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def effective(known: Sequence[Parameter], given: Mapping[str, Any]) -> dict[str, Any]:
    """The values that a notebook runs with, as far as they are known without running it."""
    defaults = {one.name: one.default for one in known if one.default is not None}
    return defaults | dict(given)


def _no_name(name: str) -> str:
    return f"{name!r} is no parameter's name: give that of a variable."


def _field(name: str) -> str:
    return f"parameters.{name}"
