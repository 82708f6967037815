"""Foreign exceptions become our words here, and only here.

What OpenSSL, asyncio and aiosmtplib raise is matched by type, number and reason name; their English
sentences are kept for a person and never decided by.
"""

from __future__ import annotations

import re
import ssl

from exporter.model import DropKind, Dropped, Evidence, Garbled, Phase, TlsFailure, errno_symbol


class PhaseFailed(Exception):  # noqa: N818 - it reads as what happened
    """Unwinds one probe to its session; it never leaves this package."""

    def __init__(self, evidence: Evidence, seconds: float | None = None) -> None:
        super().__init__(type(evidence).__name__)
        self.evidence = evidence
        self.seconds = seconds
        """What the phase took, where that is known better than by the clock on the wall."""


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
# Python knows the reasons of the OpenSSL it was built with; a newer one shows only its number in
# the text, 1000 + alert.
_UNKNOWN_REASON = re.compile(r"reason\((1\d{3})\)")


def tls_failure(
    exc: ssl.SSLError, *, peer_bytes: bytes = b"", certificate_requested: bool = False
) -> TlsFailure:
    """Translate what OpenSSL raised; `peer_bytes` are kept when they are not a TLS record."""
    reason = exc.reason or None
    verify_code = verify_error = None
    if isinstance(exc, ssl.SSLCertVerificationError):
        verify_code, verify_error = exc.verify_code, exc.verify_message
    return TlsFailure(
        reason=reason,
        alert=_alert_number(reason, str(exc)),
        verify_code=verify_code,
        verify_error=verify_error,
        detail=reason or type(exc).__name__,
        peer_bytes=b"" if _looks_like_tls(peer_bytes) else peer_bytes,
        certificate_requested=certificate_requested,
    )


def _alert_number(reason: str | None, text: str) -> int | None:
    """Return the number of the alert that the peer sent, None when it sent none."""
    if reason is not None and (match := _ALERT_NAME.fullmatch(reason)):
        return _ALERTS.get(match[1])
    if reason is None and (match := _UNKNOWN_REASON.search(text)):
        return int(match[1]) - 1000
    return None


def _looks_like_tls(data: bytes) -> bool:
    """Say whether `data` begins like a TLS record: a content type of 20 to 23, then version 3.x."""
    return len(data) >= 2 and 20 <= data[0] <= 23 and data[1] == 3


def certificate_was_requested(records: bytes) -> bool:
    """Say whether a CertificateRequest (type 13) stands in the readable part of a handshake.

    Up to TLS 1.2 it travels in the clear; in TLS 1.3 it is encrypted, and alert 116 tells instead.
    """
    handshake = bytearray()
    offset = 0
    while offset + 5 <= len(records) and records[offset] == 22:
        length = int.from_bytes(records[offset + 3 : offset + 5], "big")
        handshake += records[offset + 5 : offset + 5 + length]
        offset += 5 + length
    offset = 0
    while offset + 4 <= len(handshake):
        if handshake[offset] == 13:
            return True
        offset += 4 + int.from_bytes(handshake[offset + 1 : offset + 4], "big")
    return False


def dropped(exc: BaseException | None, partial: bytes = b"") -> Evidence:
    """Translate the end of a connection: an alert inside TLS, a reset, or a plain end of stream."""
    if isinstance(exc, ssl.SSLEOFError):
        return Dropped(DropKind.EOF, partial)
    if isinstance(exc, ssl.SSLError):
        return tls_failure(exc)
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
