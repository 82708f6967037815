"""What one probe reports of servers that behave, and of servers that do not."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from exporter.model import (
    AttemptOutcome,
    ConnectFailure,
    DropKind,
    Dropped,
    Endpoint,
    Garbled,
    Injected,
    Mechanism,
    NameFailure,
    NotOffered,
    Phase,
    ProbeResult,
    Reply,
    StepStatus,
    TimedOut,
    TlsFailure,
    TlsMode,
)
from tests.probe.probing import LOOPS, MESSAGE, endpoint, login, outline, probe, run, trusting
from tests.servers.certificates import Workshop
from tests.servers.scripted import (
    Step,
    answer,
    bye,
    drip,
    drop,
    ehlo,
    endless,
    expect,
    greet,
    handshake,
    hear,
    pause,
    raw,
    reset,
    say,
    scripted,
    stall,
    starttls,
)
from tests.servers.submission import PASSWORD, USER, submission_server


@pytest.fixture(params=LOOPS)
def loop_factory(request: pytest.FixtureRequest) -> Callable[[], asyncio.AbstractEventLoop]:
    """Both event loops that the program may run on."""
    return LOOPS[request.param]


def probed(
    script: Sequence[Step],
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
    **changes: object,
) -> ProbeResult:
    """Probe a server that follows `script`."""

    async def scenario() -> ProbeResult:
        async with scripted(script) as server:
            return await probe(endpoint(server.port, **changes))

    result: ProbeResult = run(scenario, loop_factory)
    return result


def evidence_of(result: ProbeResult) -> object:
    """What failed the probe."""
    assert result.symptom is not None
    return result.symptom.evidence


# --------------------------------------------------------------------------- health


@pytest.mark.parametrize(
    ("tls", "until", "expected"),
    [
        (TlsMode.STARTTLS, Phase.AUTH, "dns connect greeting ehlo starttls tls ehlo auth quit"),
        (TlsMode.IMPLICIT, Phase.AUTH, "dns connect tls greeting ehlo auth quit"),
        (TlsMode.NONE, Phase.AUTH, "dns connect greeting ehlo auth quit"),
        (TlsMode.STARTTLS, Phase.TLS, "dns connect greeting ehlo starttls tls quit"),
        (TlsMode.IMPLICIT, Phase.GREETING, "dns connect tls greeting quit"),
        (TlsMode.STARTTLS, Phase.CONNECT, "dns connect"),
        (TlsMode.STARTTLS, Phase.MAIL, "dns connect greeting ehlo starttls tls ehlo auth mail quit"),
        (
            TlsMode.STARTTLS,
            Phase.DATA,
            "dns connect greeting ehlo starttls tls ehlo auth mail rcpt data quit",
        ),
    ],
)
def test_a_healthy_server_passes_every_phase(
    tls: TlsMode,
    until: Phase,
    expected: str,
    workshop: Workshop,
    loop_factory: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    """Every planned phase is passed and timed, on both event loops, and nothing stays open."""

    async def scenario() -> ProbeResult:
        context = None if tls is TlsMode.NONE else workshop.valid().context()
        async with submission_server(tls=tls, context=context) as server:
            target = endpoint(
                server.port,
                tls=tls,
                until=until,
                auth=login(USER, PASSWORD, allow_plaintext=tls is TlsMode.NONE),
                tls_config=trusting(workshop.ca_file),
                message=MESSAGE,
            )
            return await probe(target)

    result: ProbeResult = run(scenario, loop_factory)
    assert result.success, evidence_of(result)
    assert outline(result) == expected
    assert all(step.seconds is not None and step.seconds >= 0 for step in result.steps)
    assert result.seconds >= sum(step.seconds or 0 for step in result.steps) * 0.9
    assert result.ip_version == 4
    assert result.tcp_rtt is not None
    if until is not Phase.CONNECT and tls is not TlsMode.NONE:
        assert result.tls is not None
        assert result.tls.verified


def test_a_message_arrives_whole(workshop: Workshop) -> None:
    """`until: data` hands over one well-formed message that says what it is, and ends in QUIT."""

    async def scenario() -> tuple[ProbeResult, bytes, list[str]]:
        async with submission_server(context=workshop.valid().context()) as server:
            target = endpoint(
                server.port,
                until=Phase.DATA,
                auth=login(USER, PASSWORD),
                tls_config=trusting(workshop.ca_file),
                message=MESSAGE,
            )
            result = await probe(target)
            (session,) = server.sessions
            return result, session.messages[0], session.verbs

    result, message, verbs = run(scenario)
    assert result.success
    assert not result.data_uncertain
    head = message.partition(b"\r\n\r\n")[0].decode()
    for field in ("Date:", "Message-ID:", "Auto-Submitted: auto-generated", "X-Submission-Probe: under-test"):
        assert field in head
    assert verbs[-3:] == ["RCPT", "DATA", "QUIT"]


@pytest.mark.parametrize("until", [Phase.MAIL, Phase.RCPT])
def test_an_envelope_without_a_message_is_reset(until: Phase, workshop: Workshop) -> None:
    """`mail` and `rcpt` end in RSET: nothing is left behind and nothing is sent."""

    async def scenario() -> list[str]:
        async with submission_server(context=workshop.valid().context()) as server:
            target = endpoint(
                server.port,
                until=until,
                auth=login(USER, PASSWORD),
                tls_config=trusting(workshop.ca_file),
                message=MESSAGE,
            )
            assert (await probe(target)).success
            return server.sessions[0].verbs

    verbs = run(scenario)
    assert verbs[-2:] == ["RSET", "QUIT"]
    assert "DATA" not in verbs


def test_leaving_counts_every_reply() -> None:
    """The seconds of `quit` are those of RSET and of QUIT."""
    script = [
        *(greet(), ehlo(), answer("MAIL", "250 2.1.0 Ok")),
        *(expect("RSET"), pause(0.1), say("250 2.0.0 Ok"), bye()),
    ]
    result = probed(script, tls=TlsMode.NONE, until=Phase.MAIL, message=MESSAGE)
    assert result.success
    spent = result.phase_seconds(Phase.QUIT)
    assert spent is not None
    assert 0.1 <= spent <= result.seconds


def test_one_login_and_one_connection(workshop: Workshop) -> None:
    """A rejected password costs exactly one AUTH on exactly one connection, and QUIT is said."""

    async def scenario() -> tuple[ProbeResult, list[list[str]]]:
        async with submission_server(context=workshop.valid().context()) as server:
            target = endpoint(
                server.port,
                until=Phase.AUTH,
                auth=login(USER, "not the password"),
                tls_config=trusting(workshop.ca_file),
            )
            return await probe(target), server.verbs

    result, verbs = run(scenario)
    assert verbs == [["EHLO", "STARTTLS", "EHLO", "AUTH", "QUIT"]]
    assert outline(result) == "dns connect greeting ehlo starttls tls ehlo auth! quit"
    assert isinstance(evidence_of(result), Reply)
    assert result.reply is not None
    assert (result.reply.code, result.reply.enhanced) == (535, "5.7.8")
    assert result.mechanism == "PLAIN"
    assert result.symptom is not None
    assert result.symptom.auth_attempted
    assert result.symptom.encrypted


@pytest.mark.parametrize("mechanism", [Mechanism.PLAIN, Mechanism.LOGIN])
def test_the_configured_mechanism_is_used(mechanism: Mechanism, workshop: Workshop) -> None:
    """PLAIN and LOGIN both get in."""

    async def scenario() -> ProbeResult:
        async with submission_server(context=workshop.valid().context()) as server:
            target = endpoint(
                server.port,
                until=Phase.AUTH,
                auth=login(USER, PASSWORD, mechanism=mechanism),
                tls_config=trusting(workshop.ca_file),
            )
            return await probe(target)

    result = run(scenario)
    assert result.success
    assert result.mechanism == mechanism


def test_a_login_held_back_is_left_out(workshop: Workshop) -> None:
    """With `withhold_auth` everything else is probed and no AUTH is sent."""

    async def scenario() -> tuple[ProbeResult, list[str]]:
        async with submission_server(context=workshop.valid().context()) as server:
            target = endpoint(
                server.port,
                until=Phase.AUTH,
                auth=login(USER, PASSWORD),
                tls_config=trusting(workshop.ca_file),
            )
            return await probe(target, withhold_auth=True), server.sessions[0].verbs

    result, verbs = run(scenario)
    assert outline(result) == "dns connect greeting ehlo starttls tls ehlo -auth quit"
    assert result.auth_withheld
    assert "AUTH" not in verbs


ODD_BUT_HEALTHY: dict[str, Sequence[Step]] = {
    "multi-line greeting": [say("220-mail.test", "220-no spam", "220 please"), ehlo("SIZE 1"), bye()],
    "greeting without a word": [raw(b"220\r\n"), ehlo(), bye()],
    "greeting without ESMTP": [say("220 mail.test SMTP"), ehlo(), bye()],
    "bare LF": [raw(b"220 mail.test\n"), expect("EHLO"), raw(b"250-mail.test\n250 SIZE\n"), bye()],
    "byte by byte": [drip(b"220 mail.test\r\n"), expect("EHLO"), drip(b"250-a\r\n250 SIZE\r\n"), bye()],
    "keywords in lower case": [greet(), ehlo("auth plain login", "size 100"), bye()],
    "old AUTH= form": [greet(), ehlo("AUTH=PLAIN LOGIN"), bye()],
    "8-bit banner": [raw(b"220 B\xfccher \xe2\x82 \xff\r\n"), ehlo(), bye()],
    "no capabilities": [greet(), expect("EHLO"), say("250 hello"), bye()],
    "QUIT that drops": [greet(), ehlo(), expect("QUIT"), drop()],
    "QUIT that resets": [greet(), ehlo(), expect("QUIT"), reset()],
    "QUIT answered by 250": [greet(), ehlo(), answer("QUIT", "250 ok")],
    "QUIT answered by 421": [greet(), ehlo(), answer("QUIT", "421 idle")],
    "empty line between replies": [greet(), raw(b"\r\n"), ehlo(), bye()],
    "greeting and noise in one packet": [raw(b"220 a\r\n220 b\r\n"), ehlo(), bye()],
    "many capabilities": [greet(), ehlo(*(f"X-CAP-{n} {'v' * 60}" for n in range(100))), bye()],
    "trailing blanks": [raw(b"220 mail.test   \r\n"), ehlo("STARTTLS  "), bye()],
    "tab after the code": [raw(b"220\tmail.test\r\n"), ehlo(), bye()],
}


@pytest.mark.parametrize("case", ODD_BUT_HEALTHY)
def test_an_odd_server_is_still_healthy(
    case: str, loop_factory: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    """What a mail client puts up with is no failure."""
    result = probed(ODD_BUT_HEALTHY[case], loop_factory, tls=TlsMode.NONE)
    assert result.success, evidence_of(result)


def test_a_silent_quit_does_not_fail_the_probe() -> None:
    """QUIT decides nothing: a server that never says 221 is healthy, and is not waited for to the end."""
    result = probed([greet(), ehlo(), expect("QUIT"), stall()], tls=TlsMode.NONE, timeout=30.0)
    assert result.success
    assert result.steps[-1].status is StepStatus.FAILED
    assert result.seconds < 10


# --------------------------------------------------------------------------- failure

SICK: dict[str, tuple[Sequence[Step], str, type]] = {
    "drop before the greeting": ([drop()], "dns connect greeting!", Dropped),
    "reset before the greeting": ([reset()], "dns connect greeting!", Dropped),
    "stall before the greeting": ([stall()], "dns connect greeting!", TimedOut),
    "half a greeting": ([raw(b"220 mail"), stall()], "dns connect greeting!", TimedOut),
    "a greeting that refuses": ([say("554 5.7.1 go away")], "dns connect greeting!", Reply),
    "IMAP": ([say("* OK IMAP4rev1")], "dns connect greeting!", Garbled),
    "HTTP": ([say("HTTP/1.1 400 Bad Request", "")], "dns connect greeting!", Garbled),
    "SSH": ([say("SSH-2.0-OpenSSH_9.2")], "dns connect greeting!", Garbled),
    "TLS alert": ([raw(b"\x15\x03\x01\x00\x02\x02\x0a\n")], "dns connect greeting!", Garbled),
    "NULs": ([raw(b"\0" * 40 + b"\n")], "dns connect greeting!", Garbled),
    "EHLO refused": ([greet(), answer("EHLO", "550 5.7.1 bad helo")], "dns connect greeting ehlo!", Reply),
    "EHLO drops": ([greet(), hear(), drop()], "dns connect greeting ehlo!", Dropped),
    "EHLO stalls": ([greet(), hear(), stall()], "dns connect greeting ehlo!", TimedOut),
    "half an EHLO reply": ([greet(), hear(), say("250-a"), drop()], "dns connect greeting ehlo!", Dropped),
    "an endless line": ([endless(b"2" * 4096)], "dns connect greeting!", Garbled),
    "an endless reply": (
        [greet(), hear(), endless(b"250-more\r\n" * 100)],
        "dns connect greeting ehlo!",
        Garbled,
    ),
    "421 between commands": (
        [greet(), expect("EHLO"), raw(b"250 a\r\n421 4.4.2 timeout\r\n"), stall()],
        "dns connect greeting ehlo mail!",
        Reply,
    ),
}


@pytest.mark.parametrize("case", SICK)
def test_a_sick_server_is_caught_in_its_phase(
    case: str, loop_factory: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    """The phase that was open and the kind of evidence are right, and every case ends by its deadline."""
    script, expected, kind = SICK[case]
    until = Phase.MAIL if "mail" in expected else Phase.EHLO
    result = probed(script, loop_factory, tls=TlsMode.NONE, until=until, message=MESSAGE, timeout=0.4)
    assert isinstance(evidence_of(result), kind)
    steps = " ".join(mark for mark in outline(result).split() if not mark.startswith("-"))
    assert steps.removesuffix("!").removesuffix(" quit") in {expected, expected.removesuffix("!")}
    assert result.seconds < 2


def test_how_a_connection_ended_is_told_apart() -> None:
    """FIN and RST are two findings, and what had arrived of the reply is kept."""
    fin = evidence_of(probed([greet(), hear(), raw(b"250-par"), drop()], tls=TlsMode.NONE))
    rst = evidence_of(probed([greet(), hear(), reset()], tls=TlsMode.NONE))
    assert fin == Dropped(DropKind.EOF, b"250-par")
    assert isinstance(rst, Dropped)
    assert (rst.how, rst.errno) == (DropKind.RESET, "ECONNRESET")


def test_the_deadline_covers_the_whole_probe() -> None:
    """A server that drips cannot stretch a probe: one deadline stands around all phases."""
    result = probed([drip(b"220-slow\r\n" * 100, 0.02)], tls=TlsMode.NONE, timeout=0.3)
    assert isinstance(evidence_of(result), TimedOut)
    assert 0.25 < result.seconds < 1.0


def test_a_closed_port_is_refused() -> None:
    """Nobody listening gives ECONNREFUSED, with the address that was tried."""

    async def scenario() -> ProbeResult:
        async with scripted([stall()]) as server:
            port = server.port
        return await probe(endpoint(port))

    result = run(scenario)
    failure = evidence_of(result)
    assert isinstance(failure, ConnectFailure)
    assert failure.errno == "ECONNREFUSED"
    assert [attempt.outcome for attempt in result.attempts] == [AttemptOutcome.REFUSED]
    assert outline(result).startswith("dns connect! -greeting")


def test_a_name_that_does_not_exist_fails_in_dns() -> None:
    """The look-up is a phase of its own."""

    async def scenario() -> ProbeResult:
        return await probe(endpoint(587, host="not a host name"))

    result = run(scenario)
    assert isinstance(evidence_of(result), NameFailure)
    assert outline(result).startswith("dns! -connect")


# --------------------------------------------------------------------------- TLS


def tls_script(context: ssl.SSLContext, *more: Step) -> list[Step]:
    """A session up to its handshake, then `more`."""
    return [greet(), ehlo("STARTTLS"), starttls(context), *more]


def test_starttls_that_is_not_offered_is_not_tried() -> None:
    """Without STARTTLS in EHLO nothing is sent; what was offered instead is kept."""
    result = probed([greet(), ehlo("SIZE 100", "XXXXXXXA"), bye()])
    assert evidence_of(result) == NotOffered("STARTTLS", ("SIZE 100", "XXXXXXXA"))
    assert outline(result) == "dns connect greeting ehlo starttls! -tls -ehlo quit"


def test_starttls_that_is_refused_is_told_from_the_handshake() -> None:
    """454 to STARTTLS fails phase `starttls`; a bad handshake fails phase `tls`."""
    result = probed([greet(), ehlo("STARTTLS"), answer("STARTTLS", "454 4.7.0 TLS not available"), bye()])
    assert outline(result) == "dns connect greeting ehlo starttls! -tls -ehlo quit"
    assert isinstance(evidence_of(result), Reply)


@pytest.mark.parametrize(
    ("behind", "seen"),
    [
        (b"250 trust me\r\n", b"250 trust me\n"),
        (b"250 trust", b"250 trust"),
        (b"\r\n", b"\n"),
        (b"\n", b"\n"),
        (b"\r\n\r\n2", b"\n\n2"),
        (b" ", b" "),
        (b"\0", b"\0"),
    ],
)
def test_plaintext_behind_the_starttls_reply_is_an_injection(
    workshop: Workshop, behind: bytes, seen: bytes
) -> None:
    """Bytes behind the 220, empty lines too, are evidence: no handshake is made and nothing more is sent."""
    script = [greet(), ehlo("STARTTLS"), starttls(workshop.valid().context(), behind=behind)]
    result = probed(script, tls_config=trusting(workshop.ca_file))
    assert evidence_of(result) == Injected(seen)
    assert result.tls is None


def test_an_empty_line_before_the_starttls_reply_is_none(workshop: Workshop) -> None:
    """A server that puts one behind its EHLO reply is odd and healthy."""
    script = [
        greet(),
        ehlo("STARTTLS"),
        raw(b"\r\n"),
        starttls(workshop.valid().context()),
        ehlo(),
        bye(),
    ]
    assert probed(script, tls_config=trusting(workshop.ca_file)).success


@pytest.mark.parametrize(
    "password", ["250", "25", "2", "0", "5.7.8", "AUTH", "PLAIN", "TARTTL", "LAI", "SIZE 99"]
)
def test_a_password_that_looks_like_smtp_changes_no_reply(workshop: Workshop, password: str) -> None:
    """What the server says is read before anything is hidden in it."""
    script = [
        greet(),
        ehlo("STARTTLS"),
        starttls(workshop.valid().context()),
        ehlo("AUTH PLAIN LOGIN", "SIZE 99"),
        answer("AUTH", f"535 5.7.8 Error: no login for me with {password} today"),
        bye(),
    ]
    result = probed(
        script, until=Phase.AUTH, auth=login("me", password), tls_config=trusting(workshop.ca_file)
    )
    evidence = evidence_of(result)
    assert isinstance(evidence, Reply)
    assert (evidence.code, evidence.enhanced) == (535, "5.7.8")
    assert evidence.lines == (b"5.7.8 Error: no login for me with <secret> today",)
    assert result.before_tls is not None
    assert result.after_tls is not None
    assert result.before_tls.keywords == ("STARTTLS",)
    assert result.after_tls.keywords == ("AUTH", "SIZE")
    assert result.after_tls.mechanisms == ("PLAIN", "LOGIN")
    assert [line[:6] for line in result.transcript if line.startswith("S: 250")][:1] == ["S: 250"]


BAD_CERTIFICATES = {
    "expired": 10,
    "future": 9,
    "wrong_name": 64,
    "self_signed": 18,
    "unknown_ca": 20,
    "root_sent_along": 19,
    "missing_intermediate": 20,
    "expired_intermediate": 10,
    "wrong_purpose": 26,
}


@pytest.mark.parametrize("kind", BAD_CERTIFICATES)
@pytest.mark.parametrize("tls", [TlsMode.STARTTLS, TlsMode.IMPLICIT])
def test_a_bad_certificate_gives_all_the_facts_and_no_secret(
    kind: str, tls: TlsMode, workshop: Workshop, loop_factory: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    """One connection shows the certificate and the reason, and nothing is sent after it."""

    async def scenario() -> tuple[ProbeResult, list[str]]:
        context = getattr(workshop, kind)().context()
        async with submission_server(tls=tls, context=context) as server:
            target = endpoint(
                server.port,
                tls=tls,
                until=Phase.AUTH,
                auth=login(USER, PASSWORD),
                tls_config=trusting(workshop.ca_file),
            )
            result = await probe(target)
            (session,) = server.sessions
            return result, session.verbs

    result, verbs = run(scenario, loop_factory)
    failure = evidence_of(result)
    assert isinstance(failure, TlsFailure)
    assert failure.verify_code == BAD_CERTIFICATES[kind]
    assert result.symptom is not None
    assert result.symptom.phase is Phase.TLS
    assert verbs == (["EHLO", "STARTTLS"] if tls is TlsMode.STARTTLS else [])
    assert result.tls is not None
    assert not result.tls.verified
    assert result.tls.not_after is not None
    assert result.tls.version == "TLSv1.3"


def test_insecure_skip_verify_goes_on_and_still_tells(workshop: Workshop) -> None:
    """The probe reaches its end; the verdict on the certificate is kept all the same."""

    async def scenario() -> ProbeResult:
        async with submission_server(context=workshop.expired().context()) as server:
            config = trusting(workshop.ca_file, insecure_skip_verify=True)
            target = endpoint(server.port, until=Phase.AUTH, auth=login(USER, PASSWORD), tls_config=config)
            return await probe(target)

    result = run(scenario)
    assert result.success
    assert result.tls is not None
    assert (result.tls.verified, result.tls.verify_code) == (False, 10)


def test_plaintext_on_a_tls_port_is_seen_in_the_handshake() -> None:
    """With implicit TLS on a STARTTLS port the server's own greeting is the evidence."""
    result = probed([greet(), hear()], tls=TlsMode.IMPLICIT)
    failure = evidence_of(result)
    assert isinstance(failure, TlsFailure)
    assert failure.reason in {"WRONG_VERSION_NUMBER", "PACKET_LENGTH_TOO_LONG"}
    assert failure.peer_bytes.startswith(b"220 mail.test")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("tls", [TlsMode.STARTTLS, TlsMode.IMPLICIT])
def test_a_wanted_client_certificate_is_evidence_of_phase_tls(
    version: ssl.TLSVersion,
    tls: TlsMode,
    workshop: Workshop,
    loop_factory: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    """In TLS 1.3 the alert comes after the handshake, while the next phase is open: it is still TLS."""
    context = workshop.valid().context(client_ca_file=workshop.ca_file, minimum=version, maximum=version)
    script = (
        [greet(), ehlo("STARTTLS"), starttls(context)] if tls is TlsMode.STARTTLS else [handshake(context)]
    )
    result = probed([*script, stall()], loop_factory, tls=tls, tls_config=trusting(workshop.ca_file))
    failure = evidence_of(result)
    assert isinstance(failure, TlsFailure)
    assert failure.alert == (116 if version is ssl.TLSVersion.TLSv1_3 else 40)
    assert failure.certificate_requested is (version is ssl.TLSVersion.TLSv1_2)
    assert result.symptom is not None
    assert result.symptom.phase is Phase.TLS
    assert "tls!" in outline(result)


@pytest.mark.parametrize("until", [Phase.TLS, Phase.EHLO])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_handshake_has_not_passed_before_the_server_has_said_so(
    version: ssl.TLSVersion,
    until: Phase,
    workshop: Workshop,
    loop_factory: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    """Also where QUIT is the first thing that we say after it: the alert comes in place of its reply."""
    context = workshop.valid().context(client_ca_file=workshop.ca_file, minimum=version, maximum=version)
    script = [greet(), ehlo("STARTTLS"), starttls(context), stall()]
    result = probed(script, loop_factory, until=until, tls_config=trusting(workshop.ca_file))
    assert isinstance(evidence_of(result), TlsFailure)
    assert result.symptom is not None
    assert result.symptom.phase is Phase.TLS
    assert outline(result).startswith("dns connect greeting ehlo starttls tls!")
    assert outline(result).endswith("-quit")


@pytest.mark.parametrize("end", [drop(), reset()])
def test_a_goodbye_without_a_reply_is_no_failed_handshake(end: Step, workshop: Workshop) -> None:
    """A server that just goes has not judged anything."""
    script = [greet(), ehlo("STARTTLS"), starttls(workshop.valid().context()), expect("QUIT"), end]
    result = probed(script, until=Phase.TLS, tls_config=trusting(workshop.ca_file))
    assert outline(result) == "dns connect greeting ehlo starttls tls quit"


def test_a_client_certificate_is_presented(workshop: Workshop) -> None:
    """`cert_file` and `key_file` satisfy a server that insists."""
    client = workshop.client()
    context = workshop.valid().context(client_ca_file=workshop.ca_file)

    async def scenario() -> ProbeResult:
        async with submission_server(context=context) as server:
            config = trusting(workshop.ca_file, cert_file=client.certificate_file, key_file=client.key_file)
            return await probe(endpoint(server.port, tls_config=config))

    assert run(scenario).success


def test_an_old_server_shows_the_version_alert(workshop: Workshop) -> None:
    """A server of TLS 1.0 alone is refused by version, not by cipher."""
    context = workshop.valid().context(minimum=ssl.TLSVersion.TLSv1, maximum=ssl.TLSVersion.TLSv1)
    result = probed([*tls_script(context), stall()], tls_config=trusting(workshop.ca_file))
    failure = evidence_of(result)
    assert isinstance(failure, TlsFailure)
    assert (failure.reason, failure.alert) in {
        ("UNSUPPORTED_PROTOCOL", None),
        ("TLSV1_ALERT_PROTOCOL_VERSION", 70),
    }


HANDSHAKE_ENDS: dict[str, Step] = {"drops": drop(), "resets": reset(), "stalls": stall()}


@pytest.mark.parametrize("case", HANDSHAKE_ENDS)
@pytest.mark.parametrize("tls", [TlsMode.STARTTLS, TlsMode.IMPLICIT])
def test_a_handshake_that_goes_nowhere_leaks_nothing(
    case: str, tls: TlsMode, loop_factory: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    """A peer that drops, resets or stalls in the handshake is caught in phase `tls`."""
    start: list[Step] = []
    if tls is TlsMode.STARTTLS:
        start = [greet(), ehlo("STARTTLS"), answer("STARTTLS", "220 go")]
    elif case != "stalls":
        start = [pause(0.01)]
    result = probed([*start, HANDSHAKE_ENDS[case]], loop_factory, tls=tls, timeout=0.4)
    assert isinstance(evidence_of(result), TimedOut if case == "stalls" else Dropped)
    assert "tls!" in outline(result)


def test_a_close_right_after_tls_is_connection_lost_evidence(workshop: Workshop) -> None:
    """Postfix without its login backend hangs up after the handshake; that is not a TLS failure."""
    script = [*tls_script(workshop.valid().context()), hear(), drop()]
    result = probed(script, tls_config=trusting(workshop.ca_file))
    assert isinstance(evidence_of(result), Dropped)
    assert outline(result) == "dns connect greeting ehlo starttls tls ehlo! -quit"


# --------------------------------------------------------------------------- login


def test_auth_that_is_not_offered_is_not_tried(workshop: Workshop) -> None:
    """Without AUTH under TLS no secret leaves; the mechanisms that were there are kept."""
    script = [*tls_script(workshop.valid().context()), ehlo("SIZE"), bye()]
    target: dict[str, Any] = {
        "until": Phase.AUTH,
        "auth": login("u", "secret1"),
        "tls_config": trusting(workshop.ca_file),
    }
    assert evidence_of(probed(script, **target)) == NotOffered("AUTH")
    script = [*tls_script(workshop.valid().context()), ehlo("AUTH NTLM"), bye()]
    missing = evidence_of(probed(script, **target))
    assert isinstance(missing, NotOffered)
    assert missing.offered == ("NTLM",)


def test_a_challenge_too_many_is_cancelled(workshop: Workshop) -> None:
    """When the server asks on after the last answer, `*` ends the exchange (RFC 4954 4)."""
    script = [
        *tls_script(workshop.valid().context()),
        ehlo("AUTH PLAIN"),
        answer("AUTH PLAIN", "334 eyJzdGF0dXMiOiI0MDAifQ=="),
        answer("*", "501 5.7.0 cancelled"),
        bye(),
    ]
    result = probed(
        script, until=Phase.AUTH, auth=login("u", "secret1"), tls_config=trusting(workshop.ca_file)
    )
    assert result.symptom is not None
    assert result.symptom.challenge == '{"status":"400"}'
    assert result.reply is not None
    assert result.reply.code == 501


def test_a_secret_that_is_echoed_does_not_come_out(workshop: Workshop) -> None:
    """A server that repeats what it was sent gives nothing away: reply, evidence, transcript are clean."""

    async def scenario() -> ProbeResult:
        import base64  # noqa: PLC0415

        word = base64.b64encode(f"\0{USER}\0{PASSWORD}".encode()).decode()
        replies = {"AUTH": f"535-5.7.8 you sent {word}\n535 5.7.8 that is {PASSWORD}"}
        async with submission_server(context=workshop.valid().context(), replies=replies) as server:
            target = endpoint(
                server.port,
                until=Phase.AUTH,
                auth=login(USER, PASSWORD),
                tls_config=trusting(workshop.ca_file),
            )
            return await probe(target)

    result = run(scenario)
    assert PASSWORD not in repr(result)
    assert "<secret>" in repr(result.reply)


# --------------------------------------------------------------------------- the message


def test_a_refusal_after_the_dot_decides(workshop: Workshop) -> None:
    """The reply after the message is the one that counts."""

    async def scenario() -> ProbeResult:
        replies = {"message": "550 5.7.1 spam"}
        async with submission_server(context=workshop.valid().context(), replies=replies) as server:
            return await probe(data_target(server.port, workshop))

    result = run(scenario)
    assert outline(result).endswith("rcpt data! quit")
    assert result.reply is not None
    assert result.reply.text == "5.7.1 spam"
    assert not result.data_uncertain


def test_silence_after_the_dot_is_uncertain(workshop: Workshop) -> None:
    """A message whose reply never came may have been accepted: it is said so, and not sent again."""

    async def scenario() -> tuple[ProbeResult, int]:
        pauses = {"message": 30.0}
        async with submission_server(context=workshop.valid().context(), pauses=pauses) as server:
            result = await probe(data_target(server.port, workshop, timeout=0.6))
            return result, len(server.sessions)

    result, sessions = run(scenario)
    assert result.data_uncertain
    assert isinstance(evidence_of(result), TimedOut)
    assert sessions == 1


def data_target(port: int, workshop: Workshop, **changes: object) -> Endpoint:
    """An endpoint that hands over a message."""
    return endpoint(
        port,
        until=Phase.DATA,
        auth=login(USER, PASSWORD),
        tls_config=trusting(workshop.ca_file),
        message=MESSAGE,
        **changes,
    )


# --------------------------------------------------------------------------- cancellation


@pytest.mark.parametrize("tls", [TlsMode.STARTTLS, TlsMode.IMPLICIT])
def test_a_cancelled_probe_leaves_nothing_open(
    tls: TlsMode, workshop: Workshop, loop_factory: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    """Cancelled at any of fifty moments, a probe closes its socket and nothing is left behind."""

    async def scenario() -> None:
        context = workshop.valid().context()
        async with submission_server(tls=tls, context=context, every_pause=0.002) as server:
            target = endpoint(
                server.port,
                tls=tls,
                until=Phase.AUTH,
                auth=login(USER, PASSWORD),
                tls_config=trusting(workshop.ca_file),
            )
            for moment in range(50):
                task = asyncio.ensure_future(probe(target))
                await asyncio.sleep(moment * 0.0008)
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    run(scenario, loop_factory)


def test_latency_is_that_of_the_server_not_of_our_loop(workshop: Workshop) -> None:
    """The greeting is timed when its bytes arrive: a loop that is blocked right after adds nothing."""

    async def scenario() -> ProbeResult:
        pauses = {"greeting": 0.05}
        async with submission_server(context=workshop.valid().context(), pauses=pauses) as server:
            return await probe(endpoint(server.port, tls_config=trusting(workshop.ca_file)))

    result = run(scenario)
    greeting = result.phase_seconds(Phase.GREETING)
    assert greeting is not None
    assert 0.045 < greeting < 0.2
