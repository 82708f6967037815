"""What only real servers show: fetched tokens, tokens too long for a command, passwords beyond ASCII."""

from __future__ import annotations

from typing import Any

import pytest

from exporter.diagnosis import diagnose
from exporter.model import Auth, ErrorClass, Mechanism, OAuth2, Phase, ProbeResult, Reply, Secret
from tests.login.battery import PASSWORD as CANARY
from tests.probe.probing import endpoint, probe, run, trusting
from tests.servers.exim import Exim
from tests.servers.oauth import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN
from tests.servers.postfix import HOST, PASSWORD, USER, Postfix

pytestmark = pytest.mark.servers

BEARER = [Mechanism.XOAUTH2, Mechanism.OAUTHBEARER]


def logged_in(server: Postfix | Exim, auth: Auth, **changes: Any) -> ProbeResult:
    """One probe of the STARTTLS port with this login."""
    target = endpoint(
        server.ports.submission,
        host=HOST,
        until=Phase.AUTH,
        auth=auth,
        tls_config=trusting(server.ca_file),
        timeout=10.0,
        **changes,
    )
    result: ProbeResult = run(lambda: probe(target))
    return result


@pytest.mark.parametrize("mechanism", BEARER)
@pytest.mark.parametrize("refresh_token", [None, Secret(REFRESH_TOKEN)])
def test_a_fetched_token_is_let_in(
    postfix: Postfix, mechanism: Mechanism, refresh_token: Secret | None
) -> None:
    """By client credentials and by refresh token, Dovecot asks the authorisation server and says 235."""
    source = OAuth2(
        token_url=postfix.oauth.token_url,
        client_id=CLIENT_ID,
        client_secret=Secret(CLIENT_SECRET),
        refresh_token=refresh_token,
    )
    result = logged_in(postfix, Auth(username=USER, mechanism=mechanism, oauth2=source))
    assert result.success, result.transcript
    assert result.mechanism == mechanism


@pytest.mark.parametrize("mechanism", BEARER)
def test_a_refused_token_comes_with_its_explanation(
    postfix: Postfix, mechanism: Mechanism, tmp_path: Any
) -> None:
    """Dovecot's JSON and Postfix's 535 are both kept, from one connection with one AUTH."""
    file = tmp_path / "token"
    file.write_text("made-up")
    log = postfix.log()
    auth = Auth(username=USER, mechanism=mechanism, oauth2=OAuth2(token_file=str(file)))
    result = logged_in(postfix, auth)
    assert result.symptom is not None
    assert isinstance(result.symptom.evidence, Reply)
    assert result.symptom.evidence.code == 535
    assert (result.symptom.challenge or "").startswith('{"status":')
    assert diagnose(result.symptom).error_class is ErrorClass.OAUTH_TOKEN_REJECTED
    (session,) = log.sessions(1, "submission")
    assert (session.tried["auth"], session.refused("auth")) == (1, 1)
    assert session.accepted["quit"] == 1


@pytest.mark.parametrize("mechanism", BEARER)
@pytest.mark.parametrize("length", [350, 600, 3000])
def test_a_token_of_any_length_is_let_in(
    postfix: Postfix, mechanism: Mechanism, length: int, tmp_path: Any
) -> None:
    """Beyond 512 octets it waits for the server's empty challenge; Postfix refuses commands beyond 2048."""
    token = "t" * length
    postfix.oauth._tokens[token] = USER
    file = tmp_path / "token"
    file.write_text(token)
    result = logged_in(postfix, Auth(username=USER, mechanism=mechanism, oauth2=OAuth2(token_file=str(file))))
    assert result.success, result.transcript
    assert token not in repr(result)


def test_auto_takes_the_strongest_of_dovecot_and_of_exim(postfix: Postfix, exim: Exim) -> None:
    """SCRAM-SHA-256 where it is offered, PLAIN where nothing better is."""
    auth = Auth(username=USER, password=Secret(PASSWORD))
    assert logged_in(postfix, auth).mechanism == Mechanism.SCRAM_SHA_256
    assert logged_in(exim, auth).mechanism == Mechanism.PLAIN


@pytest.mark.parametrize("mechanism", [m for m in Mechanism if m not in {*BEARER, Mechanism.EXTERNAL}])
def test_a_real_refusal_shows_no_secret(postfix: Postfix, mechanism: Mechanism) -> None:
    """Every password mechanism, with a password that stands out."""
    result = logged_in(postfix, Auth(username=USER, password=Secret(CANARY), mechanism=mechanism))
    assert result.symptom is not None
    assert diagnose(result.symptom).error_class is ErrorClass.CREDENTIALS_REJECTED
    assert CANARY not in repr(result)
    assert len([line for line in result.transcript if line.startswith("C: AUTH")]) == 1
