"""Which series an endpoint has: absent, NaN, 0 or a value."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from exporter.metrics import BackingOff
from exporter.metrics.endpoint import endpoint_blocks
from exporter.metrics.families import ENDPOINT_FAMILIES
from exporter.model import (
    Attempt,
    AttemptOutcome,
    ErrorClass,
    FaultDomain,
    FollowUp,
    Message,
    Phase,
    Reply,
    TlsMode,
)
from tests.metrics.reading import board_of, names_of, samples_of
from tests.metrics.synthetic import START, StillRuntime, endpoint, failing, healthy


def test_before_the_first_probe_only_identity_and_next_run_exist() -> None:
    """An endpoint that was not probed shows who it is and when it is due, and nothing else."""
    runtime = StillRuntime()
    runtime.next_runs["mail"] = START + 5
    runtime.held["mail"] = BackingOff(auth=True, endpoint=True)
    assert samples_of(board_of(), runtime) == {
        ("smtp_probe_endpoint_info", ("smtp.example.com", "587", "starttls", "submission", "auth")): 1,
        ("smtp_probe_next_run_timestamp_seconds", ()): START + 5,
    }


def test_unplanned_endpoint_has_no_next_run() -> None:
    """While nobody has planned the first probe there is no time to tell."""
    assert names_of(samples_of(board_of())) == {"smtp_probe_endpoint_info"}


def test_healthy_probe_shows_its_values() -> None:
    """The gauges of a healthy probe are those of its result."""
    result = healthy().result
    samples = samples_of(board_of(healthy()))
    assert samples["smtp_probe_success", ()] == 1
    assert samples["smtp_probe_duration_seconds", ()] == result.seconds
    assert samples["smtp_probe_last_run_timestamp_seconds", ()] == START
    assert samples["smtp_probe_tcp_rtt_seconds", ()] == 0.0031
    assert samples["smtp_probe_reply_code", ()] == 235
    assert samples["smtp_probe_ip_protocol", ()] == 4
    assert samples["smtp_probe_interval_seconds", ()] == 60
    assert samples["smtp_probe_timeout_seconds", ()] == 10
    assert samples["smtp_probe_connect_attempts_failed", ()] == 0


def test_phase_duration_covers_the_plan_and_adds_both_ehlos() -> None:
    """Every planned phase has one series; the two EHLOs of a STARTTLS session are one."""
    samples = samples_of(board_of(healthy()))
    phases = {labels[0]: value for (name, labels), value in samples.items() if "phase_duration" in name}
    assert phases == pytest.approx(
        {
            "dns": 0.002,
            "connect": 0.004,
            "greeting": 0.006,
            "ehlo": 0.008 + 0.014,
            "starttls": 0.01,
            "tls": 0.012,
            "auth": 0.016,
            "quit": 0.018,
        }
    )


def test_phase_that_was_not_reached_is_nan() -> None:
    """A failed phase keeps its time; what comes after it is NaN, and nothing is left out."""
    samples = samples_of(board_of(failing(Phase.GREETING, ErrorClass.GREETING_TIMEOUT)))
    phases = {labels[0]: value for (name, labels), value in samples.items() if "phase_duration" in name}
    assert phases["greeting"] == 0.01
    assert {phase for phase, value in phases.items() if math.isnan(value)} == {
        *("ehlo", "starttls", "tls", "auth", "quit")
    }


def test_first_failure_begins_both_counters() -> None:
    """Successes are counted from 0, so the error budget can be computed when nothing ever worked."""
    samples = samples_of(board_of(failing()))
    assert samples["smtp_probe_success", ()] == 0
    assert samples["smtp_probe_attempts_total", ()] == 1
    assert samples["smtp_probe_successes_total", ()] == 0
    assert samples["smtp_probe_failures_total", ("connect", "connect_refused", "server")] == 1


def test_values_of_an_earlier_probe_are_never_repeated() -> None:
    """After a probe that could not connect, nothing of the earlier session is left."""
    gone = names_of(samples_of(board_of(healthy()))) - names_of(
        samples_of(board_of(healthy(), failing(number=1)))
    )
    assert gone == {
        "smtp_probe_auth_mechanism",
        "smtp_probe_capability",
        "smtp_probe_certificate_info",
        "smtp_probe_certificate_not_after_timestamp_seconds",
        "smtp_probe_certificate_not_before_timestamp_seconds",
        "smtp_probe_ip_protocol",
        "smtp_probe_tcp_rtt_seconds",
        "smtp_probe_tls_info",
    }


def test_reply_code_is_0_when_nothing_was_said() -> None:
    """A probe that heard no reply says 0, since 0 is no code."""
    assert samples_of(board_of(failing()))["smtp_probe_reply_code", ()] == 0


def test_name_failure_tried_no_address() -> None:
    """Without an address there is no number of failed addresses."""
    board = board_of(failing(Phase.DNS, ErrorClass.DNS_NOT_FOUND, attempts=()))
    assert "smtp_probe_connect_attempts_failed" not in names_of(samples_of(board))


def test_dead_backends_behind_a_name_are_counted() -> None:
    """Addresses that refused or stayed silent before one answered are counted, on a healthy probe too."""
    attempts = (
        Attempt("[2001:db8::1]:587", AttemptOutcome.NO_ANSWER, 0.25),
        Attempt("192.0.2.6:587", AttemptOutcome.REFUSED, 0.001, "ECONNREFUSED"),
        Attempt("192.0.2.7:587", AttemptOutcome.CONNECTED, 0.004),
    )
    samples = samples_of(board_of(healthy(attempts=attempts)))
    assert samples["smtp_probe_success", ()] == 1
    assert samples["smtp_probe_connect_attempts_failed", ()] == 2


def test_failure_stays_at_0_after_recovery() -> None:
    """What was wrong before is 0, what is wrong now is 1, so series do not come and go."""
    refused = ("connect", "connect_refused", "server")
    rejected = ("auth", "credentials_rejected", "credentials")
    first = failing()
    second = failing(Phase.AUTH, ErrorClass.CREDENTIALS_REJECTED, FaultDomain.CREDENTIALS, number=1)
    samples = samples_of(board_of(first, second))
    assert samples["smtp_probe_failure", refused] == 0
    assert samples["smtp_probe_failure", rejected] == 1
    samples = samples_of(board_of(first, second, healthy(number=2)))
    assert samples["smtp_probe_failure", refused] == samples["smtp_probe_failure", rejected] == 0


def test_outcomes_count_each_stage() -> None:
    """Connect, TLS and login each say how they ended, with `none` for success."""
    board = board_of(
        healthy(), failing(Phase.AUTH, ErrorClass.AUTH_DISABLED, FaultDomain.CREDENTIALS, number=1)
    )
    samples = samples_of(board)
    outcomes = {labels: value for (name, labels), value in samples.items() if name.endswith("outcomes_total")}
    assert outcomes == {
        ("connect", "none"): 2,
        ("tls", "none"): 2,
        ("auth", "none"): 1,
        ("auth", "auth_disabled"): 1,
    }


def test_latency_is_a_cumulative_histogram_of_successes() -> None:
    """Every successful probe is in the latency; a failed one only where it connected."""
    late = failing(Phase.GREETING, ErrorClass.GREETING_TIMEOUT, number=2)
    samples = samples_of(board_of(healthy(seconds=0.2), healthy(seconds=7.0, number=1), late))
    buckets = [v for (name, _), v in samples.items() if name == "smtp_probe_latency_seconds_bucket"]
    bounds = [labels[0] for name, labels in samples if name == "smtp_probe_latency_seconds_bucket"]
    assert bounds == ["0.025", "0.1", "0.25", "0.5", "1.0", "2.5", "5.0", "+Inf"]
    assert buckets == [0, 0, 1, 1, 1, 1, 1, 2]
    assert samples["smtp_probe_latency_seconds_count", ()] == 2
    assert samples["smtp_probe_latency_seconds_sum", ()] == pytest.approx(7.2)
    assert samples["smtp_probe_connect_latency_seconds_count", ()] == 3


def test_phase_latency_is_opt_in() -> None:
    """Histograms of the phases exist only on a board that was asked for them."""
    assert "smtp_probe_phase_latency_seconds_count" not in names_of(samples_of(board_of(healthy())))
    samples = samples_of(board_of(healthy(), phase_latency=True))
    assert samples["smtp_probe_phase_latency_seconds_count", ("tls",)] == 1
    assert samples["smtp_probe_phase_latency_seconds_bucket", ("tls", "0.025")] == 1


def test_backing_off_is_told_by_scope() -> None:
    """What is held back is 1; both scopes exist from the first probe on."""
    runtime = StillRuntime()
    assert samples_of(board_of(healthy()), runtime)["smtp_probe_backing_off", ("auth",)] == 0
    runtime.held["mail"] = BackingOff(auth=True, endpoint=False)
    samples = samples_of(board_of(healthy()), runtime)
    assert samples["smtp_probe_backing_off", ("auth",)] == 1
    assert samples["smtp_probe_backing_off", ("endpoint",)] == 0


def test_token_expiry_exists_where_a_token_is_used() -> None:
    """Only an endpoint with an OAuth2 token has its end."""
    runtime = StillRuntime()
    assert "smtp_probe_oauth2_token_expiry_timestamp_seconds" not in names_of(
        samples_of(board_of(healthy()), runtime)
    )
    runtime.tokens["mail"] = START + 3600
    samples = samples_of(board_of(healthy()), runtime)
    assert samples["smtp_probe_oauth2_token_expiry_timestamp_seconds", ()] == START + 3600


def test_uncertain_data_is_counted_where_messages_are_sent() -> None:
    """Only an endpoint that goes to DATA can leave a message in doubt, and it counts from 0."""
    assert "smtp_probe_data_uncertain_total" not in names_of(samples_of(board_of(healthy())))
    sending = endpoint(until=Phase.DATA, message=Message(sender="a@example.com", recipient="b@example.com"))
    assert samples_of(board_of(healthy(sending)))["smtp_probe_data_uncertain_total", ()] == 0
    lost = failing(Phase.DATA, ErrorClass.CONNECTION_LOST, probed=sending, data_uncertain=True)
    assert samples_of(board_of(lost))["smtp_probe_data_uncertain_total", ()] == 1


def test_follow_ups_are_counted_by_what_they_showed() -> None:
    """A follow-up counts once, by the class that it proved."""
    found = FollowUp(
        experiment="try port 465",
        target="smtp.example.com:465",
        outcome="it answers",
        seconds=0.1,
        decides=ErrorClass.PORT_BLOCKED,
    )
    observation = replace(failing(), follow_ups=(found,))
    assert samples_of(board_of(observation))["smtp_probe_followups_total", ("port_blocked",)] == 1


def test_implicit_tls_and_no_tls_have_their_own_plans() -> None:
    """A session without TLS has no TLS verdict at all, rather than one that is unknown for ever."""
    plain = endpoint(tls=TlsMode.NONE, until=Phase.EHLO, auth=None)
    samples = samples_of(board_of(healthy(plain, reply=Reply(250, (b"ok",)))))
    assert not {"smtp_probe_tls_success", "smtp_probe_tls_verified", "smtp_probe_auth_success"} & names_of(
        samples
    )
    implicit = samples_of(board_of(healthy(endpoint(tls=TlsMode.IMPLICIT, port=465))))
    assert implicit["smtp_probe_tls_success", ()] == 1
    assert ("smtp_probe_phase_duration_seconds", ("starttls",)) not in implicit


def test_healthy_endpoint_stays_within_its_budget() -> None:
    """A healthy STARTTLS endpoint with a login and default settings has at most 70 series."""
    runtime = StillRuntime()
    runtime.next_runs["mail"] = START + 60
    assert len(samples_of(board_of(healthy()), runtime)) <= 70


def test_endpoint_that_failed_in_every_way_stays_within_its_budget() -> None:
    """Eight kinds of failure, a follow-up and a token bring an endpoint to at most 95 series."""
    runtime = StillRuntime()
    runtime.next_runs["mail"] = START + 60
    runtime.tokens["mail"] = START + 60
    kinds = (
        (Phase.DNS, ErrorClass.DNS_UNAVAILABLE, FaultDomain.NETWORK),
        (Phase.CONNECT, ErrorClass.CONNECT_TIMEOUT, FaultDomain.NETWORK),
        (Phase.CONNECT, ErrorClass.CONNECT_REFUSED, FaultDomain.SERVER),
        (Phase.GREETING, ErrorClass.GREETING_TIMEOUT, FaultDomain.SERVER),
        (Phase.EHLO, ErrorClass.CONNECTION_LOST, FaultDomain.SERVER),
        (Phase.TLS, ErrorClass.CERT_EXPIRED, FaultDomain.SERVER),
        (Phase.AUTH, ErrorClass.AUTH_TEMPORARY_FAILURE, FaultDomain.SERVER),
        (Phase.AUTH, ErrorClass.CREDENTIALS_REJECTED, FaultDomain.CREDENTIALS),
    )
    board = board_of(
        healthy(),
        *(failing(*kind, number=number) for number, kind in enumerate(kinds, 1)),
        healthy(number=10),
    )
    assert len(samples_of(board, runtime)) <= 95


def test_label_values_are_from_closed_sets() -> None:
    """Nothing that a server says becomes a label, but for the certificate's four."""
    secret_words = b"queue id 4XyZ from 192.0.2.99"
    samples = samples_of(board_of(healthy(reply=Reply(250, (secret_words,)))))
    words = " ".join(value for _, labels in samples for value in labels)
    assert "4XyZ" not in words
    assert "X-HOUSE-BREW" not in words


def test_every_sample_has_the_labels_of_its_family() -> None:
    """A sample brings one value for each label name, `le` included."""
    (entry,) = board_of(healthy(), failing(number=1), phase_latency=True).entries.values()
    for shape, values in endpoint_blocks(entry, StillRuntime()):
        assert shape.family in ENDPOINT_FAMILIES
        assert len(values) == len(shape.series)
        for labels, suffix in shape.series:
            assert suffix in shape.family.suffixes
            assert len(labels) == len(shape.family.label_names(suffix))
