"""Names of images: `HOST/REPOSITORY:TAG@sha256:…`, and the rule that a tag alone names nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass

from labdock_service.errors import Invalid

REFERENCE = re.compile(
    r"(?P<registry>(?:[a-z0-9-]+(?:\.[a-z0-9-]+)+|localhost|\[[0-9a-f:]+\])(?::\d+)?"
    r"|[a-z0-9-]+:\d+)"
    r"/(?P<repository>[a-z0-9]+(?:[._/-]+[a-z0-9]+)*)"
    r"(?::(?P<tag>\w[\w.-]{0,127}))?"
    r"(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)


@dataclass(frozen=True)
class Reference:
    """An image's name in parts; `tag` and `digest` may be empty."""

    registry: str
    repository: str
    tag: str = ""
    digest: str = ""

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.registry}/{self.repository}{tag}{f'@{self.digest}' if self.digest else ''}"


def parse(text: str) -> Reference:
    """The parts of an image's name. Raises Invalid."""
    found = REFERENCE.fullmatch(text)
    if found is None:
        raise Invalid(
            f"'{text[:200]}' is no image: write HOST/REPOSITORY@sha256:… with its registry's host."
        )
    return Reference(**{key: value or "" for key, value in found.groupdict().items()})


def pinned(text: str) -> Reference:
    """The parts of a name that has a digest. Raises Invalid for one with a tag alone."""
    reference = parse(text)
    if not reference.digest:
        raise Invalid(
            f"'{text[:200]}' may name another image tomorrow: write "
            f"{reference.registry}/{reference.repository}@sha256:… (`labdock images lock` finds "
            "the digest of a tag)."
        )
    return reference
