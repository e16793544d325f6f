"""How the routes of a person's own server read and answer: JSON, and problems as the service's."""

from __future__ import annotations

from typing import TypeVar

import msgspec
from jupyter_server.base.handlers import APIHandler

from labdock.errors import Conflict, LabdockError, Mistake, NotAllowed, NotConnected, NotFound
from labdock.fetching import NoRoom
from labdock.schema import ErrorBody

_STATUS: dict[type[LabdockError], int] = {
    NotConnected: 503,
    NoRoom: 507,
    NotFound: 404,
    NotAllowed: 403,
    Conflict: 409,
    Mistake: 400,
}

Asked = TypeVar("Asked")


class JsonHandler(APIHandler):  # type: ignore[misc]  # it has no types here
    """Reads and answers JSON."""

    def read(self, kind: type[Asked]) -> Asked:
        """The request's body; none is an empty one. Raises Mistake."""
        try:
            return msgspec.json.decode(self.request.body or b"{}", type=kind)
        except msgspec.MsgspecError as error:
            raise Mistake(f"This cannot be read: {error}.") from None

    def answer(self, found: object) -> None:
        """Answer what was found."""
        self.finish(msgspec.json.encode(found))

    def refuse(self, error: LabdockError) -> None:
        """Answer what went wrong."""
        self.set_status(status_of(error))
        self.answer(body_of(error))

    def tell(self, status: int, code: str, detail: str, field: str | None = None) -> None:
        """Answer a problem in these words."""
        self.set_status(status)
        self.set_header("Content-Type", "application/json")
        self.answer(ErrorBody(error=code, detail=detail, field=field))


def status_of(error: LabdockError) -> int:
    """The HTTP status that says as much."""
    return next((status for kind, status in _STATUS.items() if isinstance(error, kind)), 503)


def body_of(error: LabdockError) -> ErrorBody:
    """The error as the service says one."""
    field = error.field if isinstance(error, Mistake) else None
    return ErrorBody(error=type(error).__name__, detail=str(error), field=field)
