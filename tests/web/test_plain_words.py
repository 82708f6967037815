"""The closed sets in words, and times as a person reads them."""

from __future__ import annotations

import pytest

from exporter.model import Confidence, ErrorClass, FaultDomain, Phase, StepStatus, TlsMode
from exporter.web import words


def test_every_member_has_its_words() -> None:
    """A new phase, owner, mode, status or confidence cannot be forgotten here."""
    assert words.OWNERS.keys() == set(FaultDomain)
    assert words.PHASES.keys() == set(Phase)
    assert words.TLS_MODES.keys() == set(TlsMode)
    assert words.STATUSES.keys() == set(StepStatus)
    assert words.CONFIDENCES.keys() == set(Confidence)


@pytest.mark.parametrize(
    ("error_class", "text"),
    [
        (ErrorClass.CERT_EXPIRED, "certificate expired"),
        (ErrorClass.DNS_NOT_FOUND, "DNS not found"),
        (ErrorClass.NOT_SMTP, "not SMTP"),
        (ErrorClass.STARTTLS_REFUSED, "STARTTLS refused"),
        (ErrorClass.CERT_HOSTNAME_MISMATCH, "certificate host name mismatch"),
        (ErrorClass.OAUTH_TOKEN_REJECTED, "OAuth token rejected"),
        (ErrorClass.APP_PASSWORD_REQUIRED, "app password required"),
    ],
)
def test_class_in_words(error_class: ErrorClass, text: str) -> None:
    """A class reads as words, abbreviations spelt as usual."""
    assert words.class_words(error_class) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0 s"),
        (0.4, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (200, "3 min 20 s"),
        (660, "11 min"),
        (3600, "1 h"),
        (3 * 3600 + 300, "3 h 5 min"),
        (20 * 3600 + 300, "20 h"),
        (86_400 * 2 + 3600 * 3, "2 d 3 h"),
        (86_400 * 400, "400 d"),
    ],
)
def test_span_in_words(seconds: float, text: str) -> None:
    """A span has its largest unit, and the next one while that says something."""
    assert words.span_words(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0.0 ms"), (0.00003, "< 0.1 ms"), (0.0012, "1.2 ms"), (0.25, "250.0 ms"), (1.234, "1.23 s")],
)
def test_duration_in_words(seconds: float, text: str) -> None:
    """Below one second a duration is in milliseconds."""
    assert words.seconds_words(seconds) == text
