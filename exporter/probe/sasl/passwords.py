"""The mechanisms that show a password, a digest of it, or nothing but a name."""

from __future__ import annotations

import hmac

from exporter.model import Mechanism
from exporter.probe.octets import octets
from exporter.probe.sasl.conversation import ChallengeError, Conversation, Turns, decoded


class Plain(Conversation):
    """RFC 4616: everything in the initial response."""

    def __init__(self, username: str, password: str) -> None:
        super().__init__(Mechanism.PLAIN)
        self._response = b"\0" + octets(username) + b"\0" + octets(password)

    def _talk(self) -> Turns:
        yield self._response


class Login(Conversation):
    """The de-facto LOGIN: two prompts, whose words and encoding differ between servers and do not matter."""

    needed = 2

    def __init__(self, username: str, password: str) -> None:
        super().__init__(Mechanism.LOGIN)
        self._username, self._password = octets(username), octets(password)

    def _talk(self) -> Turns:
        yield None
        yield self._username
        yield self._password


class CramMd5(Conversation):
    """RFC 2195: a keyed digest of the server's challenge."""

    def __init__(self, username: str, password: str) -> None:
        super().__init__(Mechanism.CRAM_MD5)
        self._username, self._password = octets(username), octets(password)

    def _talk(self) -> Turns:
        challenge = decoded((yield None))
        if not challenge:
            raise ChallengeError("an empty challenge, where one was to be signed")
        digest = hmac.new(self._password, challenge, "md5").hexdigest()
        yield self._username + b" " + digest.encode()


class External(Conversation):
    """RFC 4422 appendix A: who we are is known from the certificate; the name says who we want to be."""

    def __init__(self, username: str) -> None:
        super().__init__(Mechanism.EXTERNAL)
        self._response = octets(username)

    def _talk(self) -> Turns:
        yield self._response
