"""A reload, a click or a scrape makes no server see more logins and messages than the schedule alone would."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from exporter.model import Auth, Endpoint, Message, Phase, Secret, TlsMode
from exporter.probe.screened import Permits
from tests.backoff.living import endpoint, exporter, knowing, logins, reload
from tests.servers.certificates import Workshop
from tests.servers.scripted import Step, answer, ehlo, expect, greet, hear, scripted, stall
from tests.servers.submission import PASSWORD, USER, Submission, submission_server
from tests.virtual_time import run_virtual

MESSAGE = Message(sender="probe@mail.test", recipient="postmaster@mail.test")
EVERYWHERE: Permits = lambda _: True  # noqa: E731
QUARTER = 900.0


def labelled(base: Endpoint, number: int) -> Endpoint:
    """The endpoint with other labels."""
    return replace(base, labels=(("generation", str(number)),))


def slower(base: Endpoint, number: int) -> Endpoint:
    """The endpoint with another timeout, which is another way to probe."""
    return replace(base, timeout=base.timeout + number / 1000)


def renamed(base: Endpoint, number: int) -> Endpoint:
    """The endpoint under another name."""
    return replace(base, name=f"{base.name}-{number}")


CHANGES = pytest.mark.parametrize("change", [labelled, slower, renamed], ids=lambda f: f.__name__)
Change = Callable[[Endpoint, int], Endpoint]


# ------------------------------------------------------------------ logins


@CHANGES
def test_reloads_during_a_login_do_not_lock_the_account(workshop: Workshop, change: Change) -> None:
    """A server that refuses after 4 s, and a reload every two: one AUTH command within the first pause."""

    async def scenario() -> None:
        pauses = {"AUTH": 4.0, "challenge": 4.0}
        async with submission_server(context=workshop.valid().context(), pauses=pauses) as server:
            wrong = endpoint("e", server, workshop.ca_file, auth=knowing("wrong"), timeout=10.0)
            async with exporter(wrong) as running:
                for number in range(60):
                    await running.until(2.0 * number + 1.0)
                    await reload(running, change(wrong, number))
                await running.until(290.0)
            assert logins(server) == 1

    run_virtual(scenario())


def test_a_login_goes_on_where_a_reload_changes_labels_only(workshop: Workshop) -> None:
    """Its verdict is heard, and recorded under the new labels."""

    async def scenario() -> None:
        pauses = {"AUTH": 4.0}
        async with submission_server(context=workshop.valid().context(), pauses=pauses) as server:
            wrong = endpoint(
                "e", server, workshop.ca_file, auth=knowing("wrong"), interval=600.0, timeout=9.0
            )
            async with exporter(wrong) as running:
                await running.until(2.0)
                await reload(running, labelled(wrong, 7))
                await running.until(6.0)
                metrics = await running.metrics()
            assert len(server.sessions) == 1
        assert metrics("smtp_probe_attempts_total", "e", generation="7") == 1
        assert metrics("smtp_probe_reply_code", "e", generation="7") == 535

    run_virtual(scenario())


def test_a_login_that_was_broken_off_counts_as_unheard(workshop: Workshop) -> None:
    """Whoever asked for it by `/probe` has gone: the next one waits as after a server's silence."""

    async def scenario() -> None:
        pauses = {"AUTH": 4.0}
        async with submission_server(context=workshop.valid().context(), pauses=pauses) as server:
            wrong = endpoint("e", server, workshop.ca_file, auth=knowing("wrong"))
            async with exporter() as running:
                for _ in range(3):
                    asked = asyncio.create_task(running.service._observe_for_stranger(wrong, EVERYWHERE))
                    await asyncio.sleep(2.0)
                    asked.cancel()
                    await asyncio.gather(asked, return_exceptions=True)
                assert running.service._observer.backing_off(wrong)
            assert logins(server) == 1

    run_virtual(scenario())


def test_what_was_broken_off_before_the_secret_was_sent_counts_for_nothing() -> None:
    """The server has not asked for it yet."""

    async def scenario() -> None:
        script = [greet(), ehlo("AUTH LOGIN"), expect("AUTH"), stall()]
        async with scripted(script) as server:
            patient = Endpoint(
                name="e",
                host="127.0.0.1",
                port=server.port,
                tls=TlsMode.NONE,
                until=Phase.AUTH,
                interval=15.0,
                timeout=5.0,
                auth=Auth(username="u", password=Secret("wrong"), allow_plaintext=True),
            )
            async with exporter() as running:
                asked = asyncio.create_task(running.service._observe_for_stranger(patient, EVERYWHERE))
                await asyncio.sleep(2.0)
                asked.cancel()
                await asyncio.gather(asked, return_exceptions=True)
                assert not running.service._observer.backing_off(patient)

    run_virtual(scenario())


# ------------------------------------------------------------------ messages


def sender(name: str, port: int, **changes: Any) -> Endpoint:
    """An endpoint that sends a message every 15 minutes, in clear."""
    values: dict[str, Any] = {
        "name": name,
        "host": "127.0.0.1",
        "port": port,
        "tls": TlsMode.NONE,
        "until": Phase.DATA,
        "interval": QUARTER,
        "timeout": 10.0,
        "message": MESSAGE,
        "auth": Auth(username=USER, password=Secret(PASSWORD), allow_plaintext=True),
    }
    return Endpoint(**{**values, **changes})


def taking(*reply: Step) -> list[Step]:
    """A server that takes one message and then does as told."""
    return [
        greet(),
        ehlo("AUTH PLAIN"),
        answer("AUTH", "235 welcome"),
        answer("MAIL", "250 ok"),
        answer("RCPT", "250 ok"),
        answer("DATA", "354 go"),
        *([hear()] * 12),
        *reply,
    ]


def messages(server: Submission) -> list[bytes]:
    """Those that came in."""
    return [message for session in server.sessions for message in session.messages]


@CHANGES
def test_a_reload_after_the_dot_sends_nothing_again(change: Change) -> None:
    """Reloads every two seconds, from before the first message until 14 minutes after it: one message."""

    async def scenario() -> None:
        async with submission_server(pauses={"message": 5.0}) as server:
            base = sender("e", server.port)
            async with exporter(base) as running:
                for number in range(400):
                    await running.until(2.0 * number + 1.0)
                    await reload(running, change(base, number))
                await running.until(890.0)
                assert len(messages(server)) == 1
                await running.until(920.0)
                assert len(messages(server)) == 2

    run_virtual(scenario())


@CHANGES
def test_a_message_in_doubt_is_counted_whatever_is_reloaded(change: Change) -> None:
    """The probe goes on to its deadline, and what it could not learn is counted."""

    async def scenario() -> None:
        async with scripted(taking(stall())) as server:
            base = sender("e", server.port)
            async with exporter(base) as running:
                await running.until(3.0)
                now = base if change is renamed else change(base, 1)
                await reload(running, now)
                await running.until(20.0)
                metrics = await running.metrics()
                assert len(server.connections) == 1
                labels = dict(now.labels)
                assert metrics("smtp_probe_data_uncertain_total", "e", **labels) == 1

    run_virtual(scenario())


def test_new_labels_show_what_the_last_message_showed() -> None:
    """The next one is many minutes away, and nothing of what is known has changed."""

    async def scenario() -> None:
        async with submission_server(replies={"message": "550 5.7.1 spam"}) as server:
            base = sender("e", server.port)
            async with exporter(base) as running:
                await running.until(3.0)
                await reload(running, labelled(base, 1))
                await reload(running, labelled(base, 2))
                metrics = await running.metrics()
            assert len(server.sessions) == 1
        assert metrics("smtp_probe_success", "e", generation="2") == 0
        assert metrics("smtp_probe_reply_code", "e", generation="2") == 550

    run_virtual(scenario())


def test_probing_at_once_sends_no_message_before_its_time() -> None:
    """409 with the time to wait; afterwards it is sent, and the schedule goes on from there."""

    async def scenario() -> None:
        async with (
            submission_server() as server,
            exporter(sender("e", server.port, interval=3600.0)) as running,
        ):
            await running.until(600.0)
            refusal = await running.service._probe_now("e")
            assert refusal is not None
            assert "300 s" in refusal
            assert len(messages(server)) == 1
            await running.until(3300.0)
            assert await running.service._probe_now("e") is None
            await running.until(4100.0)
            assert len(messages(server)) == 2
            await running.until(4210.0)
            assert len(messages(server)) == 3

    run_virtual(scenario())


def test_every_scheduled_message_is_sent() -> None:
    """Two endpoints for one mailbox and a slow server: each sends its message in every interval."""

    async def scenario() -> None:
        async with submission_server(pauses={"RCPT": 3.0}) as server:
            async with exporter(sender("a", server.port), sender("b", server.port)) as running:
                await running.until(10 * QUARTER + 100.0)
                metrics = await running.metrics()
            assert len(messages(server)) == 22
        assert metrics("submission_exporter_probes_skipped_total", None, reason="backoff") == 0

    run_virtual(scenario())


def test_a_message_that_was_not_sent_delays_nothing() -> None:
    """A probe that failed before DATA may be repeated at once."""

    async def scenario() -> None:
        replies = {"RCPT": "550 5.1.1 no such user"}
        async with (
            submission_server(replies=replies) as server,
            exporter(sender("e", server.port)) as running,
        ):
            await running.until(20.0)
            assert await running.service._probe_now("e") is None
            assert len(server.sessions) == 2

    run_virtual(scenario())
