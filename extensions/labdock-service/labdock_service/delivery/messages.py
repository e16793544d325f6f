"""What is sent, and that it did not arrive. An `id` is the same whenever one is sent again."""

from __future__ import annotations

from dataclasses import dataclass, field


class Undelivered(Exception):
    """The message is a sentence for the person; where it is `final`, another try is no use."""

    def __init__(self, message: str, *, final: bool) -> None:
        super().__init__(message)
        self.final = final


@dataclass(frozen=True, kw_only=True)
class MailServer:
    """Where mail goes out and as whom; nowhere without a host."""

    host: str = ""
    port: int = 587
    security: str = "starttls"
    user: str = ""
    password: str = field(default="", repr=False)
    sender: str = ""


@dataclass(frozen=True, kw_only=True)
class Mail:
    """A mail to one person."""

    id: str
    to: str
    subject: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Hook:
    """A request to a webhook, signed with its key."""

    id: str
    url: str = field(repr=False)
    key: str = field(repr=False)
    body: bytes
