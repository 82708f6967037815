"""The diagnosis room: what was seen goes in, why and whose and what to do comes out.

`diagnose` is pure, total and deterministic.  The knowledge is data: rules in `rules/*.yml`, classes in
`classes.yml`, providers in `presets.yml`, clients' sentences in `parsing/sentences.yml`.
"""

from __future__ import annotations

from exporter.diagnosis.classes import ClassNotes, class_notes
from exporter.diagnosis.engine import diagnose, reworded
from exporter.diagnosis.parsing import parse
from exporter.diagnosis.presets import Preset, preset_for, provider_of, settings_advice
from exporter.diagnosis.records import as_object, classify_line, classify_lines, classify_record
from exporter.diagnosis.rulebook import Rulebook, load_rules
from exporter.diagnosis.written import Problem, RuleError

__all__ = [
    "ClassNotes",
    "Preset",
    "Problem",
    "RuleError",
    "Rulebook",
    "as_object",
    "class_notes",
    "classify_line",
    "classify_lines",
    "classify_record",
    "diagnose",
    "load_rules",
    "parse",
    "preset_for",
    "provider_of",
    "reworded",
    "settings_advice",
]
