"""`check`: probe endpoints once, now, and say what is wrong, whose problem it is and what to do."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from exporter.diagnosis import Rulebook, RuleError, load_rules, settings_advice
from exporter.followup import FollowUps
from exporter.model import Auth, Endpoint, Observation, Phase, Secret, TlsMode
from exporter.observe import Observer, bug_observation
from exporter.probe.prober import Prober
from exporter.probe.resolver import Resolver
from exporter.report import observation_json
from exporter.service import run as run_loop
from exporter.settings import (
    ConfigError,
    FollowUpSettings,
    Module,
    Settings,
    endpoint_for,
    load,
    parse_duration,
    parse_target,
)
from exporter.terminal import InOrder, Style, heading, step_line, verdict

SUBMISSION = 587
"""RFC 6409: the port of a host that was named without one."""
TURN_SECONDS = 8.0
"""How long a failure waits for its follow-up: there is no next round to make it in."""


@dataclass(frozen=True, slots=True)
class Subject:
    """An endpoint to check, and what was assumed about it."""

    endpoint: Endpoint
    notes: tuple[str, ...] = ()


class UsageError(Exception):
    """What was asked for makes no sense; the text says why and what to do."""


def run(options: argparse.Namespace) -> int:
    """Return 0 when all are healthy, 1 when one is not, 2 when the question is wrong."""
    try:
        settings = load(options.config) if options.config is not None else None
        rulebook = load_rules(settings.rules_files if settings is not None else ())
        subjects = list(_subjects(options, settings))
    except (UsageError, ConfigError, RuleError) as error:
        print(f"check: {error}" if isinstance(error, UsageError) else error, file=sys.stderr)
        return 2
    as_json = options.output == "json"

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


# --------------------------------------------------------------------------- what to check


def _subjects(options: argparse.Namespace, settings: Settings | None) -> Iterator[Subject]:
    """Yield what to check, in the order asked for."""
    known = {endpoint.name: endpoint for endpoint in settings.endpoints} if settings is not None else {}
    password = _password(options)
    if not options.what:
        if settings is None:
            raise UsageError("name a server (check smtp.example.com) or a file (--config.file F)")
        if not known:
            raise UsageError(f"{options.config} has no endpoints; name a server, or add some to the file")
    timeout = _timeout(options.timeout)
    for what in options.what or known:
        if what in known:
            yield Subject(_overridden(known[what], options, password, timeout))
        else:
            yield _server(what, options, settings, password, timeout)


def _password(options: argparse.Namespace) -> Secret | None:
    """Take the password from the file, or from a person who is not shown what he types."""
    if options.password_file is not None:
        if options.username is None:
            raise UsageError("--password-file needs --username")
        try:
            text = Path(options.password_file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise UsageError(f"cannot read --password-file {options.password_file}: {reason}") from None
        if not text.rstrip("\r\n"):
            raise UsageError(f"--password-file {options.password_file} is empty")
        return Secret(text.rstrip("\r\n"))
    if options.username is None:
        return None
    if not sys.stdin.isatty():
        raise UsageError("no terminal to ask for the password on; give --password-file F")
    return Secret(getpass.getpass(f"Password of {options.username}: "))


def _timeout(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        seconds = parse_duration(text)
    except ConfigError as error:
        (problem,) = error.problems
        raise UsageError(f"--timeout {text}: {problem.message}; {problem.remedy}") from None
    if seconds <= 0:
        raise UsageError(f"--timeout {text}: a probe needs time; write for example 10s")
    return seconds


def _overridden(
    endpoint: Endpoint, options: argparse.Namespace, password: Secret | None, timeout: float | None
) -> Endpoint:
    """Return an endpoint of the file with what the command line says otherwise."""
    changed = endpoint
    if options.tls is not None:
        changed = replace(changed, tls=TlsMode(options.tls))
    if options.username is not None:
        changed = replace(changed, auth=Auth(username=options.username, password=password))
        if options.until is None and changed.until is Phase.EHLO:
            changed = replace(changed, until=Phase.AUTH)
    if options.until is not None:
        changed = replace(changed, until=Phase(options.until))
    if options.ca_file is not None:
        changed = replace(changed, tls_config=replace(changed.tls_config, ca_file=options.ca_file))
    if timeout is not None:
        changed = replace(changed, timeout=timeout)
    if changed.until is Phase.AUTH and changed.auth is None:
        raise UsageError(f"{endpoint.name}: --until auth needs a login; give --username")
    if changed.until in {Phase.MAIL, Phase.RCPT, Phase.DATA} and changed.message is None:
        raise UsageError(f"{endpoint.name}: --until {changed.until} needs a message section in the file")
    in_clear = changed.tls is TlsMode.NONE and changed.auth is not None and not changed.auth.allow_plaintext
    if in_clear and changed.until not in {Phase.CONNECT, Phase.GREETING, Phase.EHLO}:
        raise UsageError(
            f"{endpoint.name}: --tls none would send the password in clear; "
            "the file may allow it with auth.allow_plaintext"
        )
    if changed.tls is TlsMode.NONE and changed.until is Phase.TLS:
        raise UsageError(f"{endpoint.name}: --tls none and --until tls exclude each other")
    return changed


def _server(
    what: str,
    options: argparse.Namespace,
    settings: Settings | None,
    password: Secret | None,
    timeout: float | None,
) -> Subject:
    """Return an endpoint for a server that stands in no file."""
    module = settings.default_module if settings is not None else Module()
    if options.ca_file is not None:
        module = replace(module, tls_config=replace(module.tls_config, ca_file=options.ca_file))
    try:
        endpoint = endpoint_for(
            what,
            module,
            default_port=SUBMISSION,
            tls=TlsMode(options.tls) if options.tls else None,
            until=Phase(options.until) if options.until else None,
            timeout=timeout,
            username=options.username,
            password=password,
        )
        port_given = parse_target(what)[1] is not None
    except ConfigError as error:
        lines = "; ".join(f"{problem.message}; {problem.remedy}" for problem in error.problems)
        raise UsageError(f"{what}: {lines}{_unknown_name(what, settings)}") from None
    notes = []
    if not port_given:
        mode = "" if options.tls else " with STARTTLS"
        notes.append(f"no port was given; {SUBMISSION}{mode} was assumed.")
    advice = settings_advice(endpoint.host, endpoint.port, endpoint.tls)
    if advice is not None:
        notes.append(f"{advice}.")
    return Subject(endpoint, tuple(notes))


def _unknown_name(what: str, settings: Settings | None) -> str:
    if settings is None or not settings.endpoints or any(c in what for c in ".:"):
        return ""
    return f" (and no endpoint of the file is called {what})"


# --------------------------------------------------------------------------- checking


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
