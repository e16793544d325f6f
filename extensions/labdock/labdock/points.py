"""A grid's points: every combination of the values that are given, checked before anything runs."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from labdock.errors import Mistake
from labdock.inputs import Parameter
from labdock.parameters import Problem, find_problem, find_unknown, parse, plain, split, why_unfit
from labdock.wording import one_line

MOST_POINTS = 100
LONGEST_NAME = 200
SHORTEST_BASE = 20

Values = Mapping[str, Sequence[Any]]
"""What is tried of each parameter."""

_OPENING = {"[": "]", "{": "}", "(": ")", '"': '"'}


def plain_values(values: Mapping[str, Any]) -> dict[str, list[Any]]:
    """The values as JSON has them. Raises Mistake where there is no list of them."""
    found = {name: plain(tried) for name, tried in values.items()}
    for name, tried in found.items():
        if not isinstance(tried, list):
            raise Mistake(f"{name} has no list of values: give those to try, as in [1, 2].")
    return found


def points(values: Values) -> list[dict[str, Any]]:
    """Every combination; the last parameter changes first."""
    combinations = itertools.product(*values.values())
    return [dict(zip(values, combination, strict=True)) for combination in combinations]


def count(values: Values) -> int:
    """How many combinations there are."""
    return math.prod(len(tried) for tried in values.values())


def name(base: str, point: Mapping[str, Any]) -> str:
    """A point's job as people see it: `digits lr=0.001 units=32`."""
    values = text(point)
    short = base[: max(SHORTEST_BASE, LONGEST_NAME - len(values) - 1)]
    return f"{short} {values}"[:LONGEST_NAME].strip()


def text(point: Mapping[str, Any]) -> str:
    """A point in a line: `lr=0.001 units=32`."""
    return " ".join(f"{name}={shown(value)}" for name, value in point.items())


def shown(value: Any) -> str:
    """A value in a line: text as it is, numbers short."""
    if isinstance(value, float):
        return f"{value:.6g}"
    return one_line(value if isinstance(value, str) else json.dumps(value, separators=(",", ":")))


def find_grid_problem(
    entry: str,
    known: Sequence[Parameter] | None,
    parameters: Mapping[str, Any],
    arguments: Collection[str],
    values: Values,
) -> Problem | None:
    """Why these values make no grid of this entry's jobs."""
    if not values:
        return Problem("grid", "A grid has no parameters: give the values to try of one or more.")
    if entry.endswith(".py"):
        parameters = {**parameters, **values}
    found = find_problem(entry, known, parameters, arguments)
    if found:
        return found
    for one, tried in values.items():
        if not tried:
            return _at(one, f"{one} has no values: give some, as in --grid {one}=1,2.")
        if one in parameters:
            return _at(one, f"{one} is given once for all and in the grid: leave one of them out.")
    return _too_many(values) or _unknown(entry, known, values) or _unfit(known or [], values)


def _at(name: str, sentence: str) -> Problem:
    return Problem(f"grid.{name}", sentence)


def _too_many(values: Values) -> Problem | None:
    wanted = count(values)
    if wanted <= MOST_POINTS:
        return None
    sentence = f"{' and '.join(values)} make {wanted:,} points, and a grid may have {MOST_POINTS}"
    return Problem("grid", f"{sentence}: take fewer values.")


def _unknown(entry: str, known: Sequence[Parameter] | None, values: Values) -> Problem | None:
    found = find_unknown(entry, known, values.keys())
    return found and Problem(found.field.replace("parameters", "grid", 1), found.sentence)


def _unfit(known: Sequence[Parameter], values: Values) -> Problem | None:
    by_name = {parameter.name: parameter for parameter in known}
    for one, tried in values.items():
        for value in tried:
            if sentence := why_unfit(by_name.get(one, Parameter(name=one)), value):
                return _at(one, sentence)
            if sum(_same(value, other) for other in tried) > 1:
                return _at(one, f"{one} has {shown(value)} twice: each value is tried once.")
    return None


def _same(one: Any, other: Any) -> bool:
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def read_options(options: Sequence[str], known: Sequence[Parameter]) -> dict[str, list[Any]]:
    """The values of `NAME=VALUE,VALUE` as typed, each of its parameter's kind. Raises Mistake."""
    values: dict[str, list[Any]] = {}
    for option in options:
        one, text = split(option, "--grid NAME=VALUE,VALUE")
        if one in values:
            raise Mistake(f"{one} is given twice: write all of its values in one --grid.")
        parameter = next((p for p in known if p.name == one), Parameter(name=one))
        values[one] = [_read(parameter, part) for part in parts(text)]
    return values


def _read(parameter: Parameter, part: str) -> Any:
    """A value; text in quotes may hold commas."""
    quoted = len(part) > 1 and part[0] == part[-1] == '"'
    if quoted and parameter.kind in ("str", "any"):
        return part[1:-1]
    return parse(parameter, part)


def parts(text: str) -> list[str]:
    """What stands between commas, but for those in brackets and quotes."""
    found, closing = [""], list[str]()
    for character in text:
        if closing and character == closing[-1]:
            closing.pop()
        elif character in _OPENING and closing[-1:] != ['"']:
            closing.append(_OPENING[character])
        if character == "," and not closing:
            found.append("")
        else:
            found[-1] += character
    return [part.strip() for part in found if part.strip()]
