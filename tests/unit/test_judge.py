"""How an attempt is judged by the ends of its workers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labdock_service.engines.processtree import TOLD_TO_END
from labdock_service.reconciler.judge import MOST_OUTAGES, End, Ending, judge

CODES = st.sampled_from([None, 0, 1, 3, 64, 75, 143, -9, -11, -15])
ENDINGS = st.sampled_from(
    [None, "stop", "suspend", "outage", "time_limit", "gang_timeout", "gang_lost", "finished"]
)


def end(
    rank: int = 0, code: int | None = 0, at: float = 1, *, ours: bool = False, why: str = ""
) -> End:
    return End(rank=rank, exit_code=code, reason=why or None, ended=at, ours=ours)


@st.composite
def gangs(draw: st.DrawFn) -> list[End]:
    return [
        end(rank, draw(CODES), draw(st.integers(0, 9)), ours=draw(st.booleans()))
        for rank in range(draw(st.integers(1, 4)))
    ]


@given(gangs(), ENDINGS)
def test_every_end_has_a_sentence(gang: list[End], ending: Ending | None) -> None:
    verdict = judge(gang, ending, {})
    assert verdict.reason.endswith(".") and verdict.reason[0].isupper()


@given(gangs(), ENDINGS)
def test_nothing_succeeds_without_its_chief(gang: list[End], ending: Ending | None) -> None:
    if judge(gang, ending, {}).outcome == "succeeded":
        assert gang[0].exit_code == 0
        assert not gang[0].ours


@given(gangs())
def test_all_well_succeeds(gang: list[End]) -> None:
    well = [end(one.rank, 0, one.ended or 0) for one in gang]
    assert judge(well, None, {}).outcome == "succeeded"


@pytest.mark.parametrize("code", [None, 75, -9, -15, 143])
def test_what_comes_from_outside_is_tried_again(code: int | None) -> None:
    assert judge([end(code=code)], None, {}).outcome == "retry"


@pytest.mark.parametrize("code", [1, 2, 64, -11, -6])
def test_what_the_code_does_fails_at_once(code: int) -> None:
    assert judge([end(code=code)], None, {}).outcome == "failed"


def test_the_runtimes_failure_is_what_the_person_sees() -> None:
    said = {"0": {"reason": "ValueError: no", "cell": 3, "traceback": "Traceback"}}
    verdict = judge([end(code=1)], None, said)
    assert verdict.failure and verdict.failure.cell == 3
    assert verdict.reason == "ValueError: no"


def test_who_goes_over_its_own_limit_would_do_so_again() -> None:
    limit = "out of memory: it used 900 MiB and its limit is 500 MiB"
    verdict = judge([end(code=-9, why=limit)], None, {})
    assert (verdict.outcome, verdict.reason) == (
        "failed",
        f"Its worker ran {limit}: ask for more with `--memory`.",
    )
    none_left = "out of memory: the machine had none left"
    assert judge([end(code=-9, why=none_left)], None, {}).outcome == "retry"


def test_a_killed_worker_is_the_cause_of_the_others_ends() -> None:
    gang = [end(0, 75, 3), end(1, -9, 1), end(2, 143, 4, ours=True)]
    verdict = judge(gang, "gang_lost", {"0": {"reason": "This worker lost another one."}})
    assert verdict.outcome == "retry"
    assert verdict.reason.startswith("Worker 1 of 3 was killed")


def test_the_workers_own_error_is_the_cause_of_the_others_loss() -> None:
    gang = [end(0, 75, 1), end(1, 1, 2)]
    assert judge(gang, "gang_lost", {}).outcome == "failed"


def test_the_workers_own_error_counts_though_labdock_had_begun_to_end_it() -> None:
    gang = [end(0, 75, 1), end(1, 1, 2, ours=True)]
    told = {"0": {"reason": "This worker lost another one."}, "1": {"reason": "ValueError: no"}}
    verdict = judge(gang, "gang_lost", told)
    assert (verdict.outcome, verdict.reason) == ("failed", "ValueError: no")
    assert judge(gang, "gang_lost", {}).outcome == "retry"


@pytest.mark.parametrize("code", [143, -15, -9, None])
@pytest.mark.parametrize("ending", ["gang_lost", "gang_timeout"])
def test_a_failure_that_was_told_counts_however_its_worker_was_ended(
    ending: Ending, code: int | None
) -> None:
    gang = [end(0, 75, 1, ours=ending == "gang_timeout"), end(1, code, 2, ours=True)]
    told = {"1": {"reason": "ValueError: no", "exit": 1}}
    assert judge(gang, ending, told).outcome == "failed"
    lost = {"1": {"reason": "This worker lost another one.", "exit": 75}}
    assert judge(gang, ending, lost).outcome == "retry"


def test_a_job_that_may_take_the_machine_down_is_not_tried_for_ever() -> None:
    lost = [end(code=None)]
    assert judge(lost, "outage", {}, outages=MOST_OUTAGES - 1).outcome == "suspended"
    verdict = judge(lost, "outage", {}, outages=MOST_OUTAGES)
    assert verdict.outcome == "failed" and "`labdock retry`" in verdict.reason


def test_who_was_ended_with_docker_or_the_machine_goes_on() -> None:
    gang = [end(0, 75, 2, ours=True), end(1, 143, 1, why=TOLD_TO_END)]
    verdict = judge(gang, "outage", {})
    assert verdict.outcome == "suspended" and "a restart of Docker" in verdict.reason


def test_a_lost_worker_comes_before_errors_that_were_seen_first() -> None:
    gang = [end(0, 1, 1), end(1, None, 9, why="its supervisor vanished")]
    assert judge(gang, "gang_lost", {}).outcome == "retry"


@pytest.mark.parametrize("code", [-9, None])
@pytest.mark.parametrize("ours", [True, False])
def test_a_kill_comes_before_errors_of_those_whom_it_left(code: int | None, ours: bool) -> None:
    """Also where it was seen late, when Labdock had begun to end the rest of the gang."""
    gang = [end(0, 1, 1), end(1, code, 9, ours=ours)]
    told = {"0": {"reason": "ValueError: the answer was empty", "exit": 1}}
    assert judge(gang, "gang_lost", told).outcome == "retry"


def test_what_labdock_did_itself_is_no_cause() -> None:
    ended = end(1, -9, 9, ours=True, why="stopped on request; it was killed after 30 seconds")
    never = End(rank=2, exit_code=None, reason="it was never started", ended=None, ours=True)
    assert judge([end(0, 1, 1), ended, never], "gang_lost", {}).outcome == "failed"


@pytest.mark.parametrize("word", ["ConnectionResetError: reset", "BrokenPipeError", "EOFError: x"])
def test_an_error_comes_before_that_of_who_was_hung_up_on(word: str) -> None:
    gang = [end(0, 1, 1), end(1, -11, 2)]
    verdict = judge(gang, "gang_lost", {"0": {"reason": word, "exit": 1}})
    assert verdict.reason == "Worker 1 of 2 crashed with SIGSEGV."
    assert judge(gang[:1], None, {"0": {"reason": word}}).reason == word


def test_what_goes_wrong_after_the_chief_ended_well_does_not_count() -> None:
    assert judge([end(0, 0, 1), end(1, 1, 2)], None, {}).outcome == "succeeded"
    assert judge([end(0, 0, 2), end(1, 1, 1)], None, {}).outcome == "failed"


def test_the_time_limit_is_said_as_it_was_asked_for() -> None:
    stopped = [end(code=143, ours=True)]
    verdict = judge(stopped, "time_limit", {}, time_limit=7200)
    assert (verdict.outcome, verdict.reason) == (
        "failed",
        "It ran longer than its limit of 2 h.",
    )


def test_a_stopped_job_that_handles_sigterm_and_ends_well_is_stopped() -> None:
    assert judge([end(code=0, ours=True)], "stop", {}).outcome == "stopped"


def test_an_error_that_is_seen_late_comes_before_that_of_who_was_hung_up_on() -> None:
    """Labdock had begun to end it, as the others were seen to end first."""
    gang = [end(0, 1, 2), end(1, 1, 3), end(2, 1, 1, ours=True)]
    told = {rank: {"reason": "ConnectionError: it hung up", "exit": 1} for rank in ("0", "1")}
    meant = {"2": {"reason": "ValueError: no", "exit": 1}}
    assert judge(gang, "gang_lost", {**told, **meant}).reason == "ValueError: no"


@pytest.mark.parametrize(("at", "reason"), [(1, "crashed with SIGSEGV."), (9, "it hung up")])
def test_a_crash_that_is_seen_late_counts_if_it_came_first(at: float, reason: str) -> None:
    gang = [end(0, 1, 2), end(1, -11, at, ours=True)]
    told = {"0": {"reason": "ConnectionError: it hung up", "exit": 1}}
    assert judge(gang, "gang_lost", told).reason.endswith(reason)


@pytest.mark.parametrize("code", [None, -9])
def test_who_was_taken_may_have_found_its_output_closed_before(code: int | None) -> None:
    closed = {"0": {"reason": "BrokenPipeError: [Errno 32] Broken pipe", "exit": 1}}
    assert judge([end(code=code)], None, closed).outcome == "retry"
    assert judge([end(code=1)], None, closed).outcome == "failed"
    own = {"0": {"reason": "ValueError: no", "exit": 1}}
    assert judge([end(code=code)], None, own).outcome == "failed"
