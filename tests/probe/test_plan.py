"""The plan of a probe follows from TLS mode, depth and credentials alone."""

from __future__ import annotations

import pytest

from exporter.model import Auth, Endpoint, Phase, Secret, TlsMode
from exporter.probe.plan import plan_for


def endpoint(tls: TlsMode, until: Phase, *, auth: bool = False) -> Endpoint:
    """An endpoint of which only the plan's inputs matter."""
    return Endpoint(
        name="e",
        host="127.0.0.1",
        port=587,
        tls=tls,
        until=until,
        interval=60.0,
        timeout=10.0,
        auth=Auth(username="u", password=Secret("p")) if auth else None,
    )


@pytest.mark.parametrize(
    ("tls", "until", "auth", "plan"),
    [
        (TlsMode.STARTTLS, "connect", False, "dns connect"),
        (TlsMode.STARTTLS, "greeting", False, "dns connect greeting quit"),
        (TlsMode.STARTTLS, "tls", False, "dns connect greeting ehlo starttls tls quit"),
        (TlsMode.STARTTLS, "ehlo", False, "dns connect greeting ehlo starttls tls ehlo quit"),
        (TlsMode.STARTTLS, "ehlo", True, "dns connect greeting ehlo starttls tls ehlo quit"),
        (TlsMode.STARTTLS, "auth", True, "dns connect greeting ehlo starttls tls ehlo auth quit"),
        (TlsMode.STARTTLS, "mail", False, "dns connect greeting ehlo starttls tls ehlo mail quit"),
        (TlsMode.STARTTLS, "rcpt", True, "dns connect greeting ehlo starttls tls ehlo auth mail rcpt quit"),
        (TlsMode.IMPLICIT, "connect", False, "dns connect"),
        (TlsMode.IMPLICIT, "tls", False, "dns connect tls greeting quit"),
        (TlsMode.IMPLICIT, "greeting", False, "dns connect tls greeting quit"),
        (TlsMode.IMPLICIT, "data", True, "dns connect tls greeting ehlo auth mail rcpt data quit"),
        (TlsMode.NONE, "greeting", False, "dns connect greeting quit"),
        (TlsMode.NONE, "ehlo", False, "dns connect greeting ehlo quit"),
        (TlsMode.NONE, "auth", True, "dns connect greeting ehlo auth quit"),
    ],
)
def test_plan(tls: TlsMode, until: str, auth: bool, plan: str) -> None:
    """Whatever goes beyond `connect` reads the greeting and ends in QUIT; login stands before MAIL."""
    assert " ".join(plan_for(endpoint(tls, Phase(until), auth=auth))) == plan


@pytest.mark.parametrize("tls", TlsMode)
@pytest.mark.parametrize("until", Phase)
def test_every_plan_begins_with_the_look_up(tls: TlsMode, until: Phase) -> None:
    """There is a plan for every combination, and it starts with dns and connect."""
    assert plan_for(endpoint(tls, until))[:2] == (Phase.DNS, Phase.CONNECT)
