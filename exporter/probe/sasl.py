"""The client's side of each SASL mechanism, as a conversation without I/O (RFC 4422, 4954)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Generator, Sequence
from typing import assert_never

from aiosmtplib.auth import auth_crammd5_verify

from exporter.model import Auth, Mechanism, NotOffered

Conversation = Generator[bytes | None, bytes, None]
"""Yields what to send (None: no initial response), is sent each decoded challenge."""

# Strongest first: what does not show the secret to the server goes before what does.
_PASSWORD_MECHANISMS = (Mechanism.CRAM_MD5, Mechanism.PLAIN, Mechanism.LOGIN)
_SPEAKS = frozenset(_PASSWORD_MECHANISMS)


def choose(auth: Auth, offered: Sequence[str]) -> Mechanism | NotOffered:
    """Return the mechanism to use: the configured one, else the strongest that both sides have."""
    if not offered:
        return NotOffered("AUTH")
    wanted = (auth.mechanism,) if auth.mechanism is not None else _PASSWORD_MECHANISMS
    for mechanism in wanted:
        if mechanism in _SPEAKS and mechanism in offered:
            return mechanism
    missing = f"AUTH {auth.mechanism}" if auth.mechanism is not None else "AUTH"
    if auth.mechanism is None:
        missing = "AUTH " + "|".join(wanted)
    return NotOffered(missing, tuple(offered))


def converse(mechanism: Mechanism, auth: Auth) -> Conversation:
    """Return the conversation of `mechanism`; the first `next` gives the initial response."""
    password = auth.password.reveal() if auth.password is not None else ""
    match mechanism:
        case Mechanism.PLAIN:
            return _plain(auth.username, password)
        case Mechanism.LOGIN:
            return _login(auth.username, password)
        case Mechanism.CRAM_MD5:
            return _cram_md5(auth.username, password)
        case (
            Mechanism.SCRAM_SHA_1
            | Mechanism.SCRAM_SHA_256
            | Mechanism.XOAUTH2
            | Mechanism.OAUTHBEARER
            | Mechanism.EXTERNAL
        ):
            raise NotImplementedError(mechanism)
        case _:
            assert_never(mechanism)


def _plain(username: str, password: str) -> Conversation:
    """RFC 4616: everything in the initial response."""
    yield b"\0" + username.encode() + b"\0" + password.encode()


def _login(username: str, password: str) -> Conversation:
    """The de-facto LOGIN: two prompts, whose words differ between servers and do not matter."""
    yield None
    yield username.encode()
    yield password.encode()


def _cram_md5(username: str, password: str) -> Conversation:
    """RFC 2195: a keyed digest of the server's challenge."""
    challenge = yield None
    yield base64.b64decode(auth_crammd5_verify(username, password, base64.b64encode(challenge)))


def decode_challenge(text: bytes) -> bytes:
    """Return the decoded challenge of a 334 reply, or the bytes as they are when not base64."""
    try:
        return base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        return text


def encode(response: bytes) -> bytes:
    """Return a response as it goes on the wire."""
    return base64.b64encode(response)
