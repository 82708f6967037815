"""Verdicts, certificates, capabilities and mechanisms of the last session."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.metrics.handshake import CAPABILITIES_AFTER_TLS, LABEL_LIMIT, certificate_text
from exporter.model import (
    Capabilities,
    DropKind,
    Dropped,
    ErrorClass,
    FaultDomain,
    NotOffered,
    Observation,
    Phase,
    Reply,
    StepStatus,
    TlsFailure,
    TlsMode,
)
from tests.metrics.reading import board_of, names_of, samples_of
from tests.metrics.synthetic import START, endpoint, facts, failing, healthy

SUCCESS, VERIFIED, LOGIN = (
    ("smtp_probe_tls_success", ()),
    ("smtp_probe_tls_verified", ()),
    ("smtp_probe_auth_success", ()),
)
EXPIRED = TlsFailure("CERTIFICATE_VERIFY_FAILED", verify_code=10, verify_error="certificate has expired")


def expired(**changes: object) -> Observation:
    """A probe that met an expired certificate."""
    seen = facts(
        verified=False,
        verify_code=10,
        verify_error="certificate has expired",
        not_after=START - 60,
        earliest_not_after=START - 60,
    )
    return failing(Phase.TLS, ErrorClass.CERT_EXPIRED, evidence=EXPIRED, tls=seen, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("observation", "verdicts"),
    [
        pytest.param(healthy(), (1, 1, 1), id="healthy"),
        pytest.param(failing(), (math.nan, math.nan, math.nan), id="not connected"),
        pytest.param(expired(), (0, 0, math.nan), id="certificate expired"),
        pytest.param(
            failing(
                Phase.TLS,
                ErrorClass.TLS_HANDSHAKE_FAILED,
                evidence=TlsFailure("NO_SHARED_CIPHER"),
            ),
            (0, math.nan, math.nan),
            id="no handshake",
        ),
        pytest.param(
            failing(
                Phase.STARTTLS,
                ErrorClass.STARTTLS_REFUSED,
                evidence=Reply(454, (b"TLS not available",)),
            ),
            (0, math.nan, math.nan),
            id="STARTTLS refused",
        ),
        pytest.param(
            failing(
                Phase.STARTTLS,
                ErrorClass.STARTTLS_NOT_OFFERED,
                FaultDomain.SETTINGS,
                evidence=NotOffered("STARTTLS"),
            ),
            (0, math.nan, math.nan),
            id="STARTTLS not offered",
        ),
        pytest.param(
            failing(Phase.EHLO, ErrorClass.CONNECTION_LOST, evidence=Dropped(DropKind.EOF)),
            (math.nan, math.nan, math.nan),
            id="lost before STARTTLS",
        ),
        pytest.param(
            failing(
                Phase.AUTH,
                ErrorClass.AUTH_NOT_OFFERED,
                FaultDomain.SETTINGS,
                evidence=NotOffered("AUTH"),
            ),
            (1, 1, 0),
            id="login not offered",
        ),
        pytest.param(
            failing(
                Phase.AUTH,
                ErrorClass.CREDENTIALS_REJECTED,
                FaultDomain.CREDENTIALS,
                evidence=Reply(535, (b"no",)),
                auth_withheld=True,
            ),
            (1, 1, 0),
            id="login withheld after a rejection",
        ),
        pytest.param(
            healthy(tls=facts(verified=False, verify_error="self-signed certificate")),
            (1, 0, 1),
            id="verification switched off",
        ),
    ],
)
def test_verdicts(observation: Observation, verdicts: tuple[float, float, float]) -> None:
    """Encryption, verification and login are 1, 0, or NaN where the probe did not get that far."""
    samples = samples_of(board_of(observation))
    assert [samples[SUCCESS], samples[VERIFIED], samples[LOGIN]] == pytest.approx(verdicts, nan_ok=True)


def test_login_that_is_not_due_keeps_its_last_verdict() -> None:
    """A probe between two logins that finds nothing wrong repeats that the last one was accepted."""
    good = healthy().result
    steps = tuple(
        replace(step, status=StepStatus.SKIPPED, seconds=None) if step.phase is Phase.AUTH else step
        for step in good.steps
    )
    samples = samples_of(board_of(healthy(steps=steps, auth_withheld=True)))
    assert samples["smtp_probe_success", ()] == 1
    assert samples[LOGIN] == 1


def test_expired_certificate_keeps_its_dates() -> None:
    """The times of a certificate are there also when it did not verify: that is when they are needed."""
    samples = samples_of(board_of(expired()))
    assert samples["smtp_probe_certificate_not_after_timestamp_seconds", ("leaf",)] == START - 60
    assert samples["smtp_probe_certificate_not_after_timestamp_seconds", ("earliest",)] == START - 60
    assert samples["smtp_probe_tls_info", ("TLSv1.3", "TLS_AES_256_GCM_SHA384")] == 1


def test_both_ends_of_validity_of_leaf_and_earliest() -> None:
    """The leaf and the certificate of the chain that ends first each have both their times."""
    samples = samples_of(board_of(healthy()))
    dates = {
        (name.removeprefix("smtp_probe_certificate_").split("_timestamp")[0], labels[0]): value
        for (name, labels), value in samples.items()
        if name.startswith("smtp_probe_certificate_not")
    }
    seen = facts()
    assert dates == {
        ("not_before", "leaf"): seen.not_before,
        ("not_before", "earliest"): seen.earliest_not_before,
        ("not_after", "leaf"): seen.not_after,
        ("not_after", "earliest"): seen.earliest_not_after,
    }


def test_handshake_without_certificate_shows_no_certificate() -> None:
    """Facts that the handshake did not yield are absent, one by one."""
    bare = facts(
        version="",
        cipher="",
        fingerprint_sha256="",
        not_before=None,
        not_after=None,
        earliest_not_before=None,
        earliest_not_after=None,
    )
    names = names_of(samples_of(board_of(healthy(tls=bare))))
    assert not {name for name in names if "certificate" in name or "tls_info" in name}


def test_fifth_certificate_within_an_hour_varies() -> None:
    """A fleet behind one name would make a series for each of its certificates; it makes one."""
    fleet = [healthy(tls=facts(fingerprint_sha256=f"{n:064x}"), number=n) for n in range(5)]
    samples = samples_of(board_of(*fleet[:4]))
    assert samples[
        "smtp_probe_certificate_info", ("CN=smtp.example.com", "CN=Example CA,O=Example", "1F", f"{3:064x}")
    ]
    samples = samples_of(board_of(*fleet))
    assert samples["smtp_probe_certificate_info", ("varies",) * 4] == 1
    assert sum(name == "smtp_probe_certificate_info" for name, _ in samples) == 1


@given(st.text(st.characters(codec=None, exclude_categories=()), max_size=400))
def test_certificate_text_is_short_and_printable(text: str) -> None:
    """Whatever a certificate says becomes at most 128 printable characters."""
    label = certificate_text(text)
    assert len(label) <= LABEL_LIMIT
    assert label.isprintable()
    label.encode()


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("CN=smtp.example.com", "CN=smtp.example.com"),
        ("CN=bücher.example", "CN=bücher.example"),
        ("CN=a\nb\x00\x1b[31m", r"CN=a\nb\x00\x1b[31m"),
        ("CN=\u202egpj.exe", r"CN=\u202egpj.exe"),
        ("x" * 128, "x" * 128),
        ("x" * 129, "x" * 127 + "…"),
        ("\n" * 65, r"\n" * 63 + "…"),
        ("", ""),
    ],
)
def test_certificate_text(text: str, label: str) -> None:
    """Control characters are escaped, and what is too long ends in an ellipsis, never inside an escape."""
    assert certificate_text(text) == label


def test_capabilities_before_and_after_tls() -> None:
    """Before TLS two capabilities count, after it nine; each is 0 or 1."""
    samples = samples_of(board_of(healthy()))
    offered = {labels: value for (name, labels), value in samples.items() if name == "smtp_probe_capability"}
    assert {labels for labels in offered if labels[1] == "before"} == {
        ("STARTTLS", "before"),
        ("AUTH", "before"),
    }
    assert {labels[0] for labels in offered if labels[1] == "after"} == set(CAPABILITIES_AFTER_TLS)
    assert offered["STARTTLS", "before"] == offered["SIZE", "after"] == 1
    assert offered["CHUNKING", "after"] == 0


def test_login_offered_in_clear_is_visible() -> None:
    """AUTH before TLS is a finding of its own, with its mechanisms."""
    samples = samples_of(board_of(healthy()))
    assert samples["smtp_probe_capability", ("AUTH", "before")] == 1
    assert samples["smtp_probe_auth_mechanism", ("PLAIN", "before")] == 1
    quiet = Capabilities(keywords=("STARTTLS",), mechanisms=())
    samples = samples_of(board_of(healthy(before_tls=quiet)))
    assert samples["smtp_probe_capability", ("AUTH", "before")] == 0
    assert ("smtp_probe_auth_mechanism", ("PLAIN", "before")) not in samples


def test_unknown_mechanism_is_no_label() -> None:
    """A name that a server made up never becomes a series."""
    samples = samples_of(board_of(healthy()))
    assert {labels for name, labels in samples if name == "smtp_probe_auth_mechanism"} == {
        *(("PLAIN", "before"), ("LOGIN", "before"), ("PLAIN", "after"), ("LOGIN", "after"))
    }


def test_implicit_tls_has_no_time_before_tls() -> None:
    """With TLS from the first byte there is one EHLO, and it counts as after."""
    samples = samples_of(board_of(healthy(endpoint(tls=TlsMode.IMPLICIT, port=465))))
    assert not {labels for name, labels in samples if name == "smtp_probe_capability" and "before" in labels}
