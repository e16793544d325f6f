"""How an attempt ended: pure judgement over what was seen of its workers."""

from __future__ import annotations

import re
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from labdock import wording
from labdock.schema import Failure
from labdock_service.engines.processtree import OVER_LIMIT, TOLD_TO_END

Ending = Literal["stop", "suspend", "outage", "time_limit", "gang_timeout", "gang_lost", "finished"]
"""Why Labdock itself ends the workers of an attempt."""

OWN_FAILURE = (1, 64)
"""Exit codes of a worker whose code failed, or that refused the job."""
MOST_OUTAGES = 5
"""Outages of the machine after which a job is not tried again by itself."""
VANISHED = "Nothing of it was left when Labdock came back: goes on."
RESTARTED = "It was ended by a restart of Docker or of the machine: goes on."

LOST_PEER = 75
STOPPED = 143
CRASHES = tuple(-number for number in (signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL))
HUNG_UP = re.compile(r"(Connection\w*|BrokenPipe|Timeout|EOF)Error\b")
"""How a failure begins that a worker may have because another process is gone."""


@dataclass(frozen=True, kw_only=True)
class End:
    """How one worker ended. `ours`: Labdock had begun to end it."""

    rank: int
    exit_code: int | None
    reason: str | None
    ended: float | None
    ours: bool


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What an attempt came to, a sentence about it, and the failure a person may see."""

    outcome: Literal["succeeded", "failed", "retry", "stopped", "suspended"]
    reason: str
    failure: Failure | None = None


def judge(
    ends: Sequence[End],
    ending: Ending | None,
    failures: Mapping[str, Any],
    *,
    time_limit: float | None = None,
    outages: int = 0,
) -> Verdict:
    """Judge an attempt all of whose workers have ended, by the first thing that went wrong."""
    ends = [_as_told(end, failures) for end in ends]
    causes = _causes(ends, failures)
    chief = next(end for end in ends if end.rank == 0)
    if chief.exit_code == 0 and not chief.ours and not _before(causes, chief):
        return Verdict(outcome="succeeded", reason="Succeeded.")
    if ending == "stop":
        return Verdict(outcome="stopped", reason="Stopped.")
    if ending == "suspend":
        return Verdict(outcome="suspended", reason="Suspended: goes on at the next start.")
    if ending == "outage":
        return _judge_outage(ends, outages)
    if ending == "time_limit":
        return _failed(f"It ran longer than its limit of {wording.duration(time_limit or 0)}.")
    if causes:
        return _judge_cause(_first(causes, failures), len(ends), failures)
    if ending == "gang_timeout":
        return Verdict(outcome="retry", reason="Its workers did not all start in time.")
    return Verdict(outcome="retry", reason="Its chief ended without a result.")


def _judge_outage(ends: Sequence[End], outages: int) -> Verdict:
    """An outage does not count as an attempt, but a job may be what takes the machine down."""
    if outages < MOST_OUTAGES:
        told = any((end.reason or "").startswith(TOLD_TO_END) for end in ends)
        return Verdict(outcome="suspended", reason=RESTARTED if told else VANISHED)
    return _failed(
        f"The machine went down {outages} times while it ran, which may be its own doing: "
        "`labdock retry` tries it again."
    )


def _as_told(end: End, failures: Mapping[str, Any]) -> End:
    """A worker that told of its own failure may have been ended before it came to its end.

    One whose supervisor is killed may find its output closed just before it is killed too:
    that is no failure of its own.
    """
    told = failures.get(str(end.rank), {}).get("exit")
    taken = _was_taken(end) and _hung_up(end, failures)
    own = end.exit_code != 0 and told in OWN_FAILURE and not taken
    return replace(end, exit_code=told) if own else end


def _hung_up(end: End, failures: Mapping[str, Any]) -> bool:
    """Whether its failure is one that it may have because another process is gone."""
    return HUNG_UP.match(failures.get(str(end.rank), {}).get("reason", "")) is not None


def _follows(end: End, failures: Mapping[str, Any]) -> bool:
    """Whether it lost a peer, or was hung up on: it ended of something else."""
    return end.exit_code == LOST_PEER or _hung_up(end, failures)


def _failed_itself(end: End, ends: Sequence[End], failures: Mapping[str, Any]) -> bool:
    """Whether its code failed, or crashed before anybody else had ended."""
    if end.exit_code in CRASHES:
        return all((end.ended or 0.0) <= (other.ended or 0.0) for other in ends)
    return end.exit_code in OWN_FAILURE and str(end.rank) in failures


def _causes(ends: Sequence[End], failures: Mapping[str, Any]) -> list[End]:
    """Ends that Labdock did not bring about.

    Where there are none, or they only follow another one's end, a failure of somebody whom
    Labdock had begun to end is one too: it may be seen later than the ends that followed it.
    """
    causes = [end for end in ends if end.exit_code != 0 and (not end.ours or _was_taken(end))]
    if all(_follows(cause, failures) for cause in causes):
        causes += [end for end in ends if end.ours and _failed_itself(end, ends, failures)]
    return causes


def without_files(verdict: Verdict) -> Verdict:
    """The same where the files could not be kept: without its models nothing succeeded."""
    said = "Its files could not be kept: the reconciler's log says why."
    if verdict.outcome == "succeeded":
        return _failed(said)
    return replace(verdict, reason=f"{verdict.reason} {said}")


def _before(causes: Sequence[End], chief: End) -> bool:
    """Whether something went wrong before the chief ended well."""
    return any((cause.ended or 0.0) <= (chief.ended or 0.0) for cause in causes)


def _was_taken(end: End) -> bool:
    """Whether somebody outside of Labdock killed it or its supervisor, also while it was ended."""
    if end.exit_code == -signal.SIGKILL:
        return not end.ours or end.reason is None
    return end.exit_code is None and (not end.ours or end.ended is not None)


def _first(causes: Sequence[End], failures: Mapping[str, Any]) -> End:
    """The true first cause.

    Who was taken ended of nothing else, though that may be seen late. Who lost a peer, or was
    hung up on, ended of something else. Between the others it is who ended first.
    """

    def order(end: End) -> tuple[int, float]:
        return (
            0 if _was_taken(end) else 2 if _follows(end, failures) else 1,
            end.ended or 0.0,
        )

    return min(causes, key=order)


def _judge_cause(end: End, workers: int, failures: Mapping[str, Any]) -> Verdict:
    who = "Its worker" if workers == 1 else f"Worker {end.rank} of {workers}"
    reported = _reported(end, failures)
    if end.exit_code is None:
        return _retry(f"{who} was lost: {end.reason or 'nothing is left of it'}.")
    if end.exit_code == LOST_PEER:
        return _retry(reported.reason if reported else f"{who} lost the others.")
    if (end.reason or "").startswith(OVER_LIMIT):
        return _failed(f"{who} ran {end.reason}: ask for more with `--memory`.")
    if end.exit_code == -signal.SIGKILL:
        return _retry(f"{who} was killed: {end.reason or 'by somebody outside of Labdock'}.")
    if end.exit_code in (STOPPED, -signal.SIGTERM):
        return _retry(f"{who} was told to end by somebody outside of Labdock.")
    if reported is not None:
        return Verdict(outcome="failed", reason=reported.reason, failure=reported)
    if end.exit_code < 0:
        return _failed(f"{who} crashed with {_signal_name(-end.exit_code)}.")
    return _failed(f"{who} ended with exit code {end.exit_code}.")


def _reported(end: End, failures: Mapping[str, Any]) -> Failure | None:
    """What the worker itself said of its end."""
    said = failures.get(str(end.rank))
    return Failure(**{k: v for k, v in said.items() if k != "exit"}) if said else None


def _failed(reason: str) -> Verdict:
    return Verdict(outcome="failed", reason=reason, failure=Failure(reason=reason))


def _retry(reason: str) -> Verdict:
    return Verdict(outcome="retry", reason=reason, failure=Failure(reason=reason))


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
