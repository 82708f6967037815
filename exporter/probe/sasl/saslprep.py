"""SASLprep (RFC 4013): one form for passwords that look the same."""

from __future__ import annotations

import stringprep
import unicodedata

_PROHIBITED = (
    stringprep.in_table_a1,  # unassigned in Unicode 3.2
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)


def saslprep(text: str) -> str:
    """Return the prepared form, or `text` itself where RFC 4013 allows none.

    Servers take such a password as it is (its characters are younger than Unicode 3.2, for one), and
    whether a login with it works is what a probe is to find out.
    """
    if text.isascii():
        return text
    mapped = "".join(" " if stringprep.in_table_c12(c) else c for c in text if not stringprep.in_table_b1(c))
    prepared = unicodedata.ucd_3_2_0.normalize("NFKC", mapped)
    if not prepared or any(prohibited(c) for c in prepared for prohibited in _PROHIBITED):
        return text
    return prepared if _one_direction(prepared) else text


def _one_direction(text: str) -> bool:
    """RFC 3454 6: right-to-left text is right-to-left from its first to its last character."""
    if not any(map(stringprep.in_table_d1, text)):
        return True
    return (
        not any(map(stringprep.in_table_d2, text))
        and stringprep.in_table_d1(text[0])
        and stringprep.in_table_d1(text[-1])
    )
