"""What numbers and labels are called on a panel: a colour never says anything that a word does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from exporter.diagnosis.classes import class_notes
from exporter.model import ErrorClass, FaultDomain

Json = dict[str, object]

GREEN, YELLOW, ORANGE, RED, BLUE, PURPLE, GREY = (
    "green",
    "dark-yellow",
    "orange",
    "red",
    "blue",
    "purple",
    "#8e8e8e",
)

OWNERS: Mapping[FaultDomain, tuple[str, str]] = {
    FaultDomain.SERVER: ("server operator", RED),
    FaultDomain.CREDENTIALS: ("account owner", YELLOW),
    FaultDomain.SETTINGS: ("probe owner", BLUE),
    FaultDomain.NETWORK: ("network operator", ORANGE),
    FaultDomain.LOCAL: ("exporter host", PURPLE),
}
"""Who is to act for each fault domain, and the colour that stands for it on every dashboard."""


@dataclass(frozen=True, slots=True)
class Word:
    """A text, and the colour that goes with it."""

    text: str
    color: str | None = None

    def result(self, index: int) -> Json:
        """Return it as the result of a value mapping."""
        found: Json = {"text": self.text, "index": index}
        return found if self.color is None else {**found, "color": self.color}


def values(words: Mapping[str, Word]) -> Json:
    """Return a mapping of single values to words."""
    return {
        "type": "value",
        "options": {value: word.result(index) for index, (value, word) in enumerate(words.items())},
    }


def between(low: float | None, high: float | None, word: Word, index: int = 0) -> Json:
    """Return a mapping of a range of numbers, both ends included, to a word."""
    return {"type": "range", "options": {"from": low, "to": high, "result": word.result(index)}}


def missing(word: Word, index: int = 20) -> Json:
    """Return a mapping of absence and NaN to a word."""
    return {"type": "special", "options": {"match": "null+nan", "result": word.result(index)}}


STATE = values({"0": Word("failing", RED), "1": Word("healthy", GREEN)})
TLS_VERDICT = values({"0": Word("failed", RED), "1": Word("passed", GREEN)})
VERIFIED = values({"0": Word("not valid", RED), "1": Word("valid", GREEN)})
LOGIN = values({"0": Word("refused", RED), "1": Word("accepted", GREEN)})
OFFERED = values({"0": Word("no", GREY), "1": Word("offered", GREEN)})
RIGHT_NOW = values({"1": Word("failing", RED)})
RELOAD = values({"0": Word("refused", RED), "1": Word("loaded", GREEN)})
HELD_BACK = values({"0": Word("as planned", GREEN), "1": Word("held back", YELLOW)})
REACHED = values({"0": Word("no answer", RED), "1": Word("answers", GREEN)})
OVERSPENT = between(None, -0.000001, Word("overspent", RED))
ENDED = between(None, 0, Word("has ended", RED))
NO_REPLY = values({"0": Word("none", GREY)})
IP_VERSION = values({"4": Word("IPv4", BLUE), "6": Word("IPv6", PURPLE)})

CAUSES = values(
    {
        ErrorClass.NONE.value: Word("Healthy", GREEN),
        **{error_class.value: Word(notes.title) for error_class, notes in class_notes().items()},
    }
)
"""Error classes as the status page titles them."""

DOMAINS = values(
    {
        FaultDomain.NONE.value: Word("nobody", GREEN),
        **{domain.value: Word(who, color) for domain, (who, color) in OWNERS.items()},
    }
)
"""Fault domains as the people who are to act."""
