"""What `check` is asked to look at: endpoints of a file, or servers named on the command line."""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace

from exporter.diagnosis import settings_advice
from exporter.model import Auth, Endpoint, Phase, Secret, TlsMode
from exporter.settings import (
    ConfigError,
    Module,
    Settings,
    endpoint_for,
    nearest,
    parse_duration,
    parse_target,
    printable,
    quoted,
    secret_from,
    trusted_roots,
)

SUBMISSION = 587
"""RFC 6409: the port of a host that was named without one."""
SUBMISSIONS = 465
"""RFC 8314: the same where TLS comes first."""
_WITH = {
    TlsMode.STARTTLS: "with STARTTLS",
    TlsMode.IMPLICIT: "with TLS from the first byte",
    TlsMode.NONE: "without encryption",
}


@dataclass(frozen=True, slots=True)
class Subject:
    """An endpoint to check, and what was assumed about it."""

    endpoint: Endpoint
    notes: tuple[str, ...] = ()


class UsageError(Exception):
    """What was asked for makes no sense; the text says why and what to do."""


def subjects_of(options: argparse.Namespace, settings: Settings | None) -> Iterator[Subject]:
    """Yield what to check, in the order asked for.  UsageError, ConfigError: the question makes no sense."""
    known = {endpoint.name: endpoint for endpoint in settings.endpoints} if settings is not None else {}
    password = _password(options)
    if not options.what:
        if settings is None:
            raise UsageError("name a server (check smtp.example.com) or a file (--config.file F)")
        if not known:
            raise UsageError(f"{options.config} has no endpoints; name a server, or add some to the file")
    timeout = _timeout(options.timeout)
    _check_ca_file(options.ca_file)
    for what in options.what or known:
        if what in known:
            yield Subject(_overridden(known[what], options, password, timeout))
        elif known and _is_name(what):
            near = nearest(what, known)
            meant = f"did you mean {printable(near)}?" if near is not None else "see the names in the file"
            raise UsageError(
                f"no endpoint of {options.config} is called {quoted(what)}; {meant} "
                "A server that stands in no file is named with a dot or with its port: host:587"
            )
        else:
            yield _server(what, options, settings, password, timeout)


def _is_name(what: str) -> bool:
    """Say whether beside a file `what` can only be meant as the name of an endpoint in it.

    A server's name has a dot or a port with it (RFC 5321 2.3.5); the one exception is this machine.
    """
    return not any(mark in what for mark in ".:[") and what.lower() != "localhost"


def _password(options: argparse.Namespace) -> Secret | None:
    """Take the password from the file, or from a person who is not shown what he types."""
    if options.password_file is not None:
        if options.username is None:
            raise UsageError("--password-file needs --username")
        try:
            return secret_from(options.password_file)
        except ConfigError as error:
            raise UsageError(f"--password-file: {_told(error)}") from None
    if options.username is None:
        return None
    if not sys.stdin.isatty():
        raise UsageError("no terminal to ask for the password on; give --password-file F")
    try:
        typed = getpass.getpass(f"Password of {printable(options.username)}: ")
    except EOFError:
        typed = ""
    if not typed:
        raise UsageError("no password was given; type it, or give --password-file F")
    return Secret(typed)


def _check_ca_file(name: str | None) -> None:
    if name is None:
        return
    try:
        trusted_roots(name)
    except ConfigError as error:
        raise UsageError(f"--ca-file: {_told(error)}") from None


def _timeout(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        seconds = parse_duration(text)
    except ConfigError as error:
        raise UsageError(f"--timeout {text}: {_told(error)}") from None
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
    mode = TlsMode(options.tls) if options.tls else None
    if options.until == Phase.AUTH and options.username is None and module.auth is None:
        raise UsageError("--until auth needs a login; give --username")
    if options.until in {Phase.MAIL, Phase.RCPT, Phase.DATA} and module.message is None:
        raise UsageError(
            f"--until {options.until} needs a sender and a recipient; write an endpoint with a message section "
            "into a file, and name it: check NAME --config.file F"
        )
    assumed_port = SUBMISSIONS if (mode or module.tls) is TlsMode.IMPLICIT else SUBMISSION
    if options.ca_file is not None:
        module = replace(module, tls_config=replace(module.tls_config, ca_file=options.ca_file))
    try:
        endpoint = endpoint_for(
            what,
            module,
            default_port=assumed_port,
            tls=mode,
            until=Phase(options.until) if options.until else None,
            timeout=timeout,
            username=options.username,
            password=password,
        )
        port_given = parse_target(what)[1] is not None
    except ConfigError as error:
        raise UsageError(f"{printable(what)}: {_told(error)}") from None
    notes = []
    if not port_given:
        notes.append(f"no port was given; {assumed_port} {_WITH[endpoint.tls]} was assumed.")
    advice = settings_advice(endpoint.host, endpoint.port, endpoint.tls)
    if advice is not None:
        notes.append(f"{advice}.")
    return Subject(endpoint, tuple(notes))


def _told(error: ConfigError) -> str:
    """Return what is wrong and what to do, on one line."""
    return "; ".join(f"{problem.message}; {problem.remedy}" for problem in error.problems)
