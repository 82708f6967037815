"""TLS of one connection over memory buffers: ciphertext comes and goes, plaintext is handed to its owner.

The handshake's end and OpenSSL's own error are seen where the bytes are taken, on every event loop alike.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from time import perf_counter
from typing import Protocol

from OpenSSL import SSL

from exporter.model import Evidence, Garbled
from exporter.probe.evidence import PhaseFailed, dropped, tls_failure
from exporter.probe.tls_session import TlsSession
from exporter.probe.turnstile import Turnstile

# Enough of a handshake to find a CertificateRequest in it.
MAX_HANDSHAKE_KEPT = 64 * 1024

Judge = Callable[[SSL.Connection], bool]
"""Looks at a handshake under way, says whether it has seen enough, and raises `PhaseFailed` to end it."""


class Owner(Protocol):
    """The connection that the channel belongs to."""

    def send(self, data: bytes) -> None:
        """Send ciphertext; harmless when the connection is closing."""

    def hear(self, data: bytes, at: float) -> None:
        """Take plaintext that came in at that time of `perf_counter`."""

    def end(self, evidence: Evidence) -> None:
        """Take note of why the session is over; the first explanation counts.  It calls `fail`."""

    def abort(self) -> None:
        """Drop the connection."""

    @property
    def leftover(self) -> bytes:
        """What was said and belongs to no reply yet."""


class Channel:
    """One TLS session; `judge` sees the handshake before anything answers the server's certificate."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        context: SSL.Context,
        server_name: str,
        owner: Owner,
        *,
        turnstile: Turnstile,
        judge: Judge | None = None,
    ) -> None:
        self._owner = owner
        self._turnstile = turnstile
        self._judge = judge
        self.session = TlsSession(context, server_name)
        self._waiter: asyncio.Future[float] | None = loop.create_future()
        self._is_complete = self._is_over = self._has_heard = False
        self._seen = bytearray()  # of the server's half of the handshake
        self._unread_since: float | None = None  # when came what waits at the turnstile
        self._waits_since = self._ended_at = self._spent = 0.0  # of the handshake
        self._holds_finished = False  # the end of our handshake, which goes out with our first words

    async def shake_hands(self) -> float:
        """Do the handshake and return the seconds for which the server was waited for.

        PhaseFailed: it broke off, or `judge` ended it.
        """
        assert self._waiter is not None
        self._advance()
        try:
            return await self._waiter
        finally:
            self._waiter = None
            self._seen.clear()

    # ----------------------------------------------------------------- out

    def write(self, data: bytes) -> None:
        """Send plaintext.  SSL.Error: the session is over."""
        self.session.say(data)
        self.flush()

    def flush(self) -> bool:
        """Send what TLS has to say of its own; say whether there was anything."""
        self._holds_finished = False
        data = self.session.written()
        if data:
            self._owner.send(data)
        return bool(data)

    def let_speak(self) -> float:
        """End the handshake for the server as well; return when it did, and could speak (`perf_counter`)."""
        now = perf_counter()
        return now if self.flush() else self._ended_at

    def goodbye(self) -> bytes:
        """Return close_notify to be sent, once the handshake is over; the peer's own is not waited for."""
        if self._waiter is None:
            with contextlib.suppress(SSL.Error):
                self.session.shutdown()
        return self.session.written()

    def fail(self, evidence: Evidence) -> None:
        """Take note that the session is over; whoever waits for the handshake learns of it."""
        self._is_over = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(PhaseFailed(evidence))
            self._waiter.exception()  # retrieved here: a cancelled probe never will

    # ----------------------------------------------------------------- in

    def take(self, data: bytes, at: float) -> None:
        """Take ciphertext that came in at that time of `perf_counter`."""
        self.session.put(data)
        if self._is_complete:
            self._decrypt(at)
            return
        if len(self._seen) < MAX_HANDSHAKE_KEPT:
            self._seen += data
        waits, self._unread_since = self._unread_since is not None, at
        if not waits:
            self._turnstile.enter(self.catch_up)

    def catch_up(self) -> None:
        """Take what waits at the turnstile; nothing once the session is over."""
        at, self._unread_since = self._unread_since, None
        if at is None or self._is_over:
            return
        if self._is_complete or self._advance(at):
            self._decrypt(at)

    def _decrypt(self, at: float) -> None:
        try:
            while not self._is_over and (plain := self.session.said()):
                self._has_heard = True
                self._owner.hear(plain, at)
        except SSL.ZeroReturnError:
            # close_notify: no more will come, FIN or not, and what follows it is no TLS
            self._stop(dropped(None, self._owner.leftover))
            return
        except SSL.Error as exc:
            self._stop(self._broken(exc))
            return
        if not self._holds_finished:
            self.flush()

    def _broken(self, exc: SSL.Error) -> Evidence:
        """Return what it means that a session breaks whose handshake was complete."""
        failure = tls_failure(exc)
        if failure.alert is not None and not self._has_heard:
            # TLS 1.3: the server judges our certificate after our side of the handshake is done.
            return failure
        return Garbled(self._owner.leftover, f"the TLS session broke: {failure.detail}")

    def _stop(self, evidence: Evidence) -> None:
        self._owner.end(evidence)
        self._owner.abort()

    def _advance(self, at: float | None = None) -> bool:
        """Take the handshake as far as the bytes allow; say whether it is complete."""
        waiter = self._waiter
        if waiter is None or waiter.done():
            return False
        if at is not None:
            self._spent += max(0.0, at - self._waits_since)
            self._waits_since = at
        try:
            complete = self.session.advance()
        except SSL.Error as exc:
            self.flush()  # our alert tells the server why
            seen = bytes(self._seen)
            self._owner.end(tls_failure(exc, seen))
            return False
        if self._judge is not None and not self._let_on(self._judge, waiter):
            return False
        if complete:
            # One packet less, and one that the server need not wake up for.
            self._holds_finished = self._is_complete = True
            self._ended_at = self._waits_since
            waiter.set_result(self._spent)
            return True
        now = perf_counter()
        if self.flush():
            self._waits_since = now  # what we did until now is no doing of the server's
        return False

    def _let_on(self, judge: Judge, waiter: asyncio.Future[float]) -> bool:
        """Ask `judge` about the handshake so far; say whether it may go on."""
        try:
            self._judge = None if judge(self.session) else judge
        except PhaseFailed as failure:
            self._owner.end(failure.evidence)
        except Exception as exc:  # noqa: BLE001 - a bug of ours goes to whoever waits, not to the event loop
            waiter.set_exception(exc)
            self._owner.abort()
        else:
            return True
        self.session.written()  # our certificate is in it, and goes nowhere
        return False
