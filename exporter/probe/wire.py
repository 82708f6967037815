"""One connection: bytes to replies and back, TLS included, every time stamp taken where bytes arrive.

It stands on aiosmtplib's `SMTPProtocol` (command framing, injection guard, one command at a time)
and replaces what a diagnostic prober has to know exactly: the raw reply lines, when their last byte
came in, what lies behind the STARTTLS reply, and how the connection ended.

TLS runs over memory buffers (`exporter.probe.channel`) instead of `loop.start_tls`: the plain transport stays
ours to abort, so a cancelled handshake leaks nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from time import perf_counter
from typing import Any, NamedTuple, cast

from aiosmtplib.errors import SMTPException, SMTPServerDisconnected
from aiosmtplib.protocol import SMTPProtocol
from aiosmtplib.response import SMTPResponse
from OpenSSL import SSL

from exporter.model import Evidence, Garbled, Reply
from exporter.probe.channel import Channel, Judge
from exporter.probe.evidence import PhaseFailed, dropped, tls_failure
from exporter.probe.replies import Replies, Said
from exporter.probe.transcript import Transcript
from exporter.probe.transport import SocketTransport
from exporter.probe.turnstile import Turnstile

# All that one session may receive, TLS included: certificates are at most 100 kB (OpenSSL's limit).
MAX_SESSION = 1024 * 1024
# Lines that answer nothing: half a million of them would fit into the megabyte above, and hold up every
# other probe while they are read.
MAX_STRAY = 256


class Exchange(NamedTuple):
    """One command and its reply, with `perf_counter` times of the write and of the last byte."""

    reply: Reply
    sent_at: float
    received_at: float

    @property
    def seconds(self) -> float:
        """How long the server took, as seen from this host."""
        return max(0.0, self.received_at - self.sent_at)


class Wire(SMTPProtocol):
    """The open socket of one probe; dies with it."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, transcript: Transcript, turnstile: Turnstile | None = None
    ) -> None:
        super().__init__(loop)
        self._turnstile = Turnstile() if turnstile is None else turnstile
        self._transcript = transcript
        self._replies = Replies(transcript)
        self._said: tuple[bytes, ...] = ()  # by the last reply, secrets included
        self._received = 0
        self._last: tuple[Reply, float] | None = None
        self._unsolicited: list[Reply] = []
        self._strays = 0
        self._blank_lines = 0  # since the last reply that was waited for
        self._ending: Evidence | None = None
        self._channel: Channel | None = None

    # ----------------------------------------------------------------- what the session calls

    async def greeting(self, since: float) -> Exchange:
        """Wait for the reply that the server owes unasked; since the handshake under TLS, else `since` it connected."""
        if self._channel is not None:
            since = self._channel.let_speak()
        return await self._await_reply(since, None)

    def command(self, *words: bytes, shown: bytes | None = None) -> Coroutine[Any, Any, Exchange]:
        """Send one command and wait for its reply; `shown` stands for it in the transcript.  To be awaited at once."""
        self.take_unsolicited()
        line = b" ".join(words)
        self._transcript.client(line if shown is None else shown)
        return self._await_reply(perf_counter(), line)

    async def payload(self, message: bytes) -> Exchange:
        """Send the message of a DATA command, already dot-stuffed and closed by its dot."""
        self.take_unsolicited()
        self._transcript.client(b"(message of %d bytes)" % len(message))
        sent_at = perf_counter()
        self._last = None
        self._response_pending = True
        try:
            self.write(message)
            await self.read_response()
        except SMTPException as exc:
            exc.__traceback__ = None  # as in `_await_reply`
            raise PhaseFailed(self.ending(exc)) from None
        return self._exchange(sent_at)

    async def secure(
        self, context: SSL.Context, server_name: str, judge: Judge | None = None
    ) -> tuple[SSL.Connection, float]:
        """Do the handshake on this connection; return the session and the seconds it took.

        What answers the server's certificate, our own certificate above all, waits until `judge` has seen it.
        Raises `PhaseFailed` with a `TlsFailure`, or `Dropped` when the peer just went away.
        """
        if self._ending is not None:
            raise PhaseFailed(self._ending)
        self._replies.clear()
        channel = Channel(self._loop, context, server_name, self, turnstile=self._turnstile, judge=judge)
        self._channel = channel
        return channel.session, await channel.shake_hands()

    def take_unsolicited(self) -> None:
        """Forget what came unasked between two commands, unless it is a refusal: then it decides."""
        replies, self._unsolicited = self._unsolicited, []
        for reply in replies:
            if reply.code >= 400:
                raise PhaseFailed(reply)
            self._transcript.event("the reply above answers no command; it was ignored")

    @property
    def said(self) -> tuple[bytes, ...]:
        """The lines of the last reply as they came, secrets included: for nobody to see."""
        return self._said

    @property
    def challenge(self) -> bytes:
        """The text of the last reply as it came, secrets included: for SASL, and for nobody to see."""
        return b"".join(self._said)

    @property
    def leftover(self) -> bytes:
        """Plaintext that arrived and belongs to no reply yet, without secrets whole or begun."""
        return self._replies.leftover

    @property
    def is_at_rest(self) -> bool:
        """The session stands between two commands, and the server has said nothing against the next."""
        refused = any(reply.code >= 400 for reply in self._unsolicited)
        return self._ending is None and self.is_connected and not self._response_pending and not refused

    def pending(self) -> bytes:
        """Return everything that arrived unasked: unsolicited replies, empty lines, then loose bytes."""
        return b"".join(map(_written, self._unsolicited)) + b"\n" * self._blank_lines + self.leftover

    def spoken_first(self) -> bytes:
        """Return all that the server has said, to be asked before anything was sent to it."""
        greeting = b"" if self._last is None else _written(self._last[0])
        return greeting + self.pending()

    def ending(self, exc: BaseException | None = None) -> Evidence:
        """Return how the connection ended, in our words."""
        if self._ending is None:
            cause = exc.__cause__ if exc is not None else None
            if cause is None and self.transport is not None:
                cause = self.transport.get_extra_info("failure")  # of which we are told in the next turn
            self._ending = dropped(cause, self.leftover)
        return self._ending

    def hang_up(self) -> None:
        """Close the connection; politely (close_notify, FIN) when the session is at rest."""
        transport = cast("SocketTransport | None", self.transport)
        if transport is None:
            return
        last = b""
        if self._channel is not None and self._ending is None and not transport.is_closing():
            last = self._channel.goodbye()
        transport.finish(last)

    def abort(self) -> None:
        """Drop the connection at once, whatever is in flight."""
        if self.transport is not None:
            cast("asyncio.Transport", self.transport).abort()

    # ----------------------------------------------------------------- bytes out

    async def read_response(self, timeout: float | None = None) -> SMTPResponse:  # noqa: ASYNC109 - aiosmtplib's
        """Wait for the reply that is owed; the probe has one deadline around all of it."""
        assert timeout is None
        waiter = self._response_waiter
        if waiter is None:
            raise SMTPServerDisconnected("Connection lost")
        self._response_pending = True
        try:
            return await waiter
        finally:
            self._response_pending = False
            self._response_waiter = None if self.transport is None else self._loop.create_future()

    def write(self, data: bytes) -> None:
        """Send `data`, through TLS once it is up."""
        if self._channel is None:
            super().write(data)
            return
        if not self.is_connected:
            raise SMTPServerDisconnected("Connection lost")
        try:
            self._channel.write(data)
        except SSL.Error as exc:
            self.end(tls_failure(exc))
            raise SMTPServerDisconnected("TLS session is over") from exc

    def send(self, data: bytes) -> None:
        """Send bytes as they are; harmless when the connection is closing."""
        transport = cast("SocketTransport | None", self.transport)
        if transport is not None and not transport.is_closing():
            transport.write(data)

    async def _await_reply(self, sent_at: float, line: bytes | None) -> Exchange:
        try:
            if line is None:  # it may have come in already, so `_last` stays
                await self.read_response()
            else:
                self._last = None
                await self.execute_command(line)
        except SMTPException as exc:
            exc.__traceback__ = None  # it leads to the future that holds `exc`: a cycle
            self.take_unsolicited()  # a 421 that came in with the end explains it
            raise PhaseFailed(self.ending(exc)) from None
        return self._exchange(sent_at)

    def _exchange(self, sent_at: float) -> Exchange:
        """Pair the reply that just came in with its command."""
        if self._last is None:
            # aiosmtplib answers 221 on the server's behalf when it hangs up upon QUIT.
            raise PhaseFailed(self.ending())
        reply, received_at = self._last
        return Exchange(reply, sent_at, received_at)

    # ----------------------------------------------------------------- bytes in

    def data_received(self, data: bytes, at: float | None = None) -> None:
        """Take bytes from the socket, which came in `at` that time of `perf_counter`; now unless told."""
        now = perf_counter() if at is None else at
        if self._ending is not None:
            return  # what still trickles in after the end explains nothing
        self._received += len(data)
        if self._received > MAX_SESSION:
            self._give_up(Garbled(self.leftover[:512], f"more than {MAX_SESSION} bytes in one session"))
        elif self._channel is None:
            self.hear(data, now)
        else:
            self._channel.take(data, now)

    def eof_received(self) -> bool:
        """Note that the peer has finished sending."""
        self._catch_up()
        self.end(dropped(None, self.leftover))
        return super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Note how the connection ended."""
        self._catch_up()
        if self._ending is None:
            self.end(dropped(exc, self.leftover))
        super().connection_lost(exc)
        self._channel = None  # it knows us as well; without a transport nothing is sent any more

    def _catch_up(self) -> None:
        if self._channel is not None:
            self._channel.catch_up()

    def hear(self, data: bytes, at: float) -> None:
        """Take what the server says."""
        try:
            for said in self._replies.take(data):
                if said is None:
                    self._blank_lines += 1
                if not (self._stray(b"") if said is None else self._deliver(said, at)):
                    return
        except PhaseFailed as failure:
            self._give_up(failure.evidence)

    def _deliver(self, said: Said, at: float) -> bool:
        """Hand a reply to whoever waits for it; say whether the session can go on."""
        reply = said.reply
        waiter = self._response_waiter
        if waiter is not None and self._response_pending and not waiter.done():
            self._last = (reply, at)
            self._said = said.lines
            self._blank_lines = 0
            waiter.set_result(SMTPResponse(reply.code, ""))
            return True
        if len(self._unsolicited) < 16:
            self._unsolicited.append(reply)
        return self._stray(reply.lines[-1])

    def _stray(self, line: bytes) -> bool:
        """Count a line that answers nothing; say whether the session can go on."""
        self._strays += 1
        if self._strays > MAX_STRAY:
            self._give_up(Garbled(line[:512], f"more than {MAX_STRAY} lines that answer nothing"))
        return self._strays <= MAX_STRAY

    # ----------------------------------------------------------------- the end

    def _give_up(self, evidence: Evidence) -> None:
        """End a session that makes no sense any more."""
        self.end(evidence)
        self._replies.clear()
        self.abort()

    def end(self, evidence: Evidence) -> None:
        """Keep the first explanation of the end, and wake whoever waits."""
        if self._ending is None:
            self._ending = evidence
        if self._channel is not None:
            self._channel.fail(self._ending)


def _written(reply: Reply) -> bytes:
    return b"".join(b"%d %s\n" % (reply.code, line) for line in reply.lines)
