"""Text that was escaped on its way into a reply, read as it was before: percent signs, JSON, HTML, UTF-16 and others."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from typing import NamedTuple

_STANDARD = bytes.maketrans(b"-_", b"+/")


class _Escape(NamedTuple):
    pattern: re.Pattern[bytes]
    meaning: Callable[[re.Match[bytes]], bytes]


def unescaped(data: bytes) -> Iterator[tuple[bytes, Callable[[], list[int]]]]:
    """Yield `data` by each way of escaping that was used on it.

    Beside it stands what tells where in `data` each of its bytes came from, and where `data` ends.
    """
    for mark, escape in _ESCAPES:
        if mark in data:
            plain = escape.pattern.sub(escape.meaning, data)
            if plain != data:
                yield plain, partial(_origin, data, escape)


def _origin(data: bytes, escape: _Escape) -> list[int]:
    origin: list[int] = []
    end = 0
    for match in escape.pattern.finditer(data):
        origin += range(end, match.start())
        origin += [match.start()] * len(escape.meaning(match))
        end = match.end()
    origin += range(end, len(data) + 1)
    return origin


def decoded_words(data: bytes, shortest: int) -> Iterator[tuple[tuple[int, int], bytes]]:
    """Yield what the words of `data` say in base64 and in hexadecimal digits, with the span of each.

    Words that say less than `shortest` bytes are left out.  A word may have lost its beginning, so each is
    read from several characters on.
    """
    base64_words, digits = _words_of(shortest)
    for match in base64_words.finditer(data):
        word = match[1].translate(_STANDARD)
        for start in range(4):
            part = word[start:]
            part = part[: len(part) - (len(part) % 4 == 1)]
            yield match.span(), base64.b64decode(part + b"=" * (-len(part) % 4))
    for match in digits.finditer(data):
        for start in range(2):
            part = match[0][start:]
            yield match.span(), bytes.fromhex(part[: len(part) // 2 * 2].decode())


@lru_cache
def _words_of(size: int) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    return (
        re.compile(rb"([A-Za-z0-9+/_-]{%d,})={0,2}" % (-(-size * 4 // 3))),
        re.compile(rb"[0-9A-Fa-f]{%d,}" % (size * 2)),
    )


def _hex(match: re.Match[bytes]) -> bytes:
    return bytes.fromhex(match[1].decode())


def _hex_or_space(match: re.Match[bytes]) -> bytes:
    return b" " if match[1] is None else _hex(match)


def _backslash(match: re.Match[bytes]) -> bytes:
    what = match[1]
    if what[:1] in b"uU" and len(what) > 1:
        text = "".join(
            chr(min(int(part, 16), 0x10FFFF)) for part in re.findall(r"[0-9A-Fa-f]+", what.decode())
        )
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()
    if what[:1] == b"x" and len(what) > 1:
        return bytes([int(what[1:], 16)])
    if what.isdigit() and len(what) == 3:
        return bytes([int(what, 8) & 0xFF])
    return _CONTROLS.get(what, what)


_CONTROLS = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f", b"a": b"\a", b"v": b"\v"}

_BYTE = rb"([0-9A-Fa-f]{2})"
_ESCAPES = (
    (b"%", _Escape(re.compile(b"%" + _BYTE), _hex)),  # RFC 3986
    (b"+", _Escape(re.compile(b"%" + _BYTE + rb"|\+"), _hex_or_space)),  # what HTML forms send
    (
        b"\\",
        _Escape(
            re.compile(  # JSON, and what programming languages print
                rb"\\((?:u[0-9A-Fa-f]{4}(?:\\u[0-9A-Fa-f]{4})*|u\{[0-9A-Fa-f]{1,6}\}|U[0-9A-Fa-f]{8}"
                rb"|x[0-9A-Fa-f]{2}|[0-3][0-7]{2}|.))"
            ),
            _backslash,
        ),
    ),
    (
        b"&",
        _Escape(
            re.compile(rb"&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,7});"),
            lambda match: html.unescape(match[0].decode()).encode("utf-8", "replace"),
        ),
    ),
    (b"=", _Escape(re.compile(b"=" + _BYTE), _hex)),  # RFC 2045 6.7
    (b"_", _Escape(re.compile(b"=" + _BYTE + b"|_"), _hex_or_space)),  # RFC 2047 4.2
    (b"\0", _Escape(re.compile(rb"\x00"), lambda _: b"")),  # UTF-16 of ASCII
)
"""By the character without which there is nothing to undo."""
