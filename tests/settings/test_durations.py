"""Durations as Prometheus writes them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.settings import ConfigError, format_duration, parse_duration
from exporter.settings.durations import PATTERN


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("0s", 0.0),
        ("500ms", 0.5),
        ("30s", 30.0),
        ("90s", 90.0),
        ("1m30s", 90.0),
        ("1h30m", 5400.0),
        ("1d", 86_400.0),
        ("2w", 1_209_600.0),
        ("1y", 31_536_000.0),
        ("1y2w3d4h5m6s7ms", 33_019_506.007),
        ("292y", 9_208_512_000.0),
    ],
)
def test_a_duration_is_read_as_prometheus_reads_it(text: str, seconds: float):
    """Whole numbers with units, the largest first; a year has 365 days."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("60", "write 60s"),
        ("1.5h", "write 1h30m"),
        ("30 s", "write 30s"),
        ("30sec", "write 30s"),
        ("5 Minutes", "write 5m"),
        ("2 days, 3 hours", "write 51h"),
        ("30s1m", "write 1m30s"),
        ("1m30", "write 1m30s"),
        ("250msec", "write 250ms"),
        ("", "write whole numbers with units, such as 30s, 5m or 1h30m"),
        ("0.0001ms", "write whole numbers with units, such as 30s, 5m or 1h30m"),
        ("soon", "write whole numbers with units, such as 30s, 5m or 1h30m"),
        ("5 fortnights", "write whole numbers with units, such as 30s, 5m or 1h30m"),
        ("-5m", "write whole numbers with units, such as 30s, 5m or 1h30m"),
        ("٣s", "write whole numbers with units, such as 30s, 5m or 1h30m"),
        ("1\n", "write 1s"),
        ("9" * 5000, f"write {'9' * 18}s"),
        ("293y", "write a shorter duration"),
    ],
)
def test_the_remedy_says_what_was_probably_meant(text: str, remedy: str):
    """A person who wrote another notation is given the right one."""
    with pytest.raises(ConfigError) as raised:
        parse_duration(text)
    assert raised.value.problems[0].remedy == remedy


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0s"),
        (0.0001, "0s"),
        (0.25, "250ms"),
        (60.0, "1m"),
        (90.0, "1m30s"),
        (5400.0, "1h30m"),
        (86_400.0, "1d"),
        (90_000.0, "25h"),
        (604_800.0, "1w"),
        (31_536_000.0, "1y"),
    ],
)
def test_a_duration_is_written_as_prometheus_writes_it(seconds: float, text: str):
    """Days and longer units stand for whole numbers of them only."""
    assert format_duration(seconds) == text


@given(st.integers(min_value=0, max_value=(2**63 - 1) // 1_000_000))
def test_what_is_written_is_read_back(milliseconds: int):
    """To the millisecond, over the whole range."""
    seconds = milliseconds / 1000
    assert parse_duration(format_duration(seconds)) == seconds


@given(st.one_of(st.text(), st.text(alphabet="0123456789ywdhms. ", max_size=12)))
def test_any_text_is_a_duration_or_an_error(text: str):
    """No other exception, and the schema's pattern says the same."""
    try:
        seconds = parse_duration(text)
    except ConfigError as error:
        is_duration = error.problems[0].remedy == "write a shorter duration"
    else:
        assert seconds >= 0
        is_duration = True
    assert (re.search(PATTERN, text, re.ASCII) is not None and not text.endswith("\n")) == is_duration
