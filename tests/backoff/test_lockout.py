"""A wrong password never locks an account: the whole exporter through ten minutes and more."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from exporter.model import TlsMode
from tests.backoff.living import endpoint, exporter, handshakes, knowing, logins
from tests.servers.certificates import Workshop
from tests.servers.submission import PASSWORD, submission_server
from tests.virtual_time import run_virtual

TEN_MINUTES = 599.0
"""Seconds: a probe at its start, and 39 more every 15 s."""


def test_a_wrong_password_is_tried_twice_in_ten_minutes(workshop: Workshop) -> None:
    """At 15 s: 40 handshakes and no more than 2 AUTH commands, while every probe counts as failed."""

    async def scenario() -> None:
        async with submission_server(context=workshop.valid().context()) as server:
            wrong = endpoint("submission", server, workshop.ca_file, auth=knowing("wrong"))
            async with exporter(wrong) as running:
                await running.until(TEN_MINUTES)
                metrics = await running.metrics()
            assert logins(server) == 2
            assert handshakes(server) == 40
        refusal = {"phase": "auth", "error_class": "credentials_rejected", "fault_domain": "credentials"}
        assert metrics("smtp_probe_success") == 0
        assert metrics("smtp_probe_auth_success") == 0
        assert metrics("smtp_probe_tls_success") == 1
        assert metrics("smtp_probe_failure", **refusal) == 1
        assert metrics("smtp_probe_attempts_total") == 40
        assert metrics("smtp_probe_successes_total") == 0
        assert metrics("smtp_probe_failures_total", **refusal) == 40
        assert metrics.all("smtp_probe_outcomes_total", phase="auth") == {("credentials_rejected",): 2}
        assert metrics.all("smtp_probe_outcomes_total", phase="tls") == {("none",): 40}
        assert metrics("smtp_probe_reply_code") == 535
        assert metrics.all("smtp_probe_backing_off") == {("auth",): 1, ("endpoint",): 0}

    run_virtual(scenario())


OWN_RULE = """
- id: ours
  phase: auth
  words: authentication failed
  class: {error_class}
  source: our own server
  examples:
    - {{phase: auth, code: 535, text: Authentication failed}}
"""


@pytest.mark.parametrize("error_class", ["server_error", "client_blocked", "auth_temporary_failure"])
@pytest.mark.parametrize("code", [501, 504, 535, 554])
def test_no_rule_of_an_operator_lets_a_password_be_tried_on(
    workshop: Workshop, tmp_path: Path, error_class: str, code: int
) -> None:
    """It words the verdict, and the account is spared all the same."""
    rules = tmp_path / "rules.yml"
    rules.write_text(OWN_RULE.format(error_class=error_class))

    async def scenario() -> None:
        replies = {"AUTH": f"{code} Authentication failed"}
        async with submission_server(context=workshop.valid().context(), replies=replies) as server:
            wrong = endpoint("submission", server, workshop.ca_file, auth=knowing("wrong"))
            async with exporter(wrong, rules=rules) as running:
                await running.until(TEN_MINUTES)
                metrics = await running.metrics()
            assert logins(server) == 2
            assert handshakes(server) == 40
        assert {found[0] for found in metrics.wrong()} == {error_class}

    run_virtual(scenario())


def test_two_endpoints_of_one_user_share_the_two_attempts(workshop: Workshop) -> None:
    """465 and 587 with the same wrong password: 2 AUTH commands together, 40 handshakes each."""

    async def scenario() -> None:
        context = workshop.valid().context()
        async with (
            submission_server(context=context) as starttls,
            submission_server(context=context, tls=TlsMode.IMPLICIT) as implicit,
        ):
            wrong = knowing("wrong")
            one = endpoint("submission", starttls, workshop.ca_file, auth=wrong)
            two = endpoint("submissions", implicit, workshop.ca_file, auth=wrong, tls=TlsMode.IMPLICIT)
            async with exporter(one, two) as running:
                await running.until(TEN_MINUTES)
                metrics = await running.metrics()
            assert logins(starttls, implicit) == 2
            assert (handshakes(starttls), handshakes(implicit)) == (40, 40)
        for name in ("submission", "submissions"):
            assert metrics("smtp_probe_success", name) == 0
            assert metrics("smtp_probe_auth_success", name) == 0
            assert metrics("smtp_probe_attempts_total", name) == 40
            assert metrics("smtp_probe_backing_off", name, scope="auth") == 1

    run_virtual(scenario())


def test_probing_at_once_tries_no_further_login(workshop: Workshop) -> None:
    """`probe now`, pressed again and again and by several at a time, makes no AUTH while backing off."""

    async def scenario() -> None:
        async with submission_server(context=workshop.valid().context()) as server:
            wrong = endpoint("submission", server, workshop.ca_file, auth=knowing("wrong"))
            async with exporter(wrong) as running:
                await running.until(20)
                for _ in range(5):
                    pressed = [running.service._probe_now("submission") for _ in range(3)]
                    assert await asyncio.gather(*pressed) == [None] * 3
            assert logins(server) == 1
            assert handshakes(server) > 5

    run_virtual(scenario())


@pytest.mark.parametrize("count", [2, 6])
def test_logins_of_one_user_at_the_same_moment_are_made_one_by_one(workshop: Workshop, count: int) -> None:
    """The first refusal is known before the second login: several endpoints at once make one attempt."""

    async def scenario() -> None:
        pauses = {"AUTH": 0.5}
        async with submission_server(context=workshop.valid().context(), pauses=pauses) as server:
            same = [
                endpoint(f"e{number}", server, workshop.ca_file, auth=knowing("wrong"), interval=600.0)
                for number in range(count)
            ]
            async with exporter(*same) as running:
                await asyncio.gather(*(running.service._probe_now(one.name) for one in same))
                metrics = await running.metrics()
            assert logins(server) == 1
        for one in same:
            assert metrics("smtp_probe_auth_success", one.name) == 0

    run_virtual(scenario())


def test_the_pause_doubles_up_to_its_maximum(workshop: Workshop) -> None:
    """Attempts at 0, 1, 3, 7, 11 minutes with 60 s doubling to 240 s."""

    async def scenario() -> list[float]:
        loop = asyncio.get_running_loop()
        times: list[float] = []
        async with submission_server(context=workshop.valid().context()) as server:
            wrong = endpoint("submission", server, workshop.ca_file, auth=knowing("wrong"))
            async with exporter(wrong, initial=60.0, max=240.0) as running:
                seen = 0
                for _ in range(15 * 60):
                    await running.until(loop.time() + 1)
                    if logins(server) > seen:
                        seen = logins(server)
                        times.append(loop.time())
        return [later - earlier for earlier, later in itertools.pairwise(times)]

    # Each try is that of the first probe after the pause.
    assert run_virtual(scenario()) == pytest.approx([75, 135, 255, 255], abs=16)


def test_the_right_password_ends_it_at_once(workshop: Workshop) -> None:
    """A changed secret is another account to the exporter: the next probe logs in, and all is well."""

    async def scenario() -> None:
        async with submission_server(context=workshop.valid().context()) as server:
            wrong = endpoint("submission", server, workshop.ca_file, auth=knowing("wrong"))
            right = endpoint("submission", server, workshop.ca_file, auth=knowing(PASSWORD))
            async with exporter(wrong) as running:
                await running.until(20)
                assert (await running.metrics())("smtp_probe_backing_off", scope="auth") == 1
                running.service._board.apply([right])
                await running.service._scheduler.apply_in_turns([right])
                await running.until(40)
                metrics = await running.metrics()
            assert logins(server) >= 2
        assert metrics("smtp_probe_success") == 1
        assert metrics("smtp_probe_backing_off", scope="auth") == 0

    run_virtual(scenario())


def test_a_new_failure_before_the_login_is_shown(workshop: Workshop) -> None:
    """While logins are held back, a server that goes away is what is wrong now."""

    async def scenario() -> None:
        async with AsyncExitStack() as servers:
            server = await servers.enter_async_context(submission_server(context=workshop.valid().context()))
            wrong = endpoint("submission", server, workshop.ca_file, auth=knowing("wrong"))
            async with exporter(wrong) as running:
                await running.until(20)
                await servers.aclose()
                await running.until(50)
                metrics = await running.metrics()
        assert metrics("smtp_probe_success") == 0
        assert {phase for _, _, phase in metrics.wrong()} == {"connect"}

    run_virtual(scenario())
