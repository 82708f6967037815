"""Text as evidence: bounded, folded to one spelling, and made printable again for a person.

Every pattern here is linear in its input, and no caller ever sees more than `LIMIT` characters.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from exporter.charset import decoded

HEAD: Final = 4096
TAIL: Final = 4096
LIMIT: Final = HEAD + TAIL + 1

_GAP = re.compile(r"[\W_]+")
_ASCII_GAPS = {code: " " for code in range(128) if not chr(code).isalnum()}  # the same, without a search
_URL = re.compile(r"<?\bhttps?://[^\s>]{1,500}>?|\bwww\.[^\s>]{1,500}", re.IGNORECASE)
# letters that Unicode takes for no other letter with an accent
_STROKES = str.maketrans(
    {"ł": "l", "ø": "o", "đ": "d", "ð": "d", "\u0131": "i", "æ": "ae", "œ": "oe", "þ": "th"}
)
_SPACE = re.compile(r"\s+")
_ENHANCED_FIRST = re.compile(r"^[ \t]*(?:\[)?([245]\.\d{1,3}\.\d{1,3})(?![\d.])", re.MULTILINE)
_ENHANCED_QMAIL = re.compile(r"#([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
# the version of a program, `perl/5.18.2` or `context-5.1.2`, is none; the subjects of RFC 3463 end at 7
_ENHANCED_ANY = re.compile(r"(?<![\d./])(?<![A-Za-z]-)([245]\.[0-7]\.\d{1,3})(?![\d./])")
# what announces a reply inside a reply; without it a number is a ticket's, or a count of days
_ANNOUNCED = (
    r"(?:[:=<>\"'(\[{«]|^|\b(?:said|response|error|returned|replied|answered|reply|got|was|with|code))"
    r"[\s\"'(\[<«:]{0,4}"
)
_QUOTED = re.compile(
    rf"{_ANNOUNCED}(?<![\d.])([45]\d\d)[ -](?:([45]\.\d{{1,3}}\.\d{{1,3}})(?![\d.-]))",
    re.IGNORECASE | re.MULTILINE,
)
_QUOTED_BARE = re.compile(
    r"(?:said|response|error|returned|replied)\W{1,3}([45]\d\d)(?=[ -][^\W\d])", re.IGNORECASE
)
_MARKS = str.maketrans(
    "\uff1a\uff0c\uff1b\uff08\uff09\u2018\u2019\u201a\u201c\u201d\u201e\u300c\u300d", ":,;()'''" + '"' * 5
)
# JSON can hold half a character; the halves that stand for undecodable bytes (PEP 383) are left
_LONE = re.compile("[\ud800-\udc7f\udd00-\udfff]")
_ESCAPE = re.compile(r"\x1b\[[0-9;?]{0,20}[ -/]{0,4}[@-~]")
_INVISIBLE = re.compile(r"[\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]")
_MOJIBAKE = 4  # letters above ASCII; fewer are a word with an accent
_ENCODINGS = ("utf-8", "gb18030", "cp1251", "koi8-r", "shift_jis")


def clip(text: str) -> str:
    """At most the first and last 4,096 characters, all of which can be bytes: a bound on all later work."""
    bounded = text if len(text) <= LIMIT else f"{text[:HEAD]}\n{text[-TAIL:]}"
    return bounded if bounded.isascii() else _LONE.sub("\ufffd", bounded)


def plain_marks(text: str) -> str:
    """Full-width punctuation and typographic quotation marks as ASCII has them.

    The guillemets stay: they are Latin-1, and so may be halves of other characters.
    """
    return text if text.isascii() else text.translate(_MARKS)


def lowered(text: str) -> str:
    """Lower case, with every character where it was; the few that would become two stay as they are.

    Searching it takes a fraction of the time that ignoring the case takes.
    """
    small = text.lower()
    return (
        small if len(small) == len(text) else "".join(c.lower() if len(c.lower()) == 1 else c for c in text)
    )


def unaccented(text: str) -> str:
    """Lower case, compatibility forms resolved, accents and strokes dropped; ASCII comes back as it is, lowered."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in decomposed if not unicodedata.combining(char)).translate(_STROKES)


def squash(text: str) -> str:
    """Words alone, one blank between them and at both ends, so that ` word` finds beginnings of words.

    The words of URLs are left out: a help page is not what the server says.
    """
    spoken = _URL.sub(" ", text) if "://" in text or "www." in text else text
    if spoken.isascii():
        return f" {' '.join(spoken.lower().translate(_ASCII_GAPS).split())} "
    return f" {_GAP.sub(' ', unaccented(spoken)).strip()} "


def fold(text: str) -> str:
    """Lower case with single blanks; the punctuation stays, for markers such as `#AUTH005` or URLs."""
    return _SPACE.sub(" ", unaccented(text))


def repaired(text: str) -> str:
    """Other readings of a text whose bytes were taken for Latin-1, or an empty string.

    Chinese, Russian and Japanese servers send their own charset in replies; a client that knows only
    Latin-1 shows `ÇëÊ¹ÓÃ`.  The readings that decode are returned together: words of the wrong ones
    match nothing.
    """
    if text.isascii() or sum("\x80" <= char <= "\xff" for char in text) < _MOJIBAKE:
        return ""
    raw = "".join(char if char <= "\xff" else " " for char in text).encode("latin-1")
    readings = []
    for encoding in _ENCODINGS:
        try:
            readings.append(raw.decode(encoding))
        except UnicodeDecodeError:
            continue
    return "\n".join(readings)


def readable(text: str) -> str:
    """The likeliest reading, for a person, of a text whose bytes were taken for Latin-1."""
    if text.isascii():
        return text
    try:
        return decoded(text.encode("latin-1"))
    except UnicodeEncodeError:
        return text


def enhanced_in(text: str, *, anywhere: bool = False) -> str | None:
    """The enhanced status code (RFC 3463) of a reply's text: in front of a line, or in qmail's `(#5.7.1)`.

    `anywhere` accepts it in the middle of a sentence too, for a pasted line without structure.
    """
    for form in (_ENHANCED_FIRST, _ENHANCED_QMAIL, *((_ENHANCED_ANY,) if anywhere else ())):
        if found := form.search(text):
            return str(found[1])
    return None


def quoted_reply(text: str, outer: int) -> tuple[int, str | None, str] | None:
    """The reply that a reply quotes: its code, enhanced code and text; None when it quotes none.

    A multi-line reply that repeats its own code is not a quotation.
    """
    for form in (_QUOTED, _QUOTED_BARE):
        for found in form.finditer(text):
            code = int(found[1])
            if code != outer and found.start(1) > 0:
                inner = text[found.end(1) + 1 :]
                return code, enhanced_in(inner), inner
    return None


def printable(text: str, limit: int = 160) -> str:
    """One bounded line for a person: no control characters, escapes, newlines or invisible marks."""
    if len(text) <= limit and text.isascii() and text.isprintable() and "  " not in text:
        return text.strip()
    # the cut comes first: a hostile text must not be processed whole
    line = text[: limit * 4]
    if not line.isprintable():
        visible = _INVISIBLE.sub("", _ESCAPE.sub(" ", line))
        line = "".join(char if char.isprintable() else " " for char in visible)
    line = _SPACE.sub(" ", line).strip()
    return line if len(line) <= limit else f"{line[: limit - 1].rstrip()}…"
