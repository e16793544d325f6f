"""Request bodies: limited in size, and JSON that can be stored as it is."""

from __future__ import annotations

import math
from collections.abc import Callable, Coroutine
from dataclasses import is_dataclass
from types import ModuleType
from typing import Any, ClassVar

from fastapi.routing import APIRoute
from pydantic_core import from_json
from starlette.requests import Request
from starlette.responses import Response

from labdock_service.errors import Invalid, TooLarge

LARGEST_INTEGER = 2**63 - 1


class StrictRequest(Request):
    """A request whose JSON body is at most `limit` bytes and holds nothing odd."""

    limit: ClassVar[int] = 1_000_000

    async def body(self) -> bytes:
        """The body, read no further than the limit."""
        if not hasattr(self, "_body"):
            chunks, size = [], 0
            async for chunk in self.stream():
                size += len(chunk)
                if size > self.limit:
                    raise TooLarge(f"This request may have {self.limit:,} bytes at most.")
                chunks.append(chunk)
            self._body = b"".join(chunks)
        return self._body

    async def json(self) -> Any:
        """The body's JSON; Invalid where it is none, or holds what no JSON text can keep."""
        try:
            value = from_json(await self.body(), allow_inf_nan=False)
        except ValueError as error:
            raise Invalid(f"The request's body is not JSON: {error}.") from None
        _check(value, "")
        return value


class LargeRequest(StrictRequest):
    """A request that lists the files of a source."""

    limit = 64_000_000


class StrictRoute(APIRoute):
    """A route that reads its body as a StrictRequest."""

    request_class: ClassVar[type[StrictRequest]] = StrictRequest

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, given the strict request."""
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            return await handler(self.request_class(request.scope, request.receive))

        return handle


class LargeRoute(StrictRoute):
    """A route that takes a LargeRequest."""

    request_class = LargeRequest


def _check(value: Any, place: str) -> None:
    if isinstance(value, str):
        _check_text(value, place)
    elif isinstance(value, int | float):
        if not math.isfinite(value) or (isinstance(value, int) and abs(value) > LARGEST_INTEGER):
            raise Invalid(f"The number at '{place}' is too large.", field=place)
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_text(key, place)
            _check(item, f"{place}.{key}" if place else key)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            _check(item, f"{place}.{number}")


def _check_text(text: str, place: str) -> None:
    if "\0" in text:
        raise Invalid(f"The text at '{_short(place)}' holds a NUL character.", field=_short(place))


def _short(place: str) -> str:
    return place.replace("\0", "")[:100]


def refuse_unknown_fields(wire: ModuleType) -> None:
    """Have pydantic refuse a field that a wire type does not have, before a route uses it."""
    for value in vars(wire).values():
        if isinstance(value, type) and is_dataclass(value):
            value.__pydantic_config__ = {"extra": "forbid"}  # type: ignore[attr-defined]
