"""Why uv found no versions, as a sentence that a person can act on.

uv explains itself as a proof over ranges of versions. What people meet most is read out of
it (a wrong name, no such version, no wheel, a clash with the environment); for the rest the
proof itself is kept, as one line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

NAME = r"([A-Za-z0-9][A-Za-z0-9._-]*[A-Za-z0-9]|[A-Za-z0-9])"
RANGE = r"((?:[<>=!~]=?=?[^\s,]+(?:,(?=[<>=!~]))?)*)"
MARKER = r"(?:\{[^}]*\})?"

DEPENDS = re.compile(rf"{NAME}{MARKER}{RANGE} depends on {NAME}(?:\[[^\]]*\])?{MARKER}{RANGE}")
ALL_VERSIONS = re.compile(rf"all versions of {NAME}{MARKER} (have|depend)")

KNOWN = {
    rf"{NAME} was not found in the package registry": (
        "{0} is not in the package index: see that its name is right"
    ),
    rf"there (?:is no version|are no versions) of {NAME}{MARKER}{RANGE}": "there is no {0}{1}",
    rf"{NAME}{MARKER}{RANGE} has no (?:usable wheels|wheels with a matching)": (
        "{0}{1} has no wheel for Python {python} on Linux ({machine}), and jobs install wheels only"
    ),
    rf"you require {NAME}{MARKER}{RANGE} and \1{RANGE}": "{0}{1} and {0}{2} cannot both be met",
    rf"only {NAME}{MARKER}{RANGE} is available and you require \1{RANGE}": (
        "there is no {0}{2}, only {0}{1}"
    ),
}
"""What uv says, and the same in our words: names and ranges by number."""

LONGEST = 400


def clash(output: str, has: Mapping[str, str], environment: str) -> str | None:
    """The sentence for a package that needs another version than the environment has.

    Where uv went through several, the last one counts: it is nearest to what was asked for.
    """
    for name, versions, needed, wanted in reversed(DEPENDS.findall(_singular(output))):
        version = has.get(str(canonicalize_name(needed)))
        if version is not None and not _meets(wanted, version):
            return (
                f"{_package(name, versions)} needs {needed}{wanted}, and the environment "
                f"{environment} has {needed} {version}"
            )
    return None


def known_reason(output: str, *, python: str, machine: str) -> str | None:
    """The sentence for one of the common reasons, without its full stop."""
    text = " ".join(_singular(output).split())
    for pattern, words in KNOWN.items():
        if found := re.search(pattern, text):
            return words.format(*found.groups(), python=python, machine=machine).replace("==", " ")
    return None


def plain(output: str) -> str:
    """What uv said, as one line without addresses, paths and the tree it draws."""
    lines = [
        re.sub(r"^\s*(?:error|cause|hint)?:?[^\w`]*", "", line) for line in output.splitlines()
    ]
    text = " ".join(" ".join(lines).split())
    text = text.removeprefix("No solution found when resolving dependencies").lstrip(": ")
    text = re.sub(r"[ (]*(?:https?|file)://\S+", "", text)
    text = re.sub(r"(?<![\w.=<>~!])/[\w./-]+", "a file", text)
    text = text.replace(", we can conclude that your requirements are unsatisfiable", "")
    text = text.strip().rstrip(".")
    return text if len(text) <= LONGEST else f"{text[:LONGEST].rsplit(' ', 1)[0]} …"


def _singular(output: str) -> str:
    """`all versions of x have` as `x has`, so that one pattern reads both."""
    words = {"have": "has", "depend": "depends"}
    return ALL_VERSIONS.sub(lambda match: f"{match[1]} {words[match[2]]}", output)


def _package(name: str, versions: str) -> str:
    return f"{name} {versions[2:]}" if versions.startswith("==") else name + versions


def _meets(wanted: str, version: str) -> bool:
    try:
        return Requirement(f"x{wanted}").specifier.contains(version, prereleases=True)
    except InvalidRequirement:
        return True
