"""Which mechanism a login uses: a pure function of what is configured and what is offered."""

from __future__ import annotations

from collections.abc import Sequence

from exporter.model import Auth, Mechanism, NotOffered

# Strongest first: what does not show the secret to the server goes before what does.
PASSWORD_MECHANISMS = (
    Mechanism.SCRAM_SHA_256,
    Mechanism.SCRAM_SHA_1,
    Mechanism.CRAM_MD5,
    Mechanism.PLAIN,
    Mechanism.LOGIN,
)
# The same token either way; the standard (RFC 7628) before what it replaces.
BEARER_MECHANISMS = (Mechanism.OAUTHBEARER, Mechanism.XOAUTH2)


def choose(auth: Auth, offered: Sequence[str], *, certificate: bool = False) -> Mechanism | NotOffered:
    """Return the mechanism to use: the configured one, else the strongest that both sides have.

    `offered` are upper-cased names from EHLO; `certificate` says that we have one to show.  A token is
    used where one is configured, never a password in its place.
    """
    if not offered:
        return NotOffered("AUTH")
    wanted = _wanted(auth, certificate=certificate)
    for mechanism in wanted:
        if mechanism in offered:
            return mechanism
    return NotOffered("AUTH " + "|".join(wanted), tuple(offered))


def _wanted(auth: Auth, *, certificate: bool) -> tuple[Mechanism, ...]:
    if auth.mechanism is not None:
        return (auth.mechanism,)
    secret = BEARER_MECHANISMS if auth.oauth2 is not None else PASSWORD_MECHANISMS
    # Last: a login by certificate would say nothing about the secret that was given to be tested.
    return (*secret, Mechanism.EXTERNAL) if certificate else secret
