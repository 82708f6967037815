"""A secret is in no byte that the program writes, whatever a server does with it, at log level debug."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import html
import json
import logging
import quopri
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter import log
from exporter.model import Auth, Phase, Secret, TlsMode
from tests.backoff.living import endpoint as living_endpoint
from tests.backoff.living import exporter, knowing
from tests.cli.commands import COMMAND, PATIENCE, Child, running
from tests.login.battery import (
    CLIENT_SECRET,
    KNOWING,
    PASSWORD,
    REFRESH_TOKEN,
    SECRETS,
    TOKEN,
    TRAPS,
    battery,
    token_battery,
)
from tests.probe.probing import endpoint as probing_endpoint
from tests.probe.probing import probe
from tests.servers.background import in_background
from tests.servers.certificates import Workshop
from tests.servers.submission import USER, submission_server
from tests.virtual_time import run_virtual

PIECE = 10
"""Characters of a secret, in any form, that are too many to be seen."""


def pieces(secret: str) -> Iterator[str]:
    """Every piece of a secret in plain, as others write it, and in the alignments of base64."""
    raw = secret.encode()
    forms = {secret, html.escape(secret), urllib.parse.quote(secret), urllib.parse.quote_plus(secret)}
    forms |= {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1].replace("/", "\\/")}
    forms |= {urllib.parse.quote(secret, safe=""), urllib.parse.quote_plus(secret).lower(), repr(raw)[2:-1]}
    forms |= {html.escape(secret).encode("ascii", "xmlcharrefreplace").decode(), raw.decode("latin-1")}
    forms |= {raw.hex(), raw.hex().upper(), secret[::-1], quopri.encodestring(raw, quotetabs=True).decode()}
    # What a page writes of what a server wrote.
    forms |= {html.escape(form) for form in forms} | {json.dumps(form)[1:-1] for form in forms}
    for shift in range(3):
        once = base64.b64encode(b"\0" * shift + raw)[4:-4]
        forms |= {base64.b64encode(b"\0" * more + once).decode()[4:-4] for more in range(3)}
    for shift in range(3):
        # The first and last characters also carry bits of what stands beside the secret.
        inner = base64.b64encode(b"\0" * shift + secret.encode()).decode().rstrip("=")[shift + 1 : -2]
        forms |= {inner, inner.translate(str.maketrans("+/", "-_"))}
    for form in forms:
        yield from (form[start : start + PIECE] for start in range(len(form) - PIECE + 1))


PIECES = frozenset(piece for secret in SECRETS for piece in pieces(secret))


def leaks(text: str) -> frozenset[str]:
    """The pieces of secrets that stand in `text`."""
    starts = {text[start : start + PIECE] for start in range(len(text) - PIECE + 1)}
    return PIECES & starts


def test_the_search_finds_what_it_looks_for() -> None:
    """In plain, in base64 of any alignment, in JSON and in HTML."""
    for secret in SECRETS:
        for before in (b"", b"a", b"ab", b"\0user\0"):
            assert leaks(base64.b64encode(before + secret.encode() + b"\1\1").decode())
            assert leaks(base64.urlsafe_b64encode(before + secret.encode()).decode())
        assert leaks(json.dumps({"x": secret}))
        assert leaks(html.escape(secret))
    assert not leaks("an ordinary line of text with nothing in it")


@asynccontextmanager
async def all_servers() -> AsyncIterator[tuple[dict[str, int], list[int], int]]:
    """The traps, the token endpoints, and a server that lets the password in."""
    async with (
        battery() as traps,
        token_battery() as tokens,
        submission_server(credentials={USER: PASSWORD}) as good,
    ):
        yield traps, tokens, good.port


def configuration(folder: Path, traps: dict[str, int], tokens: list[int], good: int) -> Path:
    """A file with every trap as an endpoint, the secrets in files beside it."""
    for name, secret in (
        ("password", PASSWORD),
        ("wrong", f"{PASSWORD[:-1]}!"),
        ("token", TOKEN),
        ("client", CLIENT_SECRET),
        ("refresh", REFRESH_TOKEN),
    ):
        (folder / name).write_text(secret)
    endpoints = [
        endpoint(trap.name, traps[trap.name], trap.mechanism, number)
        for number, trap in enumerate((*TRAPS, *KNOWING))
    ]
    for number, port in enumerate(tokens):
        source = {
            "token_url": f"http://127.0.0.1:{port}/token",
            "client_id": "me",
            "client_secret_file": "client",
        }
        if number % 2:
            source["refresh_token_file"] = "refresh"
        fetched = endpoint(f"token endpoint {number}", traps["XOAUTH2 refused decoded"], "XOAUTH2", number)
        fetched["auth"] = {**fetched["auth"], "oauth2": source}
        endpoints.append(fetched)
    # On a busy machine a second is not always enough for the one that has to succeed.
    endpoints.append({**endpoint("good", good, "PLAIN", 0, user=USER), "timeout": "4s"})
    refused = endpoint("refused", good, "LOGIN", 0, user=USER)
    refused["auth"] = {**refused["auth"], "password_file": "wrong"}
    file = folder / "canary.yml"
    file.write_text(
        yaml.safe_dump(
            {
                "global": {"interval": "4s", "timeout": "1s"},
                "endpoints": [*endpoints, refused],
                "modules": {
                    "login": {
                        "tls": "none",
                        "timeout": "1s",
                        "auth": {**endpoints[0]["auth"]},
                        "allowed_targets": [f"127.0.0.1:{port}" for port in list(traps.values())[:8]],
                    }
                },
            }
        )
    )
    return file


def endpoint(name: str, port: int, mechanism: str, number: int, user: str = "") -> dict[str, Any]:
    """One endpoint of the file; each has a user of its own, so that none waits for another's refusal."""
    auth: dict[str, Any] = {
        "username": user or f"user{number}",
        "mechanism": mechanism,
        "allow_plaintext": True,
    }
    if mechanism in {"XOAUTH2", "OAUTHBEARER"}:
        auth["oauth2"] = {"token_file": "token"}
    else:
        auth["password_file"] = "password"
    return {
        "name": name,
        "target": f"127.0.0.1:{port}",
        "tls": "none",
        "until": "rcpt",
        "auth": auth,
        "message": {"from": "a@mail.test", "to": "b@mail.test"},
    }


def fetched(url: str, path: str, accept: str = "*/*") -> str:
    """Head and body of an answer, whatever its status."""
    request = urllib.request.Request(url + path, headers={"Accept": accept})
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return f"{answer.headers}{answer.read().decode()}"
    except urllib.error.HTTPError as error:
        with error:
            return f"{error.headers}{error.read().decode()}"


def wait_for_all(child: Child, count: int) -> None:
    """Until every endpoint has been probed."""
    deadline = time.monotonic() + PATIENCE
    while child.get("metrics").count("\nsmtp_probe_attempts_total{") < count:
        assert time.monotonic() < deadline, child.log
        time.sleep(0.1)


@pytest.mark.parametrize("form", ["logfmt", "json"])
def test_serve_writes_no_secret(tmp_path: Path, form: str) -> None:
    """Log at level debug, metrics in both formats, every page, the API, and probes out of turn."""
    with in_background(all_servers) as (traps, tokens, good):
        file = configuration(tmp_path, traps, tokens, good)
        arguments = ("serve", "--config.file", str(file), "--log.level", "debug", "--log.format", form)
        with running(tmp_path, *arguments) as child:
            names = [one["name"] for one in yaml.safe_load(file.read_text())["endpoints"]]
            wait_for_all(child, len(names))
            # The pages are the same whatever the log's form.
            quoted = [urllib.parse.quote(name) for name in names if form == "logfmt"]
            paths = [
                "",
                "metrics",
                "api/v1/endpoints",
                *(f"endpoint?name={name}" for name in quoted),
                *(f"api/v1/endpoints/{name}" for name in quoted),
                *(
                    f"probe?target=127.0.0.1:{port}&module=login&debug=true"
                    for port in list(traps.values())[:8]
                ),
            ]
            written = [fetched(child.url, path) for path in paths]
            written.append(fetched(child.url, "metrics", "application/openmetrics-text"))
            assert child.stop() == 0
            written.append(child.log)
    assert "error_class" in written[1]
    assert 'smtp_probe_success{smtp_endpoint="good"} 1' in written[1]
    assert "&lt;secret&gt;" in "".join(written)
    for path, text in zip((*paths, "openmetrics", "log"), written, strict=True):
        assert not leaks(text), (path, leaks(text))
    assert "Traceback" not in written[-1]
    assert "submission_exporter_bugs_total 0" in written[1]


@pytest.mark.parametrize("output", ["text", "json"])
def test_check_and_validate_write_no_secret(tmp_path: Path, output: str) -> None:
    """Everything on standard output and standard error."""
    with in_background(all_servers) as (traps, tokens, good):
        file = configuration(tmp_path, traps, tokens, good)
        for command in (("check", "--output", output), ("validate",)):
            done = subprocess.run(
                [*COMMAND, *command, "--config.file", str(file)],
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            assert not leaks(done.stdout + done.stderr), leaks(done.stdout + done.stderr)
            assert "Traceback" not in done.stderr
            if command[0] == "check":
                assert done.returncode == 1
                assert "<secret>" in done.stdout
                assert "exporter_error" not in done.stdout
            else:
                assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("place", ["exporter.probe.login.Login._answer", "exporter.probe.sasl.Plain.command"])
def test_a_traceback_holds_no_secret(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], place: str
) -> None:
    """A bug in the middle of a login is logged whole, and the secret that it handled is not in it."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(place, broken)

    async def scenario() -> None:
        async with submission_server(
            context=workshop.valid().context(), mechanisms=("PLAIN", "LOGIN")
        ) as server:
            probed = living_endpoint("submission", server, workshop.ca_file, auth=knowing(PASSWORD))
            if place.endswith("_answer"):
                probed = living_endpoint(
                    "submission", server, workshop.ca_file, auth=knowing(PASSWORD, mechanism="LOGIN")
                )
            async with exporter(probed) as running_exporter:
                await running_exporter.until(20.0)
                metrics = await running_exporter.metrics()
            assert metrics("submission_exporter_bugs_total", None) >= 1
            assert {name for name, _, _ in metrics.wrong()} == {"exporter_error"}

    with logging_to_stderr():
        run_virtual(scenario())
    shown = "".join(capfd.readouterr())
    assert "ZeroDivisionError" in shown
    assert not leaks(shown)


@contextlib.contextmanager
def logging_to_stderr() -> Iterator[None]:
    """The program's own logging at debug, taken down again."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        log.set_up("debug", "json")
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)


def test_a_password_that_is_no_text_is_sent_and_not_shown() -> None:
    """Bytes from an environment variable raise nothing, and nothing is shown of them."""
    secret = b"C4n4ry\xff\xfePassword".decode("utf-8", "surrogateescape")

    async def scenario() -> str:
        async with submission_server() as server:
            auth = Auth(username="me", password=Secret(secret), allow_plaintext=True)
            result = await probe(probing_endpoint(server.port, tls=TlsMode.NONE, until=Phase.AUTH, auth=auth))
        return repr(result)

    shown = asyncio.run(scenario())
    assert "535" in shown or "501" in shown
    assert "C4n4ry" not in shown
