"""What a revision must do next: pure decisions over what was wanted and what was seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from labdock.servingschema import RevisionState

DRAIN_SECONDS = 5.0
"""From leaving the router's table to SIGTERM: the router has read the table by then."""
START_SECONDS = 300.0
"""How long a model server may take until it has answered a warm-up request."""
FIRST_STARTS = 2
"""Model servers that may end before a revision that never answered counts as failed."""
LONGEST_BACKOFF = 60.0
HEAD_START = 20.0
"""Seconds that a model server which people miss has to come back before jobs start beside it."""

Act = Literal["wait", "start", "ask", "serve", "drain", "stop", "failure", "fail", "retire"]


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A revision as it is now. `age` is the seconds since it came into its state."""

    state: RevisionState
    wanted: bool
    """It shall have the endpoint's traffic."""
    in_traffic: bool
    """It has it now."""
    server: Literal["none", "starting", "running", "ended"]
    """Its latest model server."""
    age: float
    failures: int = 0
    """Model servers that ended since one last answered."""
    answered: bool = False
    """The running model server answered the warm-up request."""
    refused: bool = False
    """The running model server cannot serve the model."""


def decide(seen: Seen) -> Act:
    """The next thing to do.

    A revision is kept while it is wanted or still has traffic: the older one goes on serving
    until the newer one has answered, and for ever if that one fails.
    """
    if not (seen.wanted or seen.in_traffic):
        return _let_go(seen)
    if seen.state == "failed":
        return "stop" if _live(seen) else "wait"
    if seen.state == "retired" or seen.server == "none":
        return _start_again(seen)
    if seen.server == "ended":
        return "failure"
    return _bring_up(seen)


def is_missed(seen: Seen) -> bool:
    """Whether people ask for it and it is not there, but likely to be soon: jobs let it go first.

    After a restart both would load TensorFlow on the same cores, and nobody waits for a job
    as for an answer.
    """
    if not seen.in_traffic or seen.state not in ("starting", "warming") or seen.failures > 1:
        return False
    return not _live(seen) or 0 <= seen.age < HEAD_START


def backoff(failures: int) -> float:
    """Seconds to wait before the next model server."""
    return 0.0 if failures == 0 else min(LONGEST_BACKOFF, 2.0 ** (failures - 1))


def gives_up(failures: int, *, served: bool) -> bool:
    """Whether one more end of its model server fails the revision; one that served never does."""
    return not served and failures + 1 >= FIRST_STARTS


def _live(seen: Seen) -> bool:
    return seen.server in ("starting", "running")


def _let_go(seen: Seen) -> Act:
    if not _live(seen):
        return "wait" if seen.state in ("failed", "retired") else "retire"
    if seen.state == "serving":
        return "drain"
    if seen.state == "draining" and seen.age < DRAIN_SECONDS:
        return "wait"
    return "stop"


def _start_again(seen: Seen) -> Act:
    if seen.state == "retired":
        return "stop" if _live(seen) else "start"
    return "start" if seen.age >= backoff(seen.failures) else "wait"


def _bring_up(seen: Seen) -> Act:
    if seen.state == "serving":
        return "wait" if seen.in_traffic else "serve"
    if seen.state == "draining":
        return "serve"
    if seen.refused:
        return "fail"
    if seen.answered:
        return "serve"
    return "fail" if seen.age >= START_SECONDS else "ask"
