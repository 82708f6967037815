"""What `/probe?debug=true` answers: everything that one probe saw, for a person at a terminal."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from exporter.model import Auth, Observation
from exporter.settings import effective
from exporter.settings.durations import format_duration
from exporter.settings.urls import SHOWN_SECRET, shown_url
from exporter.terminal import Style, heading, step_line, verdict
from exporter.web.html import printable


def debug_text(observation: Observation, metrics: bytes) -> str:
    """Return steps, verdict, transcript, metrics and the effective module, printable and without secrets."""
    result = observation.result
    plain = Style(io.StringIO())
    parts = (
        ("Probe", "\n".join((heading(result.endpoint, plain), *(step_line(s, plain) for s in result.steps)))),
        ("Verdict", verdict(observation, plain)),
        ("Transcript", "\n".join(f"  {line}" for line in result.transcript) or "  nothing was said"),
        ("Metrics that would have been returned", metrics.decode().rstrip("\n")),
        ("Module, as it was used", _effective(observation).rstrip("\n")),
    )
    return "\n\n".join(f"{title}:\n{printable(text)}" for title, text in parts) + "\n"


def _effective(observation: Observation) -> str:
    endpoint = observation.result.endpoint
    section = effective.endpoint_section(endpoint, auth_shown(endpoint.auth))
    del section["name"], section["interval"]
    return effective.render(section)


def auth_shown(auth: Auth | None) -> Mapping[str, Any]:
    """Return the credentials with every secret replaced."""
    if auth is None:
        return {}
    shown: dict[str, Any] = {"mechanism": auth.mechanism or "auto", "username": auth.username}
    if auth.password is not None:
        shown["password"] = SHOWN_SECRET
    shown["allow_plaintext"] = auth.allow_plaintext
    if auth.every is not None:
        shown["every"] = format_duration(auth.every)
    if auth.oauth2 is not None:
        grant = auth.oauth2
        shown["oauth2"] = {
            key: value
            for key, value in (
                ("token_url", shown_url(grant.token_url) if grant.token_url else None),
                ("client_id", grant.client_id),
                ("client_secret", SHOWN_SECRET if grant.client_secret else None),
                ("refresh_token", SHOWN_SECRET if grant.refresh_token else None),
                ("scopes", list(grant.scopes) or None),
                ("token_file", grant.token_file),
            )
            if value is not None
        }
    return shown
