"""When to leave a server alone: logins after a refusal, whole probes after a 421 or a rate limit, messages.

This is memory, of the same kind as the board's: what was refused to whom, and until when nobody tries
again.  It ends with the process.
"""

from __future__ import annotations

from exporter.backoff.account import Account, account_of
from exporter.backoff.logins import Login, Logins
from exporter.backoff.messages import Messages, MessageTooSoonError, Sending
from exporter.backoff.pauses import LIMITS, Pauses
from exporter.backoff.verdicts import NOT_JUDGED, REFUSALS

__all__ = [
    "LIMITS",
    "NOT_JUDGED",
    "REFUSALS",
    "Account",
    "Login",
    "Logins",
    "MessageTooSoonError",
    "Messages",
    "Pauses",
    "Sending",
    "account_of",
]
