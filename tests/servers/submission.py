"""The demo's well-behaved submission server with a record of all that happened, for tests.

Any reply can be replaced and any reply delayed; the record tells when each was sent, in seconds of
`time.monotonic`, so that a measured latency can be held against the true one.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from exporter.demo.listener import LOOPBACK
from exporter.demo.server import SubmissionServer
from exporter.demo.service import Event, EventKind, Service
from exporter.model import TlsMode

USER = "probe@mail.test"
PASSWORD = "s3cret & more"
SETTLE_SECONDS = 1.0


@dataclass(slots=True)
class Session:
    """One connection."""

    events: list[Event] = field(default_factory=list)

    @property
    def verbs(self) -> list[str]:
        """The commands, in order; answers to a 334 are not among them."""
        return [e.word for e in self.events if e.kind is EventKind.RECEIVED and e.word != "challenge"]

    @property
    def encrypted(self) -> bool:
        """A handshake was done."""
        return any(e.kind is EventKind.ENCRYPTED for e in self.events)

    @property
    def closed(self) -> bool:
        """It is over."""
        return any(e.kind is EventKind.CLOSED for e in self.events)

    @property
    def messages(self) -> list[bytes]:
        """The messages that came in, without dot stuffing."""
        return [e.data for e in self.events if e.kind is EventKind.MESSAGE]

    def sent_at(self, word: str) -> list[float]:
        """When each reply to `word` (a verb, `greeting`, `message`) was written."""
        return [e.at for e in self.events if e.kind is EventKind.SENT and e.word == word]

    def received_at(self, word: str) -> list[float]:
        """When each `word` was read."""
        return [e.at for e in self.events if e.kind is EventKind.RECEIVED and e.word == word]


@dataclass(slots=True)
class Submission:
    """A running server and the sessions it has had."""

    port: int = 0
    sessions: list[Session] = field(default_factory=list)

    @property
    def verbs(self) -> list[list[str]]:
        """The commands of every session."""
        return [session.verbs for session in self.sessions]


@asynccontextmanager
async def submission_server(
    *,
    tls: TlsMode | None = None,
    context: ssl.SSLContext | None = None,
    mechanisms: tuple[str, ...] = ("PLAIN", "LOGIN"),
    credentials: Mapping[str, str] | None = None,
    replies: Mapping[str, str] | None = None,
    pauses: Mapping[str, float] | None = None,
    every_pause: float = 0.0,
    host: str = LOOPBACK,
) -> AsyncIterator[Submission]:
    """A submission server; with a `context` it does STARTTLS unless `tls` says otherwise.

    `replies` and `pauses` (seconds before the reply) go by verb, `greeting` or `message`;
    `every_pause` is that of all others.
    """
    record = Submission()
    waits = pauses or {}

    def observe(event: Event) -> None:
        if event.kind is EventKind.CONNECTED:
            record.sessions.append(Session())
        record.sessions[event.connection].events.append(event)

    server = SubmissionServer(
        Service(
            tls=tls or (TlsMode.NONE if context is None else TlsMode.STARTTLS),
            context=context,
            hostname="mail.test",
            mechanisms=mechanisms,
            credentials={USER: PASSWORD} if credentials is None else credentials,
            replies=replies or {},
            pause=lambda word: waits.get(word, every_pause),
        ),
        observe=observe,
        host=host,
    )
    await server.start()
    record.port = server.port
    try:
        yield record
        await server.settle(SETTLE_SECONDS)
    finally:
        await server.stop()
