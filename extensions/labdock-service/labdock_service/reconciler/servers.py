"""Which people's servers run: what the hub says, and what runs on this machine all the same."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from urllib.parse import quote

LOOK_SECONDS = 5.0
ANSWER_SECONDS = 20.0


class HubServers:
    """Asks the hub beside the loop, one question at a time; `wake` is called for an answer."""

    def __init__(
        self,
        environment: Mapping[str, str],
        runs_here: Callable[[str], bool | None],
        wake: Callable[[], None],
    ) -> None:
        self._hub = environment.get("JUPYTERHUB_API_URL", "")
        self._token = environment.get("JUPYTERHUB_API_TOKEN", "")
        self._runs_here = runs_here
        self._wake = wake
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="servers")
        self._asked: dict[str, tuple[float, Future[bool | None]]] = {}
        self._answers: dict[str, bool | None] = {}

    def __call__(self, person_id: str, name: str) -> bool | None:
        """Whether a person's server runs or starts; None where nobody can say now."""
        runs = self._runs_here(person_id) if self._hub else None
        return self._answer(name) if runs is False else runs

    def _answer(self, name: str) -> bool | None:
        """The latest answer; the hub is asked anew where that is old."""
        at, future = self._asked.get(name, (-LOOK_SECONDS, None))
        if future is not None and future.done():
            self._answers[name] = future.result()
        if (future is None or future.done()) and time.monotonic() - at >= LOOK_SECONDS:
            fresh = self._thread.submit(self._ask, name)
            self._asked[name] = (time.monotonic(), fresh)
            fresh.add_done_callback(lambda _: self._wake())
        return self._answers.get(name)

    def _ask(self, name: str) -> bool | None:
        request = urllib.request.Request(
            f"{self._hub}/users/{quote(name, safe='')}",
            headers={"Authorization": f"token {self._token}"},
        )
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:
                servers = json.loads(answer.read()).get("servers")
        except urllib.error.HTTPError as error:
            return False if error.code == 404 else None
        except (OSError, ValueError):
            return None
        return None if servers is None else bool(servers)
