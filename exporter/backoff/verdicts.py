"""What came of a login for its account: whether repeating it could count towards a lockout."""

from __future__ import annotations

from collections.abc import Collection
from enum import Enum

from exporter.model import Dropped, ErrorClass, Garbled, Phase, Reply, Symptom, TimedOut

REFUSALS = frozenset(
    {
        ErrorClass.CREDENTIALS_REJECTED,
        ErrorClass.APP_PASSWORD_REQUIRED,
        ErrorClass.AUTH_DISABLED,
        ErrorClass.ACCOUNT_LOCKED,
        ErrorClass.OAUTH_TOKEN_REJECTED,
        ErrorClass.AUTH_RATE_LIMITED,
    }
)
"""What a login with the same secret would meet again and may make worse, whatever the reply code."""
NOT_JUDGED = frozenset({500, 502, 503, 504, 530, 538})
"""Codes that turn the command away and not the secret: unknown, out of order, a mechanism that is not
supported, or encryption first (RFC 4954 4 and 6).  501 is none: servers refuse passwords with it."""


class Verdict(Enum):
    """What the account has to be spared after a failed login."""

    REFUSED = "refused"
    """The secret may have been judged and found wanting: the next failure may lock the account."""
    UNHEARD = "unheard"
    """The server was given the secret and nothing was heard; many make a wrong password wait, or hang up."""
    OTHER = "other"
    """The secret was not judged, or not now: nothing counts against the account."""


def verdict_on(failure: Symptom, classes: Collection[ErrorClass], *, told: bool) -> Verdict:
    """Judge a failed login; `classes` are its readings, `told` says that the server was given something."""
    evidence = failure.evidence
    match evidence:
        case Reply(code=code) if failure.phase is Phase.AUTH:
            if not REFUSALS.isdisjoint(classes) or (code >= 500 and code not in NOT_JUDGED):
                return Verdict.REFUSED
        case TimedOut() | Dropped() | Garbled() if told and failure.phase is Phase.AUTH:
            return Verdict.UNHEARD
        case _:
            pass
    return Verdict.OTHER
