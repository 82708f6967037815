"""Dialogs of mail clients: pairs of a label and a value, in any language.

`Server: 'x', Protocol: SMTP, Server Response: '550 no', Port: 25, Secure (SSL): No, Socket Error: 10061,
Error Number: 0x800CCC0E`: Outlook and Windows Mail translate the labels, so a pair is known by the shape of
its value, and nothing but the quoted reply and the prose around the pairs is anybody's words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from exporter.diagnosis.parsing.replies import closing_quote
from exporter.model import TlsMode
from exporter.pattern import pattern

_HRESULT = pattern(r"0x800(?:ccc|421)[0-9a-f]{2}", re.IGNORECASE)
_LABEL = r"(?<![^\s,.;:'\"()、。»])[^\W\d_][^:,、。;'\"\n0-9]{0,40}?"
# `Port 25,` has no colon; the word for it is nearly the same everywhere
_PORT = pattern(
    r"\b(?:p[ou]e?rt[aoeu]?s?|poort|порт\w{0,2}|anschluss|ポート|端口|連接埠|포트)(?:\s?[:=]\s?|\s)(\d{1,5})\b",
    re.IGNORECASE,
)
_SECURE = pattern(r"(?:\b\w[^\s,、:]{0,20})?\s?\((?:SSL|TLS|SSL/TLS)\)\s?:\s?([^\W\d_]{1,12})", re.IGNORECASE)
_NO = frozenset(
    [
        "no",
        "nein",
        "non",
        "nej",
        "nie",
        "nee",
        "não",
        "nao",
        "ne",
        "nei",
        "nu",
        "ei",
        "nem",
        "нет",
        "ні",
        "όχι",
        "いいえ",
        "なし",
        "オフ",
        "否",
        "无",
        "無",
        "沒有",
        "아니요",
    ]
)
_NUMBER = pattern(rf"{_LABEL}\s?:\s?(\d{{3,5}})(?![\w.:])")
_PAIR = pattern(
    rf"{_LABEL}\s?:\s?(?:0x[0-9a-f]{{8}}|\d{{1,5}}(?![\w.:-])|SMTP\b|POP3\b|IMAP\b)[ \t]?[,、.;。]?",
    re.IGNORECASE,
)
_QUOTED_VALUE = pattern(rf"{_LABEL}\s?:\s?(?=(['\"«<]))")
_SERVER_NAME = pattern(
    r":\s?['\"«<]{1,2}([A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+)[>'\"»]{1,2} ?[,、]"
    r"[^:,、]{3,20}:\s?(?:SMTP|POP3|IMAP)\b"
)
_WINSOCK = range(10000, 12000)


@dataclass(frozen=True, slots=True)
class Dialog:
    """What the pairs of a dialog say; None for what is not among them."""

    prose: str
    """The text without its pairs: sentences of the client, and what the server said without quotation marks."""
    hresult: str | None = None
    host: str | None = None
    port: int | None = None
    tls_mode: TlsMode | None = None
    socket_error: int | None = None
    code: int | None = None
    """The reply code that stands alone, as `Server Error: 550` does."""


def dialog_in(text: str) -> Dialog | None:
    """The dialog that a text is; None when it has neither an HRESULT nor a statement about SSL."""
    lowered = text.lower()
    hresult = _HRESULT.search(text) if "0x800" in lowered else None
    secure = _SECURE.search(text) if "(ssl" in lowered or "(tls" in lowered else None
    if hresult is None and secure is None:
        return None
    port_named = _PORT.search(text)
    port = int(port_named[1]) if port_named else None
    port = port if port is not None and 0 < port < 65536 else None
    host = _SERVER_NAME.search(text)
    numbers = [int(found[1]) for found in _NUMBER.finditer(text)]
    return Dialog(
        prose=_without_pairs(text, hresult[0] if hresult else ""),
        hresult=hresult[0].lower() if hresult else None,
        host=host[1] if host else None,
        port=port,
        tls_mode=_mode(secure[1], port) if secure else None,
        socket_error=next((number for number in numbers if number in _WINSOCK), None),
        code=next((number for number in numbers if 400 <= number < 600 and number != port), None),
    )


def _mode(word: str, port: int | None) -> TlsMode | None:
    if word.lower() in _NO:
        return TlsMode.NONE
    return TlsMode.IMPLICIT if port in {465, 2465} else None


def _without_pairs(text: str, hresult: str) -> str:
    left = _SECURE.sub(" ", _PORT.sub(" ", text))
    kept: list[str] = []
    at = 0
    never_closed: set[str] = set()
    for found in _QUOTED_VALUE.finditer(left):
        if found.start() < at or found[1] in never_closed:
            continue
        end = closing_quote(left, found.end() + 1, found[1])
        if end is None:
            never_closed.add(found[1])
            continue
        kept.append(left[at : found.start()])
        at = end + 1
    kept.append(left[at:])
    prose = _PAIR.sub(" ", " ".join(kept))
    return f"{prose.strip()} {hresult}".strip()
