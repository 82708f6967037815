"""Derived facts with a name: what rules ask for under `given:` and `not_given:`.

Each one is true only on positive evidence; what is not known is not given.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from types import MappingProxyType

from exporter.diagnosis.facts import Facts
from exporter.diagnosis.presets import is_provider_name, preset_for
from exporter.model import (
    Attempt,
    AttemptOutcome,
    ConnectFailure,
    DropKind,
    Dropped,
    Garbled,
    SaslBreach,
    TlsFailure,
    TlsMode,
    TlsVersion,
    TokenUnavailable,
)
from exporter.pattern import pattern

IMPLICIT_PORTS = frozenset({465, 2465})
STARTTLS_PORTS = frozenset({25, 587, 2525, 2587})
SUBMISSION_PORTS = frozenset({465, 587, 2465, 2525, 2587})
_OLD_VERSIONS = frozenset({TlsVersion.TLS10, TlsVersion.TLS11})
_OAUTH = frozenset({"XOAUTH2", "OAUTHBEARER"})
_CHALLENGED = frozenset({"NTLM", "GSSAPI", "GSS-SPNEGO", "KERBEROS_V4"})

# RFC 3207's keyword, a command or a parameter, overwritten letter by letter on the way (Cisco, and others)
_MASKED = pattern(r"(?<![A-Za-z0-9])X{4,12}[A-C]?(?![A-Za-z0-9])")
_STARS = pattern(r"\*{8}")

_INSPECTORS = pattern(
    r"avast|\bavg\b|kaspersky|\beset\b|bitdefender|norton|symantec endpoint|mcafee web gateway|"
    r"mail shield|ssl filter|\bdr\.? ?web\b|trend ?micro|\bf-secure\b|g ?data|bullguard|"
    r"zscaler|forti(?:net|gate|mail)|netskope|sophos|palo alto|check ?point|blue ?coat|websense|forcepoint|"
    r"barracuda web|cisco umbrella|\bumbrella\b|watchguard|sonicwall|untangle|lightspeed|smoothwall|iboss|"
    r"menlo|cato networks|mitmproxy|charles proxy|fiddler|burp|portswigger|superfish|adguard|nordvpn|"
    r"ssl (?:inspection|interception|decryption|scanning)|tls (?:inspection|interception|scanning)|"
    r"web ?(?:gateway|proxy)|inspection ca|decrypt",
)
_FOREIGN_GREETING = pattern(
    rb"\s*(?:\* (?:OK|PREAUTH|BYE|BAD)\b|\+OK\b|-ERR\b|SSH-\d|HTTP/\d|RFB \d|<(?:!doctype|html|\?xml)|"
    rb"\"(?:IMPLEMENTATION|SIEVE|SASL|STARTTLS|NOTIFY|VERSION)\"|:\S{1,255} NOTICE |@RSYNCD:|"
    rb"\xff[\xfb-\xfe]|J\x00\x00\x00|.\x00\x00\x00\x0a|.\x00\x00[\x00\x01]\xff.\x04|"
    rb"20[01] .{0,60}(?:NNTP|news)|"
    rb"220[ -](?![^\n]{0,200}SMTP).{0,120}\b(?:FTP|LMTP))",
    re.IGNORECASE | re.DOTALL,
)
# These greet with 220 or so as well; their EHLO, if any, is another command.
_OTHER_SERVICE = pattern(
    r"\bFTPS?\b|ftpd\b|ftp server|FileZilla Server|\bLMTP\b|\bNNTP\b|InterNetNews|news server|\bsieve\b",
    re.IGNORECASE,
)
_SMTP = pattern(r"\bE?SMTP", re.IGNORECASE)
_TLS_RECORD = pattern(rb"[\x14-\x18]\x03[\x00-\x04]")
_SERVER_LOG = pattern(
    r"ssl_accept|accept_sr|get_client_hello|process_client_hello|client_hello_cb|in server log|tls_accept|"
    r"warning: tls library problem|tls error on connection from|ssl accept error",
)


def _loopback(facts: Facts) -> bool:
    host = (facts.symptom.host or "").strip("[]").lower().rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _tried(facts: Facts) -> tuple[Attempt, ...]:
    evidence = facts.symptom.evidence
    own = evidence.attempts if isinstance(evidence, ConnectFailure) else ()
    return own or facts.symptom.attempts


def _sinkhole(facts: Facts) -> bool:
    """The name has no address but the unspecified one, which is nobody's and means this host."""
    tried = _tried(facts)
    return bool(tried) and all(_unspecified(attempt.address) for attempt in tried)


def _unspecified(address: str) -> bool:
    try:
        return ip_address(address.rpartition(":")[0].strip("[]")).is_unspecified
    except ValueError:
        return False


def _attempts(facts: Facts) -> list[tuple[bool, AttemptOutcome]]:
    """For each address tried: whether it is IPv6, and the outcome."""
    return [
        (attempt.address.startswith("[") or attempt.address.count(":") > 1, attempt.outcome)
        for attempt in _tried(facts)
    ]


def _ipv6_only(facts: Facts) -> bool:
    tried = _attempts(facts)
    return bool(tried) and all(six for six, _ in tried)


def _silent_address(facts: Facts) -> bool:
    quiet = {AttemptOutcome.TIMEOUT, AttemptOutcome.NO_ANSWER}
    return any(outcome in quiet for _, outcome in _attempts(facts))


def _implicit(facts: Facts) -> bool:
    return facts.symptom.tls_mode is TlsMode.IMPLICIT


def _plaintext_first(facts: Facts) -> bool:
    return facts.symptom.tls_mode in {TlsMode.STARTTLS, TlsMode.NONE}


def _ehlo_lines(facts: Facts) -> str:
    known = facts.symptom.capabilities
    return "\n".join((*(known.lines if known else ()), *facts.offered, facts.text))


def _masked(facts: Facts) -> bool:
    greeting = facts.symptom.greeting or ""
    return (
        bool(_MASKED.search(_ehlo_lines(facts)))
        or bool(_STARS.search(greeting))
        or bool(_STARS.search(facts.text))
    )


def _refusing_session(facts: Facts) -> bool:
    """Sendmail's EHLO answer to a client whose every command it will refuse: not even PIPELINING or SIZE."""
    known = facts.symptom.capabilities
    lines = known.keywords if known else tuple(line.split(" ")[0] for line in facts.offered)
    return tuple(lines) == ("ENHANCEDSTATUSCODES",)


def _only_challenged(facts: Facts) -> bool:
    known = facts.symptom.capabilities
    mechanisms = known.mechanisms if known else tuple(m for line in facts.offered for m in line.split())
    return bool(mechanisms) and {m for m in mechanisms if m != "AUTH"} <= _CHALLENGED


def _offers(facts: Facts, keyword: str) -> bool:
    known = facts.symptom.capabilities
    lines = known.keywords if known else tuple(line.split(" ")[0] for line in facts.offered)
    return keyword in lines


def _issuers(facts: Facts) -> str:
    detail = facts.text if facts.kind in {"tls_failure", "words"} else ""
    return " ".join((*facts.symptom.issuers[:10], detail))[:4000]


def _provider_subject(facts: Facts) -> bool:
    return preset_for(facts.symptom.host or "") is not None or is_provider_name(facts.symptom.host or "")


def _certificate_requested(facts: Facts) -> bool:
    evidence = facts.symptom.evidence
    return isinstance(evidence, TlsFailure) and evidence.certificate_requested


def _by_reset(facts: Facts) -> bool:
    evidence = facts.symptom.evidence
    return isinstance(evidence, Dropped) and evidence.how is not DropKind.EOF


def _breach(facts: Facts) -> SaslBreach | None:
    evidence = facts.symptom.evidence
    return evidence.breach if isinstance(evidence, Garbled) else None


def _oauth_challenge(facts: Facts) -> bool:
    # a server that explains a token to somebody who showed none explains nothing
    bearer = facts.mechanism is None or facts.mechanism in _OAUTH
    return bearer and '"status"' in (facts.symptom.challenge or "")[:2000]


def _token_unreachable(facts: Facts) -> bool:
    evidence = facts.symptom.evidence
    return isinstance(evidence, TokenUnavailable) and not evidence.reachable


def _other_service(facts: Facts) -> bool:
    greeting = (facts.symptom.greeting or "")[:1000]
    return bool(_OTHER_SERVICE.search(greeting)) and not _SMTP.search(greeting)


TRAITS: Mapping[str, Callable[[Facts], bool]] = MappingProxyType(
    {
        "loopback_host": _loopback,
        "sinkhole_address": _sinkhole,
        "known_host": lambda f: preset_for(f.symptom.host or "") is not None,
        "known_provider": _provider_subject,
        "ipv6_only": _ipv6_only,
        "silent_address": _silent_address,
        "implicit_tls": _implicit,
        "plaintext_first": _plaintext_first,
        "implicit_port": lambda f: f.symptom.port in IMPLICIT_PORTS,
        "starttls_port": lambda f: f.symptom.port in STARTTLS_PORTS,
        "submission_port": lambda f: f.symptom.port in SUBMISSION_PORTS,
        "relay_port": lambda f: f.symptom.port == 25,
        "encrypted": lambda f: f.symptom.encrypted is True,
        "unencrypted": lambda f: f.symptom.encrypted is False,
        "auth_attempted": lambda f: f.symptom.auth_attempted is True,
        "no_auth_attempted": lambda f: f.symptom.auth_attempted is False,
        "oauth_mechanism": lambda f: f.mechanism in _OAUTH,
        "oauth_challenge": _oauth_challenge,
        "sasl_breach": lambda f: _breach(f) is not None,
        "server_unproven": lambda f: _breach(f) is SaslBreach.SIGNATURE,
        "masked": _masked,
        "refusing_session": _refusing_session,
        "starttls_offered": lambda f: _offers(f, "STARTTLS"),
        "only_challenged_mechanisms": _only_challenged,
        "inspection_issuer": lambda f: bool(_INSPECTORS.search(_issuers(f).lower())),
        "issuer_known": lambda f: bool(f.symptom.issuers),
        "certificate_requested": _certificate_requested,
        "old_max_version": lambda f: f.symptom.max_version in _OLD_VERSIONS,
        "tls12_max_version": lambda f: f.symptom.max_version is TlsVersion.TLS12,
        "modern_min_version": lambda f: f.symptom.min_version is TlsVersion.TLS13,
        "foreign_greeting": lambda f: bool(_FOREIGN_GREETING.match(f.raw[:256])),
        "other_service_greeting": _other_service,
        "plaintext_reply": lambda f: f.raw[:3].isdigit() and f.raw[:1] in b"245",
        "tls_record": lambda f: bool(_TLS_RECORD.match(f.raw)),
        "server_log": lambda f: bool(_SERVER_LOG.search(f.folded)),
        "token_unreachable": _token_unreachable,
        "partial_reply": lambda f: f.kind in {"dropped", "timed_out"} and bool(f.raw),
        "no_enhanced_code": lambda f: f.enhanced is None,
        "phase_unknown": lambda f: f.phase is None,
        "dropped_by_reset": _by_reset,
        "empty_text": lambda f: not f.squashed.strip(),
    }
)
"""Every trait by name."""
