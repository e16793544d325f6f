"""One reverse proxy: a Starlette request in, an aiohttp client out, streaming both ways.

Services share the hub's origin, so nothing that proves who somebody is goes to an upstream
(cookies, `Authorization`, a token in the query), and nothing that an upstream says may set
the hub's cookies or change what the browser does with the hub's other pages.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from urllib.parse import unquote

import aiohttp
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from yarl import URL

HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
CREDENTIALS = frozenset({"authorization", "cookie", "x-xsrftoken", "x-csrftoken"})
"""Request headers that no upstream is to see."""

REVEALING = frozenset({"host", "referer", "expect"})
"""Request headers that name the hub's own pages, or that belong to this hop."""

ORIGIN_WIDE = frozenset(
    {
        "set-cookie",
        "set-cookie2",
        "clear-site-data",
        "service-worker-allowed",
        "strict-transport-security",
        "access-control-allow-origin",
        "access-control-allow-credentials",
    }
)
"""Response headers that would act on the whole of the hub's origin."""

AWAY = "What this address leads to does not answer now. Try again in a moment."


def open_session(
    *, connections: int = 0, timeout: float | None = None, socket: str | None = None
) -> aiohttp.ClientSession:
    """A client session made for forwarding: no cookies kept, bodies passed on as they are.

    `connections` limits how many are open at once (0: no limit); `timeout` is the longest
    wait in seconds for an upstream's next bytes. With `socket`, all of them go to a Unix
    socket.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.UnixConnector(socket, limit=connections)
        if socket
        else aiohttp.TCPConnector(limit=connections, use_dns_cache=False),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=timeout),
        auto_decompress=False,
        trust_env=False,
    )


async def send(
    session: aiohttp.ClientSession,
    request: Request,
    url: str,
    *,
    drop_request: frozenset[str] = CREDENTIALS | REVEALING,
    add_response: Mapping[str, str] | None = None,
) -> Response:
    """Send the request to `url`, already encoded and without a query, and stream the answer.

    The request's own query goes along, less a hub token in it. `add_response` are headers
    that replace the upstream's. Raises aiohttp.ClientConnectorError where nothing was sent
    yet, and else another aiohttp.ClientError or an OSError.
    """
    target = URL(_with_query(url, request), encoded=True)
    upstream = await session.request(
        request.method,
        target,
        headers=_request_headers(request, drop_request),
        data=request.stream() if _has_body(request) else None,
        allow_redirects=False,
        auto_decompress=False,
        skip_auto_headers=("User-Agent", "Content-Type", "Accept", "Accept-Encoding"),
    )
    response = StreamingResponse(_body(upstream), upstream.status)
    response.raw_headers = _response_headers(upstream, add_response or {})
    return response


def away(headers: Mapping[str, str] | None = None, sentence: str = AWAY) -> Response:
    """The answer where an upstream is away."""
    body = {"error": "unavailable", "detail": sentence, "field": None}
    return JSONResponse(body, 503, headers={**(headers or {}), "Retry-After": "1"})


def _with_query(url: str, request: Request) -> str:
    query = request.scope["query_string"].decode("latin-1")
    kept = "&".join(part for part in query.split("&") if not _names_token(part))
    return f"{url}?{kept}" if kept else url


def _names_token(part: str) -> bool:
    return unquote(part.split("=", 1)[0]) in ("token", "_xsrf")


def _has_body(request: Request) -> bool:
    return request.headers.get("content-length", "0") != "0" or (
        "transfer-encoding" in request.headers
    )


def _request_headers(request: Request, dropped: frozenset[str]) -> list[tuple[str, str]]:
    unwanted = HOP_BY_HOP | dropped | _named_by(request.headers.getlist("connection"))
    return [(name, value) for name, value in request.headers.items() if name not in unwanted]


def _named_by(connection: list[str]) -> set[str]:
    return {name.strip().lower() for value in connection for name in value.split(",")}


def _response_headers(
    upstream: aiohttp.ClientResponse, added: Mapping[str, str]
) -> list[tuple[bytes, bytes]]:
    replaced = {name.lower(): value for name, value in added.items()}
    unwanted = HOP_BY_HOP | ORIGIN_WIDE | _named_by(upstream.headers.getall("Connection", []))
    kept = [
        (name.lower(), value)
        for name, value in upstream.raw_headers
        if name.decode("latin-1").lower() not in unwanted | replaced.keys()
    ]
    return kept + [(name.encode(), value.encode("latin-1")) for name, value in replaced.items()]


async def _body(upstream: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    try:
        async for chunk in upstream.content.iter_any():
            yield chunk
    finally:
        upstream.close()
