"""TLS failures by name and number: OpenSSL reasons, alerts (RFC 8446 6) and X509 verify errors.

Clients in other languages use other TLS libraries; their names for the same events are data
(`sentences.yml`).
"""

from __future__ import annotations

import re

from exporter.pattern import pattern

REASONS: dict[int, str] = {
    0x74: "BAD_PROTOCOL_VERSION_NUMBER",
    0x86: "CERTIFICATE_VERIFY_FAILED",
    0x9C: "HTTP_REQUEST",
    0xB5: "NO_CIPHERS_AVAILABLE",
    0xBF: "NO_PROTOCOLS_AVAILABLE",
    0xC1: "NO_SHARED_CIPHER",
    0xC6: "PACKET_LENGTH_TOO_LONG",
    0xC7: "PEER_DID_NOT_RETURN_A_CERTIFICATE",
    0xFC: "UNKNOWN_PROTOCOL",
    0x102: "UNSUPPORTED_PROTOCOL",
    0x10A: "WRONG_SSL_VERSION",
    0x10B: "WRONG_VERSION_NUMBER",
    0x126: "UNEXPECTED_EOF_WHILE_READING",
    0x139: "RECORD_LAYER_FAILURE",
    0x152: "UNSAFE_LEGACY_RENEGOTIATION_DISABLED",
    0x172: "WRONG_SIGNATURE_TYPE",
    0x18A: "DH_KEY_TOO_SMALL",
    0x18C: "VERSION_TOO_LOW",
    0x18D: "CA_KEY_TOO_SMALL",
    0x18E: "CA_MD_TOO_WEAK",
    0x18F: "EE_KEY_TOO_SMALL",
}
"""Reason numbers of OpenSSL's SSL library (`sslerr.h`), as in `error:0A00010B`."""

ALERTS: dict[str, int] = {
    "close_notify": 0,
    "unexpected_message": 10,
    "bad_record_mac": 20,
    "record_overflow": 22,
    "decompression_failure": 30,
    "handshake_failure": 40,
    "no_certificate": 41,
    "bad_certificate": 42,
    "unsupported_certificate": 43,
    "certificate_revoked": 44,
    "certificate_expired": 45,
    "certificate_unknown": 46,
    "illegal_parameter": 47,
    "unknown_ca": 48,
    "access_denied": 49,
    "decode_error": 50,
    "decrypt_error": 51,
    "protocol_version": 70,
    "insufficient_security": 71,
    "internal_error": 80,
    "inappropriate_fallback": 86,
    "user_canceled": 90,
    "no_renegotiation": 100,
    "missing_extension": 109,
    "unsupported_extension": 110,
    "unrecognized_name": 112,
    "certificate_required": 116,
    "no_application_protocol": 120,
}

VERIFY_ERRORS: dict[int, str] = {
    2: "unable to get issuer certificate",
    7: "certificate signature failure",
    9: "certificate is not yet valid",
    10: "certificate has expired",
    18: "self-signed certificate",
    19: "self-signed certificate in certificate chain",
    20: "unable to get local issuer certificate",
    21: "unable to verify the first certificate",
    22: "certificate chain too long",
    23: "certificate revoked",
    24: "invalid CA certificate",
    26: "unsuitable certificate purpose",
    27: "certificate not trusted",
    28: "certificate rejected",
    47: "permitted subtree violation",
    62: "hostname mismatch",
    63: "email address mismatch",
    64: "IP address mismatch",
    66: "EE certificate key too weak",
    67: "CA certificate key too weak",
    68: "CA signature digest algorithm too weak",
    79: "invalid CA certificate",
    85: "missing authority key identifier",
    86: "missing subject key identifier",
}
"""OpenSSL's X509_V_ERR numbers and what they say (`x509_vfy.h`)."""

_VERIFY_SPELLINGS: tuple[tuple[str, int], ...] = (
    # older and other spellings first: the longer sentence stands before the shorter one in it
    ("self signed certificate in certificate chain", 19),
    ("self-signed certificate in certificate chain", 19),
    ("self_signed_cert_in_chain", 19),
    ("depth_zero_self_signed_cert", 18),
    ("self signed certificate", 18),
    ("self-signed certificate", 18),
    ("unable_to_get_issuer_cert_locally", 20),
    ("unable_to_verify_leaf_signature", 21),
    ("unable_to_get_issuer_cert", 2),
    ("cert_has_expired", 10),
    ("cert_not_yet_valid", 9),
    ("cert_untrusted", 27),
    ("cert_revoked", 23),
    ("err_tls_cert_altname_invalid", 62),
    ("hostname mismatch", 62),
    ("ip address mismatch", 64),
    *((words.lower(), code) for code, words in VERIFY_ERRORS.items() if code not in {18, 19, 62, 64}),
)

_REASON_WORDS = tuple((name, name.replace("_", " ").lower()) for name in REASONS.values())
_HEX_ERROR = pattern(r"error:([0-9A-Fa-f]{8}):")
_BRACKETED = pattern(r"\[(?:SSL|X509)[:=] ?([A-Z0-9_]{4,60})\]")
_NODE = pattern(r"\bERR_SSL_([A-Z0-9_]{4,60})\b")
_ALERT_NUMBER = pattern(r"\balert number (\d{1,3})\b", re.IGNORECASE)
_ALERT_NAME = pattern(
    r"(?<![a-z])alert[:(,]?[ _-]{1,3}['\"{]{0,2}([a-z]+(?:[ _-][a-z]+){0,3})", re.IGNORECASE
)
# Erlang: `… generated CLIENT ALERT: Fatal - Bad Certificate`, `… received SERVER ALERT: Fatal - Protocol Version`
_ERLANG_ALERT = pattern(r"\b(generated client|received server) alert: fatal - ([a-z]+(?: [a-z]+){0,3})")
_RUN_TOGETHER = {name.replace("_", ""): number for name, number in ALERTS.items()}
"""As .NET and rustls write them: `ProtocolVersion`."""
_VERIFY_NUMBER = pattern(
    r"(?:verify error:num=|verify return code: |verification error |X509_V_ERR_?)(\d{1,3})\b", re.IGNORECASE
)
# what an alert that this side sent says of the other
_OWN_ALERTS = {
    "bad certificate": "CERTIFICATE_VERIFY_FAILED",
    "certificate unknown": "CERTIFICATE_VERIFY_FAILED",
    "unknown ca": "CERTIFICATE_VERIFY_FAILED",
    "unsupported certificate": "CERTIFICATE_VERIFY_FAILED",
    "protocol version": "UNSUPPORTED_PROTOCOL",
}
_ALERT_OFFSET = 1000  # SSL_AD_REASON_OFFSET


def reason_in(text: str) -> tuple[str | None, int | None]:
    """The OpenSSL reason and the peer's alert number that a text carries, by number before by name."""
    reason, alert = None, None
    if found := _HEX_ERROR.search(text):
        # 3.0 packs lib and reason as 9 and 23 bits, 1.x as 8, 12 and 12: the low 12 bits hold both forms
        number = int(found[1], 16) & 0xFFF
        reason = REASONS.get(number)
        if _ALERT_OFFSET <= number < _ALERT_OFFSET + 256:
            alert = number - _ALERT_OFFSET
    for form in (_BRACKETED, _NODE):
        if reason is None and (named := form.search(text)):
            reason = named[1]
    lowered = text.lower()
    if reason is None:
        reason = next((name for name, words in _REASON_WORDS if words in lowered), None)
    if erlang := _ERLANG_ALERT.search(lowered):
        if erlang[1] == "received server":
            return reason, alert if alert is not None else ALERTS.get(erlang[2].replace(" ", "_"))
        return reason or _OWN_ALERTS.get(erlang[2]), alert
    return reason, alert if alert is not None else _alert_in(text)


def alert_of(reason: str | None) -> int | None:
    """The alert behind a reason name such as TLSV1_ALERT_PROTOCOL_VERSION; None for another reason."""
    if reason is None or "_ALERT_" not in reason.upper():
        return None
    return ALERTS.get(reason.lower().split("_alert_", 1)[1])


def _alert_in(text: str) -> int | None:
    if numbered := _ALERT_NUMBER.search(text):
        return int(numbered[1])
    if not (named := _ALERT_NAME.search(text)):
        return None
    words = re.split(r"[ _-]", named[1].lower())
    names = ("".join(words[:length]) for length in range(len(words), 0, -1))
    return next((_RUN_TOGETHER[name] for name in names if name in _RUN_TOGETHER), None)


def verify_number_in(text: str) -> int | None:
    """The X509 verify error that a text names by OpenSSL's number."""
    numbered = _VERIFY_NUMBER.search(text)
    return int(numbered[1]) if numbered and int(numbered[1]) else None


def verify_error_in(text: str) -> int | None:
    """The X509 verify error that a text carries, by OpenSSL's number, its name, or its sentence."""
    if number := verify_number_in(text):
        return number
    lowered = text.lower()
    return next((code for words, code in _VERIFY_SPELLINGS if words in lowered), None)
