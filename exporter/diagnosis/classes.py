"""What is known about each error class, whatever rule found it: from `classes.yml`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from exporter.diagnosis.shipped import shipped
from exporter.model import ErrorClass, FaultDomain


@dataclass(frozen=True, slots=True)
class ClassNotes:
    """The meaning of one error class and what a person should be told."""

    title: str
    domain: FaultDomain
    """Whose problem it is unless a rule knows better."""
    meaning: str
    summary: str
    remedy: tuple[str, ...]
    outlook: tuple[str, ...]
    """HRESULTs, the usual one first; empty where Outlook shows none."""
    confused_with: tuple[ErrorClass, ...]
    looks: tuple[tuple[str, str], ...]
    """Where it shows, and how: outlook, thunderbird, logs."""
    confirm: tuple[str, ...]


@cache
def class_notes() -> Mapping[ErrorClass, ClassNotes]:
    """The notes on every class but `none`, in the order of the file."""
    raw = shipped("classes")
    return MappingProxyType({ErrorClass(name): _notes(entry) for name, entry in raw.items()})


def _notes(entry: Mapping[str, object]) -> ClassNotes:
    def strings(key: str) -> tuple[str, ...]:
        found = entry[key]
        assert isinstance(found, list)
        return tuple(str(item) for item in found)

    looks = entry["looks"]
    outlook = entry["outlook"]
    assert isinstance(looks, dict)
    assert isinstance(outlook, list)
    return ClassNotes(
        title=str(entry["title"]),
        domain=FaultDomain(str(entry["domain"])),
        meaning=str(entry["meaning"]),
        summary=str(entry["summary"]),
        remedy=strings("remedy"),
        outlook=tuple(f"0x{code:08X}" for code in outlook),
        confused_with=tuple(ErrorClass(name) for name in strings("confused_with")),
        looks=tuple((str(where), str(how)) for where, how in looks.items()),
        confirm=strings("confirm"),
    )
