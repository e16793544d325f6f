"""Sends what is in the outbox, beside the loop.

A row is deleted once it was sent, so one may be sent again after a crash: its id tells.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from labdock_service.delivery.messages import Hook, Mail, Undelivered
from labdock_service.reconciler.parts import Parts, apart, log
from labdock_service.sealing import Seal, Unsealable
from labdock_service.store import notify
from labdock_service.store.tables import NotifyRow, OutboxRow

DELAYS = (10.0, 30.0, 120.0, 600.0, 1800.0, 3600.0, 3600.0)
"""Seconds after each try before the next; after the last it is given up."""
AT_ONCE = {notify.MAIL: 2, notify.HOOK: 8}
"""A webhook may be slow: it holds up none of the others, and no mail."""


class Post:
    """Sends rows in threads, one at a time for each person and channel.

    `wake` is called when one was sent, or was not.
    """

    def __init__(self, parts: Parts, wake: Callable[[], None]) -> None:
        self._parts = parts
        self._wake = wake
        self._threads = {
            channel: ThreadPoolExecutor(number, thread_name_prefix=channel)
            for channel, number in AT_ONCE.items()
        }
        self._sending: dict[tuple[str, str], tuple[OutboxRow, Future[None]]] = {}

    def advance(self) -> None:
        """Write down what became of what was sent, and send what is due."""
        for queue, (row, future) in list(self._sending.items()):
            if future.done():
                with apart(f"Notification {row.id}"):
                    self._settle(row, future.exception())
                del self._sending[queue]
        for row in self._due():
            queue = row.person_id, row.channel
            if queue not in self._sending:
                future = self._threads[row.channel].submit(self._send, row)
                self._sending[queue] = (row, future)
                future.add_done_callback(lambda _: self._wake())

    def close(self) -> None:
        """Send nothing more."""
        for threads in self._threads.values():
            threads.shutdown(wait=False, cancel_futures=True)

    def _due(self) -> list[OutboxRow]:
        now = self._parts.clock()
        with self._parts.store.read() as session:
            rows, next_due = notify.due(session, now), notify.next_due(session, now)
        if next_due is not None:
            self._parts.remind(max(next_due, now + 1))
        return rows

    def _settle(self, row: OutboxRow, error: BaseException | None) -> None:
        now = self._parts.clock()
        problem = _problem(error)
        over = row.tries >= len(DELAYS) or (isinstance(error, Undelivered) and error.final)
        with self._parts.write() as session:
            if error is None or over:
                notify.settle(session, row, now, problem)
            else:
                again = now + DELAYS[row.tries]
                notify.put_off(session, row, now, again, f"{problem} It is tried again.")
        if error is not None:
            log.warning("Notification %s: %s", row.id, problem, exc_info=_bug(error))

    def _send(self, row: OutboxRow) -> None:
        with self._parts.store.read() as session:
            wanted = notify.waiting(session, row) is not None
            settings = notify.find(session, row.person_id)
        if settings is None or not wanted:
            return
        # What sends is imported where it is used: most deployments send nothing.
        if row.channel == notify.MAIL:
            from labdock_service.delivery.mail import send_mail

            send_mail(self._parts.mail, self._mail(row, settings.email or ""))
        else:
            from labdock_service.delivery.webhook import send_hook

            send_hook(self._hook(row, settings), self._parts.webhook_hosts)

    def _mail(self, row: OutboxRow, to: str) -> Mail:
        message = row.message
        text = f"{message['sentence']}\n\nProject {message['project']}\n{self._link()}\n"
        subject = f"[Labdock] {message['sentence'][:150]}"
        return Mail(id=row.id, to=to, subject=subject, text=text)

    def _hook(self, row: OutboxRow, settings: NotifyRow) -> Hook:
        try:
            target = notify.target(Seal(self._parts.state.secret_keys), settings)
        except Unsealable:
            message = "Your webhook can't be read any more: set it again."
            raise Undelivered(message, final=True) from None
        text = row.message["sentence"].replace("&", "&amp;").replace("<", "&lt;")
        body = row.message | {"id": row.id, "link": self._link(), "text": f"{text} {self._link()}"}
        return Hook(id=row.id, url=target.url, key=target.key, body=json.dumps(body).encode())

    def _link(self) -> str:
        return f"{self._parts.address}/services/labdock/"


def _problem(error: BaseException | None) -> str | None:
    """Why it did not arrive, for the person."""
    if error is None or isinstance(error, Undelivered):
        return str(error) if error else None
    return "Labdock itself failed to send it: its log says why."


def _bug(error: BaseException) -> BaseException | None:
    return None if isinstance(error, Undelivered) else error
