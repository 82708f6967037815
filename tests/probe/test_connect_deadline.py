"""Whatever ends a connection attempt early, nothing stays open."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.model import AttemptOutcome
from exporter.probe.connect import (
    MOST_ADDRESSES,
    STAGGER,
    Attempts,
    Connected,
    _Race,
    connect,
    stagger,
)
from tests.probe.loops import both_loops, left_in_loop, open_descriptors, run
from tests.probe.tcp_ports import listening, outcomes, silent

CONNECTED, TIMEOUT = AttemptOutcome.CONNECTED, AttemptOutcome.TIMEOUT


@both_loops
def test_deadline_closes_everything_and_the_attempts_are_known(run_in):
    """Cancelled by a deadline, every address has had its turn, each is a time-out, none stays open."""

    async def check():
        loop = asyncio.get_running_loop()
        before, idle = open_descriptors(), left_in_loop(loop)
        deadline = loop.time() + 0.3
        attempts = Attempts()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout_at(deadline):
                await connect(all_silent, deadline=deadline, attempts=attempts)
        assert open_descriptors() == before
        assert left_in_loop(loop) == idle
        return attempts.finished()

    with silent() as one, silent("127.0.0.2") as two, silent("127.0.0.3") as three:
        all_silent = [one, two, three]
        attempts = run(check(), run_in)
    assert outcomes(attempts) == [(str(address), TIMEOUT) for address in all_silent]
    assert [attempt.seconds for attempt in attempts] == pytest.approx([0.3, 0.2, 0.1], abs=0.09)


@both_loops
def test_time_of_an_attempt_stops_at_the_cancellation(run_in):
    """Reading the attempts later does not make them longer."""

    async def check():
        attempts = Attempts()
        task = asyncio.create_task(connect([address], attempts=attempts))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert attempts.finished() == attempts.finished()

    with silent() as address:
        run(check(), run_in)


@both_loops
def test_connection_that_comes_with_the_cancellation_is_closed(run_in):
    """Cancelled between the kernel's report and its own turn, the coroutine closes what nobody will get."""

    class Meddling(Attempts):
        def connected(self, number, at):
            super().connected(number, at)
            asyncio.get_running_loop().call_soon(tasks[0].cancel)

    async def check():
        before, attempts = open_descriptors(), Meddling()
        tasks.append(asyncio.create_task(connect([address], attempts=attempts)))
        with pytest.raises(asyncio.CancelledError):
            await tasks[0]
        assert open_descriptors() == before
        return attempts.finished()

    tasks: list[asyncio.Task[Connected]] = []
    with listening() as address:
        assert outcomes(run(check(), run_in)) == [(str(address), CONNECTED)]


@both_loops
@pytest.mark.parametrize("event", ["report", "turn"])
def test_nothing_begins_once_it_is_cancelled(run_in, event):
    """A report or a timer that comes between the cancellation and its handling changes nothing."""

    async def check():
        before, attempts = open_descriptors(), Attempts()
        race = _Race((address, other), None, None, attempts)
        task = asyncio.create_task(race.run())
        await asyncio.sleep(0)
        task.cancel()
        if event == "report":
            race._on_report(0, address, 0.0)
        else:
            race._advance()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert open_descriptors() == before
        return attempts.finished()

    with listening() as address, listening("127.0.0.2") as other:
        assert outcomes(run(check(), run_in)) == [(str(address), TIMEOUT)]


def test_silence_waits_for_the_deadline_of_the_caller():
    """After the last address nothing is given up: who waits how long is the caller's business."""

    async def check():
        done, pending = await asyncio.wait([asyncio.ensure_future(connect([address]))], timeout=0.1)
        for task in pending:
            task.cancel()
        await asyncio.wait(pending)
        return done

    with silent() as address:
        assert not asyncio.run(check())


@given(st.floats(-10, 1000), st.integers(1, MOST_ADDRESSES))
def test_every_address_has_its_turn_before_the_deadline(left, waiting):
    """However short the time, the waits for all addresses end before the deadline; none exceeds a second."""
    spent = 0.0
    for still_waiting in range(waiting, 0, -1):
        wait = stagger(left - spent, still_waiting)
        assert 0 <= wait <= STAGGER
        spent += wait
    assert left <= 0 or spent < left


def test_without_deadline_the_wait_is_whole():
    """No deadline, no hurry."""
    assert stagger(None, 1) == stagger(100.0, 3) == STAGGER
