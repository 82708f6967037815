"""Foreign exceptions become evidence by type, number and reason name."""

from __future__ import annotations

import _ssl

import pytest
from cryptography.hazmat.bindings.openssl.binding import Binding
from OpenSSL import SSL

from exporter.diagnosis.openssl import ALERTS, REASONS
from exporter.model import DropKind, Dropped, TlsFailure
from exporter.probe.evidence import certificate_was_requested, dropped, tls_failure

ALERT_200 = b"\x16\x03\x03\x00\x01a\x15\x03\x03\x00\x02\x02\xc8"


def ssl_error(*sentences: str) -> SSL.Error:
    """An error as pyOpenSSL fills it, the last sentence the youngest."""
    return SSL.Error([("SSL routines", "", sentence) for sentence in sentences])


@pytest.mark.parametrize(
    ("sentence", "reason", "alert"),
    [
        ("tlsv1 alert protocol version", "TLSV1_ALERT_PROTOCOL_VERSION", 70),
        ("sslv3 alert handshake failure", "SSLV3_ALERT_HANDSHAKE_FAILURE", 40),
        ("ssl/tls alert handshake failure", "SSLV3_ALERT_HANDSHAKE_FAILURE", 40),
        ("tls alert handshake failure", "SSLV3_ALERT_HANDSHAKE_FAILURE", 40),
        ("tlsv13 alert certificate required", "TLSV13_ALERT_CERTIFICATE_REQUIRED", 116),
        ("tlsv1 unrecognized name", "TLSV1_UNRECOGNIZED_NAME", 112),
        ("tlsv1 alert internal error", "TLSV1_ALERT_INTERNAL_ERROR", 80),
        ("wrong version number", "WRONG_VERSION_NUMBER", None),
        ("no protocols available", "NO_PROTOCOLS_AVAILABLE", None),
        ("tlsv1 alert of the future", "TLSV1_ALERT_OF_THE_FUTURE", None),
    ],
)
def test_reason_and_alert_follow_from_the_sentence(sentence: str, reason: str, alert: int | None) -> None:
    """The peer's alert is known by number in every OpenSSL; what our own side raised has none."""
    assert tls_failure(ssl_error(sentence)) == TlsFailure(reason=reason, alert=alert, detail=reason)


def test_the_names_are_those_of_pythons_ssl() -> None:
    """Every reason that Python's `ssl` can give for TLS has its name here, and every alert its number.

    Up to Python 3.11 its table can be read; what the diagnosis knows is compared everywhere.
    """
    SSL.Context(SSL.TLS_CLIENT_METHOD)  # loads the sentences
    library, offset = 20, 1000
    table: dict[tuple[int, int], str] = getattr(_ssl, "err_codes_to_names", {})
    names = REASONS | {number: name for (lib, number), name in table.items() if lib == library}
    strange = set()
    for number, name in names.items():
        sentence = Binding.lib.ERR_reason_error_string(library << 23 | number)
        if not sentence:
            continue
        failure = tls_failure(ssl_error(Binding.ffi.string(sentence).decode()))
        if failure.reason != name:
            strange.add(name)
        assert failure.alert == (number - offset if number > offset else None)
    # Of servers, Suite B, GOST and SRP, or of what we set ourselves: nothing that a mail server can bring about.
    assert strange <= {
        "AT_LEAST_TLS_1_2_NEEDED_IN_SUITEB_MODE",
        "ILLEGAL_SUITEB_DIGEST",
        "MISSING_SRP_PARAM",
        "NO_GOST_CERTIFICATE_SENT_BY_PEER",
        "SRP_A_CALC",
        "SSL3_EXT_INVALID_MAX_FRAGMENT_LENGTH",
        "SSL3_EXT_INVALID_SERVERNAME",
        "SSL3_EXT_INVALID_SERVERNAME_TYPE",
        "SSL3_SESSION_ID_TOO_LONG",
    }


def test_alerts_are_known_by_number() -> None:
    """Whatever OpenSSL calls them; it has no words for close_notify, which is no error."""
    SSL.Context(SSL.TLS_CLIENT_METHOD)
    sentences = {
        number: Binding.lib.ERR_reason_error_string(20 << 23 | 1000 + number) for number in ALERTS.values()
    }
    assert [number for number, sentence in sentences.items() if not sentence] == [0]
    for number, sentence in sentences.items():
        if sentence:
            assert tls_failure(ssl_error(Binding.ffi.string(sentence).decode())).alert == number


def test_an_alert_that_openssl_has_no_words_for_is_read_in_the_handshake() -> None:
    """The error is nameless; without an error no alert counts."""
    assert tls_failure(ssl_error(""), ALERT_200) == TlsFailure(alert=200, detail="SSLError")
    assert tls_failure(ssl_error("")).alert is None
    assert tls_failure(SSL.Error([]), ALERT_200).alert is None
    assert tls_failure(SSL.ZeroReturnError(), ALERT_200).alert is None


def test_the_layer_in_which_an_error_came_up_is_not_the_reason() -> None:
    """OpenSSL 3.2 wraps what Python's own OpenSSL gave as it is."""
    wrapped = ssl_error("wrong version number", "record layer failure")
    assert tls_failure(wrapped).reason == "WRONG_VERSION_NUMBER"
    assert tls_failure(ssl_error("record layer failure")).reason == "RECORD_LAYER_FAILURE"


@pytest.mark.parametrize(("data", "kept"), [(b"220 hello", b"220 hello"), (b"\x16\x03\x03\x00", b"")])
def test_only_bytes_that_are_not_tls_are_kept(data: bytes, kept: bytes) -> None:
    """A plaintext answer explains the failure; TLS records do not."""
    assert tls_failure(ssl_error("wrong version number"), data).peer_bytes == kept


def test_the_ways_a_connection_ends() -> None:
    """End of stream, reset and abort are three findings."""
    assert dropped(None, b"25") == Dropped(DropKind.EOF, b"25")
    assert dropped(ConnectionResetError(104, "x")) == Dropped(DropKind.RESET, b"", "ECONNRESET")
    assert dropped(ConnectionAbortedError(103, "x")) == Dropped(DropKind.ABORTED, b"", "ECONNABORTED")


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
