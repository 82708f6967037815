"""`auth.every`: log in less often than the endpoint is probed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from exporter.model import Message, Phase
from tests.backoff.living import Samples, endpoint, exporter, handshakes, knowing, logins
from tests.servers.certificates import Workshop
from tests.servers.submission import PASSWORD, Submission, submission_server
from tests.virtual_time import run_virtual


def lived(
    workshop: Workshop, seconds: float, every: float | None, **server: Any
) -> tuple[Submission, Samples]:
    """The server and the metrics after so many seconds with a probe each 15 s."""

    async def scenario() -> tuple[Submission, Samples]:
        async with submission_server(context=workshop.valid().context(), **server) as running_server:
            probed = endpoint(
                "submission", running_server, workshop.ca_file, auth=knowing(PASSWORD, every=every)
            )
            async with exporter(probed) as running:
                await running.until(seconds)
                return running_server, await running.metrics()

    return run_virtual(scenario())


@pytest.mark.parametrize(("every", "expected"), [(None, 40), (15.0, 40), (1.0, 40), (60.0, 10), (300.0, 2)])
def test_logins_are_made_on_time(workshop: Workshop, every: float | None, expected: int) -> None:
    """In ten minutes of probes every 15 s: one login each `every`, TLS with every probe."""
    server, metrics = lived(workshop, 599.0, every)
    assert (logins(server), handshakes(server)) == (expected, 40)
    assert metrics("smtp_probe_success") == 1
    assert metrics("smtp_probe_auth_success") == 1
    assert metrics("smtp_probe_successes_total") == 40
    assert metrics.all("smtp_probe_outcomes_total", phase="auth") == {("none",): expected}
    assert metrics.all("smtp_probe_backing_off") == {("auth",): 0, ("endpoint",): 0}


def test_a_failed_login_is_repeated_with_the_next_probe(workshop: Workshop) -> None:
    """Only a login that was accepted is worth waiting for: a temporary failure is tried again at once."""
    server, metrics = lived(workshop, 149.0, 300.0, replies={"AUTH": "454 4.7.0 Temporary failure"})
    assert logins(server) == 10
    assert metrics.wrong() == {("auth_temporary_failure", "server", "auth")}


def test_a_failure_behind_the_login_is_looked_at_with_every_probe(workshop: Workshop) -> None:
    """A refused recipient does not look healthy between two logins."""

    async def scenario() -> None:
        replies = {"RCPT": "550 5.1.1 No such user"}
        async with submission_server(context=workshop.valid().context(), replies=replies) as server:
            probed = endpoint(
                "submission",
                server,
                workshop.ca_file,
                until=Phase.RCPT,
                auth=knowing(PASSWORD, every=300.0),
                message=Message(sender="a@mail.test", recipient="b@mail.test"),
            )
            async with exporter(probed) as running:
                await running.until(149.0)
                metrics = await running.metrics()
        assert metrics("smtp_probe_failures_total") == 10
        assert logins(server) == 10

    run_virtual(scenario())


def test_probing_at_once_logs_in(workshop: Workshop) -> None:
    """Whoever presses the button wants to know about the login too."""

    async def scenario() -> None:
        async with submission_server(context=workshop.valid().context()) as server:
            probed = endpoint("submission", server, workshop.ca_file, auth=knowing(PASSWORD, every=3600.0))
            async with exporter(probed) as running:
                await running.until(100.0)
                assert logins(server) == 1
                assert await running.service._probe_now("submission") is None
                assert logins(server) == 2
                assert await running.service._probe_now("nobody") is not None

    run_virtual(scenario())


def test_a_refusal_between_two_logins_of_another_endpoint_counts(workshop: Workshop) -> None:
    """One account: what the other port has just been told holds here, though the login is not due."""

    async def scenario() -> None:
        context = workshop.valid().context()
        replies = {"NOOP": "250 2.0.0 Fine"}  # the server looks into it with every command
        async with (
            submission_server(context=context) as seldom_asked,
            submission_server(context=context, replies=replies) as often_asked,
        ):
            seldom = endpoint("seldom", seldom_asked, workshop.ca_file, auth=knowing(PASSWORD, every=3600.0))
            often = endpoint("often", often_asked, workshop.ca_file, auth=knowing(PASSWORD, every=3600.0))
            async with exporter(seldom, often) as running:
                await running.until(100.0)
                replies["AUTH"] = "535 5.7.8 Authentication credentials invalid"
                await running.service._probe_now("often")
                await running.until(asyncio.get_running_loop().time() + 20.0)
                metrics = await running.metrics()
            assert logins(seldom_asked) == 1
        assert metrics("smtp_probe_auth_success", "seldom") == 0
        assert metrics("smtp_probe_backing_off", "seldom", scope="auth") == 1

    run_virtual(scenario())
