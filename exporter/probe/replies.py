"""Bytes of a server become lines, and lines replies (RFC 5321 4.2), secrets taken out of what is kept.

A reply is read from what the server wrote.  Only the text of its lines is redacted: a password that
looks like a reply code, an enhanced code or a keyword must not change what the server said.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from exporter.model import Reply
from exporter.probe.evidence import unexpected
from exporter.probe.transcript import Transcript

# A reply line has at most 512 octets (RFC 5321 4.5.3.1.5) and an EHLO reply a few kilobytes; beyond
# these a server is not talking to us but at us.
MAX_LINE = 8 * 1024
MAX_REPLY = 64 * 1024
_TOO_LONG = f"a line of more than {MAX_LINE} bytes"
# A greeting with the time of day is new each time and pushes the others out; then they are learnt anew.
REMEMBERED = 8
LONGEST_REMEMBERED = 2 * 1024

_REPLY_LINE = re.compile(rb"([2-5][0-9][0-9])(?:([ \t-])(.*))?", re.DOTALL)
_CODES = re.compile(rb"[0-9]{3}[ \t-](?:[^\S\n]*[245]\.[0-9]{1,3}\.[0-9]{1,3}(?=\s|\Z))?")
_CODE = re.compile(rb"[2-5](?:[0-9](?:[0-9](?:[ \t-]|\Z)|\Z)|\Z)")
_ENHANCED_FIRST = re.compile(rb"^[^\S\n]*([245]\.\d{1,3}\.\d{1,3})(?![\d.])", re.MULTILINE)
_ENHANCED_QMAIL = re.compile(rb"\(#([245]\.\d{1,3}\.\d{1,3})\)")


class Said(NamedTuple):
    """A reply, and what of it is for nobody to see."""

    reply: Reply
    lines: tuple[bytes, ...]
    """Those of the reply as they came, secrets included."""

    @property
    def is_clean(self) -> bool:
        """No secret was in it."""
        return self.lines == self.reply.lines


class _Known(NamedTuple):
    said: Said
    shown: tuple[str, ...]
    """Its lines in the transcript."""


class Replies:
    """Cuts the bytes of one session; what is unfinished waits for the rest."""

    __slots__ = ("_clean", "_lines", "_raw", "_size", "_transcript")

    def __init__(self, transcript: Transcript) -> None:
        self._transcript = transcript
        self._raw = bytearray()  # not yet a line
        self._lines: list[bytes] = []  # of the reply that is still open
        self._clean: list[bytes] = []  # the same, redacted
        self._size = 0

    def take(self, data: bytes) -> Iterable[Said | None]:
        """Yield each reply that `data` completes, and None for each empty line between two replies.

        PhaseFailed: this is not SMTP; there is nothing more to take then.
        """
        if self._raw or self._lines:
            return self._cut(data)
        # A server says the same in every session, or nearly.
        memory = self._transcript.redact.memory
        known: _Known | None = memory.get(data)
        if known is None:
            return self._learn(data, memory)
        self._transcript.again(known.shown)
        return (known.said,)

    def _learn(self, data: bytes, memory: dict[bytes, Any]) -> Iterator[Said | None]:
        before, said = self._transcript.count, []
        for one in self._cut(data):
            said.append(one)
            yield one
        shown = self._transcript.since(before)
        whole = not self._raw and not self._lines and len(said) == 1
        if whole and said[0] is not None and said[0].is_clean and shown and len(data) <= LONGEST_REMEMBERED:
            if len(memory) >= REMEMBERED:
                memory.clear()
            memory[data] = _Known(said[0], shown)

    def _cut(self, data: bytes) -> Iterator[Said | None]:
        self._raw += data
        end = self._raw.rfind(b"\n") + 1
        if end:
            whole = bytes(self._raw[: end - 1])
            del self._raw[:end]
            # No secret in the whole of it is the rule, and then there is none in any of its lines.
            hiding = self._transcript.redact(whole) is not whole
            for line in whole.split(b"\n"):
                said = line.rstrip(b"\r")
                if not said and not self._lines:
                    yield None
                elif (complete := self._line(said, hiding=hiding)) is not None:
                    yield complete
        if len(self._raw) > MAX_LINE + 1:  # a CR may be the last of them
            raise unexpected(self._unfinished(), _TOO_LONG)

    @property
    def leftover(self) -> bytes:
        """What arrived and belongs to no reply yet, without secrets whole or begun."""
        if not self._raw and not self._lines:
            return b""
        return b"".join((*(line + b"\n" for line in self._clean), self._unfinished()))

    def clear(self) -> None:
        """Forget what is unfinished."""
        self._raw.clear()
        self._lines, self._clean, self._size = [], [], 0

    def _unfinished(self) -> bytes:
        raw = bytes(self._raw)
        code = _CODE.match(raw)
        text = 0 if code is None else code.end()
        return raw[:text] + self._transcript.redact.unfinished(raw[text:])

    def _line(self, line: bytes, *, hiding: bool) -> Said | None:
        """Take one line; return the reply that it completes."""
        redact = self._transcript.redact
        match = _REPLY_LINE.fullmatch(line)
        if match is None:
            clean = redact(line) if hiding else line
            self._transcript.server(clean)
            raise unexpected(clean, "not an SMTP reply line")
        clean = line
        if hiding:
            codes = _CODES.match(line)
            text = len(line) if codes is None else codes.end()
            clean = line[:text] + redact(line[text:])
        self._transcript.server(clean)
        if len(line) > MAX_LINE:
            raise unexpected(clean, _TOO_LONG)
        self._lines.append(line)
        self._clean.append(clean)
        self._size += len(line)
        if match[2] == b"-":
            if self._size > MAX_REPLY:
                raise unexpected(clean, f"a reply of more than {MAX_REPLY} bytes")
            return None
        lines = tuple(text[4:] for text in self._lines)
        shown = tuple(text[4:] for text in self._clean)
        self._lines, self._clean, self._size = [], [], 0
        return Said(Reply(int(match[1]), shown, enhanced_code(lines)), lines)


def enhanced_code(lines: tuple[bytes, ...]) -> str | None:
    """Return the enhanced status code (RFC 3463) of a reply: in front of a line, or in qmail form."""
    text = b"\n".join(lines)
    match = _ENHANCED_FIRST.search(text) or _ENHANCED_QMAIL.search(text)
    return None if match is None else match[1].decode("ascii")
