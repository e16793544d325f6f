from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.bench import report
from tests.bench.measure import Series, compare, interleave, interval, shown, subtract
from tests.bench.report import DIFFERENCES, PAIRS


def test_every_contender_runs_once_a_round() -> None:
    calls: list[str] = []

    def contender(name: str) -> Callable[[], float]:
        def run() -> float:
            calls.append(name)
            return 1.0

        return run

    series = interleave({"a": contender("a"), "b": contender("b")}, rounds=3, unit="s")

    assert [sorted(calls[i : i + 2]) for i in (0, 2, 4)] == [["a", "b"]] * 3
    assert series["a"].values == (1.0, 1.0, 1.0)


@given(st.lists(st.floats(0.1, 100), min_size=3, max_size=12))
def test_the_interval_lies_within_the_figures(values: list[float]) -> None:
    low, high = interval(values)
    assert min(values) <= low <= high <= max(values)


def test_a_ratio_is_taken_pair_by_pair() -> None:
    result = compare(Series("a", "s", (2.0, 4.0, 6.0)), Series("b", "s", (1.0, 2.0, 3.0)))
    assert (result.ratio, result.low, result.high, result.pairs) == (2.0, 2.0, 2.0, 3)


def test_a_difference_is_taken_pair_by_pair() -> None:
    result = subtract(Series("a", "ms", (5.0, 3.0, 9.0)), Series("b", "ms", (1.0, 2.0, 3.0)))
    assert (result.median, result.low, result.high, result.pairs) == (4.0, 1.0, 6.0, 3)


def test_figures_are_shown_with_three_digits() -> None:
    assert [shown(v) for v in (7927.4, 0.04567, 12.345)] == ["7,927", "0.0457", "12.3"]


def test_every_part_is_on_the_page_with_its_aim(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "PAGE", tmp_path / "page.md")
    compared = {
        part: {name for pair in pairs for name in pair}
        for part, pairs in (PAIRS | DIFFERENCES).items()
    }
    figures = {
        part: [Series(name, "s", (1.0, 2.0)) for name in compared.get(part, {part})]
        for part in ("memory", "up", "starting", "curves", "training", "packages", "serving", "lab")
    }
    report.write_report(figures)
    _, *sections = (tmp_path / "page.md").read_text().split("\n## ")
    assert len(sections) == len(figures)
    for section in sections:
        assert "Aim: " in section and "| 1.5 |" in section
