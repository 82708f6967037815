"""What the last session showed: encryption, certificate, capabilities and mechanisms.

They are facts of one connection, so they are absent when the last probe did not get that far: a value
of an earlier probe is never repeated.
"""

from __future__ import annotations

import math
from functools import lru_cache

from exporter.board import stage_outcomes
from exporter.metrics import families
from exporter.metrics.series import Block, block, blocks, own_block
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
REMEMBERED = 4096
"""Certificates and offers whose series are kept: most endpoints show the same at every probe."""


def handshake_blocks(
    observation: Observation, *, varies: bool, mechanisms: frozenset[tuple[str, str]] = frozenset()
) -> list[Block]:
    """Return the series of one session.

    `varies`: the certificate keeps changing, so it is not named.  `mechanisms` have been offered before
    (name, `before` or `after`): those that are missing now are 0.
    """
    result = observation.result
    found = _verdicts(observation)
    if result.tls is not None:
        found += _certificate(result.tls, varies)
    found += _capabilities(result.before_tls, CAPABILITIES_BEFORE_TLS, "before", mechanisms)
    found += _capabilities(result.after_tls, CAPABILITIES_AFTER_TLS, "after", mechanisms)
    return found


def _verdicts(observation: Observation) -> list[Block]:
    """Whether encryption and login worked: absent when not planned, NaN when not reached."""
    result = observation.result
    planned = {step.phase for step in result.steps}
    ended = {phase: float(outcome is ErrorClass.NONE) for phase, outcome in stage_outcomes(observation)}
    found: list[Block] = []
    if Phase.TLS in planned:
        verified = math.nan if result.tls is None else float(result.tls.verified)
        found += (
            block(families.TLS_SUCCESS, ended.get(Phase.TLS, math.nan)),
            block(families.TLS_VERIFIED, verified),
        )
    if Phase.AUTH in planned:
        # While logins are held back none is made and none is counted; the last verdict stands all the same.
        withheld = result.auth_withheld and observation.failed_phase in {None, Phase.AUTH}
        stands = withheld or (result.held_back and observation.failed_phase is Phase.AUTH)
        last = float(result.success) if stands else math.nan
        found.append(block(families.AUTH_SUCCESS, ended.get(Phase.AUTH, last)))
    return found


@lru_cache(maxsize=REMEMBERED)
def _certificate(facts: TlsFacts, varies: bool) -> tuple[Block, ...]:
    found: list[Block] = []
    if facts.version:
        found.append(block(families.TLS_INFO, 1, facts.version, facts.cipher))
    for family, leaf, earliest in (
        (families.NOT_BEFORE, facts.not_before, facts.earliest_not_before),
        (families.NOT_AFTER, facts.not_after, facts.earliest_not_after),
    ):
        known = ((("leaf",), leaf), (("earliest",), earliest))
        found += blocks(family, [(label, value) for label, value in known if value is not None])
    if varies:
        found.append(block(families.CERTIFICATE_INFO, 1, *(VARIES,) * 4))
    elif facts.fingerprint_sha256:
        texts = (facts.subject, facts.issuer, facts.serial, facts.fingerprint_sha256)
        found.append(own_block(families.CERTIFICATE_INFO, 1, *[certificate_text(text) for text in texts]))
    return tuple(found)


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


@lru_cache(maxsize=REMEMBERED)
def _capabilities(
    offered: Capabilities | None, known: tuple[str, ...], tls: str, seen: frozenset[tuple[str, str]]
) -> tuple[Block, ...]:
    if offered is None:
        return ()
    have = [mechanism for mechanism in offered.mechanisms if mechanism in KNOWN_MECHANISMS]
    missing = [
        mechanism
        for mechanism, when in sorted(seen)
        if when == tls and mechanism in KNOWN_MECHANISMS and mechanism not in offered.mechanisms
    ]
    return (
        *blocks(families.CAPABILITY, [((name, tls), float(name in offered.keywords)) for name in known]),
        *blocks(
            families.AUTH_MECHANISM,
            [*(((name, tls), 1) for name in have), *(((name, tls), 0) for name in missing)],
        ),
    )
