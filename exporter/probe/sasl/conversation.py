"""What every mechanism has in common: turns of the two sides, and their form on the wire (RFC 4954 4)."""

from __future__ import annotations

import base64
import binascii
from abc import ABC, abstractmethod
from collections.abc import Generator
from typing import ClassVar

from exporter.model import Mechanism, SaslBreach

Turns = Generator[bytes | None, bytes, None]
"""Yields what we say, None for no initial response; is sent each challenge as it stood in the reply."""

LONGEST_COMMAND = 512
"""Octets of a command with its CRLF (RFC 5321 4.5.3.1.4); RFC 4954 4 makes no exception for AUTH."""


class ChallengeError(Exception):
    """The server said what the mechanism does not allow; the session turns it into evidence."""

    def __init__(self, why: str, breach: SaslBreach = SaslBreach.EXCHANGE) -> None:
        super().__init__(why)
        self.why = why
        """A few words that hold nothing of what was said."""
        self.breach = breach


class Conversation(ABC):
    """One login by one mechanism, from its AUTH command to the last answer; used once."""

    slow: ClassVar[bool] = False
    """An answer may take milliseconds to compute and is not for the event loop."""
    needed: ClassVar[int] = 1
    """Responses of ours without which an acceptance says nothing about the secret."""

    def __init__(self, mechanism: Mechanism) -> None:
        self._mechanism = mechanism
        self._turns = self._talk()
        self._postponed: bytes | None = None
        self._given = 0
        self.explanation: bytes | None = None
        """What the server said about its refusal before the reply that refuses; None if nothing."""

    def command(self) -> tuple[bytes, ...]:
        """Return the words of the AUTH command; a third one is the initial response.

        A response too long for a command waits for the server's empty challenge (RFC 4954 4).
        """
        words = (b"AUTH", self._mechanism.encode())
        opening = next(self._turns)
        if opening is None:
            return words
        line = base64.b64encode(opening)
        if len(b" ".join((*words, line))) + 2 > LONGEST_COMMAND:
            self._postponed = line
            return words
        self._given = 1
        return (*words, line or b"=")

    def answer(self, challenge: bytes) -> bytes:
        """Return the line that answers a 334; ChallengeError when there is no answer to it."""
        self._given += 1
        if self._postponed is not None:
            line, self._postponed = self._postponed, None
            return line
        try:
            return base64.b64encode(self._turns.send(challenge) or b"")
        except StopIteration:
            raise ChallengeError("a challenge when all was said") from None

    def confirm(self) -> None:
        """Check that a 235 may be believed now; ChallengeError when it came before the secret was given."""
        if self._given < self.needed:
            raise ChallengeError("an acceptance before the secret was given")

    @abstractmethod
    def _talk(self) -> Turns:
        """Say one thing after the other."""


def decoded(challenge: bytes) -> bytes:
    """Return what a challenge holds; ChallengeError when it is not base64."""
    try:
        return base64.b64decode(challenge.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise ChallengeError("a challenge that is not base64") from None
