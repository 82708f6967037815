"""The closed sets in a person's words, and numbers as a person reads them."""

from __future__ import annotations

from datetime import UTC, datetime

from exporter.model import Confidence, ErrorClass, FaultDomain, Phase, StepStatus, TlsMode

OWNERS = {
    FaultDomain.NONE: "nobody",
    FaultDomain.LOCAL: "this machine",
    FaultDomain.NETWORK: "the network between",
    FaultDomain.SETTINGS: "our settings",
    FaultDomain.CREDENTIALS: "our credentials",
    FaultDomain.SERVER: "the server",
}
"""Whose problem it is."""

PHASES = {
    Phase.DNS: "name look-up",
    Phase.CONNECT: "connect",
    Phase.GREETING: "greeting",
    Phase.EHLO: "EHLO",
    Phase.STARTTLS: "STARTTLS",
    Phase.TLS: "TLS handshake",
    Phase.AUTH: "login",
    Phase.MAIL: "sender",
    Phase.RCPT: "recipient",
    Phase.DATA: "message",
    Phase.QUIT: "QUIT",
}

TLS_MODES = {TlsMode.STARTTLS: "STARTTLS", TlsMode.IMPLICIT: "implicit TLS", TlsMode.NONE: "no TLS"}

STATUSES = {StepStatus.PASSED: "passed", StepStatus.FAILED: "failed", StepStatus.SKIPPED: "not reached"}

CONFIDENCES = {
    Confidence.CERTAIN: "certain",
    Confidence.LIKELY: "likely",
    Confidence.GUESS: "a guess",
}

_SPELLINGS = {
    "dns": "DNS",
    "smtp": "SMTP",
    "helo": "HELO",
    "starttls": "STARTTLS",
    "tls": "TLS",
    "cert": "certificate",
    "oauth": "OAuth",
    "auth": "login",
    "hostname": "host name",
}


def class_words(error_class: ErrorClass) -> str:
    """Return an error class in words: `cert_expired` reads `certificate expired`."""
    return " ".join(_SPELLINGS.get(word, word) for word in error_class.split("_"))


def seconds_words(seconds: float) -> str:
    """Return a duration of a probe: milliseconds below one second."""
    if 0 < seconds < 0.000_05:
        return "< 0.1 ms"
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"


def span_words(seconds: float) -> str:
    """Return a long time by its largest unit, and the next one while it is small: `2 d 3 h`, `14 min`."""
    whole = max(0, int(seconds))
    for unit, size, next_unit, next_size in (
        ("d", 86_400, "h", 3600),
        ("h", 3600, "min", 60),
        ("min", 60, "s", 1),
    ):
        if whole >= size:
            large, rest = divmod(whole, size)
            small = rest // next_size
            return f"{large} {unit} {small} {next_unit}" if large < 10 and small else f"{large} {unit}"
    return f"{whole} s"


def moment(unix: float) -> str:
    """Return a point in time in UTC, to the second."""
    return datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def machine_time(unix: float) -> str:
    """Return a point in time as HTML's `datetime` attribute wants it."""
    return datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
