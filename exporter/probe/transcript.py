"""What was said on the wire, fit to be shown: printable, bounded, and without a secret."""

from __future__ import annotations

from exporter.charset import decoded
from exporter.probe.redaction import Redactor

# A submission session has some twenty lines; a hostile one must not fill the memory.
MAX_LINES = 200
MAX_LINE_LENGTH = 512


class Transcript:
    """The lines of one session in order, each made printable when it is added."""

    __slots__ = ("_lines", "redact")

    def __init__(self, redact: Redactor) -> None:
        self.redact = redact
        self._lines: list[str] = []

    def client(self, line: bytes) -> None:
        """Add a line that we sent; the caller has taken the secret out."""
        self._add("C: ", line)

    def server(self, line: bytes) -> None:
        """Add a line that the server sent, already redacted."""
        self._add("S: ", line)

    def again(self, lines: tuple[str, ...]) -> None:
        """Add lines that a transcript showed before."""
        for line in lines:
            self._keep(line)

    def event(self, text: str) -> None:
        """Add something that happened, e.g. a TLS handshake."""
        self._add("*: ", text.encode())

    def lines(self) -> tuple[str, ...]:
        """Return all lines so far."""
        return tuple(self._lines)

    @property
    def count(self) -> int:
        """How many lines there are so far."""
        return len(self._lines)

    def since(self, count: int) -> tuple[str, ...] | None:
        """Return the lines that followed the first `count`; None when some were not kept."""
        return tuple(self._lines[count:]) if len(self._lines) <= MAX_LINES else None

    def _add(self, who: str, line: bytes) -> None:
        if len(self._lines) < MAX_LINES:
            self._lines.append(who + printable(line[:MAX_LINE_LENGTH]))
        else:
            self._keep("")

    def _keep(self, line: str) -> None:
        if len(self._lines) < MAX_LINES:
            self._lines.append(line)
        elif len(self._lines) == MAX_LINES:
            self._lines.append("*: more lines followed; they were not kept")


def printable(data: bytes) -> str:
    """Decode what a server said, with control characters and escapes made visible."""
    text = decoded(data)
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
