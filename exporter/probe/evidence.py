"""Foreign exceptions become our words here, and only here.

What OpenSSL, asyncio and aiosmtplib raise is matched by type, number and reason name; English sentences are
kept for a person and never decided by.  Those of OpenSSL are the names of its headers in other letters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import takewhile

from OpenSSL import SSL

from exporter.model import DropKind, Dropped, Evidence, Garbled, Phase, TlsFailure, errno_symbol


class PhaseFailed(Exception):  # noqa: N818 - it reads as what happened
    """Unwinds one probe to its session; it never leaves this package."""

    def __init__(self, evidence: Evidence, seconds: float | None = None) -> None:
        super().__init__(type(evidence).__name__)
        self.evidence = evidence
        self.seconds = seconds
        """What the phase took, where that is known better than by the clock on the wall."""


_ALERT, _HANDSHAKE = 21, 22  # content types (RFC 8446 5.1)
# Alert numbers by the name that OpenSSL gives them (RFC 8446 6, RFC 5246 7.2).
_ALERTS = {
    "UNEXPECTED_MESSAGE": 10,
    "BAD_RECORD_MAC": 20,
    "DECRYPTION_FAILED": 21,
    "RECORD_OVERFLOW": 22,
    "DECOMPRESSION_FAILURE": 30,
    "HANDSHAKE_FAILURE": 40,
    "NO_CERTIFICATE": 41,
    "BAD_CERTIFICATE": 42,
    "UNSUPPORTED_CERTIFICATE": 43,
    "CERTIFICATE_REVOKED": 44,
    "CERTIFICATE_EXPIRED": 45,
    "CERTIFICATE_UNKNOWN": 46,
    "ILLEGAL_PARAMETER": 47,
    "UNKNOWN_CA": 48,
    "ACCESS_DENIED": 49,
    "DECODE_ERROR": 50,
    "DECRYPT_ERROR": 51,
    "EXPORT_RESTRICTION": 60,
    "PROTOCOL_VERSION": 70,
    "INSUFFICIENT_SECURITY": 71,
    "INTERNAL_ERROR": 80,
    "INAPPROPRIATE_FALLBACK": 86,
    "USER_CANCELLED": 90,
    "NO_RENEGOTIATION": 100,
    "MISSING_EXTENSION": 109,
    "UNSUPPORTED_EXTENSION": 110,
    "CERTIFICATE_UNOBTAINABLE": 111,
    "UNRECOGNIZED_NAME": 112,
    "BAD_CERTIFICATE_STATUS_RESPONSE": 113,
    "BAD_CERTIFICATE_HASH_VALUE": 114,
    "UNKNOWN_PSK_IDENTITY": 115,
    "CERTIFICATE_REQUIRED": 116,
    "NO_APPLICATION_PROTOCOL": 120,
}
_ALERT_NAME = re.compile(r"(?:SSLV3|TLSV1|TLSV13)(?:_ALERT)?_(\w+)")
# The alerts that SSL 3.0 had: OpenSSL 3.2 has taken the version out of their sentences, 4.0 one word more.
_OLD_ALERT = re.compile(r"(?:ssl/tls|tls) alert ")
# Says only in which layer of OpenSSL the error before it came up.
_WRAPPING = "record layer failure"


def tls_failure(exc: SSL.Error, handshake: bytes = b"") -> TlsFailure:
    """Translate what OpenSSL raised; `handshake` is what the peer sent while there was one."""
    sentence = _sentence(exc)
    reason = _reason(sentence) if sentence else None
    return TlsFailure(
        reason=reason,
        alert=_alert_in(handshake) if sentence == "" else _alert_number(reason),
        detail=reason or f"SSL{type(exc).__name__}",
        peer_bytes=b"" if _looks_like_tls(handshake) else handshake[:512],
        certificate_requested=certificate_was_requested(handshake),
    )


def _sentence(exc: SSL.Error) -> str | None:
    """Return what OpenSSL says of its last error, which is nothing for an unknown alert; None without one."""
    errors = exc.args[0] if exc.args and isinstance(exc.args[0], list) else []
    sentences = [sentence for _library, _function, sentence in errors]
    if len(sentences) > 1 and sentences[-1] == _WRAPPING:
        del sentences[-1]
    return sentences[-1] if sentences else None


def _reason(sentence: str) -> str:
    """Return the name that OpenSSL's headers, and with them Python's `ssl`, have for the sentence."""
    return _OLD_ALERT.sub("sslv3 alert ", sentence).upper().replace(" ", "_")


def _alert_number(reason: str | None) -> int | None:
    """Return the number of the alert that the peer sent, None when it sent none."""
    match = _ALERT_NAME.fullmatch(reason or "")
    return None if match is None else _ALERTS.get(match[1])


def _alert_in(handshake: bytes) -> int | None:
    """Return the last alert that stands in it in the clear."""
    alerts = [body[1] for kind, body in _records(handshake) if kind == _ALERT and len(body) == 2]
    return alerts[-1] if alerts else None


def _records(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the TLS records: content type, and what is in it."""
    offset = 0
    while offset + 5 <= len(data):
        end = offset + 5 + int.from_bytes(data[offset + 3 : offset + 5], "big")
        yield data[offset], data[offset + 5 : end]
        offset = end


def _looks_like_tls(data: bytes) -> bool:
    """Say whether `data` begins like a TLS record: a content type of 20 to 23, then version 3.x."""
    return len(data) >= 2 and 20 <= data[0] <= 23 and data[1] == 3


def certificate_was_requested(records: bytes) -> bool:
    """Say whether a CertificateRequest (type 13) stands in the readable part of a handshake.

    Up to TLS 1.2 it travels in the clear; in TLS 1.3 it is encrypted, and alert 116 tells instead.
    """
    readable = takewhile(lambda record: record[0] == _HANDSHAKE, _records(records))
    handshake = b"".join(body for _, body in readable)
    offset = 0
    while offset + 4 <= len(handshake):
        if handshake[offset] == 13:
            return True
        offset += 4 + int.from_bytes(handshake[offset + 1 : offset + 4], "big")
    return False


def dropped(exc: BaseException | None, partial: bytes = b"") -> Dropped:
    """Translate the end of a TCP connection: an abort, a reset, or a plain end of stream."""
    if isinstance(exc, ConnectionAbortedError):
        return Dropped(DropKind.ABORTED, partial, errno_symbol(exc.errno))
    if isinstance(exc, OSError):
        return Dropped(DropKind.RESET, partial, errno_symbol(exc.errno))
    return Dropped(DropKind.EOF, partial)


def phase_of(evidence: Evidence, phase: Phase, encrypted: bool) -> Phase:
    """Return the phase that a failure belongs to.

    In TLS 1.3 the server judges our certificate after our handshake is done, so its alert arrives
    while the next phase is open.
    """
    if encrypted and isinstance(evidence, TlsFailure) and phase is not Phase.TLS:
        return Phase.TLS
    return phase


def unexpected(line: bytes, why: str) -> PhaseFailed:
    """Return the failure for bytes that are no reply, or not one that the session allows here."""
    return PhaseFailed(Garbled(line[:512], why))
