"""Sizes and times as people write them: `4GB`, `512 MiB`, `90`, `1h30m`."""

from __future__ import annotations

import re

from labdock.errors import Mistake
from labdock.schema import Resources

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?", re.IGNORECASE)
_SMALLEST = 1_000_000
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
_TIME = re.compile(r"(?:(\d+)\s*d)?\s*(?:(\d+)\s*h)?\s*(?:(\d+)\s*m(?:in)?)?\s*(?:(\d+)\s*s?)?")
_UNITS = (86400, 3600, 60, 1)


def size_in_bytes(value: int | str) -> int:
    """Bytes from a number or from text such as `4GB` (a thousand a step) or `4GiB` (1,024)."""
    match = _SIZE.fullmatch(str(value).strip())
    if match is None:
        raise Mistake(f"{value!r} is no size of memory: write 4GB or 512MiB.")
    number, unit, binary = match.groups()
    step = 1024 if binary else 1000
    size = int(float(number) * step ** _POWERS[unit.lower()])
    if 0 < size < _SMALLEST:
        raise Mistake(f"{value!r} is {size} bytes, too little to run: write 4GB or 512MiB.")
    return size


def seconds(value: float | str) -> float:
    """Seconds from a number or from text such as `90`, `30m` or `1h30m`."""
    if isinstance(value, int | float):
        return float(value)
    match = _TIME.fullmatch(value.strip())
    if match is None or not any(match.groups()):
        raise Mistake(f"{value!r} is no length of time: write 90 (seconds), 30m or 1h30m.")
    pairs = zip(match.groups(), _UNITS, strict=True)
    return float(sum(int(number) * unit for number, unit in pairs if number))


def resources(
    cpus: float | None = None, memory: int | str | None = None, gpus: int = 0
) -> Resources:
    """What each worker gets; the service's own measure where nothing is said."""
    usual = Resources()
    return Resources(
        cpus=usual.cpus if cpus is None else cpus,
        memory=usual.memory if memory is None else size_in_bytes(memory),
        gpus=gpus,
    )
