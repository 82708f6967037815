"""The configuration as it works, with defaults filled in, as YAML that shows no secret."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from exporter.model import Endpoint, Message, TlsConfig
from exporter.settings.document import AuthSection, OAuth2Section
from exporter.settings.durations import format_duration
from exporter.settings.problems import printable
from exporter.settings.urls import SHOWN_SECRET, shown_url
from exporter.settings.values import BackoffSettings, FollowUpSettings, Module

_SECRETS = frozenset({"password", "client_secret", "refresh_token"})
_URLS = frozenset({"token_url"})
_BARE = re.compile(r"[A-Za-z_/](?:[A-Za-z0-9_./:@-]*[A-Za-z0-9_/])?|(?:[0-9]+(?:ms|[ywdhms]))+|<secret>")
_NOT_BARE = re.compile(r"true|false|yes|no|on|off|y|n|null|nan|inf", re.IGNORECASE)

_USUAL_TLS = TlsConfig()


def auth_as_written(section: AuthSection | OAuth2Section) -> dict[str, Any]:
    """The keys of a section with every secret replaced; names of files and variables stay."""
    shown: dict[str, Any] = {}
    for key in type(section).model_fields:
        value = getattr(section, key)
        if value is None:
            continue
        match value:
            case _ if key in _SECRETS:
                shown[key] = SHOWN_SECRET
            case str() if key in _URLS:
                shown[key] = shown_url(value)
            case OAuth2Section():
                shown[key] = auth_as_written(value)
            case float():
                shown[key] = format_duration(value)
            case _:
                shown[key] = value
    return shown


def render(document: Mapping[str, Any]) -> str:
    """YAML in block style; quick, because it knows only what a configuration holds."""
    lines: list[str] = []
    _write(document, "", lines)
    return "\n".join(lines) + "\n"


def global_section(
    *,
    interval: float,
    module: Module,
    labels: Mapping[str, str],
    max_concurrent: int,
    history: int,
    phase_latency: bool,
    rules_files: Iterable[str],
    endpoint_files: Iterable[str],
    follow_up: FollowUpSettings,
    backoff: BackoffSettings,
    nameservers: Iterable[str],
) -> dict[str, Any]:
    """`global` with every key but those that have no value."""
    return {
        "interval": format_duration(interval),
        "timeout": format_duration(module.timeout),
        **_present(helo=module.helo, labels=dict(labels)),
        "max_concurrent": max_concurrent,
        "history": history,
        "phase_latency": phase_latency,
        **_present(rules_files=list(rules_files), endpoint_files=list(endpoint_files)),
        "follow_up": {
            "enabled": follow_up.enabled,
            "pause": format_duration(follow_up.pause),
            "ports": list(follow_up.ports),
            "control_targets": [_target(host, port) for host, port in follow_up.control_targets],
        },
        "backoff": {"initial": format_duration(backoff.initial), "max": format_duration(backoff.max)},
        "resolver": {"nameservers": list(nameservers)},
    }


def module_section(module: Module, auth_written: Mapping[str, Any]) -> dict[str, Any]:
    """One module; what the target decides is left out."""
    return {
        **_present(tls=module.tls, until=module.until),
        "timeout": format_duration(module.timeout),
        **_common(module, auth_written),
        **_present(allowed_targets=[str(pattern) for pattern in module.allowed_targets]),
    }


def endpoint_section(endpoint: Endpoint, auth_written: Mapping[str, Any]) -> dict[str, Any]:
    """One endpoint, its module's keys included."""
    return {
        "name": endpoint.name,
        "target": endpoint.target,
        **_present(module=endpoint.module),
        "interval": format_duration(endpoint.interval),
        "timeout": format_duration(endpoint.timeout),
        "tls": endpoint.tls,
        "until": endpoint.until,
        **_common(endpoint, auth_written),
        **_present(labels=dict(endpoint.labels)),
    }


def _common(way: Module | Endpoint, auth_written: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "ip_protocol": way.ip_protocol,
        **_present(
            source_address=way.source_address,
            helo=way.helo,
            tls_config=_tls_config(way.tls_config),
            auth=auth_written,
            message=_message(way.message),
        ),
    }


def _tls_config(config: TlsConfig) -> dict[str, Any]:
    if config == _USUAL_TLS:
        return {}
    return {
        **_present(
            ca_file=config.ca_file,
            cert_file=config.cert_file,
            key_file=config.key_file,
            server_name=config.server_name,
        ),
        "insecure_skip_verify": config.insecure_skip_verify,
        "min_version": config.min_version,
        **_present(max_version=config.max_version),
        "strict": config.strict,
    }


def _message(message: Message | None) -> dict[str, str]:
    if message is None:
        return {}
    return {"from": message.sender, "to": message.recipient, "subject": message.subject}


def _target(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _present(**values: Any) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value}


def _write(section: Mapping[str, Any], indent: str, lines: list[str]) -> None:
    for key, item in section.items():
        head = f"{indent}{_scalar(key)}:"
        if isinstance(item, dict):
            lines.append(head if item else f"{head} {{}}")
            _write(item, indent + "  ", lines)
        elif not isinstance(item, list):
            lines.append(f"{head} {_scalar(item)}")
        elif item and isinstance(item[0], dict):
            lines.append(head)
            for entry in item:
                start = len(lines)
                _write(entry, indent + "    ", lines)
                lines[start] = f"{indent}  - {lines[start].lstrip()}"
        else:
            lines.append(f"{head} [{', '.join(map(_scalar, item))}]")


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        if _BARE.fullmatch(value) and not _NOT_BARE.fullmatch(value):
            return str(value)
        return printable(json.dumps(value, ensure_ascii=False))
    return json.dumps(value)
