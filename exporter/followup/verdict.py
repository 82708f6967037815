"""The diagnosis after an experiment: the class it proved, in words that name what was found.  Pure."""

from __future__ import annotations

from dataclasses import replace

from exporter.diagnosis import reworded, settings_advice
from exporter.followup.experiments import Experiment, Kind, mode_words
from exporter.model import (
    Confidence,
    Diagnosis,
    ErrorClass,
    FaultDomain,
    FollowUp,
    IpProtocol,
    Observation,
    TlsMode,
)

Finding = tuple[Experiment, FollowUp]


def concluded(observation: Observation, findings: tuple[Finding, ...]) -> Observation:
    """Return the observation with its follow-ups and, where one proved a class, with that class."""
    diagnosis = observation.diagnosis
    for experiment, follow_up in findings:
        if follow_up.decides is not None:
            diagnosis = _proved(observation, experiment, follow_up.decides)
        elif experiment.kind is Kind.OTHER_FAMILY and _answers(follow_up):
            diagnosis = _other_family_works(diagnosis, experiment)
    return replace(observation, diagnosis=diagnosis, follow_ups=tuple(found for _, found in findings))


def cut_off(observation: Observation, found: FollowUp) -> Observation:
    """Return the observation with the verdict that this host itself is offline."""
    symptom = observation.result.symptom
    assert symptom is not None
    diagnosis = reworded(symptom, ErrorClass.EXPORTER_OFFLINE, "follow-up/exporter-offline")
    return replace(
        observation,
        diagnosis=replace(diagnosis, fault_domain=FaultDomain.LOCAL, outlook_code="0x800CCC0E"),
        follow_ups=(found,),
    )


def _proved(observation: Observation, experiment: Experiment, error_class: ErrorClass) -> Diagnosis:
    symptom, endpoint = observation.result.symptom, observation.result.endpoint
    assert symptom is not None
    other = experiment.endpoint
    diagnosis = reworded(symptom, error_class, f"follow-up/{error_class.replace('_', '-')}")
    match experiment.kind:
        case Kind.OFFER_TLS:
            summary = (
                f"{endpoint.target} waits for TLS at once, and {mode_words(endpoint)} was tried: "
                "both sides wait for the other."
            )
            remedy = (f"Set tls: implicit for port {endpoint.port}.", *_port_hint(endpoint.port, 587))
        case Kind.READ_PLAINTEXT:
            summary = (
                f"{endpoint.target} speaks plaintext first, and implicit TLS was tried: it expects STARTTLS."
            )
            remedy = (f"Set tls: starttls for port {endpoint.port}.", *_port_hint(endpoint.port, 465))
        case Kind.OTHER_PORT if error_class is ErrorClass.WRONG_PORT:
            summary = (
                f"{endpoint.host} refuses port {endpoint.port}, and a mail submission service answers "
                f"on port {other.port} ({mode_words(other)})."
            )
            remedy = (f"Use port {other.port} with {mode_words(other)}.",)
            # A service that stopped before it was ever seen looks the same.
            diagnosis = replace(diagnosis, confidence=Confidence.LIKELY, runner_up=ErrorClass.CONNECT_REFUSED)
        case Kind.OTHER_PORT if error_class is ErrorClass.CONNECT_REFUSED:
            summary = (
                f"{endpoint.host} refuses port {endpoint.port}, which worked not long ago, while port "
                f"{other.port} of the same host answers: the service on port {endpoint.port} has stopped."
            )
            remedy = (
                f"Start the submission service on port {endpoint.port} of the server, or ask its operator to.",
                f"Use port {other.port} with {mode_words(other)} meanwhile.",
            )
            diagnosis = replace(diagnosis, confidence=Confidence.LIKELY, runner_up=ErrorClass.WRONG_PORT)
        case _:
            summary = (
                f"Port {endpoint.port} of {endpoint.host} stays silent while port {other.port} of the "
                "same host answers: something on the way blocks this port."
            )
            remedy = (
                f"Ask the hoster or the owner of the firewall to open outbound port {endpoint.port}.",
                f"Use port {other.port} with {mode_words(other)} meanwhile.",
            )
    advice = settings_advice(endpoint.host, endpoint.port, endpoint.tls)
    known = f" {advice}." if advice is not None else ""
    return replace(diagnosis, summary=f"{summary}{known}", remedy=remedy)


def _port_hint(port: int, usual: int) -> tuple[str, ...]:
    mode = TlsMode.STARTTLS if usual == 587 else TlsMode.IMPLICIT
    words = "STARTTLS" if mode is TlsMode.STARTTLS else "implicit TLS"
    return (f"Or use port {usual} with {words}, if the provider offers it.",) if port != usual else ()


def _answers(follow_up: FollowUp) -> bool:
    return follow_up.outcome.startswith("a mail server answers")


def _other_family_works(diagnosis: Diagnosis, experiment: Experiment) -> Diagnosis:
    works, broken = (
        ("IPv4", "IPv6") if experiment.endpoint.ip_protocol is IpProtocol.IP4 else ("IPv6", "IPv4")
    )
    setting = experiment.endpoint.ip_protocol
    return replace(
        diagnosis,
        summary=f"{diagnosis.summary} Over {works} the same server answers.",
        remedy=(
            f"Repair the {broken} path, or set ip_protocol: {setting} for this endpoint.",
            *diagnosis.remedy,
        )[:3],
    )
