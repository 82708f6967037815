"""SCRAM (RFC 5802, 7677) without channel binding: both sides prove that they know the password."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import NamedTuple

from exporter.model import Mechanism, SaslBreach
from exporter.probe.octets import octets
from exporter.probe.sasl.conversation import ChallengeError, Conversation, Turns, decoded
from exporter.probe.sasl.saslprep import saslprep

MOST_ITERATIONS = 2_000_000
"""About a second of work; servers ask for 4096 to 600,000, and the number is the server's to choose."""

_NO_BINDING = "n,,"
"""The GS2 header: no channel binding, nobody else's account."""


class Scram(Conversation):
    """One SCRAM exchange; `algorithm` is hashlib's name for the hash.  `nonce` is for tests."""

    slow = True

    def __init__(
        self, mechanism: Mechanism, algorithm: str, username: str, password: str, *, nonce: str | None = None
    ) -> None:
        super().__init__(mechanism)
        self._algorithm = algorithm
        self._username = saslprep(username).replace("=", "=3D").replace(",", "=2C")
        self._password = octets(saslprep(password))
        self._nonce = secrets.token_urlsafe(18) if nonce is None else nonce
        self._proved = False

    def confirm(self) -> None:
        """RFC 5802 3: without the server's signature the login does not count."""
        if not self._proved:
            raise ChallengeError("an acceptance without the server's signature", SaslBreach.SIGNATURE)

    def _talk(self) -> Turns:
        opening = f"n={self._username},r={self._nonce}"
        first = _text((yield octets(_NO_BINDING + opening)))
        if first.startswith("e="):
            self.explanation = octets(first)
            yield b""
            return
        challenge = _challenge(first, self._nonce)
        binding = base64.b64encode(_NO_BINDING.encode()).decode()
        closing = f"c={binding},r={challenge.nonce}"
        signed = octets(f"{opening},{first},{closing}")
        salted = hashlib.pbkdf2_hmac(self._algorithm, self._password, challenge.salt, challenge.iterations)
        key = self._mac(salted, b"Client Key")
        signature = self._mac(hashlib.new(self._algorithm, key).digest(), signed)
        proof = bytes(a ^ b for a, b in zip(key, signature, strict=True))
        last = _text((yield octets(f"{closing},p={base64.b64encode(proof).decode()}")))
        if last.startswith("e="):
            self.explanation = octets(last)
        else:
            self._check(last, self._mac(self._mac(salted, b"Server Key"), signed))
        yield b""

    def _check(self, last: str, expected: bytes) -> None:
        if not last.startswith("v="):
            why = "neither the server's signature nor an error at the end of SCRAM"
            raise ChallengeError(why, SaslBreach.SIGNATURE)
        if not hmac.compare_digest(decoded(last[2:].partition(",")[0].encode()), expected):
            raise ChallengeError("a wrong signature", SaslBreach.SIGNATURE)
        self._proved = True

    def _mac(self, key: bytes, data: bytes) -> bytes:
        return hmac.new(key, data, self._algorithm).digest()


class _Challenge(NamedTuple):
    nonce: str
    salt: bytes
    iterations: int


def _text(challenge: bytes) -> str:
    try:
        return decoded(challenge).decode()
    except UnicodeDecodeError:
        raise ChallengeError("a SCRAM message that is not UTF-8") from None


def _challenge(message: str, own_nonce: str) -> _Challenge:
    """Read server-first-message (RFC 5802 7)."""
    if message.startswith("m="):
        raise ChallengeError("a SCRAM extension that has to be known and is not")
    parts = message.split(",")
    if [part[:2] for part in parts[:3]] != ["r=", "s=", "i="]:
        raise ChallengeError("a SCRAM challenge without nonce, salt and iterations")
    nonce, salt, iterations = parts[0][2:], decoded(parts[1][2:].encode()), parts[2][2:]
    if not nonce.startswith(own_nonce) or nonce == own_nonce:
        raise ChallengeError("a SCRAM nonce that does not continue ours")
    if not (iterations.isascii() and iterations.isdigit() and salt):
        raise ChallengeError("a SCRAM challenge with an unusable salt or iteration count")
    if len(iterations) > 9 or not 0 < int(iterations) <= MOST_ITERATIONS:
        raise ChallengeError(f"more than {MOST_ITERATIONS} SCRAM iterations, or none")
    return _Challenge(nonce, salt, int(iterations))
