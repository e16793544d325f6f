"""The wire type of what a job may set of its notebook. It is as those of `schema`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

ParameterKind = Literal["bool", "int", "float", "str", "list", "dict", "any"]
"""What a parameter's values are: `float` takes whole numbers too, `any` takes everything."""


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A name that a notebook's cell tagged `parameters` sets, and what its values are.

    `text` is the default as Python writes it, empty where there is none. `default` is its
    value, none where it is computed.
    """

    name: str
    kind: ParameterKind = "any"
    default: Any = None
    text: str = ""
    optional: bool = False
    """Whether None is a value as well."""
