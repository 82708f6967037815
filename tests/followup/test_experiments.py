"""Which failure calls for which experiment, and what the outcome proves."""

from __future__ import annotations

from typing import Any

import pytest

from exporter.followup.experiments import MOST, Kind, experiments_for, is_refused, is_silent, judge
from exporter.followup.verdict import concluded
from exporter.model import (
    HEALTHY,
    Attempt,
    AttemptOutcome,
    Auth,
    ConnectFailure,
    DropKind,
    Dropped,
    Endpoint,
    ErrorClass,
    Evidence,
    IpProtocol,
    Message,
    Observation,
    Phase,
    ProbeResult,
    Reply,
    Secret,
    Symptom,
    TimedOut,
    TlsFailure,
    TlsMode,
)

PORTS = (587, 465)
SILENT = (Attempt("192.0.2.1:587", AttemptOutcome.TIMEOUT, 10.0),)
REFUSED = (Attempt("192.0.2.1:587", AttemptOutcome.REFUSED, 0.1, "ECONNREFUSED"),)


def failed(
    phase: Phase,
    evidence: Evidence,
    attempts: tuple[Attempt, ...] = (),
    ip_version: int | None = None,
    **changes: Any,
) -> Observation:
    """An observation of an endpoint with credentials that failed so."""
    values: dict[str, Any] = {"host": "mail.example.com", "port": 587, "tls": TlsMode.STARTTLS}
    endpoint = Endpoint(
        name="e",
        until=Phase.DATA,
        interval=900.0,
        timeout=10.0,
        auth=Auth(username="u", password=Secret("secret")),
        message=Message(sender="a@example.com", recipient="b@example.com"),
        **(values | changes),
    )
    symptom = Symptom(phase=phase, evidence=evidence, attempts=attempts)
    result = ProbeResult(
        endpoint=endpoint, started=0.0, seconds=1.0, steps=(), symptom=symptom, ip_version=ip_version
    )
    return Observation(result=result, diagnosis=HEALTHY)


CASES: dict[str, tuple[Observation, list[tuple[Kind, int, TlsMode]]]] = {
    "a plaintext port that says nothing": (
        failed(Phase.GREETING, TimedOut(10.0)),
        [(Kind.OFFER_TLS, 587, TlsMode.IMPLICIT)],
    ),
    "a plaintext port that closes at once": (
        failed(Phase.GREETING, Dropped(DropKind.EOF), tls=TlsMode.NONE),
        [(Kind.OFFER_TLS, 587, TlsMode.IMPLICIT)],
    ),
    "a TLS port that answers something else": (
        failed(Phase.TLS, TlsFailure(reason="WRONG_VERSION_NUMBER"), tls=TlsMode.IMPLICIT),
        [(Kind.READ_PLAINTEXT, 587, TlsMode.NONE)],
    ),
    "a TLS port that stalls": (
        failed(Phase.TLS, TimedOut(10.0), tls=TlsMode.IMPLICIT),
        [(Kind.READ_PLAINTEXT, 587, TlsMode.NONE)],
    ),
    "a silent port": (
        failed(Phase.CONNECT, ConnectFailure(None), SILENT),
        [(Kind.OTHER_PORT, 465, TlsMode.IMPLICIT)],
    ),
    "a silent port until the deadline": (
        failed(Phase.CONNECT, TimedOut(10.0), SILENT, port=465, tls=TlsMode.IMPLICIT),
        [(Kind.OTHER_PORT, 587, TlsMode.STARTTLS)],
    ),
    "a refused port": (
        failed(Phase.CONNECT, ConnectFailure("ECONNREFUSED"), REFUSED, port=2525),
        [(Kind.OTHER_PORT, 587, TlsMode.STARTTLS), (Kind.OTHER_PORT, 465, TlsMode.IMPLICIT)],
    ),
    "IPv6 that is unreachable": (
        failed(Phase.CONNECT, ConnectFailure("ENETUNREACH"), ip_protocol=IpProtocol.IP6),
        [(Kind.OTHER_FAMILY, 587, TlsMode.STARTTLS)],
    ),
    "a stall over IPv6": (
        failed(Phase.TLS, TimedOut(10.0), ip_version=6),
        [(Kind.OTHER_FAMILY, 587, TlsMode.STARTTLS)],
    ),
    "IPv4 that is unreachable": (
        failed(Phase.CONNECT, ConnectFailure("EHOSTUNREACH"), ip_protocol=IpProtocol.IP4),
        [(Kind.OTHER_FAMILY, 587, TlsMode.STARTTLS)],
    ),
    "a plaintext greeting that was seen already": (
        failed(
            Phase.TLS,
            TlsFailure(reason="WRONG_VERSION_NUMBER", peer_bytes=b"220 hello"),
            tls=TlsMode.IMPLICIT,
        ),
        [],
    ),
    "another reply that was seen already": (
        failed(
            Phase.TLS,
            TlsFailure(reason="WRONG_VERSION_NUMBER", peer_bytes=b"554 SMTP synchronization error"),
            tls=TlsMode.IMPLICIT,
        ),
        [],
    ),
    "a stall over IPv4, which goes first here": (
        failed(Phase.TLS, TimedOut(10.0), ip_version=4, ip_protocol=IpProtocol.PREFER_IP4),
        [(Kind.OTHER_FAMILY, 587, TlsMode.STARTTLS)],
    ),
    "a stall over IPv4, for want of IPv6": (failed(Phase.TLS, TimedOut(10.0), ip_version=4), []),
    "half a greeting": (failed(Phase.GREETING, TimedOut(10.0, b"220 ma")), []),
    "a greeting that refuses": (failed(Phase.GREETING, Reply(554, (b"no",))), []),
    "a bad certificate": (failed(Phase.TLS, TlsFailure(verify_code=10), tls=TlsMode.IMPLICIT), []),
    "a wrong password": (failed(Phase.AUTH, Reply(535, (b"no",))), []),
    "an address literal": (
        failed(Phase.CONNECT, ConnectFailure("ENETUNREACH"), host="2001:db8::1", ip_protocol=IpProtocol.IP6),
        [],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_experiments_of_a_failure(case: str) -> None:
    """Each ambiguous failure has its experiments, and an unambiguous one has none."""
    observation, wanted = CASES[case]
    found = experiments_for(observation, PORTS)
    assert [(e.kind, e.endpoint.port, e.endpoint.tls) for e in found] == wanted


@pytest.mark.parametrize("case", CASES)
def test_an_experiment_carries_no_credential(case: str) -> None:
    """It reads the greeting and no more, is short, and has neither login nor message."""
    found = experiments_for(CASES[case][0], (587, 465, 2525, 25))
    assert len(found) <= MOST
    for experiment in found:
        assert experiment.endpoint.auth is None
        assert experiment.endpoint.message is None
        assert experiment.endpoint.until is Phase.GREETING
        assert experiment.endpoint.timeout <= 5.0
        assert experiment.endpoint.tls_config.cert_file is None


def test_ports_25_and_2525_are_knocked_at_only_when_configured() -> None:
    """The ports are those of the settings, never more."""
    silent = failed(Phase.CONNECT, ConnectFailure(None), SILENT)
    assert [e.endpoint.port for e in experiments_for(silent, (587, 2525))] == [2525]
    assert experiments_for(silent, (587,)) == ()


@pytest.mark.parametrize(
    ("answer", "decides"),
    [
        (TlsFailure(reason="TLSV13_ALERT_CERTIFICATE_REQUIRED", alert=116), True),
        (TlsFailure(reason="TLSV1_ALERT_PROTOCOL_VERSION", alert=70), True),
        (TlsFailure(reason="WRONG_VERSION_NUMBER"), False),
        (TimedOut(5.0), False),
    ],
)
def test_an_alert_is_an_answer_in_tls(answer: Evidence, decides: bool) -> None:
    """A server that wants our certificate, or another version, speaks TLS all the same."""
    silent = failed(Phase.GREETING, TimedOut(10.0))
    (experiment,) = experiments_for(silent, ())
    found = judge(silent, experiment, failed(Phase.TLS, answer, tls=TlsMode.IMPLICIT).result)
    assert (found.decides is ErrorClass.ENCRYPTION_MISMATCH) is decides
    assert ("alert" in found.outcome) is decides


def test_a_known_provider_is_told_its_right_settings() -> None:
    """What an experiment proves is said together with what the provider documents."""
    raw = failed(Phase.TLS, TimedOut(10.0), tls=TlsMode.IMPLICIT, host="smtp.gmail.com")
    (experiment,) = experiments_for(raw, ())
    greeted = ProbeResult(endpoint=experiment.endpoint, started=0.0, seconds=0.1, steps=())
    found = judge(raw, experiment, greeted)
    summary = concluded(raw, ((experiment, found),)).diagnosis.summary
    assert "465 with implicit TLS" in summary
    assert "587 with STARTTLS" in summary


def test_health_needs_no_experiment() -> None:
    """Nothing follows a success."""
    healthy = failed(Phase.CONNECT, TimedOut(1.0))
    result = ProbeResult(endpoint=healthy.result.endpoint, started=0.0, seconds=1.0, steps=())
    assert experiments_for(Observation(result=result, diagnosis=HEALTHY), PORTS) == ()


def test_silence_and_refusal_exclude_each_other() -> None:
    """One refused address among silent ones is an answer of the host."""
    both = (*SILENT, *REFUSED)
    symptom = failed(Phase.CONNECT, ConnectFailure("ECONNREFUSED"), both).result.symptom
    assert symptom is not None
    assert is_refused(symptom)
    assert not is_silent(symptom)
