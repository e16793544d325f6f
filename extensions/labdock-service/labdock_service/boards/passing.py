"""From the gate to a project's TensorBoard, which is started again where it died just now."""

from __future__ import annotations

import asyncio

import aiohttp
from starlette.requests import Request
from starlette.responses import Response

from labdock_service.boards.base import BoardSpec
from labdock_service.boards.boards import Boards
from labdock_service.boards.livepage import PLAIN, with_script
from labdock_service.forward import CREDENTIALS, REVEALING, away, send


async def pass_on(
    boards: Boards, spec: BoardSpec, request: Request, path: str, prefix: str
) -> Response:
    """The answer of the project's TensorBoard; its page shows new points by itself."""
    headers = {"X-Content-Type-Options": "nosniff"}
    is_page = path == f"{spec.path}/"
    dropped = CREDENTIALS | REVEALING | (PLAIN if is_page else frozenset())
    for _ in range(2):
        board = await asyncio.shield(boards.get(spec))
        board.touch()
        url = f"http://board{path}"
        try:
            answer = await send(
                board.session, request, url, drop_request=dropped, add_response=headers
            )
            return await with_script(answer, prefix) if is_page else answer
        except aiohttp.ClientConnectorError:
            await board.end()
        except (aiohttp.ClientError, OSError):
            break
    return away(headers)
