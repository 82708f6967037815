"""A pattern that is compiled late is like one that was compiled at once."""

from __future__ import annotations

import re

import pytest

from exporter.pattern import pattern


def test_a_late_pattern_finds_what_an_early_one_finds():
    """Flags, groups and bytes included."""
    late, early = pattern(r"(A)|b", re.IGNORECASE), re.compile(r"(A)|b", re.IGNORECASE)
    for _ in range(2):
        assert late.findall("xaB") == early.findall("xaB")
    assert (late.groups, late.flags) == (early.groups, early.flags)
    assert pattern(rb"\x14").search(b"\x14")


def test_nothing_is_compiled_before_it_is_asked():
    """One that is none is told by its first use."""
    broken = pattern("(")
    with pytest.raises(re.error):
        broken.search("")
