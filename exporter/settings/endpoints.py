"""From a way to probe and a target to an Endpoint: defaults, and what cannot be together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from exporter.model import (
    Auth,
    Endpoint,
    IpProtocol,
    Mechanism,
    Phase,
    Secret,
    TlsMode,
    TlsVersion,
)
from exporter.settings.document import SHORTEST_INTERVAL
from exporter.settings.durations import format_duration
from exporter.settings.problems import ConfigError, Problem, listed
from exporter.settings.targets import parse_endpoint_target, parse_target
from exporter.settings.values import DEFAULT_INTERVAL, Module

SHORTEST_DATA_INTERVAL = 900.0

_IMPLICIT_PORTS = frozenset({465, 2465})
_SENDING = (Phase.MAIL, Phase.RCPT, Phase.DATA)
_LOGGING_IN = (Phase.AUTH, *_SENDING)
_DEPTHS = (Phase.CONNECT, Phase.GREETING, Phase.TLS, Phase.EHLO, *_LOGGING_IN)
_TOKEN_MECHANISMS = (Mechanism.XOAUTH2, Mechanism.OAUTHBEARER)
_VERSIONS = tuple(TlsVersion)


class Conflict(NamedTuple):
    """Keys that cannot be together, the one to change first in front."""

    keys: tuple[str, ...]
    """Dotted where a key stands inside of a section."""
    message: str
    remedy: str


def assemble(
    way: Module,
    host: str,
    port: int,
    *,
    name: str,
    interval: float,
    labels: tuple[tuple[str, str], ...] = (),
) -> Endpoint:
    """The endpoint that `way` makes of a target, with what the port and the credentials decide."""
    return Endpoint(
        name=name,
        host=host,
        port=port,
        tls=way.tls or (TlsMode.IMPLICIT if port in _IMPLICIT_PORTS else TlsMode.STARTTLS),
        until=way.until or (Phase.AUTH if way.auth is not None else Phase.EHLO),
        interval=interval,
        timeout=way.timeout,
        ip_protocol=way.ip_protocol,
        source_address=way.source_address,
        helo=way.helo,
        tls_config=way.tls_config,
        auth=way.auth,
        message=way.message,
        labels=labels,
        module=way.name,
    )


def contradictions(endpoint: Endpoint) -> Iterator[Conflict]:
    """What is written and cannot be true together, whatever else is added."""
    if endpoint.tls is TlsMode.NONE and endpoint.until is Phase.TLS:
        yield Conflict(
            ("until", "tls"),
            "tls is never reached with tls: none",
            "write tls: starttls or implicit, or until: greeting",
        )
    if endpoint.auth is not None:
        yield from _login_contradictions(endpoint, endpoint.auth)
    tls_config = endpoint.tls_config
    if tls_config.max_version is not None and (
        _VERSIONS.index(tls_config.min_version) > _VERSIONS.index(tls_config.max_version)
    ):
        yield Conflict(
            ("tls_config.min_version", "tls_config.max_version"),
            f"min_version {tls_config.min_version} is above max_version {tls_config.max_version}",
            "lower min_version (default TLS12) or raise max_version",
        )
    wanted = {IpProtocol.IP4: 4, IpProtocol.IP6: 6}.get(endpoint.ip_protocol)
    source = _version(endpoint.source_address or "")
    if wanted is not None and source not in (None, wanted):
        yield Conflict(
            ("source_address", "ip_protocol"),
            f"source_address is IPv{source} and ip_protocol is {endpoint.ip_protocol}",
            f"write an IPv{wanted} source_address, or ip_protocol: ip{source}",
        )
    literal = _version(endpoint.host)
    if literal is not None and wanted not in (None, literal):
        yield Conflict(
            ("ip_protocol", "target"),
            f"the target is an IPv{literal} address and ip_protocol is {endpoint.ip_protocol}",
            f"write ip_protocol: ip{literal}, or leave it out",
        )
    if literal is not None and source not in (None, literal):
        yield Conflict(
            ("source_address", "target"),
            f"the target is an IPv{literal} address and source_address is IPv{source}",
            f"write an IPv{literal} source_address",
        )


def omissions(endpoint: Endpoint) -> Iterator[Conflict]:
    """What an endpoint lacks that a module may leave to its endpoints."""
    until = endpoint.until
    if until is Phase.AUTH and endpoint.auth is None:
        yield Conflict(
            ("auth", "until"),
            "credentials are needed with until: auth",
            "add auth with a user name and a password",
        )
    if until in _SENDING and endpoint.message is None:
        yield Conflict(
            ("message", "until"), f"an envelope is needed with until: {until}", "add message with from and to"
        )
    if until is Phase.DATA and endpoint.interval < SHORTEST_DATA_INTERVAL:
        yield Conflict(
            ("interval", "until"),
            f"with until: data a message would be sent every {format_duration(endpoint.interval)}",
            "write an interval of at least 15m, or until: rcpt, which sends none",
        )
    if endpoint.timeout > endpoint.interval:
        yield Conflict(
            ("timeout", "interval"),
            f"the timeout of {format_duration(endpoint.timeout)} is longer than the interval of "
            f"{format_duration(endpoint.interval)}",
            "shorten the timeout or lengthen the interval",
        )


def _login_contradictions(endpoint: Endpoint, auth: Auth) -> Iterator[Conflict]:
    if endpoint.tls is TlsMode.NONE and endpoint.until in _LOGGING_IN and not auth.allow_plaintext:
        yield Conflict(
            ("auth", "tls", "until"),
            "the login would travel unencrypted with tls: none",
            "write tls: starttls or implicit; or auth.allow_plaintext: true, if everybody on the path may read it",
        )
    if auth.mechanism in _TOKEN_MECHANISMS and auth.oauth2 is None:
        yield Conflict(
            ("auth.mechanism", "auth.oauth2"),
            f"mechanism {auth.mechanism} needs a token",
            "add auth.oauth2, or write mechanism: auto",
        )
    elif auth.mechanism is Mechanism.EXTERNAL:
        if endpoint.tls_config.cert_file is None:
            yield Conflict(
                ("auth.mechanism", "tls_config"),
                "mechanism EXTERNAL logs in with a client certificate, and none is given",
                "add tls_config.cert_file and key_file",
            )
    elif auth.mechanism is not None and auth.mechanism not in _TOKEN_MECHANISMS and auth.oauth2 is not None:
        yield Conflict(
            ("auth.mechanism",),
            f"mechanism {auth.mechanism} logs in with a password, and oauth2 gives a token",
            "write mechanism: XOAUTH2, OAUTHBEARER or auto",
        )


def endpoint_for(
    target: str,
    module: Module | None = None,
    *,
    name: str | None = None,
    default_port: int | None = None,
    tls: TlsMode | None = None,
    until: Phase | None = None,
    timeout: float | None = None,
    interval: float | None = None,
    ip_protocol: IpProtocol | None = None,
    helo: str | None = None,
    username: str | None = None,
    password: Secret | None = None,
) -> Endpoint:
    """The endpoint for a target that stands in no file: of `/probe` and of the command line.

    What is given overrides the module; `name` defaults to the target as written.  A target without a
    port takes `default_port`.  Times are seconds.  Raises ConfigError without file and line.
    """
    try:
        if default_port is None:
            host, port = parse_endpoint_target(target)
        else:
            host, written_port = parse_target(target)
            port = default_port if written_port is None else written_port
    except ConfigError as error:
        raise ConfigError([replace(problem, path="target") for problem in error.problems]) from None
    way = module or Module()
    way = replace(
        way,
        tls=tls or way.tls,
        until=until or way.until,
        timeout=way.timeout if timeout is None else timeout,
        ip_protocol=ip_protocol or way.ip_protocol,
        helo=helo or way.helo,
        auth=way.auth if username is None else Auth(username=username, password=password),
    )
    if interval is None:
        # It has no schedule, so that no rule about intervals can apply.
        interval = max(
            DEFAULT_INTERVAL, way.timeout, SHORTEST_DATA_INTERVAL if way.until is Phase.DATA else 0
        )
    endpoint = assemble(way, host, port, name=name or target, interval=interval)
    problems = [
        Problem(file="", line=None, path=conflict.keys[0], message=conflict.message, remedy=conflict.remedy)
        for conflict in (
            *_overrides(endpoint, username, password),
            *contradictions(endpoint),
            *omissions(endpoint),
        )
    ]
    if problems:
        raise ConfigError(problems)
    return endpoint


def _overrides(endpoint: Endpoint, username: str | None, password: Secret | None) -> Iterator[Conflict]:
    """What a file could not have said."""
    if endpoint.until not in _DEPTHS:
        yield Conflict(("until",), f"{endpoint.until} is not a depth", f"use {listed(_DEPTHS)}")
    if username == "":
        yield Conflict(("username",), "the user name is empty", "give one, or leave it out")
    if username is None and password is not None:
        yield Conflict(("username",), "a password is given without a user name", "give the user name too")
    if username and password is None:
        yield Conflict(("password",), "a user name is given without a password", "give the password too")
    if not endpoint.timeout > 0:
        yield Conflict(("timeout",), "the timeout is not above zero", "give a duration such as 10s")
    if not endpoint.interval >= SHORTEST_INTERVAL:
        yield Conflict(("interval",), "the interval is shorter than 100ms", "give a duration such as 60s")


def _version(host: str) -> int | None:
    """4 or 6 for an IP literal, None for a name."""
    if ":" in host:
        return 6
    return 4 if host[-1:].isdigit() and host.replace(".", "").isdigit() else None
