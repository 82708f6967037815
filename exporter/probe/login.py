"""The AUTH exchange of one session (RFC 4954): a SASL conversation put on the wire, secrets kept off it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from exporter.model import Endpoint, Garbled, Mechanism, Reply, Secret, Symptom, TokenUnavailable
from exporter.probe.evidence import PhaseFailed
from exporter.probe.redaction import HIDDEN
from exporter.probe.sasl import ChallengeError, Conversation, converse
from exporter.probe.sasl.conversation import decoded
from exporter.probe.transcript import Transcript, printable
from exporter.probe.wire import Exchange, Wire


class LoginGate(Protocol):
    """Decides whether a login is made: None lets it be made, a few words say why not."""

    def held(self) -> str | None:
        """Decide before the probe begins, so that nothing is prepared in vain."""

    @property
    def is_open(self) -> bool:
        """Nobody else's login is under way: `enter` will not wait."""

    async def enter(self) -> str | None:
        """Decide once more, right before AUTH; may wait for somebody else's login to end.

        When it lets the login be made, `leave` or `abandon` follows as soon as the exchange is over.
        """

    def abandon(self) -> None:
        """Take the permission back: no login was made."""

    def leave(self, failure: Symptom | None, *, told: bool) -> None:
        """Take what came of the exchange, None for a login that was accepted.

        `told` says that the server was given something to judge.
        """


# The challenge that made us cancel is the finding; the reply to `*` adds little and is not waited for long.
CANCEL_PATIENCE = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginTerms:
    """Whether a login is to be made, and with which token."""

    token: Secret | TokenUnavailable | None = None
    """What a bearer login is made with, or why there is none; None where no token is needed."""
    withheld: str | None = None
    """Why there is to be no login, whatever the gate would say later; no token was fetched for one."""
    gate: LoginGate | None = None

    @property
    def usable_token(self) -> Secret | None:
        """The token, if there is one."""
        return self.token if isinstance(self.token, Secret) else None

    @property
    def may_wait(self) -> bool:
        """Whether `held` may have to wait for somebody else's login to end."""
        return self.withheld is None and self.gate is not None and not self.gate.is_open

    async def held(self) -> str | None:
        """Return why no login is made now, None when one is.  PhaseFailed: there is no token for it."""
        if self.withheld is not None:
            return self.withheld
        if isinstance(self.token, TokenUnavailable):
            raise PhaseFailed(self.token, 0.0)
        return await self.gate.enter() if self.gate is not None else None

    def abandon(self) -> None:
        """Tell the gate that there is no login after all."""
        if self.gate is not None:
            self.gate.abandon()

    def leave(self, failure: Symptom | None, *, told: bool) -> None:
        """Tell the gate what came of the exchange."""
        if self.gate is not None:
            self.gate.leave(failure, told=told)

    def conversation(self, mechanism: Mechanism, endpoint: Endpoint) -> Conversation:
        """Return our side of the login to `endpoint`."""
        assert endpoint.auth is not None
        return converse(
            mechanism, endpoint.auth, token=self.usable_token, host=endpoint.host, port=endpoint.port
        )


class Login:
    """One attempt with one mechanism; its findings stay readable when it fails."""

    def __init__(self, wire: Wire, transcript: Transcript, conversation: Conversation) -> None:
        self._wire = wire
        self._transcript = transcript
        self._conversation = conversation
        self.seconds = 0.0
        """What the server took, all exchanges together; our own computing is not in it."""
        self.reply: Reply | None = None
        """The last reply that was no challenge."""
        self.challenge: str | None = None
        """What the server explained before it refused, or the challenge that had no answer."""
        self.told = False
        """The server was given something to judge: an initial response, or an answer to a challenge."""

    async def run(self) -> None:
        """Log in.  PhaseFailed: refused, or a challenge that the mechanism does not allow (`Garbled`)."""
        words = self._conversation.command()
        self._hide(*words[2:])
        shown = b" ".join((*words[:2], HIDDEN)) if words[2:] else None
        self.told = bool(words[2:])
        exchange = self._noted(await self._wire.command(*words, shown=shown))
        while exchange.reply.code == 334:
            challenge = self._wire.challenge
            try:
                line = await self._answer(challenge)
            except ChallengeError as error:
                await self._cancel()
                raise self._garbled(challenge, error) from None
            if self._conversation.explanation is not None:
                self.challenge = self._shown(self._conversation.explanation)
            self._hide(line)
            self.told = True
            exchange = self._noted(await self._wire.command(line, shown=HIDDEN if line else None))
        if exchange.reply.code != 235:
            raise PhaseFailed(exchange.reply, self.seconds)
        try:
            self._conversation.confirm()
        except ChallengeError as error:
            raise self._garbled(b"\n".join(exchange.reply.lines), error) from None

    async def _answer(self, challenge: bytes) -> bytes:
        if self._conversation.slow:
            return await asyncio.to_thread(self._conversation.answer, challenge)
        return self._conversation.answer(challenge)

    async def _cancel(self) -> None:
        """RFC 4954 4: a lone asterisk ends the exchange, and the server refuses with 501."""
        try:
            async with asyncio.timeout(CANCEL_PATIENCE):
                self._noted(await self._wire.command(b"*"))
        except (PhaseFailed, TimeoutError):
            pass  # the challenge before it is what failed

    def _noted(self, exchange: Exchange) -> Exchange:
        self.seconds += exchange.seconds
        if exchange.reply.code != 334:
            self.reply = exchange.reply
        return exchange

    def _hide(self, *lines: bytes) -> None:
        for line in lines:
            self._transcript.redact.also(line)

    def _garbled(self, challenge: bytes, error: ChallengeError) -> PhaseFailed:
        with suppress(ChallengeError):
            challenge = decoded(challenge)
        self.challenge = self._shown(challenge)
        line = self._transcript.redact(challenge)[:512]
        return PhaseFailed(Garbled(line, error.why, error.breach), self.seconds)

    def _shown(self, text: bytes) -> str:
        return printable(self._transcript.redact(text)[:4096])
