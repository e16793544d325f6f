"""What goes wrong, as a sentence: errors to answers, and their part of the OpenAPI document."""

from __future__ import annotations

import logging
import secrets
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException

from labdock.schema import ErrorBody
from labdock_service.diskspace import FULL, READ_ONLY, is_full, is_read_only
from labdock_service.errors import DiskFull, Invalid, ServiceError, TooMany, Unavailable

LOG = logging.getLogger(__name__)

_MEANINGS = {
    400: "A value that cannot be used; `field` says where it was.",
    401: "Nobody that the hub knows.",
    403: "Seen, but not yours to change.",
    404: "Not there, or not for you to see.",
    409: "Clashes with what is there.",
    413: "Over a limit on size.",
    429: "Asked for too often; `Retry-After` says how many seconds to wait.",
    500: "Labdock failed; its log says more.",
    503: "Another part of Labdock does not answer now.",
    507: "The disk is full.",
}
_SENTENCES = {
    "missing": "'{field}' is missing.",
    "unexpected_keyword_argument": "There is no field '{field}' here: leave it out.",
    "extra_forbidden": "There is no field '{field}' here: leave it out.",
    "dataclass_type": "'{field}' must be an object.",
}
_ANSWERS = {404: "There is nothing at this address.", 405: "This address cannot be used that way."}


def describe(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors of a route, for its OpenAPI document; every route may also answer the usual."""
    usual = {400, 401, 403, 429, 500, 503, 507}
    return {
        status: {"model": ErrorBody, "description": _MEANINGS[status]}
        for status in sorted(usual | set(statuses))
    }


def handle_problems(app: FastAPI) -> None:
    """Answer every error with an ErrorBody."""
    app.add_exception_handler(ServiceError, _on_service_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, _on_http_error)
    for kind in (OSError, DBAPIError):
        app.add_exception_handler(kind, _on_disk_error)
    app.add_exception_handler(Exception, _on_failure)


def answer(error: ServiceError) -> Response:
    """An error's answer."""
    headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else None
    if error.status == 503:
        headers = {"Retry-After": "1"}
    if isinstance(error, TooMany):
        headers = {"Retry-After": str(error.seconds)}
    return _body(error.status, error.code, str(error), error.field, headers)


def _body(
    status: int,
    code: str,
    detail: str,
    field: str | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    content = {"error": code, "detail": detail, "field": field}
    return JSONResponse(content, status, headers)


async def _on_service_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ServiceError)
    return answer(error)


async def _on_invalid_request(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"][1:])[:200].replace("\0", "")
    place = f"'{field}'" if field else "the request's body"
    pattern = _SENTENCES.get(first["type"]) if field else None
    reason = first["msg"][:1].lower() + first["msg"][1:]
    sentence = pattern.format(field=field) if pattern else f"{place} cannot be used: {reason}."
    return answer(Invalid(sentence[:1].upper() + sentence[1:], field=field or None))


async def _on_http_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if isinstance(error.__cause__, ServiceError):  # FastAPI wraps what reading a body raises
        return answer(error.__cause__)
    detail = _ANSWERS.get(error.status_code, str(error.detail))
    code = "not_found" if error.status_code == 404 else "invalid"
    return _body(error.status_code, code, detail, headers=dict(error.headers or {}))


async def _on_disk_error(_request: Request, error: Exception) -> Response:
    if is_full(error):
        return answer(DiskFull(FULL))
    if is_read_only(error):
        return answer(Unavailable(READ_ONLY))
    raise error


async def _on_failure(request: Request, error: Exception) -> Response:
    number = secrets.token_hex(4)
    LOG.error("%s: %s %s", number, request.method, request.url.path, exc_info=error)
    return _body(500, "internal", f"Labdock failed here; the service's log has it under {number}.")
