"""The reference of what is served, from the OpenAPI description."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from importlib import resources
from typing import Any

from docs.source.markdown import code, document, table

_PAGES = (
    ("/", "The status page: every endpoint, failing first; it renews itself."),
    ("/endpoint?name=NAME", "One endpoint: verdict, phases, certificate, history, transcript, *Probe now*."),
    ("/errors", "What a pasted error means, and every error class; its anchor is the name of the class."),
    ("/api/v1/openapi.json", "The description of all this in OpenAPI 3.1."),
    ("/static/…", "Style, script and icon of the pages."),
)
PAGES = tuple(path.partition("?")[0] for path, _ in _PAGES)
"""Paths that are for browsers, and the description itself."""

_INTRODUCTION = """\
Everything is served on one port, 10587 unless `--web.listen-address` says otherwise, over HTTP/1.1. The exporter's own
`/api/v1/openapi.json` describes the same for programs."""

_ACCESS = """\
`--web.config.file` names a file in the format of Prometheus' exporter-toolkit, so one that Prometheus or another exporter
uses works unchanged: TLS, client certificates, bcrypt passwords, response headers, a rate limit. It is read again when
it or a file that it names changes.

```yaml
tls_server_config:
  cert_file: /etc/submission-exporter/web.pem
  key_file: /etc/submission-exporter/web.key
basic_auth_users:
  prometheus: $2y$10$pmzrS35WRYbd/uDIWw5yOOhC1KgELsOJeNe3FW1aWyJIaFAEWP1iO
```

The hash comes from `htpasswd -nBC 10 prometheus`. `/-/healthy` and `/-/ready` ask for no login. Without such a file
anybody who reaches the port may read every page, ask `/probe` and reload: bind it to loopback or stand a proxy before it.

A change counts at once, also for who is connected: a connection ends with the answer that is being given. Files are accepted
and refused as by `promtool check web-config`, but for a certificate file with a block in it that is no certificate, which is
refused here. Of the keys that came to the format later, `client_allowed_sans` and `rate_limit` are known: `interval` and
`burst` are one token bucket for all clients and all pages but `/-/healthy` and `/-/ready`; beyond it is 429 with
`Retry-After`, before any password is looked at. An `interval` of 0 or less, or none, is no limit.

`/config` and every other page show `<secret>` where a secret stands. Requests that another site's page sends through
a browser are refused where they would change something or log in ([which exactly](../explanation/security.md#probe)): a
browser logs in by `/probe` over https or at `localhost` only."""


def page() -> str:
    """The whole page."""
    description = openapi()
    parts = ["# HTTP", _INTRODUCTION, "## Pages"]
    parts.append(table(("path", "what"), ((code(path), what) for path, what in _PAGES)))
    parts.append("## For programs")
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            if method != "parameters":
                parts += _operation(f"{method.upper()} {path}", operation, methods.get("parameters", []))
    return document(*parts, "## TLS and logins", _ACCESS)


def openapi() -> dict[str, Any]:
    """The description that the exporter serves."""
    text = resources.files("exporter.web").joinpath("static/openapi.json").read_text(encoding="utf-8")
    description: dict[str, Any] = json.loads(text)
    return description


def _operation(title: str, operation: Mapping[str, Any], shared: list[Mapping[str, Any]]) -> Iterator[str]:
    yield f"### {title}"
    yield f"{operation['summary']}. {operation.get('description', '')}".strip()
    parameters = [*shared, *operation.get("parameters", [])]
    if parameters:
        yield table(
            ("parameter", "in", "meaning"),
            ((code(p["name"]), p["in"], _meaning(p)) for p in parameters),
        )
    yield table(
        ("status", "meaning"),
        ((status, _sentence(answer["description"])) for status, answer in operation["responses"].items()),
    )


def _meaning(parameter: Mapping[str, Any]) -> str:
    text = _sentence(parameter.get("description", ""))
    return f"Required. {text}".strip() if parameter.get("required") else text or "-"


def _sentence(text: str) -> str:
    return " ".join(text.split())
