from __future__ import annotations

import errno
import itertools

from hypothesis import given
from hypothesis import strategies as st

from exporter.model import Attempt, AttemptOutcome, ConnectFailure
from exporter.probe.address import Address
from exporter.probe.attempts import Attempts, connect_failure, outcome_of, tellingness

ONE, TWO, THREE = (Address(f"192.0.2.{n}", 587) for n in (1, 2, 3))

outcomes = st.sampled_from([outcome for outcome in AttemptOutcome if outcome is not AttemptOutcome.CONNECTED])
symbols = st.sampled_from([None, "ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH", "EMFILE"])
attempt_lists = st.lists(st.builds(Attempt, st.just("192.0.2.1:587"), outcomes, st.just(0.5), symbols))


def log() -> Attempts:
    """A log on a clock that is one further each time it is read."""
    return Attempts(itertools.count().__next__)


def test_pending_attempt_counts_as_timeout_so_far():
    """Read while attempts are under way, the log is complete: they are time-outs up to now."""
    attempts = log()
    attempts.begin(ONE)
    attempts.failed(attempts.begin(TWO), errno.ECONNREFUSED)
    expected = (
        Attempt("192.0.2.1:587", AttemptOutcome.TIMEOUT, 3),
        Attempt("192.0.2.2:587", AttemptOutcome.REFUSED, 1, "ECONNREFUSED"),
    )
    assert attempts.finished() == expected
    attempts.end_pending(AttemptOutcome.TIMEOUT, at=7)
    assert [attempt.seconds for attempt in attempts.finished()] == [7, 1]
    attempts.end_pending(AttemptOutcome.NO_ANSWER)
    assert attempts.finished()[0].outcome is AttemptOutcome.TIMEOUT


def test_overtaken_attempt_had_no_answer():
    """When one attempt connects, those that were still silent end with it, without an errno."""
    attempts = log()
    silent, winner = attempts.begin(ONE), attempts.begin(TWO)
    attempts.connected(winner, at=4)
    assert silent != winner
    assert attempts.finished() == (
        Attempt("192.0.2.1:587", AttemptOutcome.NO_ANSWER, 4),
        Attempt("192.0.2.2:587", AttemptOutcome.CONNECTED, 3),
    )


def test_every_errno_has_an_outcome():
    """Errnos that connect(2) documents are told apart; any other number is a plain failure."""
    expected = {
        "ECONNREFUSED": AttemptOutcome.REFUSED,
        "ECONNRESET": AttemptOutcome.RESET,
        "ETIMEDOUT": AttemptOutcome.TIMEOUT,
        "EACCES": AttemptOutcome.FORBIDDEN,
        "EPERM": AttemptOutcome.FORBIDDEN,
        "EHOSTUNREACH": AttemptOutcome.UNREACHABLE,
        "ENETUNREACH": AttemptOutcome.UNREACHABLE,
        "EINVAL": AttemptOutcome.UNREACHABLE,
        "EAFNOSUPPORT": AttemptOutcome.UNREACHABLE,
        "EADDRNOTAVAIL": AttemptOutcome.FAILED,
        "EMFILE": AttemptOutcome.FAILED,
    }
    assert {name: outcome_of(getattr(errno, name)) for name in expected} == expected
    assert outcome_of(None) is outcome_of(99999) is AttemptOutcome.FAILED
    assert all(outcome_of(number) is not AttemptOutcome.CONNECTED for number in errno.errorcode)


def test_what_tells_most_decides():
    """RST before ICMP, ICMP before silence, silence before what never left this host."""
    order = [
        Attempt("a", AttemptOutcome.REFUSED, 0, "ECONNREFUSED"),
        Attempt("a", AttemptOutcome.RESET, 0, "ECONNRESET"),
        Attempt("a", AttemptOutcome.UNREACHABLE, 0, "EHOSTUNREACH"),
        Attempt("a", AttemptOutcome.TIMEOUT, 0),
        Attempt("a", AttemptOutcome.FORBIDDEN, 0, "EPERM"),
        Attempt("a", AttemptOutcome.FAILED, 0, "EMFILE"),
        Attempt("a", AttemptOutcome.UNREACHABLE, 0, "ENETUNREACH"),
        Attempt("a", AttemptOutcome.FAILED, 0, "EADDRNOTAVAIL"),
    ]
    for first, second in itertools.combinations(order, 2):
        for pair in ((first, second), (second, first)):
            assert connect_failure(pair) == ConnectFailure(first.errno, pair)


@given(attempt_lists)
def test_failure_keeps_all_attempts_and_the_errno_of_the_first_most_telling(attempts):
    """Nothing is dropped or reordered; of equally telling attempts the first one speaks."""
    failure = connect_failure(attempts)
    assert failure.attempts == tuple(attempts)
    if not attempts:
        assert failure.errno is None
    else:
        least = min(map(tellingness, attempts))
        assert failure.errno == next(a.errno for a in attempts if tellingness(a) == least)
