"""A scheduler with a job that only takes time, and a record of all that it did."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Self

from exporter.model import Endpoint, Phase, TlsMode
from exporter.schedule import Scheduler


def endpoint(name: str, interval: float = 60.0, **more: object) -> Endpoint:
    """An endpoint of that name; `host` or any other field may be given."""
    fields: dict[str, object] = {
        "host": f"{name}.example",
        "port": 587,
        "tls": TlsMode.STARTTLS,
        "until": Phase.EHLO,
        "timeout": 10.0,
    }
    return Endpoint(name=name, interval=interval, **{**fields, **more})  # type: ignore[arg-type]


def endpoints(count: int, interval: float = 60.0) -> list[Endpoint]:
    """`e0`, `e1` … with one interval."""
    return [endpoint(f"e{number}", interval) for number in range(count)]


def now() -> float:
    """Virtual seconds."""
    return asyncio.get_running_loop().time()


class Rig(AbstractAsyncContextManager["Rig"]):
    """A scheduler that is started on entry and stopped on exit."""

    def __init__(self, plan: Iterable[Endpoint] = (), *, takes: float = 0.0, limit: int = 200) -> None:
        self.takes = takes
        """Seconds of a run."""
        self.takes_of: dict[str, float] = {}
        """The same for single endpoints."""
        self.looks_up: dict[str, float] = {}
        """Seconds for which the runs of single endpoints give up their place at first."""
        self.unknown: set[str] = set()
        """Names of those whose run ends then."""
        self.tidies = 0.0
        """Seconds that a cancelled run still needs."""
        self.committed: set[str] = set()
        """Names whose run no reload may cancel."""
        self.pause = float("-inf")
        """Seconds after a run before which nothing is due."""
        self.starts: list[tuple[float, str]] = []
        self.ends: list[tuple[float, str]] = []
        self.cancelled: list[str] = []
        self.lags: list[float] = []
        self.skips: Counter[str] = Counter()
        self.bugs: list[tuple[str, BaseException]] = []
        self.active: set[str] = set()
        self.working: set[str] = set()
        self.seated: list[tuple[float, str]] = []
        """When a run had its place, for good."""
        self.most = limit
        """Runs that may have a place at once, by what the tests know."""
        self.peak = 0
        self.scheduler = Scheduler(
            self.job,
            on_bug=lambda probed, error: self.bugs.append((probed.name, error)),
            on_lag=self.lags.append,
            on_skip=lambda reason: self.skips.update([reason]),
            not_before=self.not_before,
            is_committed=lambda name: name in self.committed,
            max_concurrent=limit,
        )
        self.scheduler.apply(plan)

    async def job(self, probed: Endpoint) -> None:
        """Take time, and see to it that nobody does so twice at once."""
        assert probed.name not in self.active, f"{probed.name} runs twice at once"
        self.active.add(probed.name)
        self.peak = max(self.peak, len(self.active))
        self.starts.append((now(), probed.name))
        try:
            if probed.name in self.looks_up:
                await self.look_up(probed.name)
                if probed.name in self.unknown:
                    return
            self.working.add(probed.name)
            self.seated.append((now(), probed.name))
            assert len(self.working) <= max(self.most, self.scheduler.limit)
            await asyncio.sleep(self.takes_of.get(probed.name, self.takes))
        except asyncio.CancelledError:
            await asyncio.sleep(self.tidies)
            self.cancelled.append(probed.name)
            raise
        finally:
            self.active.remove(probed.name)
            self.working.discard(probed.name)
            self.ends.append((now(), probed.name))

    async def look_up(self, name: str) -> None:
        """Wait for a name, without a place."""
        place = self.scheduler.place(name)
        place.leave()
        await asyncio.sleep(self.looks_up[name])
        if name not in self.unknown:
            await place.back()

    def not_before(self, probed: Endpoint) -> float:
        """When the endpoint may be run again."""
        return max((at for at, who in self.ends if who == probed.name), default=float("-inf")) + self.pause

    def starts_of(self, name: str) -> list[float]:
        """When that endpoint was run."""
        return [at for at, who in self.starts if who == name]

    async def until(self, instant: float) -> None:
        """Wait for an instant, and until everything due then has been done."""
        await asyncio.sleep(instant - now())
        for _ in range(10):
            await asyncio.sleep(0)

    async def __aenter__(self) -> Self:
        self.scheduler.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.scheduler.stop(grace=0.0)
