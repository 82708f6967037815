"""A server that is well-behaved until it refuses one command, in the words that a real one uses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from exporter.demo.service import GREETING, MESSAGE
from exporter.model import ErrorClass, FaultDomain, Phase, TlsMode
from tests.battery.case import Case
from tests.battery.stands import submission
from tests.servers.submission import PASSWORD, USER

LOGIN = {"auth": {"password": PASSWORD}}
ENVELOPE = {"message": {"from": USER, "to": "postmaster@mail.test"}}

_WORD = {
    Phase.GREETING: GREETING,
    Phase.EHLO: "EHLO",
    Phase.STARTTLS: "STARTTLS",
    Phase.AUTH: "AUTH",
    Phase.MAIL: "MAIL",
    Phase.RCPT: "RCPT",
    Phase.DATA: MESSAGE,
}


def refusal(
    name: str,
    phase: Phase,
    reply: str,
    expected: ErrorClass,
    domain: FaultDomain,
    *,
    tls: TlsMode = TlsMode.STARTTLS,
    login: bool = True,
    word: str | None = None,
    endpoint: Mapping[str, Any] | None = None,
) -> Case:
    """A case in which `phase` is answered by `reply` (lines joined by newlines).

    Without `login` neither side does AUTH.  `word` is the command to answer, where the phase has two.
    """
    keys: dict[str, Any] = {"tls": str(tls), "until": str(phase)}
    if phase is Phase.STARTTLS:
        keys["until"] = "tls"
    if phase in {Phase.AUTH, Phase.MAIL, Phase.RCPT, Phase.DATA}:
        keys |= LOGIN if login else {}
    if phase in {Phase.MAIL, Phase.RCPT, Phase.DATA}:
        keys |= ENVELOPE
    return Case(
        name=name,
        opens=submission(
            tls,
            replies={word or _WORD[phase]: reply},
            mechanisms=("PLAIN", "LOGIN") if login else (),
        ),
        expected=expected,
        domain=domain,
        phase=phase,
        endpoint=keys | dict(endpoint or {}),
    )


def in_clear(more: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Keys of an endpoint that logs in without TLS."""
    return {"auth": {"password": PASSWORD, "allow_plaintext": True}, **(more or {})}
