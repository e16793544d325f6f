"""TensorBoard's page, made to show new points by itself."""

from __future__ import annotations

from pathlib import Path

from starlette.responses import FileResponse, Response, StreamingResponse

SCRIPT = "-/live.js"
"""Its address below the gate's: no project has a name of a dash."""

PLAIN = frozenset({"accept-encoding", "if-none-match", "if-modified-since", "range"})
"""Request headers without which the page comes whole and as text."""

_CHANGED = frozenset({b"content-length", b"content-encoding", b"etag", b"last-modified"})


async def send_script(_request: object) -> Response:
    """The script that asks for new points."""
    headers = {"Cache-Control": "no-cache"}
    file = Path(__file__).with_name("live.js")
    return FileResponse(file, media_type="text/javascript", headers=headers)


async def with_script(answer: Response, prefix: str) -> Response:
    """TensorBoard's page with the script; any other answer as it is."""
    is_page = answer.status_code == 200 and answer.headers["content-type"].startswith("text/html")
    if not is_page or not isinstance(answer, StreamingResponse):
        return answer
    chunks = [bytes(chunk) async for chunk in answer.body_iterator]  # type: ignore[arg-type]
    tag = f'<script src="{prefix}{SCRIPT}" defer></script></head>'.encode()
    changed = Response(b"".join(chunks).replace(b"</head>", tag, 1))
    kept = [(name, value) for name, value in answer.raw_headers if name not in _CHANGED]
    changed.raw_headers += kept
    return changed
