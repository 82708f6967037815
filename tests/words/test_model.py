"""The words themselves: a secret stays one, an endpoint knows its target."""

from __future__ import annotations

import copy
import pickle

import pytest

from exporter.model import (
    Endpoint,
    Phase,
    ProbeResult,
    Reply,
    Secret,
    Step,
    StepStatus,
    TlsMode,
    errno_symbol,
)


def endpoint(host: str) -> Endpoint:
    """An endpoint of which only the host matters."""
    return Endpoint(
        name="e", host=host, port=587, tls=TlsMode.NONE, until=Phase.EHLO, interval=60.0, timeout=10.0
    )


def test_a_secret_shows_itself_to_nobody() -> None:
    """Neither repr nor str, format or pickle give it away; `reveal` does."""
    secret = Secret("hunter2")
    assert secret.reveal() == "hunter2"
    for shown in (repr(secret), str(secret), f"{secret}", f"{[secret]}"):
        assert "hunter2" not in shown
    for leak in (pickle.dumps, copy.copy):
        with pytest.raises(TypeError, match="never serialised"):
            leak(secret)


def test_secrets_compare_by_value() -> None:
    """A changed secret makes a changed endpoint."""
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2


def test_a_target_brackets_ipv6() -> None:
    """`host:port` can be read back."""
    assert endpoint("mail.example.com").target == "mail.example.com:587"
    assert endpoint("2001:db8::1").target == "[2001:db8::1]:587"


def test_replies_are_read_as_utf8_or_else_latin1() -> None:
    """Old servers write Latin-1; the words stay readable."""
    assert Reply(550, ("Empfänger".encode(), b"unbekannt")).text == "Empfänger\nunbekannt"
    assert Reply(550, ("Empfänger".encode("latin-1"),)).text == "Empfänger"


def test_both_ehlos_count_into_ehlo() -> None:
    """A phase that occurs twice has the sum of both; one that was not reached has none."""
    steps = (
        Step(Phase.EHLO, StepStatus.PASSED, 0.25),
        Step(Phase.EHLO, StepStatus.PASSED, 0.5),
        Step(Phase.AUTH, StepStatus.SKIPPED, None),
    )
    result = ProbeResult(endpoint=endpoint("h"), started=0.0, seconds=1.0, steps=steps)
    assert result.phase_seconds(Phase.EHLO) == 0.75
    assert result.phase_seconds(Phase.AUTH) is None
    assert result.success


def test_errno_symbols() -> None:
    """A known number has its name, a strange one its number, none none."""
    assert errno_symbol(111) == "ECONNREFUSED"
    assert errno_symbol(99999) == "E99999"
    assert errno_symbol(None) is None
