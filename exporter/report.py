"""An observation as other programs read it: the JSON of `check` and of the HTTP API."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from exporter.model import Diagnosis, FollowUp, Observation, ProbeResult, Reply, Step, TlsFacts


def observation_json(observation: Observation) -> dict[str, Any]:
    """Return one observation as a JSON-able object: durations in seconds, times in RFC 3339 UTC."""
    result, diagnosis = observation.result, observation.diagnosis
    endpoint = result.endpoint
    return {
        "endpoint": endpoint.name,
        "target": endpoint.target,
        "labels": dict(endpoint.labels),
        "started": timestamp(result.started),
        "success": result.success,
        "phase": observation.failed_phase,
        "error_class": str(diagnosis.error_class),
        "fault_domain": str(diagnosis.fault_domain),
        "rule": diagnosis.rule,
        "confidence": str(diagnosis.confidence),
        "runner_up": diagnosis.runner_up,
        "summary": diagnosis.summary,
        "remedy": list(diagnosis.remedy),
        "outlook_code": diagnosis.outlook_code,
        "duration_seconds": _seconds(result.seconds),
        "steps": [_step(step) for step in result.steps],
        "attempts": [
            {"address": a.address, "outcome": str(a.outcome), "seconds": _seconds(a.seconds)}
            for a in result.attempts
        ],
        "reply": None if result.reply is None else _reply(result.reply),
        "tls": None if result.tls is None else _tls(result.tls),
        "auth": _auth(result),
        "follow_up": [_follow_up(follow_up) for follow_up in observation.follow_ups],
        "transcript": list(result.transcript),
    }


def diagnosis_json(diagnosis: Diagnosis) -> dict[str, Any]:
    """Return a diagnosis alone, as `classify` prints it."""
    return {
        "error_class": str(diagnosis.error_class),
        "fault_domain": str(diagnosis.fault_domain),
        "rule": diagnosis.rule,
        "confidence": str(diagnosis.confidence),
        "runner_up": diagnosis.runner_up,
        "summary": diagnosis.summary,
        "remedy": list(diagnosis.remedy),
        "outlook_code": diagnosis.outlook_code,
    }


def timestamp(unix: float) -> str:
    """Return Unix seconds as RFC 3339 in UTC with milliseconds."""
    return datetime.fromtimestamp(unix, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _seconds(value: float | None) -> float | None:
    # Microseconds: what a clock on this kind of machine can tell.
    return None if value is None else round(value, 6)


def _step(step: Step) -> dict[str, Any]:
    return {"phase": str(step.phase), "status": str(step.status), "seconds": _seconds(step.seconds)}


def _reply(reply: Reply) -> dict[str, Any]:
    return {"code": reply.code, "enhanced": reply.enhanced, "text": reply.text}


def _tls(facts: TlsFacts) -> dict[str, Any]:
    return {
        "version": facts.version,
        "cipher": facts.cipher,
        "verified": facts.verified,
        "verify_error": facts.verify_error,
        "verify_code": facts.verify_code,
        "subject": facts.subject,
        "issuer": facts.issuer,
        "serial": facts.serial,
        "sans": list(facts.sans[:20]),
        "not_before": _time_or_none(facts.not_before),
        "not_after": _time_or_none(facts.not_after),
        "chain_length": facts.chain_length,
    }


def _time_or_none(unix: float | None) -> str | None:
    return None if unix is None else timestamp(unix)


def _auth(result: ProbeResult) -> dict[str, Any] | None:
    offer = result.after_tls if result.after_tls is not None else result.before_tls
    if offer is None and result.mechanism is None:
        return None
    return {"mechanism": result.mechanism, "offered": list(offer.mechanisms) if offer is not None else []}


def _follow_up(follow_up: FollowUp) -> dict[str, Any]:
    return {
        "experiment": follow_up.experiment,
        "target": follow_up.target,
        "outcome": follow_up.outcome,
        "seconds": _seconds(follow_up.seconds),
        "decides": follow_up.decides,
    }
