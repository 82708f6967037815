"""What one observation changes."""

from dataclasses import replace

import pytest

from exporter.board import COUNTED_FAILURES, Board, Entry, failure_key
from exporter.model import (
    Auth,
    ErrorClass,
    FaultDomain,
    FollowUp,
    Phase,
)
from tests.board.observations import IMPLICIT_SESSION, bug, endpoint, failing, healthy

REFUSED = (Phase.CONNECT, ErrorClass.CONNECT_REFUSED, FaultDomain.SERVER)
REJECTED = (Phase.AUTH, ErrorClass.CREDENTIALS_REJECTED, FaultDomain.CREDENTIALS)


def entry_after(*observations, **settings) -> Entry:
    """The entry of endpoint `a` after these observations."""
    board = Board(**settings)
    board.apply([endpoint()])
    for observation in observations:
        board.record(observation)
    return board.entries["a"]


def refused(started: float = 1000.0):
    """A connect that was refused."""
    return failing(*REFUSED, started=started)


def rejected(started: float = 1000.0, **more):
    """A login that was refused."""
    return failing(*REJECTED, started=started, **more)


def test_before_the_first_probe_nothing_is_known():
    """A fresh entry counts from zero and has no latest observation."""
    entry = entry_after()
    assert entry.latest is None
    assert entry.since is None
    assert (entry.attempts, entry.successes, entry.failures, entry.outcomes) == (0, 0, {}, {})
    assert list(entry.history.rows()) == []
    assert not entry.certificate_varies


def test_attempts_are_successes_and_failures_together():
    """Every observation is an attempt, and either a success or one failure with its key."""
    entry = entry_after(healthy(), refused(), rejected(), refused(), bug())
    assert entry.attempts == 5
    assert entry.successes == 1
    assert entry.failures == {
        REFUSED: 2,
        REJECTED: 1,
        (Phase.DNS, ErrorClass.EXPORTER_ERROR, FaultDomain.LOCAL): 1,
    }
    assert entry.latest == bug()


def test_the_key_of_a_failure_is_where_why_and_whose():
    """Health has no key; a bug before any phase counts where a probe begins."""
    assert failure_key(healthy()) is None
    assert failure_key(refused()) == REFUSED
    assert failure_key(bug()) == (Phase.DNS, ErrorClass.EXPORTER_ERROR, FaultDomain.LOCAL)


def test_since_moves_only_with_the_verdict():
    """Repeats of a verdict leave `since` alone; another class, phase, domain or health moves it."""
    board = Board()
    board.apply([endpoint()])
    entry = board.entries["a"]
    seen = []
    for observation in (
        healthy(started=1.0),
        healthy(started=2.0),
        refused(3.0),
        refused(4.0),
        failing(*REFUSED[:2], FaultDomain.SETTINGS, started=5.0),
        healthy(started=6.0),
        healthy(started=7.0),
    ):
        board.record(observation)
        seen.append(entry.since)
    assert seen == [1.0, 1.0, 3.0, 3.0, 5.0, 6.0, 6.0]


def test_recent_failures_are_the_last_eight_different_ones():
    """Keys stay after recovery, the latest last; the one not seen for longest goes first."""
    classes = list(ErrorClass)[1:10]
    observations = [failing(Phase.MAIL, error_class) for error_class in classes[:8]]
    again = failing(Phase.MAIL, classes[0])
    ninth = failing(Phase.MAIL, classes[8])
    entry = entry_after(*observations, healthy(), again, again, ninth)
    assert [key[1] for key in entry.recent_failures] == [*classes[2:8], classes[0], classes[8]]


def test_connect_latency_counts_every_probe_that_connected():
    """Also when it failed later; the whole latency counts successes only."""
    entry = entry_after(healthy(seconds=0.3), rejected(), refused())
    assert entry.connect_latency.count == 2
    assert entry.connect_latency.total == pytest.approx(0.04)
    assert entry.latency.count == 1
    assert entry.latency.total == 0.3
    assert entry.latency.bounds == (0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
    assert entry.phase_latency == {}


def test_phase_latency_is_opt_in():
    """When asked for, every passed phase is counted once a probe, both EHLOs together."""
    entry = entry_after(healthy(step_seconds=0.5), rejected(), phase_latency=True)
    assert entry.phase_latency[Phase.EHLO].count == 2
    assert entry.phase_latency[Phase.EHLO].total == pytest.approx(1.04)
    assert entry.phase_latency[Phase.AUTH].count == 1
    assert Phase.MAIL not in entry.phase_latency


def test_the_series_of_two_histograms_fit_the_budget():
    """Both default histograms together make 20 series: 8 buckets, sum and count each."""
    entry = entry_after()
    assert len(entry.connect_latency.counts) + len(entry.latency.counts) + 4 == 20


def test_an_experiment_counts_once_by_what_it_proved():
    """A held verdict carries the same experiment along; a new one counts anew."""
    proof = FollowUp(
        experiment="other port",
        target="mail.example:465",
        outcome="220",
        seconds=0.1,
        decides=ErrorClass.PORT_BLOCKED,
    )
    nothing = FollowUp(experiment="other port", target="mail.example:465", outcome="silent", seconds=3.0)
    blocked = (Phase.CONNECT, ErrorClass.PORT_BLOCKED, FaultDomain.NETWORK)
    entry = entry_after(
        failing(*blocked, follow_ups=(nothing, proof)),
        failing(*blocked, follow_ups=(nothing, proof)),
        failing(*blocked, follow_ups=(proof,)),
        healthy(),
        failing(*blocked, follow_ups=(proof,)),
    )
    assert entry.follow_ups == {"inconclusive": 1, "port_blocked": 2}
    held = failing(*blocked, follow_ups=(replace(proof, held=True),))
    assert entry_after(held, healthy(), held).follow_ups == {}
    assert {type(result) for result in entry.follow_ups} == {str}


def test_uncertain_submissions_are_counted():
    """A message that may or may not have been accepted is counted beside the failure."""
    entry = entry_after(
        healthy(), failing(Phase.DATA, ErrorClass.RESPONSE_TIMEOUT, uncertain=True, session=IMPLICIT_SESSION)
    )
    assert entry.data_uncertain == 1


def test_withheld_logins_keep_the_failure_and_count_no_outcome():
    """While the login backs off, attempts and failures go on and the auth outcome stands still."""
    entry = entry_after(rejected(), rejected(withheld=True), rejected(withheld=True))
    assert entry.attempts == 3
    assert entry.successes == 0
    assert entry.failures == {REJECTED: 3}
    assert entry.outcomes[Phase.AUTH, ErrorClass.CREDENTIALS_REJECTED] == 1
    assert entry.outcomes[Phase.TLS, ErrorClass.NONE] == 3
    assert entry.recent_failures == (REJECTED,)


@pytest.mark.parametrize(
    ("pauses", "varies"),
    [
        ([60.0] * 4, True),
        ([900.0] * 4, True),
        ([900.0, 900.0, 900.0, 901.0], False),
        ([60.0] * 3, False),
    ],
)
def test_five_certificates_within_an_hour_vary(pauses, varies):
    """Five different leaf fingerprints within an hour, never four, are called varying."""
    at = [1000.0]
    for pause in pauses:
        at.append(at[-1] + pause)
    entry = entry_after(*(healthy(started=t, fingerprint=f"{n:064x}") for n, t in enumerate(at)))
    assert entry.certificate_varies is varies


def test_one_certificate_never_varies_and_neither_does_a_pair():
    """Returning fingerprints are not new ones, and what is remembered is bounded."""
    same = [healthy(started=60.0 * n, fingerprint="aa") for n in range(20)]
    pair = [healthy(started=2000 + 60.0 * n, fingerprint="ab"[n % 2] * 2) for n in range(20)]
    entry = entry_after(*same, *pair, healthy(started=5000.0), healthy(started=5000.0, fingerprint=""))
    assert not entry.certificate_varies
    assert [print_ for print_, _ in entry.fingerprints] == ["aa", "bb"]


def test_varying_ends_when_the_changes_do():
    """An hour after the last change of certificate the endpoint has one again."""
    many = [healthy(started=60.0 * n, fingerprint=f"{n:064x}") for n in range(40)]
    entry = entry_after(*many)
    assert entry.certificate_varies
    assert len(entry.fingerprints) == 5
    entry = entry_after(*many, healthy(started=60.0 * 40 + 3600.0, fingerprint=f"{39:064x}"))
    assert not entry.certificate_varies


def test_every_record_raises_the_version():
    """Versions only rise, one value belongs to one state, and other entries keep theirs."""
    board = Board()
    board.apply([endpoint("a"), endpoint("b")])
    a, b = board.entries["a"], board.entries["b"]
    seen = {a.version, b.version}
    assert len(seen) == 2
    other = b.version
    for _ in range(3):
        before = a.version
        board.record(healthy(endpoint("a")))
        assert a.version > before
        assert board.version == a.version
    assert b.version == other


def test_history_and_latest_follow():
    """Rows, whole failures and transitions are those of the observations."""
    entry = entry_after(healthy(started=1.0), rejected(2.0), healthy(started=3.0), history=2)
    assert [row.started for row in entry.history.rows()] == [2.0, 3.0]
    assert [failure.result.started for failure in entry.history.failures()] == [2.0]
    assert entry.latest is not None
    assert entry.latest.result.started == 3.0


def test_the_exporters_own_figures_start_at_zero():
    """Every skip reason exists before the first skip; lag has histograms, bugs a counter."""
    board = Board()
    assert board.skipped == {"late": 0, "overlap": 0, "backoff": 0}
    board.count_skipped("overlap")
    board.count_skipped("other")
    board.count_bug()
    board.schedule_lag.observe(0.02)
    board.loop_lag.observe(0.0)
    assert board.skipped == {"late": 0, "overlap": 1, "backoff": 0, "other": 1}
    assert board.bugs == 1
    assert (board.schedule_lag.count, board.loop_lag.count) == (1, 1)


def test_no_secret_is_in_the_text_of_an_entry():
    """The representation of an entry, endpoint included, shows no password."""
    from exporter.model import Secret  # noqa: PLC0415 - only this test makes one

    probed = endpoint(auth=Auth(username="u", password=Secret("hunter2")))
    board = Board()
    board.apply([probed])
    board.record(healthy(probed))
    assert "hunter2" not in repr(board.entries["a"])


def test_a_server_of_many_faults_fills_no_memory():
    """The kinds of failure that are counted are bounded; what happens again stays, and success always does."""
    classes = [each for each in ErrorClass if each is not ErrorClass.NONE][:30]
    seen = [failing(Phase.AUTH, each, FaultDomain.SERVER) for each in classes]
    often = seen[0]
    entry = entry_after(healthy(), *(one for pair in zip(seen, [often] * 30, strict=True) for one in pair))
    assert len(entry.failures) == COUNTED_FAILURES
    assert entry.failures[Phase.AUTH, classes[0], FaultDomain.SERVER] == 31
    lost = [key for key in entry.outcomes if key[1] is not ErrorClass.NONE]
    assert len(lost) == COUNTED_FAILURES
    assert entry.outcomes[Phase.TLS, ErrorClass.NONE] == 61
    assert entry.attempts == 61
