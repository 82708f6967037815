"""Which experiment fits which failure, and what its outcome proves.  Pure.

An experiment is an ordinary probe of a changed endpoint: it reads the greeting and ends in QUIT, and
never carries a credential.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import assert_never

from exporter.model import (
    AttemptOutcome,
    ConnectFailure,
    Dropped,
    Endpoint,
    ErrorClass,
    FollowUp,
    IpProtocol,
    Observation,
    Phase,
    ProbeResult,
    Reply,
    Symptom,
    TimedOut,
    TlsConfig,
    TlsFailure,
    TlsMode,
    TlsVersion,
)

MOST = 2
"""Extra connections for one failure."""
PATIENCE = 5.0
"""Seconds for one of them: a port that answers at all does so sooner."""

_IMPLICIT_PORTS = frozenset({465, 2465})
_MODE_WORDS = {TlsMode.STARTTLS: "STARTTLS", TlsMode.IMPLICIT: "implicit TLS", TlsMode.NONE: "no TLS"}
# What OpenSSL says of an answer that is not TLS; the last two come of longer plaintext lines.
_NOT_TLS = frozenset(
    {"WRONG_VERSION_NUMBER", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE", "HTTP_REQUEST"}
)
# The sender of these has been reached: the port answers, only not as asked.
_SILENT = frozenset({AttemptOutcome.TIMEOUT, AttemptOutcome.NO_ANSWER})


class Kind(StrEnum):
    """What an experiment tries, in the words that are shown."""

    OFFER_TLS = "offer TLS at once"
    READ_PLAINTEXT = "read without TLS"
    OTHER_PORT = "try another submission port"
    OTHER_FAMILY = "try the other IP version"


@dataclass(frozen=True, slots=True)
class Experiment:
    """One extra probe."""

    kind: Kind
    endpoint: Endpoint


def experiments_for(observation: Observation, ports: tuple[int, ...]) -> tuple[Experiment, ...]:
    """Return the experiments that could tell the causes of this failure apart, at most `MOST`."""
    symptom = observation.result.symptom
    if symptom is None:
        return ()
    endpoint = observation.result.endpoint
    found = [*_other_encryption(endpoint, symptom), *_other_ports(endpoint, symptom, ports)]
    found += _other_family(observation.result, symptom)
    return tuple(found[:MOST])


def _other_encryption(endpoint: Endpoint, symptom: Symptom) -> list[Experiment]:
    evidence = symptom.evidence
    if symptom.phase is Phase.GREETING and endpoint.tls is not TlsMode.IMPLICIT:
        if isinstance(evidence, TimedOut | Dropped) and not evidence.partial:
            return [Experiment(Kind.OFFER_TLS, _variant(endpoint, tls=TlsMode.IMPLICIT))]
    elif symptom.phase is Phase.TLS and endpoint.tls is TlsMode.IMPLICIT:
        not_tls = isinstance(evidence, TlsFailure) and evidence.reason in _NOT_TLS
        told_already = isinstance(evidence, TlsFailure) and evidence.peer_bytes[:3].isdigit()
        if (not_tls and not told_already) or isinstance(evidence, TimedOut | Dropped):
            return [Experiment(Kind.READ_PLAINTEXT, _variant(endpoint, tls=TlsMode.NONE))]
    return []


def _other_ports(endpoint: Endpoint, symptom: Symptom, ports: tuple[int, ...]) -> list[Experiment]:
    if not (is_silent(symptom) or is_refused(symptom)):
        return []
    return [
        Experiment(Kind.OTHER_PORT, _variant(endpoint, port=port, tls=_mode_of(port)))
        for port in ports
        if port != endpoint.port
    ]


def _other_family(result: ProbeResult, symptom: Symptom) -> list[Experiment]:
    endpoint = result.endpoint
    if ":" in endpoint.host or endpoint.host.replace(".", "").isdigit():
        return []  # an IP literal has no other family
    early = symptom.phase in {Phase.CONNECT, Phase.GREETING, Phase.TLS}
    if not early or not isinstance(symptom.evidence, ConnectFailure | TimedOut | Dropped):
        return []
    if endpoint.ip_protocol is IpProtocol.IP6 or result.ip_version == 6:
        return [Experiment(Kind.OTHER_FAMILY, _variant(endpoint, ip_protocol=IpProtocol.IP4))]
    if endpoint.ip_protocol is IpProtocol.IP4 or (
        # Where any family will do, IPv6 goes first, and an IPv4 connection means that there was none.
        endpoint.ip_protocol is IpProtocol.PREFER_IP4 and result.ip_version == 4
    ):
        return [Experiment(Kind.OTHER_FAMILY, _variant(endpoint, ip_protocol=IpProtocol.IP6))]
    return []


def _variant(
    endpoint: Endpoint,
    *,
    tls: TlsMode | None = None,
    port: int | None = None,
    ip_protocol: IpProtocol | None = None,
) -> Endpoint:
    """Return the endpoint of an experiment: the greeting alone, no credential, whatever TLS and certificate."""
    return replace(
        endpoint,
        port=endpoint.port if port is None else port,
        tls=endpoint.tls if tls is None else tls,
        ip_protocol=endpoint.ip_protocol if ip_protocol is None else ip_protocol,
        until=Phase.GREETING,
        timeout=min(endpoint.timeout, PATIENCE),
        auth=None,
        message=None,
        tls_config=TlsConfig(
            insecure_skip_verify=True,
            min_version=TlsVersion.TLS10,
            server_name=endpoint.tls_config.server_name,
        ),
    )


def _mode_of(port: int) -> TlsMode:
    return TlsMode.IMPLICIT if port in _IMPLICIT_PORTS else TlsMode.STARTTLS


def is_silent(symptom: Symptom) -> bool:
    """Say whether nothing at all came back from the port."""
    if symptom.phase is not Phase.CONNECT:
        return False
    if isinstance(symptom.evidence, TimedOut):
        return all(attempt.outcome in _SILENT for attempt in symptom.attempts)
    return isinstance(symptom.evidence, ConnectFailure) and (
        bool(symptom.attempts) and all(attempt.outcome in _SILENT for attempt in symptom.attempts)
    )


def is_refused(symptom: Symptom) -> bool:
    """Say whether the host answered that nobody listens there."""
    return (
        symptom.phase is Phase.CONNECT
        and bool(symptom.attempts)
        and any(attempt.outcome is AttemptOutcome.REFUSED for attempt in symptom.attempts)
    )


def judge(
    observation: Observation, experiment: Experiment, result: ProbeResult, *, worked: bool = False
) -> FollowUp:
    """Return what the experiment showed and which class it proves, if any.

    `worked` when the endpoint was healthy with these settings not long ago: they are not to blame then.
    """
    symptom = observation.result.symptom
    assert symptom is not None
    decides: ErrorClass | None = None
    match experiment.kind:
        case Kind.OFFER_TLS:
            if _speaks_tls(result):
                decides = ErrorClass.ENCRYPTION_MISMATCH
        case Kind.READ_PLAINTEXT:
            if _is_service(result):
                decides = ErrorClass.ENCRYPTION_MISMATCH
        case Kind.OTHER_PORT:
            if _is_service(result) or _speaks_tls(result):
                if not is_refused(symptom):
                    decides = ErrorClass.PORT_BLOCKED
                else:
                    decides = ErrorClass.CONNECT_REFUSED if worked else ErrorClass.WRONG_PORT
        case Kind.OTHER_FAMILY:
            pass  # it names the family that works; the class stays what it was
        case _:
            assert_never(experiment.kind)
    return FollowUp(
        experiment=_described(experiment),
        target=experiment.endpoint.target,
        outcome=_outcome(result),
        seconds=result.seconds,
        decides=decides,
    )


def _is_service(result: ProbeResult) -> bool:
    """Say whether an SMTP server spoke, be it to say no."""
    return result.success or isinstance(result.reply, Reply)


def _speaks_tls(result: ProbeResult) -> bool:
    """Say whether TLS was answered in TLS, be it by an alert: a client certificate may be wanted."""
    evidence = result.symptom.evidence if result.symptom is not None else None
    return result.tls is not None or (isinstance(evidence, TlsFailure) and evidence.alert is not None)


def _described(experiment: Experiment) -> str:
    match experiment.kind:
        case Kind.OTHER_PORT:
            return f"{experiment.kind} ({experiment.endpoint.port})"
        case Kind.OTHER_FAMILY:
            version = "IPv4" if experiment.endpoint.ip_protocol is IpProtocol.IP4 else "IPv6"
            return f"{experiment.kind} ({version} alone)"
        case Kind.OFFER_TLS | Kind.READ_PLAINTEXT:
            return str(experiment.kind)
        case _:
            assert_never(experiment.kind)


def _outcome(result: ProbeResult) -> str:
    if result.success:
        return "a mail server answers"
    if result.reply is not None:
        return f"a mail server answers {result.reply.code}"
    if result.tls is not None:
        return f"a TLS handshake succeeds ({result.tls.version})"
    if _speaks_tls(result):
        return "a TLS server answers with an alert"
    assert result.symptom is not None
    phase, evidence = result.symptom.phase, result.symptom.evidence
    if isinstance(evidence, TimedOut):
        return f"silence in phase {phase}"
    if is_refused(result.symptom):
        return "refused"
    return f"fails in phase {phase}"


def mode_words(endpoint: Endpoint) -> str:
    """Return how an endpoint encrypts, in words."""
    return _MODE_WORDS[endpoint.tls]
