"""The AUTH exchange on the wire: one command, every challenge answered or cancelled, no secret shown."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import replace
from typing import Any

import pytest

from exporter.diagnosis import diagnose
from exporter.model import (
    Auth,
    Dropped,
    ErrorClass,
    Evidence,
    FaultDomain,
    Garbled,
    Mechanism,
    NotOffered,
    OAuth2,
    Phase,
    ProbeResult,
    Reply,
    SaslBreach,
    Secret,
    StepStatus,
    Symptom,
    TimedOut,
    TlsMode,
    TokenUnavailable,
)
from tests.probe.probing import endpoint, outline, probe, run, trusting
from tests.servers.certificates import Workshop
from tests.servers.scripted import (
    Stage,
    Step,
    answer,
    bye,
    drop,
    ehlo,
    expect,
    greet,
    handshake,
    hear,
    say,
    scripted,
    stall,
)

PASSWORD = "c4n4ry-p4ssword"
TOKEN = "c4n4ry-t0ken"


def password_auth(mechanism: Mechanism | None = None) -> Auth:
    """A login with a password."""
    return Auth(username="me", password=Secret(PASSWORD), mechanism=mechanism, allow_plaintext=True)


def token_auth(tmp_path: Any, mechanism: Mechanism | None = None, token: str = TOKEN) -> Auth:
    """A login with the token of a file."""
    file = tmp_path / "token"
    file.write_text(token)
    return Auth(username="me", mechanism=mechanism, oauth2=OAuth2(token_file=str(file)), allow_plaintext=True)


def probed(auth: Auth, *script: Step, offers: str = "", **changes: Any) -> ProbeResult:
    """A plaintext login against a server that goes on by `script` after EHLO."""

    async def scenario() -> ProbeResult:
        offered = offers or str(auth.mechanism)
        async with scripted([greet(), ehlo(f"AUTH {offered}"), *script]) as server:
            target = endpoint(server.port, tls=TlsMode.NONE, until=Phase.AUTH, auth=auth, timeout=2.0)
            return await probe(replace(target, **changes))

    result: ProbeResult = run(scenario)
    for secret in (PASSWORD, TOKEN):
        assert secret not in repr(result)
        assert base64.b64encode(secret.encode()).decode().rstrip("=") not in repr(result)
    return result


def evidence(result: ProbeResult) -> Evidence:
    """What failed the login."""
    assert result.symptom is not None
    assert result.symptom.phase is Phase.AUTH
    return result.symptom.evidence


def code(result: ProbeResult) -> int:
    """The code of the refusal."""
    found = evidence(result)
    assert isinstance(found, Reply)
    return found.code


def b64(text: str | bytes) -> str:
    """Base64 as text."""
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


# ------------------------------------------------------------------ refused tokens


@pytest.mark.parametrize(
    ("mechanism", "acknowledgement"), [(Mechanism.XOAUTH2, ""), (Mechanism.OAUTHBEARER, "AQ==")]
)
def test_a_refused_token_leaves_explanation_and_refusal(
    tmp_path: Any, mechanism: Mechanism, acknowledgement: str
) -> None:
    """The 334 with JSON is answered as its standard says, and both it and the 535 are kept."""
    explanation = '{"status":"401","schemes":"bearer","scope":"mail"}'

    async def acknowledged(stage: Stage) -> None:
        await hear()(stage)
        assert stage.seen.lines[-1] == acknowledgement

    result = probed(
        token_auth(tmp_path, mechanism),
        answer(f"AUTH {mechanism} ", f"334 {b64(explanation)}"),
        acknowledged,
        say("535 5.7.8 Bad credentials"),
        bye(),
    )
    assert code(result) == 535
    assert result.symptom is not None
    assert result.symptom.challenge == explanation
    assert result.reply == result.symptom.evidence
    assert diagnose(result.symptom).error_class is ErrorClass.OAUTH_TOKEN_REJECTED


def test_a_server_that_stalls_after_its_explanation(tmp_path: Any) -> None:
    """The explanation is kept when the refusal never comes."""
    result = probed(
        token_auth(tmp_path, Mechanism.XOAUTH2),
        answer("AUTH XOAUTH2 ", f"334 {b64('{}')}"),
        hear(),
        stall(),
        timeout=0.3,
    )
    assert isinstance(evidence(result), TimedOut)
    assert result.symptom is not None
    assert result.symptom.challenge == "{}"


def test_a_long_token_waits_for_the_empty_challenge(tmp_path: Any) -> None:
    """RFC 4954 4: an AUTH command of more than 512 octets is none; the token answers the first 334."""
    token = TOKEN * 100
    response = b64(f"user=me\1auth=Bearer {token}\1\1")
    result = probed(
        token_auth(tmp_path, Mechanism.XOAUTH2, token),
        expect("AUTH XOAUTH2"),
        say("334 "),
        expect(response),
        say("235 2.7.0 Accepted"),
        bye(),
    )
    assert result.success
    assert result.mechanism == "XOAUTH2"


# ------------------------------------------------------------------ SCRAM


def scram_server(*, knows: str = PASSWORD, last: str | None = None, early: bool = False) -> list[Step]:
    """A server's side of SCRAM-SHA-256 with the password that it knows; `last` replaces its signature."""
    salt, iterations = b"0123456789abcdef", 4096
    messages: list[str] = []

    def heard(stage: Stage) -> str:
        return base64.b64decode(stage.seen.lines[-1].rpartition(" ")[2]).decode()

    async def first(stage: Stage) -> None:
        bare = heard(stage).removeprefix("n,,")
        nonce = bare.partition(",r=")[2]
        messages.extend((bare, f"r={nonce}server,s={b64(salt)},i={iterations}"))
        await say(f"334 {b64(messages[1])}")(stage)

    async def final(stage: Stage) -> None:
        without_proof = heard(stage).partition(",p=")[0]
        salted = hashlib.pbkdf2_hmac("sha256", knows.encode(), salt, iterations)
        key = hmac.new(salted, b"Server Key", "sha256").digest()
        signature = hmac.new(key, ",".join((*messages, without_proof)).encode(), "sha256").digest()
        await say("235 2.7.0 Accepted" if early else f"334 {b64(last or f'v={b64(signature)}')}")(stage)

    return [expect("AUTH SCRAM-SHA-256 "), first, hear(), final]


def test_scram_ends_in_an_empty_line_and_235() -> None:
    """The server's signature comes as a challenge, and is believed."""
    result = probed(
        password_auth(Mechanism.SCRAM_SHA_256), *scram_server(), expect(""), say("235 2.7.0 Accepted"), bye()
    )
    assert result.success
    assert outline(result).endswith("auth quit")


@pytest.mark.parametrize("script", [scram_server(knows="something else"), scram_server(last="v=AAAA")])
def test_a_server_that_does_not_know_the_password_fails(script: list[Step]) -> None:
    """Its wrong signature ends the login with `*` and stands as evidence, although it would accept."""
    result = probed(
        password_auth(Mechanism.SCRAM_SHA_256), *script, answer("*", "501 5.7.0 cancelled"), bye()
    )
    found = evidence(result)
    assert isinstance(found, Garbled)
    assert "signature" in found.why
    assert found.line.startswith(b"v=")
    assert result.reply is not None
    assert result.reply.code == 501
    assert result.symptom is not None
    verdict = diagnose(result.symptom)
    assert (verdict.rule, verdict.fault_domain) == ("login.server-unproven", FaultDomain.SERVER)
    assert "a wrong signature; it may be an impostor" in verdict.summary
    assert "Do not trust" in verdict.remedy[0]


def test_an_acceptance_without_a_signature_is_no_login() -> None:
    """A 235 right after our proof proves nothing of the server."""
    result = probed(password_auth(Mechanism.SCRAM_SHA_256), *scram_server(early=True), bye())
    found = evidence(result)
    assert isinstance(found, Garbled)
    assert "without the server's signature" in found.why
    assert outline(result).endswith("auth! quit")
    assert result.symptom is not None
    assert diagnose(result.symptom).rule == "login.server-unproven"


def test_an_acceptance_after_an_error_of_scram_is_no_login() -> None:
    """A server that could not sign and accepts all the same has proved nothing."""
    script = scram_server(last="e=other-error")
    result = probed(
        password_auth(Mechanism.SCRAM_SHA_256), *script, expect(""), say("235 2.7.0 Accepted"), bye()
    )
    found = evidence(result)
    assert isinstance(found, Garbled)
    assert found.breach is SaslBreach.SIGNATURE


@pytest.mark.parametrize(
    ("mechanism", "password", "script"),
    [
        (Mechanism.LOGIN, PASSWORD, []),
        (Mechanism.LOGIN, PASSWORD, [say("334 VXNlcm5hbWU6"), hear()]),
        (Mechanism.CRAM_MD5, PASSWORD, []),
        (Mechanism.PLAIN, PASSWORD * 50, []),
    ],
)
def test_an_acceptance_before_the_secret_was_given_is_no_login(
    mechanism: Mechanism, password: str, script: list[Step]
) -> None:
    """It says nothing about the password that is to be tested."""
    auth = replace(password_auth(mechanism), password=Secret(password))
    result = probed(auth, hear(), *script, say("235 2.7.0 Welcome"), bye())
    assert isinstance(evidence(result), Garbled)
    assert result.symptom is not None
    verdict = diagnose(result.symptom)
    assert verdict.rule == "login.sasl-broken"
    assert f"{mechanism}: an acceptance before the secret was given" in verdict.summary


def test_a_token_that_nobody_showed_is_not_refused() -> None:
    """A server that answers PLAIN with the words for a token breaks the mechanism."""
    result = probed(
        password_auth(Mechanism.PLAIN),
        expect("AUTH PLAIN"),
        say("334 " + b64('{"status":"401","schemes":"bearer"}')),
        answer("*", "501 5.7.0 cancelled"),
        bye(),
    )
    assert isinstance(evidence(result), Garbled)
    assert result.symptom is not None
    verdict = diagnose(result.symptom)
    assert verdict.error_class is ErrorClass.PROTOCOL_ERROR
    assert "PLAIN: a challenge when all was said" in verdict.summary


def test_a_line_that_is_no_reply_says_so() -> None:
    """The reason is in the sentence, beside what came."""
    result = probed(password_auth(Mechanism.PLAIN), expect("AUTH PLAIN"), say("Too many commands. Bye!"))
    assert isinstance(evidence(result), Garbled)
    assert result.symptom is not None
    assert "not an SMTP reply line: “Too many commands. Bye!”" in diagnose(result.symptom).summary


def test_a_scram_error_is_kept_beside_the_refusal() -> None:
    """`e=invalid-proof` is the explanation of the 535."""
    result = probed(
        password_auth(Mechanism.SCRAM_SHA_256),
        *scram_server(last="e=invalid-proof"),
        expect(""),
        say("535 5.7.8 no"),
        bye(),
    )
    assert code(result) == 535
    assert result.symptom is not None
    assert result.symptom.challenge == "e=invalid-proof"


# ------------------------------------------------------------------ challenges without an answer


@pytest.mark.parametrize(
    ("mechanism", "challenge"),
    [
        (Mechanism.CRAM_MD5, "not base64"),
        (Mechanism.CRAM_MD5, ""),
        (Mechanism.SCRAM_SHA_1, "!"),
        (Mechanism.SCRAM_SHA_256, b64("r=x,s=eA==,i=4096")),
        (Mechanism.SCRAM_SHA_256, b64(b"\xff")),
        (Mechanism.PLAIN, b64("more?")),
        (Mechanism.EXTERNAL, b64("more?")),
    ],
)
def test_a_challenge_without_an_answer_is_cancelled(mechanism: Mechanism, challenge: str) -> None:
    """`*` ends the exchange (RFC 4954 4); the challenge is the evidence, and QUIT follows."""
    result = probed(
        password_auth(mechanism),
        answer(f"AUTH {mechanism}", f"334 {challenge}"),
        answer("*", "501 5.7.0 cancelled"),
        bye(),
    )
    assert isinstance(evidence(result), Garbled)
    assert outline(result).endswith("auth! quit")
    assert result.symptom is not None
    assert diagnose(result.symptom).error_class is ErrorClass.PROTOCOL_ERROR


@pytest.mark.parametrize("after", [[drop()], [say("334 more"), hear()], [stall()]])
def test_what_a_server_does_after_the_cancel_does_not_matter(
    after: list[Step], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it hangs up, asks on or says nothing: the challenge is what failed."""
    monkeypatch.setattr("exporter.probe.login.CANCEL_PATIENCE", 0.1)
    monkeypatch.setattr("exporter.probe.farewell.QUIT_PATIENCE", 0.1)
    result = probed(
        password_auth(Mechanism.CRAM_MD5),
        answer("AUTH CRAM-MD5", "334 ?"),
        expect("*"),
        *after,
    )
    found = evidence(result)
    assert isinstance(found, Garbled)
    assert found.line == b"?"


def test_a_server_that_asks_without_end_is_cancelled() -> None:
    """LOGIN has two answers; a third question has none."""
    asks = [step for _ in range(2) for step in (say("334 VXNlcg=="), hear())]
    result = probed(
        password_auth(Mechanism.LOGIN),
        expect("AUTH LOGIN"),
        *asks,
        say("334 VXNlcg=="),
        answer("*", "501 no"),
        bye(),
    )
    assert isinstance(evidence(result), Garbled)


def test_a_connection_lost_in_the_middle_is_told_as_such() -> None:
    """A server that hangs up after the password."""
    result = probed(
        password_auth(Mechanism.LOGIN), expect("AUTH LOGIN"), say("334 "), hear(), say("334 "), hear(), drop()
    )
    assert isinstance(evidence(result), Dropped)


# ------------------------------------------------------------------ the choice, and no login at all


def test_auto_makes_one_login_with_the_strongest() -> None:
    """However many mechanisms are offered, there is one AUTH command."""
    result = probed(
        password_auth(),
        answer("AUTH CRAM-MD5", f"334 {b64('<1@mail.test>')}"),
        hear(),
        say("535 5.7.8 no"),
        bye(),
        offers="LOGIN PLAIN CRAM-MD5 XOAUTH2 EXTERNAL",
    )
    assert code(result) == 535
    assert result.mechanism == "CRAM-MD5"


def test_a_token_is_not_fetched_for_a_probe_that_makes_no_login(tmp_path: Any) -> None:
    """With the login held back the token file is not even looked at, and nothing deeper is tried."""

    async def scenario() -> ProbeResult:
        async with scripted([greet(), ehlo("AUTH XOAUTH2"), bye()]) as server:
            auth = Auth(username="me", oauth2=OAuth2(token_file=str(tmp_path / "gone")), allow_plaintext=True)
            target = endpoint(server.port, tls=TlsMode.NONE, until=Phase.AUTH, auth=auth)
            return await probe(target, withhold_auth=True)

    result: ProbeResult = run(scenario)
    assert result.success
    assert result.auth_withheld
    assert outline(result) == "dns connect greeting ehlo -auth quit"
    assert "*: no login: held back" in result.transcript


def test_without_a_token_the_mail_server_is_not_asked(tmp_path: Any) -> None:
    """The probe goes as far as it can, takes leave, and blames the token's side with no time spent."""
    result = probed(
        Auth(username="me", oauth2=OAuth2(token_file=str(tmp_path / "gone")), allow_plaintext=True),
        bye(),
        offers="XOAUTH2",
    )
    found = evidence(result)
    assert isinstance(found, TokenUnavailable)
    assert outline(result) == "dns connect greeting ehlo auth! quit"
    assert result.phase_seconds(Phase.AUTH) == 0.0
    assert result.mechanism is None
    assert result.symptom is not None
    assert result.symptom.auth_attempted is False
    verdict = diagnose(result.symptom)
    assert verdict.error_class is ErrorClass.OAUTH_TOKEN_UNAVAILABLE
    assert verdict.fault_domain is FaultDomain.CREDENTIALS


def test_an_unreachable_token_endpoint_is_the_networks_fault() -> None:
    """And its silence takes its own share of the deadline, not the mail server's time."""

    async def scenario() -> ProbeResult:
        async with scripted([stall()]) as tokens, scripted([greet(), ehlo("AUTH XOAUTH2"), bye()]) as server:
            source = OAuth2(token_url=f"http://127.0.0.1:{tokens.port}/", client_id="me")
            auth = Auth(username="me", oauth2=source, allow_plaintext=True)
            return await probe(
                endpoint(server.port, tls=TlsMode.NONE, until=Phase.AUTH, auth=auth, timeout=1.0)
            )

    result: ProbeResult = run(scenario)
    assert evidence(result) == TokenUnavailable("timeout", reachable=False)
    assert result.seconds < 0.3
    assert result.symptom is not None
    assert diagnose(result.symptom).fault_domain is FaultDomain.NETWORK


def test_what_the_server_lacks_is_told_before_the_token_is_missed(tmp_path: Any) -> None:
    """A server that offers no bearer mechanism would not help with a token either."""
    auth = Auth(username="me", oauth2=OAuth2(token_file=str(tmp_path / "gone")), allow_plaintext=True)
    assert isinstance(evidence(probed(auth, bye(), offers="PLAIN")), NotOffered)


def test_nothing_deeper_is_tried_without_a_login() -> None:
    """After a login that was held back no MAIL is sent, which the server would refuse."""
    from tests.probe.probing import MESSAGE  # noqa: PLC0415 - for this test alone

    async def scenario() -> ProbeResult:
        async with scripted([greet(), ehlo("AUTH PLAIN"), answer("RSET", "250 ok"), bye()]) as server:
            target = endpoint(
                server.port, tls=TlsMode.NONE, until=Phase.RCPT, auth=password_auth(), message=MESSAGE
            )
            return await probe(target, withhold_auth=True)

    assert outline(run(scenario)) == "dns connect greeting ehlo -auth -mail -rcpt quit"


def test_external_shows_the_certificate_and_the_name(workshop: Workshop) -> None:
    """The server asks for a certificate, and the login says who the user wants to be."""
    client = workshop.client()
    context = workshop.valid().context(client_ca_file=workshop.ca_file)

    async def scenario() -> ProbeResult:
        script = [
            handshake(context),
            greet(),
            ehlo("AUTH EXTERNAL GSSAPI"),
            answer(f"AUTH EXTERNAL {b64('probe@mail.test')}", "235 2.7.0 Accepted"),
            bye(),
        ]
        async with scripted(script) as server:
            return await probe(
                endpoint(
                    server.port,
                    tls=TlsMode.IMPLICIT,
                    until=Phase.AUTH,
                    tls_config=trusting(
                        workshop.ca_file, cert_file=client.certificate_file, key_file=client.key_file
                    ),
                    auth=Auth(username="probe@mail.test"),
                )
            )

    result: ProbeResult = run(scenario)
    assert result.success
    assert result.mechanism == "EXTERNAL"


def test_a_gate_is_asked_right_before_the_login() -> None:
    """What it says is the reason that step and transcript give."""

    class Gate:
        is_open = True

        def held(self) -> str | None:
            return None

        async def enter(self) -> str | None:
            return "somebody else was refused"

        def leave(self, failure: Symptom | None, *, told: bool) -> None:
            raise AssertionError((failure, told))

        def abandon(self) -> None:
            raise AssertionError

    async def scenario() -> ProbeResult:
        async with scripted([greet(), ehlo("AUTH PLAIN"), bye()]) as server:
            target = endpoint(server.port, tls=TlsMode.NONE, until=Phase.AUTH, auth=password_auth())
            return await probe(target, gate=Gate())

    result: ProbeResult = run(scenario)
    (step,) = [step for step in result.steps if step.phase is Phase.AUTH]
    assert (step.status, step.note) == (StepStatus.SKIPPED, "somebody else was refused")
    assert result.auth_withheld
