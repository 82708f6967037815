"""Foreign exceptions become evidence by type, number and reason name."""

from __future__ import annotations

import ssl

import pytest

from exporter.model import DropKind, Dropped, TlsFailure
from exporter.probe.evidence import certificate_was_requested, dropped, tls_failure


def ssl_error(reason: str | None, text: str = "") -> ssl.SSLError:
    """An SSLError as OpenSSL's binding fills it."""
    error = ssl.SSLError(1, text or f"[SSL: {reason}] some sentence")
    error.reason = reason  # type: ignore[assignment]
    return error


@pytest.mark.parametrize(
    ("reason", "alert"),
    [
        ("TLSV1_ALERT_PROTOCOL_VERSION", 70),
        ("SSLV3_ALERT_HANDSHAKE_FAILURE", 40),
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", 116),
        ("TLSV1_UNRECOGNIZED_NAME", 112),
        ("TLSV1_ALERT_INTERNAL_ERROR", 80),
        ("WRONG_VERSION_NUMBER", None),
        ("NO_PROTOCOLS_AVAILABLE", None),
        ("TLSV1_ALERT_OF_THE_FUTURE", None),
    ],
)
def test_alert_numbers_follow_from_the_reason_name(reason: str, alert: int | None) -> None:
    """The peer's alert is known by number; what our own side raised has none."""
    assert tls_failure(ssl_error(reason)) == TlsFailure(reason=reason, alert=alert, detail=reason)


def test_a_reason_without_a_name_gives_its_number() -> None:
    """An OpenSSL newer than Python's table shows only 1000 + alert."""
    error = ssl_error(None, "[SSL] unknown error (reason(1116))")
    assert tls_failure(error).alert == 116
    assert tls_failure(ssl_error(None, "reason(134)")).alert is None


@pytest.mark.parametrize(("data", "kept"), [(b"220 hello", b"220 hello"), (b"\x16\x03\x03\x00", b"")])
def test_only_bytes_that_are_not_tls_are_kept(data: bytes, kept: bytes) -> None:
    """A plaintext answer explains the failure; TLS records do not."""
    assert tls_failure(ssl_error("WRONG_VERSION_NUMBER"), peer_bytes=data).peer_bytes == kept


def test_the_ways_a_connection_ends() -> None:
    """End of stream, reset, abort and an alert inside TLS are four findings."""
    assert dropped(None, b"25") == Dropped(DropKind.EOF, b"25")
    assert dropped(ConnectionResetError(104, "x")) == Dropped(DropKind.RESET, b"", "ECONNRESET")
    assert dropped(ConnectionAbortedError(103, "x")) == Dropped(DropKind.ABORTED, b"", "ECONNABORTED")
    assert dropped(ssl.SSLEOFError(8, "eof")) == Dropped(DropKind.EOF)
    assert isinstance(dropped(ssl_error("TLSV13_ALERT_CERTIFICATE_REQUIRED")), TlsFailure)


def test_a_certificate_request_is_found_across_records() -> None:
    """The message is found where it begins in one record and ends in the next, and nowhere else."""
    hello, request = b"\x02\x00\x00\x04aaaa", b"\x0d\x00\x00\x04bbbb"
    stream = hello + request

    def record(data: bytes) -> bytes:
        return b"\x16\x03\x03" + len(data).to_bytes(2, "big") + data

    assert certificate_was_requested(record(stream[:10]) + record(stream[10:]))
    assert not certificate_was_requested(record(hello))
    assert not certificate_was_requested(b"220 hello\r\n")
    assert not certificate_was_requested(b"")
