"""When each endpoint is probed: one timer and one heap for all, one task for each running probe.

`exporter.grid` says when each is due.  Here due endpoints wait in one line, first come, first served, and the
running tasks are kept.  Everything happens on the event loop.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import heapq
import itertools
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Generator, Iterable
from dataclasses import dataclass

from exporter.grid import Course, Slots, phase
from exporter.model import Endpoint
from exporter.places import Place, Places
from exporter.steps import at_once, in_turns
from exporter.timer import Timer, Turn

logger = logging.getLogger(__name__)

STEP = 100
"""Endpoints that a reload handles before the event loop gets its turn: a millisecond or so."""
CLOCK_STEP = 0.5
"""Seconds by which the two clocks may drift apart before they are compared anew.

The loop's time is that of the beginning of its turn; a value that follows it would change with every look,
and whoever shows it would show something new each time.
"""
LATE = "late"
"""A start was left out because the one before still waited for its turn (or the loop stood still)."""
OVERLAP = "overlap"
"""A start was left out because the endpoint was being probed."""
OVERRUN = 0.25
"""Seconds for which a start waits for the run before to end, at most a tenth of the interval: a run that times out,
with a timeout as long as the interval, ends right after the next is due."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a reload did, by endpoint name."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    kept: tuple[str, ...]


class Scheduler:
    """Runs `job` for every endpoint on its grid, never twice at once for one, at most `limit` in all.

    A run that has given up its `place` does not count until it has one again.

    `on_lag` gets the seconds between due and start of every timed run; `on_skip` is called with `late` or
    `overlap` for every start that is left out; `on_bug` gets what `job` raised.  None of them, and no job,
    can stop the scheduler.

    `not_before` gives the loop time before which an endpoint is not due, asked when its times are set and
    after every run; `is_committed` says of a run, by name, that a reload has to let it end by itself.  Starts
    are at multiples of `tick` seconds where that is not 0.
    """

    def __init__(
        self,
        job: Callable[[Endpoint], Awaitable[None]],
        *,
        on_bug: Callable[[Endpoint, BaseException], None],
        on_lag: Callable[[float], None],
        on_skip: Callable[[str], None],
        not_before: Callable[[Endpoint], float] = lambda _: float("-inf"),
        is_committed: Callable[[str], bool] = lambda _: False,
        max_concurrent: int = 200,
        tick: float = 0.0,
    ) -> None:
        self._job = job
        self._tick = tick
        self._on_bug = on_bug
        self._on_lag = on_lag
        self._on_skip = on_skip
        self._not_before = not_before
        self._is_committed = is_committed
        self._places = Places(
            max_concurrent, on_room=self._launch, on_wait=functools.partial(self._tell, on_lag)
        )
        self._place_of: dict[str, Place] = {}  # of each run
        self._timers: dict[str, Timer] = {}
        self._slots = Slots()
        self._heap: list[tuple[float, int, Timer]] = []  # due, tie-break, timer
        self._pushes = itertools.count()
        self._line: deque[Turn] = deque()
        self._runs: dict[str, asyncio.Task[None]] = {}  # by name; a cancelled one stays until it ended
        self._waiters: dict[str, list[asyncio.Future[bool]]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None  # None: not running
        self._alarm: asyncio.TimerHandle | None = None
        self._origin = 0.0
        self._offset = 0.0  # from loop time to Unix time
        self._context = contextvars.copy_context()

    @property
    def running(self) -> bool:
        """Started and not stopped."""
        return self._loop is not None

    @property
    def in_flight(self) -> int:
        """What counts towards `limit` at this moment; runs that are being cancelled do."""
        return self._places.held

    @property
    def waiting(self) -> int:
        """Runs that have given up their place."""
        return self._places.aside

    @property
    def limit(self) -> int:
        """Runs at once; a lower one after a reload stops no run."""
        return self._places.limit

    def place(self, name: str) -> Place:
        """What the run of that endpoint holds of the limit.  KeyError when there is no run."""
        return self._place_of[name]

    def next_run(self, name: str) -> float | None:
        """The loop time at which the endpoint is due next; None when it is not scheduled."""
        timer = self._timers.get(name)
        return timer.course.due if timer is not None and timer.course is not None else None

    def next_run_unix(self, name: str) -> float | None:
        """The same as Unix time; it stays the same value until the run, unless the clock is set."""
        due = self.next_run(name)
        if due is None or self._loop is None:
            return None
        offset = time.time() - self._loop.time()
        if abs(offset - self._offset) > CLOCK_STEP:
            self._offset = offset
        return round(due + self._offset, 3)

    def apply(self, endpoints: Iterable[Endpoint], *, max_concurrent: int | None = None) -> Change:
        """Schedule exactly `endpoints`, before or after the start.

        An equal endpoint keeps its times, its place in the line and its running probe.  A changed one begins
        anew in its slot; its running probe goes on where that is made in the same way, and is cancelled
        otherwise.  One that is gone is cancelled.
        """
        return at_once(self._change(endpoints, max_concurrent))

    async def apply_in_turns(
        self, endpoints: Iterable[Endpoint], *, max_concurrent: int | None = None
    ) -> Change:
        """The same for very many, without holding up the event loop; one call at a time."""
        return await in_turns(self._change(endpoints, max_concurrent))

    def _change(
        self, endpoints: Iterable[Endpoint], max_concurrent: int | None
    ) -> Generator[None, None, Change]:
        if max_concurrent is not None:
            self._places.limit = max_concurrent
        wanted = {endpoint.name: endpoint for endpoint in endpoints}
        removed = [name for name in self._timers if name not in wanted]
        added, changed, kept = [], [], []
        for count, name in enumerate(removed, start=1):
            self._withdraw(name)
            self._slots.give_back(self._timers.pop(name).slot)
            if count % STEP == 0:
                yield
        for count, (name, endpoint) in enumerate(wanted.items(), start=1):
            timer = self._timers.get(name)
            if timer is None:
                timer = self._timers[name] = Timer(endpoint, self._slots.take())
                added.append(name)
                self._place(timer)
            elif timer.endpoint is endpoint or timer.endpoint == endpoint:
                timer.endpoint = endpoint
                kept.append(name)
            else:
                goes_on = self._withdraw(name, spare_run=timer.endpoint.is_probed_like(endpoint))
                timer.endpoint = endpoint
                changed.append(name)
                self._place(timer, begun=goes_on)
            if count % STEP == 0:
                yield
        self._tidy()
        return Change(tuple(added), tuple(changed), tuple(removed), tuple(kept))

    def start(self) -> None:
        """Begin: the first round is spread over min(interval, 10 s) from now."""
        self._loop = asyncio.get_running_loop()
        self._origin = self._loop.time()
        self._offset = time.time() - self._origin
        self._context = contextvars.copy_context()
        for timer in self._timers.values():
            self._place(timer)
        self._tidy()

    async def stop(self, grace: float = 2.0) -> None:
        """Start nothing more; give running probes `grace` seconds, then cancel them and await their end."""
        self._loop = None
        for timer in self._timers.values():
            timer.turn = timer.course = timer.overrun = None
        self._heap.clear()
        self._tidy()
        for name in self._waiters.keys() - self._runs.keys():
            self._answer(name, ran=False)
        tasks = list(self._runs.values())
        try:
            if tasks:
                await asyncio.wait(tasks, timeout=grace)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for name in list(self._waiters):
                self._answer(name, ran=False)

    async def run_now(self, name: str) -> bool:
        """Run an endpoint out of turn and wait for the end; a run that waits or runs already is joined.

        The concurrency limit holds and the grid stays as it is.  False when there was no such run, or when
        a reload or stop ended it.
        """
        timer = self._timers.get(name)
        if timer is None or self._loop is None:
            return False
        waiter: asyncio.Future[bool] = self._loop.create_future()
        self._waiters.setdefault(name, []).append(waiter)
        if timer.turn is None and not self._is_running(name):
            self._enqueue(timer, None)
            self._launch()
        return await waiter

    # ---------------------------------------------------------------- time

    def _place(self, timer: Timer, *, begun: bool = False) -> None:
        """Set the times of an endpoint that is new, or new in its present form; `begun` is its first run."""
        if self._loop is not None:
            timer.course = Course(
                interval=timer.endpoint.interval,
                phase=phase(timer.slot),
                origin=self._origin,
                now=self._loop.time(),
                tick=self._tick,
            )
            if begun:
                timer.course.advance(timer.course.due)
            timer.course.postpone(self._not_before(timer.endpoint))
            heapq.heappush(self._heap, (timer.course.due, next(self._pushes), timer))

    def _is_current(self, due: float, timer: Timer) -> bool:
        # What a reload has made void stays in the heap until it comes up, or until a `_tidy`.
        known = self._timers.get(timer.endpoint.name) is timer
        return known and timer.course is not None and timer.course.due == due

    def _tidy(self) -> None:
        """Drop what a change has made void, and set the alarm anew."""
        # What is void in the heap goes when it comes up.  A walk over ten thousand holds the event loop for
        # some milliseconds, so there is one only when the void outnumber the rest.
        if len(self._heap) > 2 * len(self._timers) + STEP:
            self._heap = [entry for entry in self._heap if self._is_current(entry[0], entry[2])]
            heapq.heapify(self._heap)
        self._line = deque(turn for turn in self._line if turn is turn.timer.turn)
        self._places.use()
        self._arm()

    def _arm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if self._loop is not None and self._heap:
            due = self._heap[0][0]
            self._alarm = self._loop.call_at(due, self._ring, self._loop, due)

    def _ring(self, loop: asyncio.AbstractEventLoop, alarm: float) -> None:
        # uvloop rounds to whole milliseconds, so that a timer may fire before its time.
        now = max(alarm, loop.time())
        while self._heap and self._heap[0][0] <= now:
            due, _, timer = self._heap[0]
            if timer.course is None or not self._is_current(due, timer):
                heapq.heappop(self._heap)
                continue
            missed = timer.course.advance(now)
            heapq.heapreplace(self._heap, (timer.course.due, next(self._pushes), timer))
            self._fall_due(timer, due, missed)
        self._launch()
        self._arm()

    def _fall_due(self, timer: Timer, due: float, missed: int) -> None:
        if timer.turn is not None:
            self._skip(LATE, missed + 1)
        elif self._is_running(timer.endpoint.name):
            began_lately = due - timer.began < timer.endpoint.interval / 2  # asked for by `run_now`
            self._skip(OVERLAP, missed + (began_lately or timer.overrun is not None))
            timer.overrun = None if began_lately else due
        else:
            self._skip(LATE, missed)
            self._enqueue(timer, due)

    def _skip(self, reason: str, times: int) -> None:
        for _ in range(times):
            self._tell(self._on_skip, reason)

    # ---------------------------------------------------------------- turns

    def _is_running(self, name: str) -> bool:
        task = self._runs.get(name)
        return task is not None and not task.cancelling()

    def _enqueue(self, timer: Timer, due: float | None) -> None:
        timer.turn = Turn(timer, due)
        if timer.endpoint.name not in self._runs:  # else `_ended` puts it into the line
            self._line.append(timer.turn)

    def _launch(self) -> None:
        while self._loop is not None and self._line and self._places.is_free:
            turn = self._line.popleft()
            if turn is not turn.timer.turn:
                continue
            turn.timer.turn, turn.timer.began = None, self._loop.time()
            endpoint = turn.timer.endpoint
            self._place_of[endpoint.name] = self._places.take()
            # A launch may happen in anybody's context, that of a web request for one; a run has its own.
            task = self._loop.create_task(
                self._run(endpoint, turn.due, self._loop), context=self._context.copy()
            )
            self._runs[endpoint.name] = task
            task.add_done_callback(functools.partial(self._ended, endpoint.name))

    async def _run(self, endpoint: Endpoint, due: float | None, loop: asyncio.AbstractEventLoop) -> None:
        if due is not None:
            self._tell(self._on_lag, max(0.0, loop.time() - due))
        try:
            await self._job(endpoint)
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            # Nobody asked for it: a cancelled future of the job's own came through.
            self._tell(self._on_bug, endpoint, error)
        except Exception as error:  # noqa: BLE001 - the scheduler's edge: a bug is counted, not spread
            self._tell(self._on_bug, endpoint, error)

    def _ended(self, name: str, task: asyncio.Task[None]) -> None:
        del self._runs[name]
        if not task.cancelling():
            self._answer(name, ran=True)
        timer = self._timers.get(name)
        if timer is not None and timer.overrun is not None:
            self._make_up_for(timer, timer.overrun)
        elif timer is not None and timer.turn is not None:
            self._line.append(timer.turn)
        if timer is not None and timer.course is not None:
            earliest = self._not_before(timer.endpoint)
            if timer.course.postpone(earliest):  # later than the alarm that is set
                heapq.heappush(self._heap, (timer.course.due, next(self._pushes), timer))
        self._place_of.pop(name).end()

    def _make_up_for(self, timer: Timer, due: float) -> None:
        timer.overrun = None
        if self._loop is None or self._loop.time() - due > min(OVERRUN, timer.endpoint.interval / 10):
            self._skip(OVERLAP, 1)
        else:
            self._enqueue(timer, due)

    def _withdraw(self, name: str, *, spare_run: bool = False) -> bool:
        """Take an endpoint out of every line, and end its run; say whether that goes on all the same."""
        self._timers[name].turn = self._timers[name].overrun = None
        running = self._is_running(name)
        if running and (spare_run or self._is_committed(name)):
            return True
        self._answer(name, ran=False)
        if running:  # a second cancel would strike its cleaning up
            self._runs[name].cancel()
        return False

    def _answer(self, name: str, *, ran: bool) -> None:
        for waiter in self._waiters.pop(name, ()):
            if not waiter.done():
                waiter.set_result(ran)

    def _tell(self, hook: Callable[..., None], *news: object) -> None:
        try:
            hook(*news)
        except Exception:
            logger.exception("A hook of the scheduler failed; the schedule goes on")
