"""Logins of a running exporter: tokens and their metrics, a changed secret, what a server offers."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from exporter.model import Auth, OAuth2, TlsConfig, TlsMode
from exporter.service import Service
from exporter.settings import load
from tests.backoff.living import Exporter, endpoint, exporter, logins
from tests.login.token_server import TokenServer, token_server
from tests.servers.certificates import Workshop
from tests.servers.submission import PASSWORD, USER, Submission, submission_server
from tests.virtual_time import run_virtual

ACCEPTED = "235 2.7.0 Accepted"
REFUSED = "535 5.7.8 Authentication failed"


def with_tokens(
    workshop: Workshop,
    scenario: Callable[[Exporter, TokenServer, Submission, dict[str, str]], Awaitable[None]],
    reply: str = ACCEPTED,
) -> None:
    """Run `scenario` beside an exporter that logs in with fetched tokens."""

    async def whole() -> None:
        replies = {"AUTH": reply}
        async with (
            token_server() as tokens,
            submission_server(
                context=workshop.valid().context(), mechanisms=("XOAUTH2",), replies=replies
            ) as server,
        ):
            auth = Auth(username=USER, oauth2=tokens.oauth2())
            probed = endpoint("submission", server, workshop.ca_file, auth=auth)
            async with exporter(probed) as running:
                await scenario(running, tokens, server, replies)

    run_virtual(whole())


def test_one_token_serves_many_probes_and_its_end_is_a_metric(workshop: Workshop) -> None:
    """An hour's token is fetched once in ten minutes; its end is told in Unix seconds."""

    async def scenario(
        running: Exporter, tokens: TokenServer, server: Submission, replies: dict[str, str]
    ) -> None:
        await running.until(599.0)
        metrics = await running.metrics()
        assert len(tokens.forms) == 1
        assert logins(server) == 40
        assert metrics("smtp_probe_success") == 1
        end = metrics("smtp_probe_oauth2_token_expiry_timestamp_seconds")
        assert end == pytest.approx(time.time() + 3600, abs=60)

    with_tokens(workshop, scenario)


def test_a_refused_token_is_replaced_before_the_next_try(workshop: Workshop) -> None:
    """Logins are held back as after a wrong password; then a fresh token is tried."""

    async def scenario(
        running: Exporter, tokens: TokenServer, server: Submission, replies: dict[str, str]
    ) -> None:
        await running.until(290.0)
        metrics = await running.metrics()
        assert metrics.wrong() == {("oauth_token_rejected", "credentials", "auth")}
        assert metrics("smtp_probe_backing_off", scope="auth") == 1
        assert (len(tokens.forms), logins(server)) == (1, 1)
        replies["AUTH"] = ACCEPTED
        await running.until(330.0)
        assert (await running.metrics())("smtp_probe_success") == 1
        assert len(tokens.forms) == 2

    with_tokens(workshop, scenario, REFUSED)


def test_a_failing_token_endpoint_is_told_and_the_mail_server_is_not_blamed(workshop: Workshop) -> None:
    """Everything up to the login is probed on; no AUTH goes out and none is held back."""

    async def scenario(
        running: Exporter, tokens: TokenServer, server: Submission, replies: dict[str, str]
    ) -> None:
        tokens.answer = web.json_response({"error": "invalid_client"}, status=401)
        await running.until(149.0)
        metrics = await running.metrics()
        assert metrics.wrong() == {("oauth_token_unavailable", "credentials", "auth")}
        assert metrics("smtp_probe_tls_success") == 1
        assert metrics("smtp_probe_backing_off", scope="auth") == 0
        assert metrics.all("smtp_probe_oauth2_token_expiry_timestamp_seconds") == {}
        assert logins(server) == 0
        assert len(server.sessions) == 10
        tokens.answer = None
        await running.until(449.0)
        assert (await running.metrics())("smtp_probe_success") == 1

    with_tokens(workshop, scenario)


def test_without_a_file_token_nothing_is_told_of_its_end(workshop: Workshop, tmp_path: Path) -> None:
    """A token file that cannot be read is evidence; a password has no end."""

    async def whole() -> None:
        async with submission_server(
            context=workshop.valid().context(), mechanisms=("PLAIN", "XOAUTH2")
        ) as server:
            auth = Auth(username=USER, oauth2=OAuth2(token_file=str(tmp_path / "gone")))
            bearer = endpoint("bearer", server, workshop.ca_file, auth=auth)
            async with exporter(bearer, endpoint("password", server, workshop.ca_file)) as running:
                await running.until(20.0)
                metrics = await running.metrics()
                assert running.service.token_expiry("nobody") is None
                assert running.service.backing_off("nobody") == (False, False)
        assert {name for name, _, _ in metrics.wrong("bearer")} == {"oauth_token_unavailable"}
        assert metrics("smtp_probe_success", "password") == 1
        assert metrics.all("smtp_probe_oauth2_token_expiry_timestamp_seconds", None) == {}

    run_virtual(whole())


CONFIGURATION = """\
global: {{interval: 15s, timeout: 5s, follow_up: {{enabled: false}}}}
endpoints:
  - name: submission
    target: localhost:{port}
    tls: starttls
    tls_config: {{ca_file: {ca_file}}}
    auth: {{username: {user}, password_file: password}}
"""


def test_a_changed_password_file_ends_the_waiting_at_once(workshop: Workshop, tmp_path: Path) -> None:
    """After a reload the next probe logs in with the new password, minutes before the next try was due."""

    async def whole() -> None:
        async with submission_server(context=workshop.valid().context()) as server:
            file = tmp_path / "my.yml"
            file.write_text(CONFIGURATION.format(port=server.port, ca_file=workshop.ca_file, user=USER))
            (tmp_path / "password").write_text("wrong\n")
            service = Service(load(file), listen="127.0.0.1:0", config_file=file)
            await service.start()
            try:
                running = Exporter(service)
                await running.until(40.0)
                assert await service.reload()  # the same again changes nothing
                await running.until(70.0)
                assert logins(server) == 1
                assert (await running.metrics())("smtp_probe_backing_off", scope="auth") == 1
                (tmp_path / "password").write_text(f"{PASSWORD}\n")
                assert await service.reload()
                await running.until(90.0)
                metrics = await running.metrics()
            finally:
                await service.stop()
        assert metrics("smtp_probe_success") == 1
        assert metrics("smtp_probe_backing_off", scope="auth") == 0
        assert metrics("smtp_probe_attempts_total") >= 5

    run_virtual(whole())


def offered(workshop: Workshop, **changes: Any) -> Any:
    """The capability metrics of one probe."""

    async def whole() -> Any:
        tls = changes.get("tls", TlsMode.STARTTLS)
        context = None if tls is TlsMode.NONE else workshop.valid().context()
        async with submission_server(
            context=context, mechanisms=("PLAIN", "SCRAM-SHA-256", "XOAUTH2", "X-SECRET"), tls=tls
        ) as server:
            auth = Auth(username=USER, password=None, allow_plaintext=True)
            probed = endpoint("submission", server, workshop.ca_file, auth=auth, **changes)
            async with exporter(probed) as running:
                await running.until(10.0)
                return await running.metrics()

    return run_virtual(whole())


@pytest.mark.parametrize(
    ("tls", "before", "after"),
    [(TlsMode.STARTTLS, 0, True), (TlsMode.IMPLICIT, None, True), (TlsMode.NONE, 1, False)],
)
def test_what_is_offered_before_and_after_tls_is_told(
    workshop: Workshop, tls: TlsMode, before: int | None, after: bool
) -> None:
    """AUTH offered in clear is visible as such; mechanisms by name, unknown names left out."""
    metrics = offered(workshop, tls=tls, tls_config=TlsConfig(ca_file=workshop.ca_file))
    in_clear = metrics.all("smtp_probe_capability", capability="AUTH", tls="before")
    assert in_clear == ({} if before is None else {(): before})
    assert bool(metrics.all("smtp_probe_capability", tls="after")) is after
    place = "after" if after else "before"
    mechanisms = {
        name for name, value in metrics.all("smtp_probe_auth_mechanism", tls=place).items() if value
    }
    assert mechanisms == {("PLAIN",), ("SCRAM-SHA-256",), ("XOAUTH2",)}
