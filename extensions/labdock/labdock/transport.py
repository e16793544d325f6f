"""HTTP to the service: retries, streams, and foreign errors made the client's own."""

from __future__ import annotations

import contextlib
import socket
import ssl
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

import msgspec

from labdock import errors, sse, wording
from labdock.connection import Connection

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")

DELAYS = (0.1, 0.2, 0.4, 0.8, 1.5, 2.0)
"""Seconds between tries: a service that restarts is back within their sum."""

LONGEST_WAIT = 60
"""Seconds that a service is waited for that wants no requests for a while."""

STREAM_SILENCE = 45.0
"""Seconds without a byte, not even a ping, after which a stream is opened again."""

_CODING = ("content-encoding", "content-length", "transfer-encoding")
"""Headers of an answer that are not true any more once it was read."""

_PASSING = (429, 502, 503, 504)
_MISTAKES: dict[int, type[errors.Mistake]] = {
    401: errors.NotAllowed,
    403: errors.NotAllowed,
    404: errors.NotFound,
    409: errors.Conflict,
}


def _import_httpx() -> Any:
    """Import httpx without its own command line, which takes longer than all the rest."""
    if "httpx" not in sys.modules:
        sys.modules["httpx._main"] = None  # type: ignore[assignment]
        try:
            import httpx
        finally:
            sys.modules.pop("httpx._main", None)
    import httpx

    return httpx


def _say_nothing(message: str) -> None:
    """Where nobody wants to hear of trouble that may pass."""


def trusted(connection: Connection) -> ssl.SSLContext | bool:
    """Whom this machine trusts, and who is named; http need not pay the 20 ms that takes."""
    if not connection.api.startswith("https:"):
        return False
    trusted: ssl.SSLContext = _import_httpx().create_ssl_context()
    trusted.load_default_certs()
    try:
        if connection.authority is not None:
            trusted.load_verify_locations(connection.authority)
    except OSError:  # SSLError is one
        raise errors.NotConnected(
            "LABDOCK_CA must name a PEM file of certificates, which can be read."
        ) from None
    return trusted


class Transport:
    """Requests to one Labdock. It may be used from several threads."""

    def __init__(self, connection: Connection) -> None:
        library = _import_httpx()
        self.connection = connection
        self.on_trouble: Callable[[str], None] = _say_nothing
        self._met = False
        """Whether the service has answered from here, so that its address is right."""
        self._transport_error: type[Exception] = library.TransportError
        self._not_sent: tuple[type[Exception], ...] = (
            library.ConnectError,
            library.ConnectTimeout,
        )
        self._http: httpx.Client = library.Client(
            base_url=connection.api,
            headers={"Authorization": f"token {connection.token}"},
            timeout=library.Timeout(60.0, connect=5.0),
            trust_env=not connection.local,
            verify=trusted(connection),
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def request(
        self, method: str, path: str, answer: type[T], *, see: str | None = None, **options: Any
    ) -> T:
        """Send a request and decode its answer.

        One that did not reach the service is always sent again, and one that may have is not
        where it may not be done twice: then `see` is the command that shows whether it was done.
        """
        try:
            return decode(self._send(method, path, see is None, options).content, answer)
        except errors.ServiceUnavailable as error:
            if see is None or not error.unsure or self._is_unsent(error):
                raise
            told = f"{error} It may have done this all the same: see `{see}` before you try again."
            raise errors.ServiceUnavailable(told) from error

    def exchange(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request that may be sent twice, and give its answer as it came."""
        return self._send(method, path, True, options)

    def exchange_once(self, method: str, path: str, most: int, **options: Any) -> httpx.Response:
        """The same, sent one time. Raises Mistake for an answer of more than `most` bytes."""
        try:
            with self._http.stream(method, path, **options) as response:
                content = _read(response, most)
        except self._transport_error as error:
            raise silent(error, self.connection) from error
        told = [(name, value) for name, value in response.headers.items() if name not in _CODING]
        answer = _import_httpx().Response(response.status_code, headers=told, content=content)
        self._check(answer)
        return cast("httpx.Response", answer)

    def delete(self, path: str) -> None:
        """Send a request whose answer is empty."""
        self._send("DELETE", path, True, {})

    def _send(
        self, method: str, path: str, repeatable: bool, options: dict[str, Any]
    ) -> httpx.Response:
        for delay in DELAYS:
            try:
                return self._send_once(method, path, options)
            except errors.ServiceUnavailable as error:
                undone = self._is_unsent(error) or error.wait > 0
                if not undone and not (repeatable and error.passing):
                    raise
                pause = max(delay, error.wait)
                if pause >= 1:
                    self.on_trouble(wording.again(error))
                time.sleep(pause)
        return self._send_once(method, path, options)

    def _send_once(self, method: str, path: str, options: dict[str, Any]) -> httpx.Response:
        content = options.get("content")
        made = {**options, "content": content()} if callable(content) else options
        try:
            response: httpx.Response = self._http.request(method, path, **made)
        except self._transport_error as error:
            raise silent(error, self.connection) from error
        self._check(response)
        return response

    def _is_unsent(self, error: Exception) -> bool:
        return isinstance(error.__cause__, self._not_sent)

    def _check(self, response: httpx.Response) -> None:
        if response.is_success:
            self._met = True
            return
        response.read()
        error = translate(response, self.connection)
        if self._met and isinstance(error, errors.NotConnected):
            raise _away(self.connection)  # a hub that starts does not know its services yet
        raise error

    @contextlib.contextmanager
    def download(self, path: str) -> Iterator[Download]:
        """Open an answer that is read piece by piece."""
        try:
            with self._http.stream("GET", path) as response:
                self._check(response)
                told = response.headers.get("Content-Length", "")
                yield Download(response.iter_bytes(), int(told) if told.isdecimal() else None)
        except self._transport_error as error:
            raise silent(error, self.connection) from error

    @contextlib.contextmanager
    def stream(
        self, path: str, params: dict[str, Any], last_id: str | None = None
    ) -> Iterator[Stream]:
        """Open a stream of server-sent events; it ends with ServiceUnavailable when cut off."""
        headers = {"Accept": "text/event-stream"}
        if last_id is not None:
            headers["Last-Event-ID"] = last_id
        try:
            with self._http.stream(
                "GET", path, params=params, headers=headers, timeout=STREAM_SILENCE
            ) as response:
                self._check(response)
                yield Stream(response)
        except self._transport_error as error:
            raise silent(error, self.connection) from error


@dataclass(frozen=True)
class Download:
    """An open answer, which is read once; `size` is in bytes, where the service says it."""

    pieces: Iterator[bytes]
    size: int | None = None

    def __iter__(self) -> Iterator[bytes]:
        return self.pieces


class Stream:
    """An open stream of events, which another thread may end."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response

    def __iter__(self) -> Iterator[sse.Message]:
        return sse.messages(self._response.iter_bytes())

    def end(self) -> None:
        """Wake up the thread that reads, as closing a socket alone would not."""
        network = self._response.extensions.get("network_stream")
        if network is not None:
            with contextlib.suppress(OSError):
                network.get_extra_info("socket").shutdown(socket.SHUT_RDWR)


def _read(response: httpx.Response, most: int) -> bytes:
    content = bytearray()
    for piece in response.iter_bytes():
        content += piece
        if len(content) > most:
            raise errors.Mistake(
                f"The answer is larger than {most / 1e6:g} MB: ask for less, or from a program."
            )
    return bytes(content)


def decode(content: bytes | str, answer: type[T]) -> T:
    """Decode an answer into a wire type; fields that are not known are passed over."""
    try:
        return msgspec.json.decode(content, type=answer)
    except msgspec.DecodeError as error:
        raise errors.ServiceUnavailable(
            "The service gave an answer that this version of labdock does not read: "
            "install the client of the service's version."
        ) from error


def silent(error: Exception, connection: Connection) -> errors.LabdockError:
    """The client's own error where no answer came."""
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return errors.NotConnected(
            f"The certificate of {connection.hub} is not trusted here: set LABDOCK_CA to "
            "the file of its authority, and LABDOCK_URL to a name that it is for."
        )
    message = f"Labdock does not answer at {connection.hub}."
    return errors.ServiceUnavailable(message, passing=True, unsure=True)


def translate(response: httpx.Response, connection: Connection) -> errors.LabdockError:
    """The client's own error for an answer that is none."""
    status = response.status_code
    body = body_of(response.content)
    sentence = body.get("detail", body.get("error"))
    if not isinstance(sentence, str):
        return _foreign(status, connection)
    if body.get("error") == "unauthorized":  # of a key the router says more
        return _unknown_token(connection)
    if status == 429:
        return errors.ServiceUnavailable(sentence, passing=True, wait=_wait(response))
    if status >= 500:
        return errors.ServiceUnavailable(sentence, passing=status in _PASSING)
    return _MISTAKES.get(status, errors.Mistake)(sentence, field=body.get("field"))


def _wait(response: httpx.Response) -> float:
    """The seconds that an answer asks to wait, and no longer than makes sense to sit through."""
    told = response.headers.get("retry-after", "")
    return float(min(int(told), LONGEST_WAIT)) if told.isdecimal() else 1.0


def _unknown_token(connection: Connection) -> errors.NotAllowed:
    if connection.in_hub:
        return errors.NotAllowed(
            "The hub does not know this server any more: stop it and start it again "
            "on the hub's page."
        )
    return errors.NotAllowed(
        "The hub does not know this LABDOCK_TOKEN: make another with `labdock token NAME`."
    )


def body_of(content: bytes) -> dict[str, Any]:
    """What the service says, or a model server, which knows an `error` only."""
    try:
        return msgspec.json.decode(content, type=dict[str, Any])
    except msgspec.DecodeError:
        return {}


def _foreign(status: int, connection: Connection) -> errors.LabdockError:
    """The error for an answer that does not come from the service itself."""
    if status in (401, 403):
        return _unknown_token(connection)
    if status == 404:
        return errors.NotConnected(
            f"There is no Labdock at {connection.hub}: set LABDOCK_URL to the hub's address."
        )
    if 300 <= status < 400:
        return errors.NotConnected(
            f"{connection.hub} sends on to another address: set LABDOCK_URL to that one."
        )
    if status in _PASSING:
        return _away(connection)
    return errors.ServiceUnavailable(f"Labdock's service answered with an error ({status}).")


def _away(connection: Connection) -> errors.ServiceUnavailable:
    message = f"Labdock's service does not run at {connection.hub} now."
    return errors.ServiceUnavailable(message, passing=True, unsure=True)
