"""Hides the values of a job's secrets wherever they would come out of it.

The service uses it too, for what it keeps of a worker's output and events.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

SHORTEST = 6
"""Characters of a value that is hidden; a shorter one stands in too much that is no secret."""

HIDDEN = "***"


class Mask:
    """Puts `***` in the place of each line of the values, however it is spelled."""

    def __init__(self, values: Iterable[str]) -> None:
        self._forms = forms(values)

    def __bool__(self) -> bool:
        return bool(self._forms)

    def text(self, text: str) -> str:
        """The text without the values."""
        for form in self._forms:
            text = text.replace(form, HIDDEN)
        return text

    def everywhere(self, value: Any) -> Any:
        """What JSON can hold, without the values in any of its texts."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(str(key)): self.everywhere(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.everywhere(item) for item in value]
        return value


def hidden_lines(value: str) -> list[str]:
    """The lines of a value that are hidden: each by itself, since output is cut into lines."""
    found = (line.strip() for line in value.splitlines())
    return [line for line in found if len(line) >= SHORTEST]


def forms(values: Iterable[str]) -> list[str]:
    """Everything to hide, the longest first: one may be a part of another."""
    found = {form for value in values for line in hidden_lines(value) for form in _spellings(line)}
    return sorted(found, key=lambda form: (-len(form), form))


def _spellings(line: str) -> set[str]:
    """A line as it is, and as Python, JSON, HTML and an address write it."""
    import html
    import json
    from urllib.parse import quote, quote_plus

    return {
        line,
        repr(line)[1:-1],
        repr(line.encode())[2:-1],
        json.dumps(line)[1:-1],
        json.dumps(line, ensure_ascii=False)[1:-1],
        html.escape(line),
        html.escape(line, quote=False),
        quote(line, safe=""),
        quote(line),
        quote_plus(line),
    }
