"""The built-in rules against each other, and the classes against the rules."""

from __future__ import annotations

from typing import Any

import pytest

from exporter.diagnosis.checks import check_rules
from exporter.diagnosis.classes import class_notes
from exporter.diagnosis.openssl import VERIFY_ERRORS
from exporter.diagnosis.phrases import phrases
from exporter.diagnosis.rule import Rule, Tier, is_vendor_code, spellings
from exporter.diagnosis.rulebook import Rulebook, built_in_rules, default_rulebook
from exporter.diagnosis.traits import TRAITS
from exporter.model import Confidence, ErrorClass, FaultDomain

FOLLOW_UP_ONLY = {ErrorClass.PORT_BLOCKED, ErrorClass.WRONG_PORT, ErrorClass.EXPORTER_OFFLINE}


def test_every_example_lands_on_its_rule_and_no_two_rules_tie():
    """The built-in rules pass the same checks as an operator's."""
    assert [str(p) for p in check_rules(default_rulebook(), built_in_rules())] == []


def test_every_class_is_concluded_by_a_rule():
    """All classes but health and the three that only an experiment can prove have a rule."""
    concluded = {rule.error_class for rule in built_in_rules()}
    assert set(ErrorClass) - FOLLOW_UP_ONLY - {ErrorClass.NONE} <= concluded


def test_every_class_has_notes():
    """The notes cover every class but health, with one to three remedies and what it is taken for."""
    notes = class_notes()
    assert set(notes) == set(ErrorClass) - {ErrorClass.NONE}
    for about in notes.values():
        assert 1 <= len(about.remedy) <= 3
        assert about.confused_with
        assert about.confirm
        assert about.domain is not FaultDomain.NONE
        assert [where for where, _ in about.looks] == ["outlook", "thunderbird", "logs"]


def test_outlook_codes_are_hresults_of_the_mail_transport():
    """Every code lies in the facility of Internet mail, and only what Outlook cannot show has none."""
    silent = {name for name, about in class_notes().items() if not about.outlook}
    assert silent == {
        ErrorClass.STARTTLS_INJECTION,
        ErrorClass.OAUTH_TOKEN_UNAVAILABLE,
        ErrorClass.EXPORTER_ERROR,
        ErrorClass.UNCLASSIFIED,
    }
    codes = {code for about in class_notes().values() for code in about.outlook}
    assert all(code.startswith("0x800CCC") and len(code) == 10 for code in codes)


def test_a_guess_always_names_the_next_reading():
    """Every rule that guesses has a runner-up, and none names its own class."""
    for rule in built_in_rules():
        assert rule.confidence is not Confidence.GUESS or rule.runner_up is not None, rule.id
        assert rule.runner_up is None or rule.runner_up is not rule.error_class, rule.id


def test_every_trait_is_used():
    """No trait is defined that no rule asks for, but those that operators' rules may want."""
    used = {name for rule in built_in_rules() for name in (*rule.given, *rule.not_given)}
    offered = {"auth_attempted", "encrypted", "no_auth_attempted", "empty_text"}
    offered |= {"partial_reply", "submission_port", "issuer_known", "oauth_challenge"}
    assert set(TRAITS) - used <= offered


def test_every_verify_error_has_a_class():
    """A verify error without a rule of its own is an untrusted certificate."""
    special = {code for rule in built_in_rules() for code in rule.verify_codes}
    assert special <= set(VERIFY_ERRORS)


def test_rulebooks_are_values():
    """A book compares by its rules, and the order of rules changes nothing."""
    book = default_rulebook()
    assert Rulebook(book.rules) == book
    assert repr(Rulebook(())) == "Rulebook(rules=())"


@pytest.mark.parametrize(
    ("fields", "tier"),
    [
        ({}, Tier.CODE),
        ({"codes": frozenset({535})}, Tier.CODE),
        ({"hints": "denied"}, Tier.HINT),
        ({"enhanced": frozenset({"5.1.1"}), "hints": "denied"}, Tier.STRUCTURE),
        ({"errnos": frozenset({"ECONNREFUSED"})}, Tier.STRUCTURE),
        ({"evidence": frozenset({"dropped"})}, Tier.STRUCTURE),
        ({"words": "denied", "enhanced": frozenset({"5.1.1"})}, Tier.WORDS),
        ({"words": "denied", "enhanced": frozenset({"5.7.139"})}, Tier.VENDOR_CODE),
        ({"markers": ("p=badcredentials",), "words": "denied"}, Tier.MARKER),
    ],
)
def test_a_rule_belongs_to_the_tier_of_its_strongest_condition(fields, tier):
    """Marker, vendor code, words, structure, hint, code: in this order."""
    known: dict[str, Any] = {k: phrases(v) if k in {"words", "hints"} else v for k, v in fields.items()}
    assert Rule(id="x", error_class=ErrorClass.UNCLASSIFIED, **known).tier is tier


def test_spellings_of_an_enhanced_code():
    """A rule may name a code exactly, without its class, or by its subject."""
    assert spellings("5.7.139") == ("5.7.139", "x.7.139", "5.7.*", "x.7.*")
    assert spellings(None) == ()
    assert is_vendor_code("5.7.139")
    assert is_vendor_code("x.7.25")
    assert not is_vendor_code("5.1.1")
    assert not is_vendor_code("5.7.*")
