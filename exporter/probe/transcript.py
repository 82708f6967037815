"""What was said on the wire, fit to be shown: printable, bounded, and without a secret."""

from __future__ import annotations

import base64
import re

from exporter.model import Auth

HIDDEN = b"<secret>"

# A submission session has some twenty lines; a hostile one must not fill the memory.
MAX_LINES = 200
MAX_LINE_LENGTH = 512


def secrets_of(auth: Auth | None) -> tuple[str, ...]:
    """Return every secret that `auth` holds, in plain."""
    if auth is None:
        return ()
    held = [auth.password]
    if auth.oauth2 is not None:
        held += [auth.oauth2.client_secret, auth.oauth2.refresh_token]
    return tuple(secret.reveal() for secret in held if secret is not None and secret.reveal())


class Redactor:
    """Takes secrets out of bytes, in plain and inside any base64 text that contains them.

    A server may echo what it was sent, and some log lines do; base64 shifts with the bytes that
    stand before the secret, so all three alignments are looked for and the whole base64 word goes.
    """

    __slots__ = ("_pattern",)

    def __init__(self, secrets: tuple[str, ...]) -> None:
        plain: set[bytes] = set()
        encoded: set[bytes] = set()
        for secret in secrets:
            raw = secret.encode()
            plain.update({raw, secret.encode("latin-1", "replace")})
            for shift in range(3):
                core = _base64_core(raw, shift)
                if core:
                    encoded.add(core)
        parts = [rb"[A-Za-z0-9+/=]*" + re.escape(core) + rb"[A-Za-z0-9+/=]*" for core in encoded]
        parts += [re.escape(word) for word in plain]
        # Longest first: the alternation takes the first that fits.
        parts.sort(key=len, reverse=True)
        self._pattern = re.compile(b"|".join(parts)) if parts else None

    def __call__(self, data: bytes) -> bytes:
        """Return `data` with every secret replaced by `<secret>`."""
        return data if self._pattern is None else self._pattern.sub(HIDDEN, data)


def _base64_core(raw: bytes, shift: int) -> bytes:
    """Return the base64 characters that depend on `raw` alone when `shift` bytes stand before it."""
    text = base64.b64encode(b"\0" * shift + raw).rstrip(b"=")
    first = (shift * 8 + 5) // 6  # characters that also carry bits of what stands before
    last = ((shift + len(raw)) * 8) // 6  # and those that also carry bits of what follows
    core = text[first:last]
    # Fewer than four characters would match half of all base64 there is.
    return core if len(core) >= 4 else b""


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

    def event(self, text: str) -> None:
        """Add something that happened, e.g. a TLS handshake."""
        self._add("*: ", text.encode())

    def lines(self) -> tuple[str, ...]:
        """Return all lines so far."""
        return tuple(self._lines)

    def _add(self, who: str, line: bytes) -> None:
        if len(self._lines) < MAX_LINES:
            self._lines.append(who + printable(line[:MAX_LINE_LENGTH]))
        elif len(self._lines) == MAX_LINES:
            self._lines.append("*: more lines followed; they were not kept")


def printable(data: bytes) -> str:
    """Decode as UTF-8 or else Latin-1, with control characters and escapes made visible."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
