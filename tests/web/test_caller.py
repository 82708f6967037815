"""Who may cause a probe, and a login: Prometheus, curl and people, and no page of another site."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from exporter.web.caller import Caller, caller_of, is_origin_of
from tests.servers.certificates import Workshop
from tests.servers.ports import free_ports
from tests.servers.submission import submission_server
from tests.web.exporting import Answer, exporting, run
from tests.web.test_probe_on_demand import LOCAL, login, modules

NAMED = {"Host": "exporter.example:10587"}
"""Plain http at a name: the browser does not say `Sec-Fetch-Site`."""
NUMBERED = {"Host": "192.0.2.7:10587"}
PROMETHEUS = {
    "User-Agent": "Prometheus/3.5.0",
    "Accept": "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
    "Accept-Encoding": "gzip",
    "X-Prometheus-Scrape-Timeout-Seconds": "10",
}
CURL = {"User-Agent": "curl/8.14.1", "Accept": "*/*"}
CHROMIUM = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64)", "Accept-Language": "en", "Accept": "*/*"}
OPENING = CHROMIUM | {
    "Accept": "text/html,application/xhtml+xml,*/*;q=0.8",
    "Upgrade-Insecure-Requests": "1",
}
PICTURE = CHROMIUM | {"Accept": "image/avif,image/webp,*/*;q=0.8"}
OURS, FOREIGN = "http://exporter.example:10587", "http://evil.example"


@pytest.mark.parametrize(
    ("headers", "caller"),
    [
        # Programs.
        (NAMED | PROMETHEUS, Caller.PROGRAM),
        (NAMED | CURL, Caller.PROGRAM),
        (NAMED, Caller.PROGRAM),
        ({}, Caller.PROGRAM),
        # Browsers that say where from: https, or loopback.
        (NAMED | OPENING | {"Sec-Fetch-Site": "none", "Sec-Fetch-Dest": "document"}, Caller.OURS),
        (NAMED | OPENING | {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "document"}, Caller.OURS),
        (NAMED | OPENING | {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document"}, Caller.LEADING),
        (NAMED | OPENING | {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Dest": "document"}, Caller.LEADING),
        (NAMED | OPENING | {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "iframe"}, Caller.EMBEDDED),
        (NAMED | PICTURE | {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "image"}, Caller.EMBEDDED),
        (
            NAMED | CHROMIUM | {"Sec-Fetch-Site": "cross-site", "Referer": f"{OURS}/", "Origin": OURS},
            Caller.EMBEDDED,
        ),
        ({"Sec-Fetch-Site": "cross-site"}, Caller.EMBEDDED),
        # Browsers that do not, at a name: a page there may be one that rebound the name to us.
        (NAMED | OPENING, Caller.LEADING),
        (NAMED | OPENING | {"Referer": f"{OURS}/"}, Caller.LEADING),
        (NAMED | OPENING | {"Referer": f"{FOREIGN}/"}, Caller.LEADING),
        (NAMED | PICTURE, Caller.EMBEDDED),
        (NAMED | CHROMIUM, Caller.EMBEDDED),
        (NAMED | CHROMIUM | {"Origin": OURS}, Caller.EMBEDDED),
        (NAMED | OPENING | {"Origin": "null"}, Caller.EMBEDDED),
        # At an address, which no DNS can lead elsewhere.
        (NUMBERED | OPENING, Caller.LEADING),
        (NUMBERED | OPENING | {"Referer": "http://192.0.2.7:10587/endpoint?name=x"}, Caller.OURS),
        (NUMBERED | CHROMIUM | {"Origin": "http://192.0.2.7:10587"}, Caller.OURS),
        (NUMBERED | OPENING | {"Referer": "http://192.0.2.7:9090/targets"}, Caller.LEADING),
        (NUMBERED | OPENING | {"Referer": "http://192.0.2.7:10587.evil.example/"}, Caller.LEADING),
        (NUMBERED | OPENING | {"Referer": "http://evil.example/http://192.0.2.7:10587/"}, Caller.LEADING),
        (
            NUMBERED | CHROMIUM | {"Origin": FOREIGN, "Referer": "http://192.0.2.7:10587/"},
            Caller.EMBEDDED,
        ),
        ({"Host": "[::1]:10587", "Referer": "http://[::1]:10587/"}, Caller.OURS),
        ({"Host": "localhost:10587", "Referer": "http://localhost:10587/"}, Caller.OURS),
        ({"Host": "localhost.evil.example", "Referer": "http://localhost.evil.example/"}, Caller.EMBEDDED),
        ({"Host": "[::1", "Referer": "http://[::1/"}, Caller.EMBEDDED),
        # Browsers that hide what they are.
        (NAMED | {"Accept": "text/html"}, Caller.LEADING),
        (NAMED | {"Accept": "image/png"}, Caller.EMBEDDED),
        (NAMED | {"Accept-Language": "de"}, Caller.EMBEDDED),
        (NAMED | {"User-Agent": "Mozilla/5.0"}, Caller.EMBEDDED),
    ],
)
def test_callers_are_told_apart(headers: dict[str, str], caller: Caller) -> None:
    """What a browser does not say is not assumed in its favour."""
    assert caller_of(headers) is caller


def test_nobody_is_at_a_host_that_was_not_named() -> None:
    """HTTP/1.0 has no Host, and an empty one proves nothing."""
    assert not is_origin_of("", "")
    assert not is_origin_of("null", "")
    assert is_origin_of("https://Mail.Example:10587", "mail.example:10587")


@pytest.mark.parametrize(
    ("headers", "openly", "secretly"),
    [
        (PROMETHEUS, 200, 200),
        (CURL, 200, 200),
        (OPENING | {"Sec-Fetch-Site": "none", "Sec-Fetch-Dest": "document"}, 200, 200),
        (OPENING | {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document"}, 200, 403),
        (NAMED | OPENING, 200, 403),
        (NAMED | PICTURE, 403, 403),
        (NAMED | CHROMIUM, 403, 403),
    ],
)
def test_no_login_is_caused_by_who_may_be_another_site(
    headers: dict[str, str], openly: int, secretly: int, tmp_path: Path
) -> None:
    """A browser that does not show that its user asked gets no login, and is told what to do instead."""

    async def scenario() -> tuple[Answer, Answer, int]:
        async with (
            submission_server() as server,
            exporting(tmp_path, modules(open=LOCAL, mail=login())) as exporter,
        ):
            target = f"127.0.0.1:{server.port}"
            answers = [await exporter.probe(target, name, headers=headers) for name in ("open", "mail")]
            return answers[0], answers[1], sum("AUTH" in verbs for verbs in server.verbs)

    open_, mail, logins = run(scenario())
    assert (open_.status, mail.status) == (openly, secretly)
    assert logins == (secretly == 200)
    for answer in (open_, mail):
        assert answer.status == 200 or "Ask with a program, such as curl" in answer.text
    assert mail.status == 200 or openly == 403 or mail.text.startswith("module mail holds credentials; ")


@pytest.mark.parametrize("kind", ["certificate", "message"])
def test_certificates_and_messages_are_spared_too(kind: str, tmp_path: Path, workshop: Workshop) -> None:
    """Whatever needs `allowed_targets` needs a caller who shows himself."""
    (port,) = free_ports(1)
    certified = workshop.client("probe@mail.test")
    files = {"cert_file": certified.certificate_file, "key_file": certified.key_file}
    way: dict[str, Any] = {"tls": "starttls", "tls_config": files}
    if kind == "message":
        way = {"until": "mail", "message": {"from": "a@mail.test", "to": "b@mail.test"}}

    async def scenario() -> list[int]:
        async with exporting(tmp_path, modules(mail=LOCAL | way)) as exporter:
            return [
                (await exporter.probe(f"127.0.0.1:{port}", "mail", headers=headers)).status
                for headers in (CURL, NAMED | OPENING)
            ]

    assert run(scenario()) == [200, 403]
