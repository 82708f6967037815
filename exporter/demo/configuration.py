"""The configuration file that a person would write for a set of endpoints."""

from __future__ import annotations

from collections.abc import Iterable

import yaml

from exporter.model import Auth, Endpoint, IpProtocol, Message, TlsConfig
from exporter.settings import format_duration


def configuration(endpoints: Iterable[Endpoint]) -> str:
    """YAML (design 3.1) that loads into the same endpoints; settings at their default are left out.

    Passwords are written out: this is for the demo, whose passwords open nothing else.
    """
    entries = [_endpoint(endpoint) for endpoint in endpoints]
    body: str = yaml.safe_dump({"endpoints": entries}, sort_keys=False, allow_unicode=True, width=100)
    return "# What `submission-exporter demo` probes.\n" + body


def _endpoint(endpoint: Endpoint) -> dict[str, object]:
    entry: dict[str, object] = {
        "name": endpoint.name,
        "target": endpoint.target,
        "tls": endpoint.tls.value,
        "until": endpoint.until.value,
        "interval": format_duration(endpoint.interval),
        "timeout": format_duration(endpoint.timeout),
    }
    if endpoint.ip_protocol is not IpProtocol.ANY:
        entry["ip_protocol"] = endpoint.ip_protocol.value
    if tls_config := _tls_config(endpoint.tls_config):
        entry["tls_config"] = tls_config
    if endpoint.auth is not None:
        entry["auth"] = _auth(endpoint.auth)
    if endpoint.message is not None:
        entry["message"] = _message(endpoint.message)
    if endpoint.labels:
        entry["labels"] = dict(endpoint.labels)
    return entry


def _tls_config(tls_config: TlsConfig) -> dict[str, object]:
    named = {"ca_file": tls_config.ca_file, "server_name": tls_config.server_name}
    return {key: value for key, value in named.items() if value is not None}


def _auth(auth: Auth) -> dict[str, object]:
    entry: dict[str, object] = {"username": auth.username}
    if auth.password is not None:
        entry["password"] = auth.password.reveal()
    if auth.mechanism is not None:
        entry["mechanism"] = auth.mechanism.value
    if auth.allow_plaintext:
        entry["allow_plaintext"] = True
    return entry


def _message(message: Message) -> dict[str, object]:
    return {"from": message.sender, "to": message.recipient, "subject": message.subject}
