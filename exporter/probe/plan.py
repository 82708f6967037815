"""Which phases a probe walks through, and in which order: a pure function of the endpoint."""

from __future__ import annotations

from functools import cache
from typing import assert_never

from exporter.model import Endpoint, Phase, TlsMode

_BEFORE_LOGIN: dict[TlsMode, tuple[Phase, ...]] = {
    # RFC 3207: what was learnt before STARTTLS is void, so EHLO is said again under TLS.
    TlsMode.STARTTLS: (
        Phase.DNS,
        Phase.CONNECT,
        Phase.GREETING,
        Phase.EHLO,
        Phase.STARTTLS,
        Phase.TLS,
        Phase.EHLO,
    ),
    # RFC 8314 3.3: the handshake comes before the greeting.
    TlsMode.IMPLICIT: (Phase.DNS, Phase.CONNECT, Phase.TLS, Phase.GREETING, Phase.EHLO),
    TlsMode.NONE: (Phase.DNS, Phase.CONNECT, Phase.GREETING, Phase.EHLO),
}

_ENVELOPE = (Phase.MAIL, Phase.RCPT, Phase.DATA)


def plan_for(endpoint: Endpoint) -> tuple[Phase, ...]:
    """Return the phases in wire order; EHLO stands twice around STARTTLS, QUIT last.

    `until` cuts the plan.  Whatever goes beyond `connect` reads the greeting and ends in QUIT.
    """
    return _plan(endpoint.tls, endpoint.until, logs_in=endpoint.auth is not None)


@cache
def _plan(tls: TlsMode, until: Phase, *, logs_in: bool) -> tuple[Phase, ...]:
    before = _BEFORE_LOGIN[tls]
    login = (Phase.AUTH,) if logs_in else ()
    match until:
        case Phase.DNS | Phase.CONNECT:
            return before[: before.index(Phase.CONNECT) + 1]
        case Phase.GREETING:
            return (*before[: before.index(Phase.GREETING) + 1], Phase.QUIT)
        case Phase.STARTTLS | Phase.TLS:
            end = max(before.index(Phase.GREETING), before.index(Phase.TLS) if Phase.TLS in before else 0)
            return (*before[: end + 1], Phase.QUIT)
        case Phase.EHLO:
            return (*before, Phase.QUIT)
        case Phase.AUTH:
            return (*before, Phase.AUTH, Phase.QUIT)
        case Phase.MAIL | Phase.RCPT | Phase.DATA:
            envelope = _ENVELOPE[: _ENVELOPE.index(until) + 1]
            return (*before, *login, *envelope, Phase.QUIT)
        case Phase.QUIT:
            return (*before, *login, Phase.QUIT)
        case _:
            assert_never(until)
