"""The error reference is generated, complete, and in step with the rules."""

from __future__ import annotations

import re
from pathlib import Path

from exporter.diagnosis.pages import pages
from exporter.diagnosis.rulebook import built_in_rules
from exporter.model import ErrorClass

PAGE = Path(__file__).parents[2] / "docs" / "errors.md"


def test_the_page_is_in_step_with_the_rules():
    """`python -m exporter.diagnosis.pages > docs/errors.md` would change nothing."""
    assert PAGE.read_text(encoding="utf-8") == pages()


def test_every_class_has_a_section_under_its_own_anchor():
    """Alerts and the status page link to `#class`."""
    headings = re.findall(r"^## (.+)$", pages(), re.MULTILINE)
    assert set(headings) == {c.value for c in ErrorClass} - {"none"}
    assert len(headings) == len(set(headings))


def test_every_rule_is_listed():
    """A person who disagrees with a rule finds it by its id."""
    page = pages()
    assert all(f"`{rule.id}`" in page for rule in built_in_rules())


def test_links_inside_the_page_lead_somewhere():
    """Every anchor that is linked exists."""
    page = pages()
    anchors = set(re.findall(r"^## (.+)$", page, re.MULTILINE))
    assert set(re.findall(r"\]\(#([a-z_]+)\)", page)) <= anchors
