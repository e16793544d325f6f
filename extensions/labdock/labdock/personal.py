"""The wire types of what people keep for themselves: secrets, and how they are told of ends.

They are as those of `schema`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from annotated_types import Len, MaxLen

NotifyWhen = Literal["always", "failed"]


@dataclass(frozen=True, kw_only=True)
class SecretValue:
    """What a secret shall be from now on; no answer ever holds it."""

    value: Annotated[str, Len(1, 32_768)] = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Secret:
    """A secret by its name, without its value."""

    name: str
    project: str
    changed: float
    changed_by: str
    masked: bool
    """Whether it is long enough to be hidden where a job writes it."""


@dataclass(frozen=True, kw_only=True)
class NotifyChange:
    """What to change of how a person is told that their jobs end; none leaves it as it is."""

    email: Annotated[str, MaxLen(254)] | None = None
    """An address, or nothing for no more e-mail."""
    webhook: Annotated[str, MaxLen(2000)] | None = field(default=None, repr=False)
    """An address that is sent JSON, or nothing for none."""
    when: NotifyWhen | None = None


@dataclass(frozen=True, kw_only=True)
class Notify:
    """How a person is told that their jobs end.

    `signing_key` is there once, in the answer to a change that set a webhook.
    """

    email: str | None
    webhook: str | None
    """Where it leads to; the rest of the address may be a secret."""
    when: NotifyWhen
    last: float | None = None
    """When a notification was last sent or given up."""
    problem: str | None = None
    """Why the last one did not arrive, in a sentence."""
    signing_key: str | None = field(default=None, repr=False)
