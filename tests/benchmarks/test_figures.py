"""What a figure says of itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks import figures
from benchmarks.command import at_slowness
from benchmarks.figures import Figure, Result, Verdict, conclusion, load, quantile, table


def test_ratio_is_formed_run_by_run_and_its_median_is_judged() -> None:
    """One run in which both were slow does not count more than the others."""
    figure = Figure(
        what="CPU", unit="ms", ours=(0.9, 9.0, 1.0), peer=(1.0, 9.0, 0.8), at_most=1.0, relative=True
    )
    assert figure.ratios == pytest.approx((0.9, 1.0, 1.25))
    assert figure.verdict is Verdict.MET
    assert "1.00" in figure.cells()


def test_limits_are_kept_from_both_sides() -> None:
    """At least and at most are both kept, and what has no limit is not judged."""
    assert Figure(what="a", unit="s", ours=(2.0,), at_most=1.0).verdict is Verdict.MISSED
    assert Figure(what="a", unit="s", ours=(2.0,), at_least=1.0).verdict is Verdict.MET
    assert Figure(what="a", unit="s", ours=(2.0,)).verdict is None


def test_figure_without_its_peer_is_not_judged() -> None:
    """A ratio to a peer that is not installed is neither met nor missed."""
    figure = Figure(what="a", unit="s", ours=(2.0,), at_most=1.0, relative=True)
    assert figure.verdict is None
    assert Result(goal="cost", figures=(figure,), seconds=1.0).met is True


def test_what_was_not_judged_is_not_called_met() -> None:
    """Without the peer two goals are open, and the last words of all benchmarks say which."""

    def result(goal: str, **about: Any) -> Result:
        return Result(goal=goal, figures=(Figure(what="a", unit="ms", ours=(3.0,), **about),), seconds=1.0)

    alone = result("cost", at_most=1.0, relative=True)
    slow = result("scrape", at_most=2.0, slowness=(2.0,))
    assert conclusion([result("series", at_most=4.0)]) == "every goal is met"
    assert conclusion([alone, result("series")]) == (
        "every other goal is met\nnot judged, for there is no peer: cost"
    )
    assert conclusion([result("start", at_most=2.0), slow]) == (
        "not met: start\nat the speed of the machine on which the goals were set: scrape"
    )


def test_limit_of_speed_is_missed_and_met_in_two_words() -> None:
    """A slow machine excuses no more than its slowness, and says so; a fast one takes nothing away."""
    stall = Figure(what="a", unit="ms", ours=(3.0, 4.0, 5.0), at_most=2.0)
    verdicts = [at_slowness((stall,), slower)[0].verdict for slower in ((2.0, 2.5), (1.5, 9.0), (0.5, 0.5))]
    assert verdicts == [Verdict.MET_AT_SPEED, Verdict.MISSED, Verdict.MISSED]
    memory = Figure(what="a", unit="MiB", ours=(4.0,), at_most=2.0)
    pace = Figure(what="a", unit="s", ours=(1.0,), at_least=2.0)
    assert [told.verdict for told in at_slowness((memory, pace), (9.0,))[:2]] == [Verdict.MISSED] * 2
    within = Figure(what="a", unit="ms", ours=(1.9,), at_most=2.0)
    told, slower = at_slowness((within,), (0.5, 0.7))
    assert told.verdict is Verdict.MET
    assert slower.ours == (0.5, 0.7)
    assert slower.verdict is None


def test_result_is_read_back_as_it_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The documentation is made of exactly what was measured."""
    monkeypatch.setattr(figures, "RESULTS", tmp_path / "results")
    result = Result(
        goal="cost",
        figures=(
            Figure(what="a", unit="s", ours=(2.0, 3.0), peer=(1.0, 2.0), at_least=0.5, slowness=(2.0,)),
        ),
        seconds=12.5,
        notes=("a note",),
    )
    result.save()
    (file,) = (tmp_path / "results").iterdir()
    read, where = load(file)
    assert read == result
    assert table([read]) == table([result])
    assert where["cores"] >= 1


def test_quantile_is_a_value_that_occurred() -> None:
    """No value between two is invented."""
    assert quantile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert quantile([1.0] * 99 + [7.0], 0.99) == 7.0
    assert quantile([5.0], 0.99) == 5.0
