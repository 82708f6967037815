"""SASL (RFC 4422) as SMTP carries it (RFC 4954): which mechanism, and what each side says.  No I/O."""

from __future__ import annotations

from typing import assert_never

from exporter.model import Auth, Mechanism, Secret
from exporter.probe.sasl.bearer import OAuthBearer, XOAuth2
from exporter.probe.sasl.choice import BEARER_MECHANISMS, choose
from exporter.probe.sasl.conversation import ChallengeError, Conversation
from exporter.probe.sasl.passwords import CramMd5, External, Login, Plain
from exporter.probe.sasl.scram import Scram

__all__ = ["BEARER_MECHANISMS", "ChallengeError", "Conversation", "choose", "converse"]


def converse(
    mechanism: Mechanism, auth: Auth, *, token: Secret | None = None, host: str = "", port: int = 0
) -> Conversation:
    """Return the client's side of one login; `token`, `host` and `port` are for bearer mechanisms."""
    user = auth.username
    password = auth.password.reveal() if auth.password is not None else ""
    bearer = token.reveal() if token is not None else ""
    match mechanism:
        case Mechanism.PLAIN:
            return Plain(user, password)
        case Mechanism.LOGIN:
            return Login(user, password)
        case Mechanism.CRAM_MD5:
            return CramMd5(user, password)
        case Mechanism.SCRAM_SHA_1:
            return Scram(mechanism, "sha1", user, password)
        case Mechanism.SCRAM_SHA_256:
            return Scram(mechanism, "sha256", user, password)
        case Mechanism.XOAUTH2:
            return XOAuth2(user, bearer)
        case Mechanism.OAUTHBEARER:
            return OAuthBearer(user, bearer, host, port)
        case Mechanism.EXTERNAL:
            return External(user)
        case _:
            assert_never(mechanism)
