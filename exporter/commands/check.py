"""`check`: probe endpoints once, now, and say what is wrong, whose problem it is and what to do."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from dataclasses import replace

from exporter import startup
from exporter.commands.subjects import Subject, UsageError, subjects_of
from exporter.diagnosis import Rulebook, RuleError, load_rules
from exporter.followup import FollowUps
from exporter.loop import run as run_loop
from exporter.model import Observation
from exporter.observe import Observer, bug_observation
from exporter.probe.prober import Prober
from exporter.probe.resolver import Resolver
from exporter.report import observation_json
from exporter.settings import ConfigError, FollowUpSettings, Settings, load
from exporter.terminal import InOrder, Style, heading, step_line, verdict

TURN_SECONDS = 15.0
"""How long a failure waits for its follow-up: there is no next round to make it in."""


def run(options: argparse.Namespace) -> int:
    """Return 0 when all are healthy, 1 when one is not, 2 when the question is wrong."""
    try:
        settings = load(options.config) if options.config is not None else None
        rulebook = load_rules(settings.rules_files if settings is not None else ())
        subjects = list(subjects_of(options, settings))
    except (UsageError, ConfigError, RuleError) as error:
        print(f"check: {error}" if isinstance(error, UsageError) else error, file=sys.stderr)
        return 2
    as_json = options.output == "json"
    if any(subject.endpoint.auth and subject.endpoint.auth.oauth2 for subject in subjects):
        # now, and not between two packets of another endpoint
        import exporter.probe.token_endpoint  # noqa: PLC0415, F401
    startup.over()

    async def main(stop: asyncio.Event) -> int:
        checking = asyncio.ensure_future(_check(subjects, settings, rulebook, as_json=as_json))
        stopping = asyncio.ensure_future(stop.wait())
        await asyncio.wait({checking, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not checking.done():
            checking.cancel()
            await asyncio.wait({checking})
            return 130
        stopping.cancel()
        observations = checking.result()
        if as_json:
            print(json.dumps([observation_json(o) for o in observations], indent=2, ensure_ascii=False))
        return 0 if all(o.result.success for o in observations) else 1

    return run_loop(main)


async def _check(
    subjects: list[Subject], settings: Settings | None, rulebook: Rulebook, *, as_json: bool
) -> list[Observation]:
    """Probe all of them concurrently; show each as it goes unless the answer is to be JSON."""
    resolver = Resolver(nameservers=settings.nameservers if settings is not None else ())
    try:
        prober = Prober(resolver)
        follow_up = settings.follow_up if settings is not None else FollowUpSettings()
        # A person asks once; the pause is for a program that asks without end.
        follow_up = replace(follow_up, pause=0.0)
        follow_ups = FollowUps(prober, follow_up, longest_wait=TURN_SECONDS)
        limit = asyncio.Semaphore(settings.max_concurrent if settings is not None else len(subjects) or 1)
        show = None if as_json else InOrder(len(subjects), lambda text: print(text, flush=True))

        async def one(index: int, subject: Subject) -> Observation:
            async with limit:
                # Each has its own memory of logins: what one server refuses says nothing of the next, and a
                # person who asks about both wants both answered.
                observer = Observer(prober, rulebook, follow_ups)
                return await _observed(observer, subject, index, show)

        return await asyncio.gather(*(one(i, subject) for i, subject in enumerate(subjects)))
    finally:
        resolver.close()


async def _observed(observer: Observer, subject: Subject, index: int, show: InOrder | None) -> Observation:
    style = Style(sys.stdout)
    if show is not None:
        show.line(index, heading(subject.endpoint, style))
    try:
        observation = await observer.observe(
            subject.endpoint,
            on_step=None if show is None else lambda step: show.line(index, step_line(step, style)),
        )
    except Exception as error:  # noqa: BLE001 - the edge: a bug of ours is shown as one
        observation = bug_observation(subject.endpoint, error)
    if show is not None:
        show.line(index, verdict(observation, style, subject.notes))
        show.done(index)
    return observation
