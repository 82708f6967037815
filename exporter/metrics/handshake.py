"""What the last session showed: encryption, certificate, capabilities and mechanisms.

They are facts of one connection, so they are absent when the last probe did not get that far: a value
of an earlier probe is never repeated.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator

from exporter.board import stage_outcomes
from exporter.metrics import families
from exporter.metrics.sample import Sample
from exporter.model import Capabilities, ErrorClass, Mechanism, Observation, Phase, TlsFacts

CAPABILITIES_BEFORE_TLS = ("STARTTLS", "AUTH")
CAPABILITIES_AFTER_TLS = (
    "8BITMIME",
    "AUTH",
    "CHUNKING",
    "DSN",
    "ENHANCEDSTATUSCODES",
    "PIPELINING",
    "REQUIRETLS",
    "SIZE",
    "SMTPUTF8",
)
"""Extensions that change what a submission may do (RFC 6152, 4954, 3030, 3461, 2034, 2920, 8689, 1870, 6531)."""

KNOWN_MECHANISMS = frozenset((*Mechanism, "DIGEST-MD5", "GSSAPI", "NTLM"))
"""What may become a label: the names that we speak, and three that servers offer beside them."""

VARIES = "varies"
LABEL_LIMIT = 128


def handshake_samples(
    observation: Observation, *, varies: bool, mechanisms: Collection[tuple[str, str]] = ()
) -> Iterator[Sample]:
    """Yield the samples of one session.

    `varies`: the certificate keeps changing, so it is not named.  `mechanisms` have been offered before
    (name, `before` or `after`): those that are missing now are 0.
    """
    result = observation.result
    yield from _verdicts(observation)
    if result.tls is not None:
        yield from _certificate(result.tls, varies=varies)
    yield from _capabilities(result.before_tls, CAPABILITIES_BEFORE_TLS, "before", mechanisms)
    yield from _capabilities(result.after_tls, CAPABILITIES_AFTER_TLS, "after", mechanisms)


def _verdicts(observation: Observation) -> Iterator[Sample]:
    """Whether encryption and login worked: absent when not planned, NaN when not reached."""
    result = observation.result
    planned = {step.phase for step in result.steps}
    ended = {phase: float(outcome is ErrorClass.NONE) for phase, outcome in stage_outcomes(observation)}
    if Phase.TLS in planned:
        yield Sample(families.TLS_SUCCESS, ended.get(Phase.TLS, math.nan))
        verified = math.nan if result.tls is None else float(result.tls.verified)
        yield Sample(families.TLS_VERIFIED, verified)
    if Phase.AUTH in planned:
        # While logins are held back none is made and none is counted; the last verdict stands all the same.
        withheld = result.auth_withheld and observation.failed_phase in {None, Phase.AUTH}
        stands = withheld or (result.held_back and observation.failed_phase is Phase.AUTH)
        last = float(result.success) if stands else math.nan
        yield Sample(families.AUTH_SUCCESS, ended.get(Phase.AUTH, last))


def _certificate(facts: TlsFacts, *, varies: bool) -> Iterator[Sample]:
    if facts.version:
        yield Sample(families.TLS_INFO, 1, (facts.version, facts.cipher))
    for family, certificate, value in (
        (families.NOT_BEFORE, "leaf", facts.not_before),
        (families.NOT_BEFORE, "earliest", facts.earliest_not_before),
        (families.NOT_AFTER, "leaf", facts.not_after),
        (families.NOT_AFTER, "earliest", facts.earliest_not_after),
    ):
        if value is not None:
            yield Sample(family, value, (certificate,))
    if varies:
        yield Sample(families.CERTIFICATE_INFO, 1, (VARIES,) * 4)
    elif facts.fingerprint_sha256:
        texts = (facts.subject, facts.issuer, facts.serial, facts.fingerprint_sha256)
        yield Sample(families.CERTIFICATE_INFO, 1, tuple(certificate_text(text) for text in texts))


def certificate_text(text: str) -> str:
    """Return what a certificate says, fit for a label: at most 128 characters, all of them printable.

    What does not print (control characters, bidirectional overrides, lone surrogates) is written as a
    backslash escape; an ellipsis stands for what was cut off.
    """
    if len(text) <= LABEL_LIMIT and text.isprintable():
        return text
    parts: list[str] = []
    length = 0
    for character in text[: LABEL_LIMIT + 1]:  # a name may be a megabyte long
        part = character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        parts.append(part)
        length += len(part)
    if length <= LABEL_LIMIT:
        return "".join(parts)
    while length >= LABEL_LIMIT:
        length -= len(parts.pop())
    return "".join(parts) + "…"


def _capabilities(
    offered: Capabilities | None, known: tuple[str, ...], tls: str, seen: Collection[tuple[str, str]]
) -> Iterator[Sample]:
    if offered is None:
        return
    for capability in known:
        yield Sample(families.CAPABILITY, float(capability in offered.keywords), (capability, tls))
    for mechanism in offered.mechanisms:
        if mechanism in KNOWN_MECHANISMS:
            yield Sample(families.AUTH_MECHANISM, 1, (mechanism, tls))
    for mechanism, when in sorted(seen):
        if when == tls and mechanism in KNOWN_MECHANISMS and mechanism not in offered.mechanisms:
            yield Sample(families.AUTH_MECHANISM, 0, (mechanism, tls))
