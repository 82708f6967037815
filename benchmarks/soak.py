"""A hundred probes a second while configurations change and servers die: nothing may grow, be lost or be late.

    python -m benchmarks.soak [--seconds 1200] [--rate 100]

Every few seconds a mail server is killed and comes back, every `--reload` seconds the configuration changes, by
SIGHUP and by itself in turns, and somebody reads the pages all the time.  Prints a table; exits with 1 when a
figure is not what it has to be.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import re
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks.child import CLIENT_CORE, SERVER_CORE, Child
from benchmarks.figures import Figure, Result, table
from benchmarks.observed import TROUBLE, Sample, get, sample
from benchmarks.stand import PASSWORD, Papers, configuration, papers
from tests.servers.ports import free_ports

SERVERS = 8
PAGES = ("", "api/v1/endpoints", "endpoint?name=e0", "config", "api/v1/sd")
PASSING = 5
"""Endpoints that the next reload takes away, and as many whose labels it changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is done, and how much is borne; the defaults are those of the long run."""

    seconds: float = 1200.0
    rate: float = 100.0
    """Probes a second."""
    interval: float = 2.0
    reload: float = 20.0
    warm_up: float = 180.0
    """Seconds after which nothing may grow any more."""
    growth: float = 1.05
    """By which descriptors and memory may grow after the warm-up."""
    late: float = 2.0
    """Seconds by which a probe may be late."""
    missed: float = 2.0
    """Due probes that a steady endpoint may miss; one can lie at either end of the time that is looked at."""


class MailServer:
    """A mail server that dies without notice and comes back at its port."""

    def __init__(self, folder: Path, port: int, identity: Path) -> None:
        self._log = folder / f"server-{port}.log"
        self._command = [
            *(sys.executable, "-m", "benchmarks.server", "--identity", str(identity)),
            *("--password", PASSWORD, "--port", str(port)),
        ]
        self.port = port
        self.deaths = 0
        self._child: Child | None = None

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._child is not None

    def start(self) -> None:
        """Start it and wait until it listens."""
        self._child = Child(self._command, core=SERVER_CORE, log=self._log)
        self._child.wait_for(lambda text: True if text.endswith("\n") else None)

    def kill(self) -> None:
        """End it; its clients get resets."""
        if self._child is not None:
            os.kill(self._child.pid, signal.SIGKILL)
            self._child.stop()
            self._child = None
            self.deaths += 1


@dataclass
class Soak:
    """One soak under way."""

    plan: Plan
    folder: Path
    servers: Sequence[MailServer]
    documents: Papers
    samples: list[Sample] = field(default_factory=list)
    reloads: int = 0
    unanswered: int = 0
    """Pages."""
    lateness: float = 0.0
    """The longest time that an endpoint was overdue when somebody looked, seconds."""
    lost: int = 0
    """Times that a steady endpoint was missing, or had counted less than before."""
    _waiting: dict[str, float] = field(default_factory=dict)
    """Since when each endpoint waits for its next probe, Unix time."""

    @property
    def steady(self) -> list[str]:
        """The endpoints that every configuration holds."""
        return [f"e{number}" for number in range(round(self.plan.rate * self.plan.interval))]

    def configure(self, turn: int) -> None:
        """Write the configuration of this turn: steady endpoints, and some that change, come and go."""
        content = configuration(
            self.servers[0].port,
            self.documents,
            endpoints=len(self.steady) + 2 * PASSING,
            interval=self.plan.interval,
        )
        content["global"] |= {"history": 10}
        endpoints = content["endpoints"]
        for number, endpoint in enumerate(endpoints):
            host = endpoint["target"].partition(":")[0]
            endpoint["target"] = f"{host}:{self.servers[number % len(self.servers)].port}"
        for endpoint in endpoints[-PASSING:]:
            endpoint["name"] += f"-{turn}"
        for endpoint in endpoints[-2 * PASSING : -PASSING]:
            endpoint["labels"] = {"turn": str(turn)}
        fresh = self.folder / "exporter.new"
        fresh.write_text(json.dumps(content))
        fresh.replace(self.folder / "exporter.yml")

    def look(self, url: str, child: Child) -> None:
        """Take a sample, and see whether all are there and none is overdue."""
        found = sample(url, child)
        before = self.samples[-1].attempts if self.samples else {}
        self.lost += sum(found.attempts.get(name, -1) < before.get(name, 0) for name in self.steady)
        # One that begins anew after a reload has no last run, and is due from now on.
        fresh = found.attempts.keys() - self._waiting.keys()
        self._waiting = {
            name: found.last_run.get(name, found.at if name in fresh or before.get(name) else since)
            for name, since in {**dict.fromkeys(fresh, found.at), **self._waiting}.items()
            if name in found.attempts
        }
        self.lateness = max(
            self.lateness, *(found.at - since - self.plan.interval for since in self._waiting.values())
        )
        self.samples.append(found)


def soak(plan: Plan) -> tuple[Figure, ...]:
    """Soak once.  RuntimeError: a process did not start or did not end."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="submission-soak-")))
        documents = papers(folder)
        servers = [MailServer(folder, port, documents.identity) for port in free_ports(SERVERS)]
        for server in servers:
            stack.callback(server.kill)
            server.start()
        run = Soak(plan, folder, servers, documents)
        run.configure(0)
        command = [
            *(sys.executable, "-W", "always::ResourceWarning", "-m", "exporter", "serve"),
            *("--config.file", str(folder / "exporter.yml"), "--config.auto-reload-interval", "2s"),
            *("--web.listen-address", "127.0.0.1:0"),
        ]
        with Child(command, core=CLIENT_CORE, log=folder / "exporter.log") as child:
            url = child.wait_for(_url)
            _live(run, child, url)
            code = child.stop()
        return _figures(run, child.log.read_text(errors="replace"), code)


def _live(run: Soak, child: Child, url: str) -> None:
    plan, chance = run.plan, random.Random(1)
    began = time.monotonic()
    doomed, pages = itertools.cycle(run.servers), itertools.cycle(PAGES)
    next_look, next_reload, next_death = began, began + plan.reload, began + 3.0
    down: list[tuple[float, MailServer]] = []
    while (now := time.monotonic()) < began + plan.seconds:
        if now >= next_look:
            run.look(url, child)
            next_look = now + 2.0
        if now >= next_reload:
            run.reloads += 1
            run.configure(run.reloads)
            if run.reloads % 2:
                os.kill(child.pid, signal.SIGHUP)
            next_reload = now + plan.reload
        for due, server in tuple(down):
            if now >= due:
                server.start()
                down.remove((due, server))
        if now >= next_death and (server := next(doomed)).alive:
            server.kill()
            down.append((now + chance.uniform(0.5, 4.0), server))
            next_death = now + chance.uniform(3.0, 9.0)
        try:
            get(url + next(pages))
        except OSError:
            run.unanswered += 1
        time.sleep(0.25)
    run.look(url, child)


def _figures(run: Soak, log: str, code: int) -> tuple[Figure, ...]:
    plan = run.plan
    warm = [one for one in run.samples if one.at >= run.samples[0].at + plan.warm_up]
    first, last = warm[0], warm[-1]
    third = max(1, len(warm) // 3)
    seconds = last.at - first.at
    probes = sum(last.attempts.get(name, 0) - first.attempts.get(name, 0) for name in run.steady)
    fewest = min(last.attempts.get(name, 0) - first.attempts.get(name, 0) for name in run.steady)
    # The fewest descriptors: those of probes under way come and go, those of a leak stay.
    descriptors = [min(one.descriptors for one in part) for part in (warm[:third], warm[-third:])]
    memory = [statistics.median(one.resident_mib for one in part) for part in (warm[:third], warm[-third:])]

    def told(what: str, value: float, unit: str = "") -> Figure:
        return Figure(what=what, unit=unit, ours=(float(value),))

    def none(what: str, value: float) -> Figure:
        return Figure(what=what, unit="", ours=(float(value),), at_most=0)

    return (
        told("time after the warm-up", seconds, "s"),
        told("probes a second", probes / seconds),
        told("reloads", run.reloads),
        told("servers killed", sum(server.deaths for server in run.servers)),
        told("starts left out", last.left_out - first.left_out),
        none("unhandled exceptions", last.bugs + len(TROUBLE.findall(log))),
        none("reloads refused", sum(not one.reload_ok for one in run.samples)),
        none("endpoints or counts lost", run.lost),
        none("pages not answered", run.unanswered),
        none("exit code after SIGTERM", abs(code)),
        Figure(
            what="missed by the endpoint with the fewest",
            unit="probes",
            ours=(max(0.0, seconds / plan.interval - fewest),),
            at_most=plan.missed,
        ),
        Figure(what="most overdue", unit="s", ours=(run.lateness,), at_most=plan.late),
        told("descriptors at first", descriptors[0]),
        Figure(
            what="descriptors, last by first",
            unit="",
            ours=(descriptors[1] / descriptors[0],),
            at_most=plan.growth,
        ),
        told("memory at first", memory[0], "MiB"),
        Figure(what="memory, last by first", unit="", ours=(memory[1] / memory[0],), at_most=plan.growth),
    )


def _url(text: str) -> str | None:
    match = re.search(r"http://127\.0\.0\.1:\d+/", text)
    return None if match is None else match[0]


def main() -> int:
    """Soak and print the table; 1 when a figure is not what it has to be."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__.partition("\n")[0])
    plan = Plan()
    parser.add_argument("--seconds", type=float, default=plan.seconds)
    parser.add_argument("--rate", type=float, default=plan.rate, help="probes a second")
    parser.add_argument("--reload", type=float, default=plan.reload, help="seconds between two reloads")
    options = parser.parse_args()
    began = time.monotonic()
    figures = soak(replace(plan, **vars(options), warm_up=min(plan.warm_up, options.seconds / 3)))
    result = Result(goal="soak", figures=figures, seconds=time.monotonic() - began)
    print(table([result]))
    return 0 if result.met else 1


if __name__ == "__main__":
    sys.exit(main())
