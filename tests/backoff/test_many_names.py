"""Names that a stranger chooses: however many lead to a server, they give no more logins than one would."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from exporter.backoff import Login, Logins, memory
from exporter.backoff.account import canonical
from exporter.model import Attempt, AttemptOutcome, Endpoint
from tests.backoff.test_logins import REFUSED, classify, endpoint, living, result
from tests.servers.dns import Answer as Addresses
from tests.servers.dns import DnsServer
from tests.servers.submission import PASSWORD, USER, submission_server
from tests.web.exporting import Answer, exporting, run

HERE = "192.0.2.7"


async def asked(
    permits: Logins, target: Endpoint, evidence: Any, *ips: str, seconds: float = 0.0
) -> str | None:
    """Why a stranger's probe made no login; None when it made one, which ended by `evidence`."""
    with permits.login(target, classify, addresses=lambda: ips) as login:
        return await _through(login, target, evidence, seconds)


async def _through(login: Login, target: Endpoint, evidence: Any, seconds: float) -> str | None:
    held = login.held() or await login.enter()
    if held is None:
        await asyncio.sleep(seconds)
        found = result(target, evidence)
        login.leave(found.symptom, told=True)
        login.conclude(found)
    return held


def names(count: int) -> list[Endpoint]:
    """As many names of one domain."""
    return [endpoint(host=f"n{number}.example.com", name=f"n{number}") for number in range(count)]


def test_a_refusal_holds_back_every_name_of_the_server() -> None:
    """One login for many names, one after the other; another server is another account."""

    async def scenario(permits: Logins) -> list[bool]:
        made = [await asked(permits, target, REFUSED, HERE) is None for target in names(5)]
        return [*made, await asked(permits, endpoint(host="other.example.com"), REFUSED, "192.0.2.8") is None]

    assert living(scenario) == [True, False, False, False, False, True]


def test_names_at_the_same_moment_wait_for_the_first_verdict() -> None:
    """Sixty-four at once make one login, and so they do when the addresses come in any order."""

    async def scenario(permits: Logins) -> int:
        two = (HERE, "192.0.2.8")
        tries = [
            asked(permits, target, REFUSED, *two[:: 1 if number % 2 else -1], seconds=0.5)
            for number, target in enumerate(names(64))
        ]
        return [held is None for held in await asyncio.gather(*tries)].count(True)

    assert living(scenario) == 1


def test_the_pause_grows_by_the_server_and_not_by_the_name() -> None:
    """A new name after each pause finds the next one longer."""

    async def scenario(permits: Logins) -> list[bool]:
        made = []
        for target in names(6):
            made.append(await asked(permits, target, REFUSED, HERE) is None)
            await asyncio.sleep(61)
        return made

    assert living(scenario, initial=60.0, max=3600.0) == [True, True, False, True, False, False]


def test_a_configured_endpoint_is_one_of_the_names() -> None:
    """What it was refused holds back strangers; its own login, which the operator asked for, is its own."""

    async def scenario(permits: Logins) -> list[bool]:
        target, connected = endpoint(), Attempt(f"[::ffff:{HERE}]:587", AttemptOutcome.CONNECTED, 0.1)
        with permits.login(target, classify) as login:
            assert await login.enter() is None
            found = result(target, REFUSED)
            login.leave(found.symptom, told=True)
            login.conclude(_at(found, connected))
        strangers = [await asked(permits, one, REFUSED, HERE) is None for one in names(2)]
        await asyncio.sleep(301)
        with permits.login(target, classify) as login:
            assert await login.enter() is None
            login.leave(None, told=True)
            login.conclude(_at(result(target), connected))
        return [*strangers, await asked(permits, names(3)[2], REFUSED, HERE) is None]

    assert living(scenario) == [False, False, True]


def test_a_login_that_is_not_due_is_not_due_under_another_name() -> None:
    """`auth.every` counts for the server."""

    async def scenario(permits: Logins) -> list[bool]:
        due = [endpoint(host=target.host, auth=_every(target, 300.0), interval=0.0) for target in names(3)]
        return [await asked(permits, target, None, HERE) is None for target in due]

    assert living(scenario) == [True, False, False]


def test_names_that_lead_nowhere_push_out_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is known of an account outlives any number of names about which nothing is known."""
    monkeypatch.setattr(memory, "MOST_ACCOUNTS", 3)

    async def scenario(permits: Logins) -> bool:
        await asked(permits, endpoint(), REFUSED, HERE)
        for target in names(20):
            with permits.login(target, classify, addresses=tuple):
                pass
        return await asked(permits, endpoint(), REFUSED, HERE) is None

    assert not living(scenario)


def test_an_address_is_written_in_one_way() -> None:
    """IPv4 through IPv6 is the same server."""
    assert canonical("::ffff:192.0.2.7") == canonical("192.0.2.7") == HERE
    assert canonical("2001:DB8:0::7") == "2001:db8::7"


def test_wildcard_gives_a_stranger_one_login_and_one_message(tmp_path: Path) -> None:
    """Through /probe, name after name of an allowed domain: one AUTH with the wrong password, one message."""
    zone = {f"n{number}.mail.test": Addresses(a=("127.0.0.1",)) for number in range(4)}
    common = {"tls": "none", "timeout": "5s", "allowed_targets": ["*.mail.test", "127.0.0.0/8"]}

    def auth(password: str) -> dict[str, Any]:
        return {"username": USER, "password": password, "allow_plaintext": True}

    message = {"from": "probe@mail.test", "to": "sink@mail.test"}

    async def scenario(dns: DnsServer) -> tuple[list[Answer], int, int]:
        configuration = {
            "global": {"resolver": {"nameservers": [dns.nameserver]}},
            "modules": {
                "wrong": common | {"until": "auth", "auth": auth("wrong")},
                "sends": common | {"until": "data", "auth": auth(PASSWORD), "message": message},
            },
        }
        async with submission_server() as server, exporting(tmp_path, configuration) as exporter:
            asking = [
                exporter.probe(f"{name}:{server.port}", module)
                for module in ("wrong", "sends")
                for name in (*zone, "127.0.0.1")
            ]
            answers = [await one for one in asking]
            messages = sum(len(session.messages) for session in server.sessions)
            return answers, sum(verbs.count("AUTH") for verbs in server.verbs), messages

    with DnsServer(zone) as dns:
        answers, logins, messages = run(scenario(dns))
    assert (logins, messages) == (2, 1)  # one with the wrong password, one for the message
    for answer in answers[:5]:
        assert answer.sample("smtp_probe_failure", error_class="credentials_rejected") == 1
        assert answer.sample("smtp_probe_reply_code") == 535
    assert [answer.status for answer in answers[5:]] == [200, 429, 429, 429, 429]


def _at(found: Any, attempt: Attempt) -> Any:
    return replace(found, attempts=(attempt,))


def _every(target: Endpoint, seconds: float) -> Any:
    assert target.auth is not None
    return replace(target.auth, every=seconds)
