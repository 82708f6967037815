"""What a submission server offers, how it departs from that, and what can be observed of it."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from exporter.model import TlsMode

GREETING = "greeting"
"""The word under which the greeting's reply and pause are replaced."""
MESSAGE = "message"
"""The word of the reply after the dot that ends a message."""

SIZE_LIMIT = 10_485_760
"""Octets of a message."""


class EventKind(StrEnum):
    """What can be observed of a session."""

    CONNECTED = "connected"
    ENCRYPTED = "encrypted"
    RECEIVED = "received"
    SENT = "sent"
    MESSAGE = "message"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened on the `connection`-th connection, at `time.monotonic` seconds."""

    connection: int
    kind: EventKind
    at: float
    word: str = ""
    """The verb that was received or answered, `greeting`, or `message`."""
    data: bytes = b""
    """The line that was received, the reply as it was sent, or the message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What a submission server offers, and how it departs from that.

    `replies` maps a verb, `greeting` or `message` to the reply to send instead: lines without line
    ends, joined by newlines.  The session goes on by the code that is sent; 421 ends it.
    """

    tls: TlsMode = TlsMode.STARTTLS
    context: ssl.SSLContext | None = None
    hostname: str = "mail.demo.example"
    mechanisms: tuple[str, ...] = ("PLAIN", "LOGIN")
    credentials: Mapping[str, str] = field(default_factory=dict)
    """Password by user name."""
    replies: Mapping[str, str] = field(default_factory=dict)
    pause: Callable[[str], float] = lambda _word: 0.0
    """Seconds to wait before the reply to this word goes out."""
    idle_seconds: float = 60.0
    """How long a silent client is waited for; RFC 5321 4.5.3.2.7 allows five minutes."""

    def __post_init__(self) -> None:
        if (self.tls is TlsMode.NONE) != (self.context is None):
            raise ValueError("a TLS context is needed with TLS, and only then")
