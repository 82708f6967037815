"""Who is asked to wait with a login, for how long, and what is told meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from exporter.backoff import NOT_JUDGED, REFUSALS, Account, Login, Logins, account_of, memory
from exporter.diagnosis import diagnose
from exporter.model import (
    Auth,
    Capabilities,
    DropKind,
    Dropped,
    Endpoint,
    ErrorClass,
    Evidence,
    Garbled,
    Mechanism,
    OAuth2,
    Phase,
    ProbeResult,
    Reply,
    Secret,
    Step,
    StepStatus,
    Symptom,
    TimedOut,
    TlsConfig,
    TlsMode,
)
from exporter.settings import BackoffSettings
from tests.virtual_time import run_virtual

REFUSED = Reply(535, (b"5.7.8 Error: authentication failed",), "5.7.8")
TEMPORARY = Reply(454, (b"4.7.0 Temporary authentication failure",), "4.7.0")
CAPABILITIES = Capabilities(("AUTH",), ("PLAIN",))


def endpoint(**changes: Any) -> Endpoint:
    """A login as probe."""
    base = Endpoint(
        name="e",
        host="mail.example.com",
        port=587,
        tls=TlsMode.STARTTLS,
        until=Phase.AUTH,
        interval=60.0,
        timeout=10.0,
        auth=Auth(username="probe", password=Secret("right")),
    )
    return replace(base, **changes)


def result(target: Endpoint, evidence: Evidence | None = None, phase: Phase = Phase.AUTH) -> ProbeResult:
    """A probe that logged in, or failed by `evidence` in `phase`."""
    status = {Phase.AUTH: StepStatus.FAILED}.get(phase, StepStatus.SKIPPED)
    step = Step(Phase.AUTH, StepStatus.PASSED if evidence is None else status, 0.1)
    symptom = None
    if evidence is not None:
        symptom = Symptom(
            phase=phase, evidence=evidence, host=target.host, port=target.port, mechanism="PLAIN"
        )
    return ProbeResult(
        endpoint=target,
        started=0.0,
        seconds=0.1,
        steps=(step,),
        symptom=symptom,
        after_tls=CAPABILITIES,
        reply=evidence if isinstance(evidence, Reply) else None,
    )


def withheld(target: Endpoint) -> ProbeResult:
    """A probe without the login, in which nothing else was wrong."""
    steps = (Step(Phase.AUTH, StepStatus.SKIPPED, None),)
    return replace(result(target), steps=steps, auth_withheld=True, reply=Reply(250, (b"mail",)))


def classify(symptom: Symptom) -> tuple[ErrorClass]:
    """The class by the shipped rules."""
    return (diagnose(symptom).error_class,)


def ended(login: Login, found: ProbeResult, *, told: bool = True) -> None:
    """A probe that logged in ends so."""
    login.leave(found.symptom, told=told)
    login.conclude(found)


async def tried(
    permits: Logins, target: Endpoint, evidence: Evidence | None = None, *, told: bool = True, **more: Any
) -> str | None:
    """Try a login that ends by `evidence`; the reason when it is held back."""
    with permits.login(target, classify) as login:
        held = await login.enter()
        if held is None:
            ended(login, result(target, evidence, **more), told=told)
        return held


def living(scenario: Callable[[Logins], Awaitable[Any]], **settings: float) -> Any:
    """Run a scenario in virtual time."""

    async def whole() -> Any:
        return await scenario(Logins(BackoffSettings(**settings)))

    return run_virtual(whole())


# ------------------------------------------------------------------ accounts


def test_an_account_is_a_host_a_user_and_a_secret() -> None:
    """Port, mechanism and the spelling of the host make no difference; user and secret do."""
    base = account_of(endpoint())
    assert base is not None
    same = endpoint(
        host="MAIL.example.com.",
        port=465,
        tls=TlsMode.IMPLICIT,
        auth=Auth(username="probe", password=Secret("right"), mechanism=Mechanism.LOGIN, every=5.0),
    )
    assert account_of(same) == base
    for other in (
        endpoint(host="other.example.com"),
        endpoint(auth=Auth(username="you", password=Secret("right"))),
        endpoint(auth=Auth(username="probe", password=Secret("wrong"))),
        endpoint(auth=Auth(username="probe", oauth2=OAuth2(token_file="t"))),
    ):
        assert account_of(other) != base
    assert "right" not in repr(base)


def test_without_a_login_there_is_no_account() -> None:
    """No credentials, or a probe that ends before them."""
    assert account_of(endpoint(auth=None, until=Phase.EHLO)) is None
    assert account_of(endpoint(until=Phase.TLS)) is None


def test_a_new_token_in_the_file_is_a_new_secret_and_a_fetched_one_is_not() -> None:
    """What a token is granted for stays the same from hour to hour."""
    source = endpoint(auth=Auth(username="u", oauth2=OAuth2(token_url="https://x.example/", client_id="c")))
    assert account_of(source) == account_of(source)
    assert account_of(source, Secret("a")) != account_of(source, Secret("b"))


def test_a_certificate_that_was_written_anew_is_a_new_secret(tmp_path: Path) -> None:
    """EXTERNAL has no other secret; a file that is gone raises nothing."""
    file = tmp_path / "client.pem"
    target = endpoint(auth=Auth(username=""), tls_config=TlsConfig(cert_file=str(file), key_file="k"))
    missing = account_of(target)
    file.write_text("one")
    assert account_of(target) != missing
    # A password is the secret where there is one, whatever certificate is shown beside it.
    both = replace(target, auth=Auth(username="", password=Secret("p")))
    assert account_of(both) == Account("mail.example.com", "", Secret("p"))


# ------------------------------------------------------------------ refusals


def test_a_refusal_stands_until_the_next_try() -> None:
    """Its class, its reply and its words are the verdict of a probe that found nothing else wrong."""

    async def scenario(permits: Logins) -> None:
        target = endpoint()
        assert await tried(permits, target, REFUSED) is None
        assert permits.backing_off(target)
        same_port = endpoint(name="other", tls=TlsMode.IMPLICIT)
        with permits.login(same_port, classify) as login:
            held = login.held()
            assert held is not None
            assert "refused" in held
            assert "5 min" in held
            fresh = withheld(same_port)
            login.conclude(fresh)
            standing = login.standing(fresh)
        assert standing.symptom is not None
        assert standing.symptom.evidence == standing.reply == REFUSED
        assert standing.symptom.tls_mode is TlsMode.IMPLICIT
        assert standing.symptom.capabilities == CAPABILITIES
        assert standing.auth_withheld
        assert diagnose(standing.symptom).error_class is ErrorClass.CREDENTIALS_REJECTED
        await asyncio.sleep(301)
        assert not permits.backing_off(target)
        assert await tried(permits, target) is None

    living(scenario)


def test_a_refusal_is_not_put_into_the_mouth_of_another_port() -> None:
    """It holds logins back at every port of the host, and is told as what the one port said."""

    async def scenario(permits: Logins) -> None:
        assert await tried(permits, endpoint(), REFUSED) is None
        other_port = endpoint(name="other", port=465, tls=TlsMode.IMPLICIT)
        with permits.login(other_port, classify) as login:
            assert login.held() is not None
            fresh = withheld(other_port)
            login.conclude(fresh)
            standing = login.standing(fresh)
        assert standing.symptom is not None
        assert standing.symptom.port == 587
        assert standing.reply is None
        assert "mail.example.com:587" in diagnose(standing.symptom).summary
        assert standing.endpoint.port == 465

    living(scenario)


def test_what_fails_before_the_login_is_the_verdict() -> None:
    """A standing refusal does not hide that the server is gone."""

    async def scenario(permits: Logins) -> None:
        target = endpoint()
        await tried(permits, target, REFUSED)
        with permits.login(target, classify) as login:
            assert login.held() is not None
            fresh = result(target, TimedOut(10.0), Phase.CONNECT)
            assert login.standing(fresh) is fresh

    living(scenario)


def test_a_login_that_was_not_held_back_is_judged_by_itself() -> None:
    """No refusal is added to a probe that logged in."""

    async def scenario(permits: Logins) -> None:
        target = endpoint()
        with permits.login(target, classify) as login:
            assert login.held() is None
            assert await login.enter() is None
            ended(login, result(target))
            assert login.standing(result(target)) == result(target)

    living(scenario)


def backing_off_after(
    evidence: Evidence, error_class: ErrorClass | None = None, *, told: bool = True, phase: Phase = Phase.AUTH
) -> bool:
    """Whether logins are held back after one that ended so; `error_class` is what some rules call it."""

    async def scenario(permits: Logins) -> bool:
        target = endpoint()

        def judge(symptom: Symptom) -> tuple[ErrorClass]:
            return classify(symptom) if error_class is None else (error_class,)

        with permits.login(target, judge) as login:
            await login.enter()
            ended(login, result(target, evidence, phase), told=told)
        return permits.backing_off(target)

    return bool(living(scenario))


@pytest.mark.parametrize("error_class", sorted(REFUSALS))
@pytest.mark.parametrize("code", [421, 454, 504, 535])
def test_every_class_that_speaks_of_the_account_is_waited_after(error_class: ErrorClass, code: int) -> None:
    """Whatever the reply code."""
    assert backing_off_after(Reply(code, (b"No",)), error_class)


@pytest.mark.parametrize("error_class", sorted(set(ErrorClass) - {ErrorClass.NONE}))
def test_a_535_is_waited_after_whatever_it_is_called(error_class: ErrorClass) -> None:
    """By the shipped rules or by the operator's own: the server may have counted a failed login."""
    assert backing_off_after(REFUSED, error_class)


@pytest.mark.parametrize("code", range(500, 600))
def test_every_5xx_is_waited_after_unless_no_secret_was_judged(code: int) -> None:
    """An unknown code is a refusal; those that turn the command away are none."""
    assert backing_off_after(Reply(code, (b"No",)), ErrorClass.PROTOCOL_ERROR) is (code not in NOT_JUDGED)


@pytest.mark.parametrize(
    "text",
    [
        b"5.7.1 Client host blocked using zen.spamhaus.org",
        b"4.7.0 Temporary authentication failure",
        b"5.2.2 Mailbox full, over quota",
        b"Something else went wrong",
    ],
)
def test_a_535_with_any_words_is_waited_after(text: bytes) -> None:
    """Whatever the diagnosis makes of them."""
    assert backing_off_after(Reply(535, (text,)))


@pytest.mark.parametrize("evidence", [TimedOut(10.0), Dropped(DropKind.EOF), Garbled(b"?")])
def test_a_verdict_that_was_not_heard_is_waited_for(evidence: Evidence) -> None:
    """A server that makes a wrong password wait, or hangs up on it, has judged it all the same."""
    assert backing_off_after(evidence)
    assert not backing_off_after(evidence, told=False)


def test_an_accepted_account_is_not_suspected_at_once() -> None:
    """Of logins without a verdict the third in a row is waited after, for a pause that does not grow."""

    async def scenario(permits: Logins) -> list[float]:
        target, loop, pauses = endpoint(), asyncio.get_running_loop(), []
        silence = TimedOut(1.0)
        for evidence in (None, silence, silence, None, silence, silence, silence, silence, None, silence):
            assert await tried(permits, target, evidence) is None
            began = loop.time()
            while permits.backing_off(target):  # noqa: ASYNC110 - the seconds are virtual
                await asyncio.sleep(1.0)
            pauses.append(loop.time() - began)
        return pauses

    assert living(scenario, initial=10.0, max=40.0) == [0, 0, 0, 0, 0, 0, 10, 10, 0, 0]


def test_silence_is_no_refusal() -> None:
    """What is told meanwhile says what happened."""

    async def scenario(permits: Logins) -> None:
        target = endpoint()
        await tried(permits, target, TimedOut(10.0))
        with permits.login(target, classify) as login:
            assert "got no answer" in str(login.held())
            standing = login.standing(withheld(target))
        assert standing.symptom is not None
        assert standing.symptom.evidence == TimedOut(10.0)
        assert standing.reply is None

    living(scenario)


@pytest.mark.parametrize(
    ("evidence", "phase"),
    [(TEMPORARY, Phase.AUTH), (REFUSED, Phase.MAIL), (TimedOut(1.0), Phase.MAIL), (TimedOut(1.0), Phase.TLS)],
)
def test_nothing_else_is(evidence: Evidence, phase: Phase) -> None:
    """A temporary failure, and what is refused after the login or before it."""
    assert not backing_off_after(evidence, phase=phase)


def test_the_pause_doubles_and_a_success_ends_it() -> None:
    """10, 20, 40, 40 s with these settings, then from the beginning; a failure of another kind changes nothing."""

    async def scenario(permits: Logins) -> list[float]:
        target, loop, pauses = endpoint(), asyncio.get_running_loop(), []
        for evidence in (REFUSED, REFUSED, TEMPORARY, REFUSED, REFUSED, None, REFUSED):
            assert await tried(permits, target, evidence) is None
            began = loop.time()
            while permits.backing_off(target):  # noqa: ASYNC110 - the seconds are virtual
                await asyncio.sleep(1.0)
            pauses.append(loop.time() - began)
        return pauses

    assert living(scenario, initial=10.0, max=40.0) == [10, 20, 0, 40, 40, 0, 10]


def test_new_settings_count_from_the_next_refusal_on() -> None:
    """What is held back already stays so."""

    async def scenario(permits: Logins) -> None:
        await tried(permits, endpoint(), REFUSED)
        permits.use(BackoffSettings(initial=1.0, max=1.0))
        assert await tried(permits, endpoint()) is not None
        await asyncio.sleep(300)
        await tried(permits, endpoint(), REFUSED)
        await asyncio.sleep(2)
        assert await tried(permits, endpoint()) is None

    living(scenario)


# ------------------------------------------------------------------ one at a time


async def slow_login(login: Login, seconds: float, evidence: Evidence | None) -> str | None:
    """A login that takes its time."""
    with login:
        held = await login.enter()
        if held is None:
            await asyncio.sleep(seconds)
            ended(login, result(endpoint(), evidence))
        return held


def test_a_login_waits_for_the_verdict_on_the_one_before() -> None:
    """Of five at the same moment one is refused, and four are held back."""

    async def scenario(permits: Logins) -> list[str | None]:
        return await asyncio.gather(
            *(slow_login(permits.login(endpoint(), classify), 3.0, REFUSED) for _ in range(5))
        )

    assert living(scenario).count(None) == 1


def test_accepted_logins_follow_each_other() -> None:
    """All five are made."""

    async def scenario(permits: Logins) -> list[str | None]:
        return await asyncio.gather(
            *(slow_login(permits.login(endpoint(), classify), 0.1, None) for _ in range(5))
        )

    assert living(scenario) == [None] * 5


def test_slow_logins_of_a_good_account_do_not_wait_in_a_long_line() -> None:
    """When the last login was accepted, a second of patience is enough."""

    async def scenario(permits: Logins) -> float:
        await tried(permits, endpoint())
        loop = asyncio.get_running_loop()
        began = loop.time()
        await asyncio.gather(*(slow_login(permits.login(endpoint(), classify), 8.0, None) for _ in range(5)))
        return loop.time() - began

    assert living(scenario) < 10


def test_a_probe_that_ends_in_a_bug_lets_the_next_one_log_in() -> None:
    """The permit is given back whatever happens."""

    async def broken(login: Login) -> None:
        with login:
            await login.enter()
            raise ZeroDivisionError

    async def scenario(permits: Logins) -> None:
        with pytest.raises(ZeroDivisionError):
            await broken(permits.login(endpoint(), classify))
        assert await tried(permits, endpoint()) is None

    living(scenario)


def test_a_probe_without_a_login_needs_no_permit() -> None:
    """It is neither held back nor remembered."""

    async def scenario(permits: Logins) -> None:
        target = endpoint(auth=None, until=Phase.EHLO)
        permits.ask_again(target)
        with permits.login(target, classify) as login:
            assert login.held() is None
            assert await login.enter() is None
            ended(login, result(target))
        assert not permits.backing_off(target)

    living(scenario)


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The accounts used longest ago are forgotten."""
    monkeypatch.setattr(memory, "MOST_ACCOUNTS", 3)

    async def scenario(permits: Logins) -> list[bool]:
        hosts = [endpoint(host=f"{number}.example.com") for number in range(5)]
        for host in hosts:
            await tried(permits, host, REFUSED)
        return [permits.backing_off(host) for host in hosts]

    assert living(scenario) == [False, False, True, True, True]
