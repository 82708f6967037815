"""The mechanisms that show an OAuth2 access token: XOAUTH2 (Google's) and OAUTHBEARER (RFC 7628).

A refused token gets a 334 with JSON first; the refusal itself comes after one more line of ours.
"""

from __future__ import annotations

from exporter.model import Mechanism
from exporter.probe.octets import octets
from exporter.probe.sasl.conversation import ChallengeError, Conversation, Turns, decoded


class _Bearer(Conversation):
    def __init__(self, mechanism: Mechanism, response: bytes, acknowledgement: bytes) -> None:
        super().__init__(mechanism)
        self._response = response
        self._acknowledgement = acknowledgement

    def _talk(self) -> Turns:
        challenge = yield self._response
        try:
            self.explanation = decoded(challenge)
        except ChallengeError:
            self.explanation = challenge  # an explanation all the same, for a person
        yield self._acknowledgement


class XOAuth2(_Bearer):
    """Google's and Microsoft's XOAUTH2; an empty line asks for the refusal."""

    def __init__(self, username: str, token: str) -> None:
        response = b"user=" + octets(username) + b"\1auth=Bearer " + octets(token) + b"\1\1"
        super().__init__(Mechanism.XOAUTH2, response, b"")


class OAuthBearer(_Bearer):
    """RFC 7628; the line that asks for the refusal is a lone 0x01 (3.2.3)."""

    def __init__(self, username: str, token: str, host: str, port: int) -> None:
        # RFC 5801 4: the two characters that have a meaning in the header are escaped.
        identity = username.replace("=", "=3D").replace(",", "=2C")
        header = f"n,a={identity}," if identity else "n,,"
        place = f"\1host={host}\1port={port}" if host else ""
        response = octets(f"{header}{place}\1auth=Bearer {token}\1\1")
        super().__init__(Mechanism.OAUTHBEARER, response, b"\1")
