"""How the stages connect, tls and auth ended, for every way a probe can end."""

import pytest

from exporter.board import Board, stage_outcomes
from exporter.model import Auth, ErrorClass, FaultDomain, OurFault, Phase
from tests.board.observations import (
    IMPLICIT_SESSION,
    STARTTLS_SESSION,
    bug,
    endpoint,
    failing,
    healthy,
    not_offered,
)

CONNECT, TLS, AUTH, NONE = Phase.CONNECT, Phase.TLS, Phase.AUTH, ErrorClass.NONE
PLAIN_SESSION = (Phase.DNS, Phase.CONNECT, Phase.GREETING, Phase.EHLO)


@pytest.mark.parametrize(
    ("observation", "expected"),
    [
        pytest.param(healthy(), {CONNECT: NONE, TLS: NONE, AUTH: NONE}, id="all three pass"),
        pytest.param(
            healthy(session=IMPLICIT_SESSION), {CONNECT: NONE, TLS: NONE, AUTH: NONE}, id="implicit TLS"
        ),
        pytest.param(healthy(session=PLAIN_SESSION), {CONNECT: NONE}, id="no TLS and no login in the plan"),
        pytest.param(healthy(session=PLAIN_SESSION[:2]), {CONNECT: NONE}, id="until connect"),
        pytest.param(healthy(withheld=True), {CONNECT: NONE, TLS: NONE}, id="the login is not due yet"),
        pytest.param(
            failing(Phase.DNS, ErrorClass.DNS_NOT_FOUND), {CONNECT: ErrorClass.DNS_NOT_FOUND}, id="dns"
        ),
        pytest.param(
            failing(Phase.CONNECT, ErrorClass.CONNECT_TIMEOUT),
            {CONNECT: ErrorClass.CONNECT_TIMEOUT},
            id="connect",
        ),
        pytest.param(
            failing(Phase.GREETING, ErrorClass.SERVICE_UNAVAILABLE),
            {CONNECT: NONE},
            id="greeting, before STARTTLS",
        ),
        pytest.param(
            failing(Phase.GREETING, ErrorClass.SERVICE_UNAVAILABLE, session=IMPLICIT_SESSION),
            {CONNECT: NONE, TLS: NONE},
            id="greeting, under implicit TLS",
        ),
        pytest.param(
            failing(Phase.EHLO, ErrorClass.HELO_REJECTED, session=STARTTLS_SESSION),
            {CONNECT: NONE, TLS: NONE},
            id="the second EHLO",
        ),
        pytest.param(
            not_offered(Phase.STARTTLS, "STARTTLS", ErrorClass.STARTTLS_NOT_OFFERED),
            {CONNECT: NONE, TLS: ErrorClass.STARTTLS_NOT_OFFERED},
            id="STARTTLS not offered",
        ),
        pytest.param(
            not_offered(Phase.EHLO, "STARTTLS", ErrorClass.STARTTLS_STRIPPED),
            {CONNECT: NONE, TLS: ErrorClass.STARTTLS_STRIPPED},
            id="STARTTLS masked, seen at EHLO",
        ),
        pytest.param(
            failing(Phase.STARTTLS, ErrorClass.STARTTLS_REFUSED),
            {CONNECT: NONE, TLS: ErrorClass.STARTTLS_REFUSED},
            id="STARTTLS refused",
        ),
        pytest.param(
            failing(Phase.TLS, ErrorClass.CERT_EXPIRED),
            {CONNECT: NONE, TLS: ErrorClass.CERT_EXPIRED},
            id="verification",
        ),
        pytest.param(
            failing(
                Phase.TLS, ErrorClass.CLIENT_CERTIFICATE_REQUIRED, session=(*STARTTLS_SESSION[:6], Phase.TLS)
            ),
            {CONNECT: NONE, TLS: ErrorClass.CLIENT_CERTIFICATE_REQUIRED},
            id="an alert after the handshake",
        ),
        pytest.param(
            not_offered(Phase.EHLO, "AUTH", ErrorClass.AUTH_NOT_OFFERED),
            {CONNECT: NONE, TLS: NONE, AUTH: ErrorClass.AUTH_NOT_OFFERED},
            id="AUTH not offered, seen at EHLO",
        ),
        pytest.param(
            not_offered(Phase.AUTH, "AUTH XOAUTH2", ErrorClass.AUTH_MECHANISM_UNSUPPORTED),
            {CONNECT: NONE, TLS: NONE, AUTH: ErrorClass.AUTH_MECHANISM_UNSUPPORTED},
            id="no common mechanism",
        ),
        pytest.param(
            failing(Phase.AUTH, ErrorClass.CREDENTIALS_REJECTED),
            {CONNECT: NONE, TLS: NONE, AUTH: ErrorClass.CREDENTIALS_REJECTED},
            id="login",
        ),
        pytest.param(
            failing(Phase.AUTH, ErrorClass.CREDENTIALS_REJECTED, withheld=True),
            {CONNECT: NONE, TLS: NONE},
            id="the login backs off",
        ),
        pytest.param(
            failing(Phase.TLS, ErrorClass.CERT_EXPIRED, withheld=True),
            {CONNECT: NONE, TLS: ErrorClass.CERT_EXPIRED},
            id="TLS fails while the login backs off",
        ),
        pytest.param(
            failing(Phase.MAIL, ErrorClass.AUTH_REQUIRED, session=(*STARTTLS_SESSION, Phase.MAIL)),
            {CONNECT: NONE, TLS: NONE, AUTH: NONE},
            id="after the login",
        ),
        pytest.param(bug(), {}, id="a bug before any phase"),
        pytest.param(
            failing(Phase.TLS, ErrorClass.EXPORTER_ERROR, FaultDomain.LOCAL, evidence=OurFault("ValueError")),
            {CONNECT: NONE, TLS: ErrorClass.EXPORTER_ERROR},
            id="a bug in the handshake",
        ),
    ],
)
def test_each_stage_is_counted_when_it_was_decided(observation, expected):
    """Planned, reached and not withheld: then each stage has one outcome, and only then."""
    outcomes = stage_outcomes(observation)
    assert dict(outcomes) == expected
    assert len(outcomes) == len(expected)


def test_outcomes_add_up():
    """The counters are the sums over all observations of an endpoint."""
    board = Board()
    probed = endpoint(auth=Auth(username="u"))
    board.apply([probed])
    for observation in (
        healthy(probed),
        healthy(probed),
        failing(Phase.CONNECT, ErrorClass.CONNECT_REFUSED, probed=probed),
        failing(Phase.TLS, ErrorClass.CERT_EXPIRED, probed=probed),
    ):
        board.record(observation)
    assert board.entries["a"].outcomes == {
        (CONNECT, NONE): 3,
        (CONNECT, ErrorClass.CONNECT_REFUSED): 1,
        (TLS, NONE): 2,
        (TLS, ErrorClass.CERT_EXPIRED): 1,
        (AUTH, NONE): 2,
    }
