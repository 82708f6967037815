"""One flat view of a symptom, as the conditions of rules ask for it.

Unknown stays unknown: a field that the symptom does not know is None and satisfies no condition on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import assert_never

from exporter.diagnosis import errnos, openssl, text
from exporter.diagnosis.phrases import word_keys
from exporter.model import (
    ConnectFailure,
    Dropped,
    Garbled,
    Injected,
    NameFailure,
    NotOffered,
    OurFault,
    Phase,
    Reply,
    Symptom,
    TimedOut,
    TlsFailure,
    TokenUnavailable,
    Words,
)

EVIDENCE_KINDS = (
    "reply",
    "name_failure",
    "connect_failure",
    "tls_failure",
    "timed_out",
    "dropped",
    "not_offered",
    "garbled",
    "injected",
    "token_unavailable",
    "words",
    "our_fault",
)
"""The names by which rules speak of the classes of `exporter.model.Evidence`."""

_LOGIN_CODES = frozenset({454, 534, 535, 538})


@dataclass(frozen=True)
class Facts:
    """What is known about one failure."""

    symptom: Symptom
    kind: str
    phase: Phase | None
    """The phase that the words speak of; that of the quoted reply where a reply quotes another."""
    text: str = ""
    """Everything that the other side said, as it came, bounded."""
    code: int | None = None
    enhanced: str | None = None
    errno: str | None = None
    name_kind: str | None = None
    reason: str | None = None
    alert: int | None = None
    verify_code: int | None = None
    capability: str | None = None
    offered: tuple[str, ...] = ()
    raw: bytes = b""
    """Bytes that are no reply: a garbled line, or what stood in place of a TLS record."""

    @property
    def family(self) -> int | None:
        """The first digit of the reply code, or that of the enhanced code where there is no reply code."""
        if self.code is not None:
            return self.code // 100
        return int(self.enhanced[0]) if self.enhanced else None

    @cached_property
    def squashed(self) -> str:
        """Words alone, in every reading of the bytes that makes sense."""
        other = text.repaired(self.text)
        return text.squash(f"{self.text} {other}" if other else self.text)

    @cached_property
    def folded(self) -> str:
        """Lower case with punctuation."""
        return text.fold(self.text)

    @cached_property
    def word_keys(self) -> frozenset[str]:
        """The beginnings of all words: the key of the rulebook's index."""
        return word_keys(self.squashed)

    @property
    def mechanism(self) -> str | None:
        """The SASL mechanism of the AUTH command, in capitals."""
        return self.symptom.mechanism.upper() if self.symptom.mechanism else None


def facts_of(symptom: Symptom) -> Facts:
    """The facts of a symptom, whatever kind of evidence it holds."""
    phase = symptom.phase
    evidence = symptom.evidence
    match evidence:
        case Reply():
            return _reply(symptom, evidence)
        case NameFailure():
            return Facts(
                symptom,
                "name_failure",
                phase,
                text=text.clip(evidence.detail),
                name_kind=evidence.kind.value,
            )
        case ConnectFailure():
            return Facts(symptom, "connect_failure", phase, errno=_errno(evidence.errno))
        case TlsFailure():
            return Facts(
                symptom,
                "tls_failure",
                phase,
                text=text.clip(f"{evidence.verify_error or ''} {evidence.detail}".strip()),
                reason=_reason(evidence),
                alert=evidence.alert if evidence.alert is not None else openssl.alert_of(evidence.reason),
                verify_code=evidence.verify_code,
                raw=evidence.peer_bytes,
            )
        case TimedOut():
            return Facts(symptom, "timed_out", phase, text=_decoded(evidence.partial), raw=evidence.partial)
        case Dropped():
            return Facts(
                symptom,
                "dropped",
                phase,
                text=_decoded(evidence.partial),
                errno=_errno(evidence.errno),
                raw=evidence.partial,
            )
        case NotOffered():
            return Facts(
                symptom,
                "not_offered",
                phase,
                capability=evidence.capability.upper(),
                offered=tuple(line.upper() for line in evidence.offered[:64]),
            )
        case Garbled():
            return Facts(symptom, "garbled", phase, text=_decoded(evidence.line), raw=evidence.line)
        case Injected():
            return Facts(symptom, "injected", phase)
        case TokenUnavailable():
            return Facts(symptom, "token_unavailable", phase, text=text.clip(evidence.error))
        case Words():
            words = text.clip(evidence.text)
            return Facts(symptom, "words", phase, text=words, enhanced=text.enhanced_in(words, anywhere=True))
        case OurFault():
            return Facts(symptom, "our_fault", phase)
    assert_never(evidence)


def _reply(symptom: Symptom, reply: Reply) -> Facts:
    said = text.clip(reply.text)
    quoted = text.quoted_reply(said, reply.code)
    if quoted is None:
        enhanced = reply.enhanced or text.enhanced_in(said)
        return Facts(symptom, "reply", symptom.phase, text=said, code=reply.code, enhanced=enhanced)
    code, enhanced, inner = quoted
    phase = Phase.AUTH if code in _LOGIN_CODES and code != 454 else symptom.phase
    return Facts(symptom, "reply", phase, text=inner, code=code, enhanced=enhanced)


def _reason(evidence: TlsFailure) -> str | None:
    # a verify error is a failed verification, whether or not somebody noted OpenSSL's name for that
    if evidence.reason is None and evidence.verify_code:
        return "CERTIFICATE_VERIFY_FAILED"
    return evidence.reason.upper() if evidence.reason else None


def _errno(symbol: str | None) -> str | None:
    return errnos.canonical(symbol) if symbol else None


def _decoded(raw: bytes) -> str:
    bounded = raw[: text.HEAD]
    try:
        return bounded.decode("utf-8")
    except UnicodeDecodeError:
        return bounded.decode("latin-1")
