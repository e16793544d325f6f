"""`images/lock.toml`: images from elsewhere, each by digest."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator, model_validator

from labdock_service.bootstrap import CHECKOUT
from labdock_service.errors import Invalid
from labdock_service.references import Reference, parse

FILE = CHECKOUT / "images/lock.toml"

Kind = Literal["base", "environment", "server"]


class LockedImage(BaseModel):
    """One image of the lock. An empty digest was never checked, and nothing uses it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    kind: Kind
    image: str
    """`HOST/REPOSITORY:TAG`."""
    digest: str
    checked: str
    """When and where the digest was asked for."""
    python: str = ""
    tensorflow: str = ""
    gpu: bool = False

    @field_validator("image")
    @classmethod
    def _has_a_tag(cls, value: str) -> str:
        reference = parse(value)
        if not reference.tag or reference.digest:
            raise ValueError("it is not HOST/REPOSITORY:TAG")
        return value

    @field_validator("digest")
    @classmethod
    def _is_a_digest(cls, value: str) -> str:
        if value and not re.fullmatch(r"sha256:[0-9a-f]{64}", value):
            raise ValueError("it is no digest")
        return value

    @model_validator(mode="after")
    def _says_its_tensorflow(self) -> Self:
        if self.kind == "server" and not re.match(r"\d+\.\d+", self.tensorflow):
            raise ValueError("a server says its `tensorflow`, such as 2.20.0")
        return self

    @property
    def reference(self) -> Reference:
        """The name with its digest."""
        parts = parse(self.image)
        return Reference(parts.registry, parts.repository, parts.tag, self.digest)


class Lock(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    registries: dict[str, str] = {}
    """The address of a registry whose images are named by another."""
    images: dict[str, LockedImage] = {}

    def address(self, registry: str) -> str:
        """Where a registry answers."""
        return self.registries.get(registry, registry)

    def named(self, name: str) -> LockedImage:
        """The image of that name, checked or not. Raises Invalid."""
        if name not in self.images:
            names = ", ".join(self.images)
            raise Invalid(f"There is no image '{name[:50]}' in images/lock.toml: it has {names}.")
        return self.images[name]

    def get(self, name: str) -> LockedImage:
        """The image of that name, to be used. Raises Invalid where it may not."""
        image = self.named(name)
        if not image.digest:
            raise Invalid(
                f"The digest of '{name}' was never checked: run `labdock images lock {name}` where "
                f"{parse(image.image).registry} can be reached, or use --bootstrap."
            )
        return image


def read_lock(file: Path = FILE) -> Lock:
    """The lock. Raises Invalid with the place of what is wrong."""
    try:
        return Lock(**tomllib.loads(file.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Invalid(f"'{file.name}' cannot be read: {error}.") from None
    except ValidationError as error:
        wrong = error.errors()[0]
        place = ".".join(str(part) for part in wrong["loc"])
        said = wrong["msg"].removeprefix("Value error, ")
        raise Invalid(f"'{file.name}' is not right at '{place}': {said}.") from None


def with_digest(text: str, name: str, digest: str, checked: str) -> str:
    """The file's text with an image's digest and check replaced; all else stays as it is."""
    section = re.compile(rf"^\[images\.{re.escape(name)}\]\n(?:(?!\[).*\n?)*", re.MULTILINE)
    found = section.search(text)
    assert found, "the name was read from this text"
    body = found.group()
    for key, value in (("digest", digest), ("checked", checked)):
        body = re.sub(rf"^{key} = .*$", f'{key} = "{value}"', body, count=1, flags=re.MULTILINE)
    return text[: found.start()] + body + text[found.end() :]
