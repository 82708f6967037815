"""Envelope and message of one session (RFC 5321 3.3): MAIL, RCPT and DATA put on the wire."""

from __future__ import annotations

from collections.abc import Callable

from exporter.model import Endpoint, Evidence, Phase, Reply
from exporter.probe.envelope import message_for, path
from exporter.probe.evidence import PhaseFailed
from exporter.probe.wire import Wire


class Submission:
    """One message, as far as the plan takes it; its findings stay readable when it fails.

    `on_message` is called right before the message is sent: from then on it cannot be taken back.
    """

    def __init__(self, wire: Wire, endpoint: Endpoint, on_message: Callable[[], None] | None = None) -> None:
        assert endpoint.message is not None
        self._wire = wire
        self._endpoint = endpoint
        self._envelope = endpoint.message
        self._on_message = on_message
        self._sent = False
        self.reply: Reply | None = None
        """The last reply."""

    async def step(self, phase: Phase) -> float:
        """Do one of the three phases and return the seconds it took.  PhaseFailed: refused."""
        match phase:
            case Phase.MAIL:
                return await self._say(b"MAIL FROM:" + path(self._envelope.sender), {250})
            case Phase.RCPT:
                return await self._say(b"RCPT TO:" + path(self._envelope.recipient), {250, 251, 252})
            case Phase.DATA:
                return await self._data()
            case _:
                raise AssertionError(phase)

    def in_doubt(self, evidence: Evidence) -> bool:
        """Say whether the server may hold the message though the probe failed by `evidence` (RFC 1047)."""
        return self._sent and not isinstance(evidence, Reply)

    async def _data(self) -> float:
        opened = await self._say(b"DATA", {354})
        message = message_for(self._endpoint)
        self._sent = True
        if self._on_message is not None:
            self._on_message()
        exchange = await self._wire.payload(message)
        return self._judged(exchange.reply, opened + exchange.seconds, {250})

    async def _say(self, command: bytes, wanted: set[int]) -> float:
        exchange = await self._wire.command(command)
        return self._judged(exchange.reply, exchange.seconds, wanted)

    def _judged(self, reply: Reply, seconds: float, wanted: set[int]) -> float:
        self.reply = reply
        if reply.code not in wanted:
            raise PhaseFailed(reply, seconds)
        return seconds
