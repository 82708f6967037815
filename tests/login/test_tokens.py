"""Access tokens: where they come from, how long they are used, and why there may be none."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from exporter.diagnosis import diagnose
from exporter.model import ErrorClass, FaultDomain, OAuth2, Phase, Secret, Symptom, TokenUnavailable
from exporter.probe import oauth2, token_file
from exporter.probe.oauth2 import FIRST_PAUSE, LONGEST_PAUSE, UNTOLD_LIFE, Tokens
from exporter.probe.redaction import Redactor
from exporter.probe.resolver import Resolver
from exporter.probe.token_endpoint import (
    LARGEST_ANSWER,
    LONGEST_LIFE,
    LONGEST_RETRY,
    Grant,
    _life,
    _parsed,
    _refusal,
)
from exporter.probe.token_file import LARGEST_FILE
from tests.login.token_server import TokenServer, token_server
from tests.probe.probing import run
from tests.servers.certificates import Workshop
from tests.servers.oauth import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, oauth_server
from tests.servers.scripted import Step, drop, hear, raw, scripted, stall
from tests.virtual_time import run_virtual

PATIENCE = 5.0


@contextmanager
def resolving() -> Iterator[Tokens]:
    """Tokens with a resolver that is closed again."""
    resolver = Resolver()
    try:
        yield Tokens(resolver)
    finally:
        resolver.close()


def with_server(scenario: Callable[[TokenServer, Tokens], Awaitable[Any]]) -> Any:
    """Run `scenario` in virtual time beside a token endpoint."""

    async def whole() -> Any:
        async with token_server() as server:
            with resolving() as tokens:
                return await scenario(server, tokens)

    return run_virtual(whole())


# ------------------------------------------------------------------ what is asked


def test_client_credentials_are_posted() -> None:
    """RFC 6749 4.4.2, with the client's own secret in the form and the scopes in one field."""

    async def scenario(server: TokenServer, tokens: Tokens) -> None:
        wanted = server.oauth2(scopes=("https://outlook.office365.com/.default", "x"))
        assert await tokens.get(wanted, PATIENCE) == Secret("token-1")
        assert server.forms == [
            {
                "grant_type": "client_credentials",
                "client_id": "me",
                "client_secret": "client s3cret",
                "scope": "https://outlook.office365.com/.default x",
            }
        ]

    with_server(scenario)


def test_a_refresh_token_is_posted_and_its_successor_used_from_then_on() -> None:
    """RFC 6749 6: a public client has no secret; a rotated refresh token is remembered."""

    async def scenario(server: TokenServer, tokens: Tokens) -> None:
        wanted = server.oauth2(client_secret=None, refresh_token=Secret("first"))
        server.more = {"expires_in": 100, "refresh_token": "second"}
        await tokens.get(wanted, PATIENCE)
        server.more = {"expires_in": 100}
        for _ in range(2):
            await asyncio.sleep(100)
            await tokens.get(wanted, PATIENCE)
        assert [form["refresh_token"] for form in server.forms] == ["first", "second", "second"]
        assert server.forms[0] == {"grant_type": "refresh_token", "refresh_token": "first", "client_id": "me"}

    with_server(scenario)


def test_a_real_authorisation_server_grants_both_ways() -> None:
    """The one that the mail servers of the tests believe."""

    async def scenario() -> list[Any]:
        with resolving() as tokens:
            return [
                await tokens.get(
                    OAuth2(
                        token_url=server.token_url,
                        client_id=CLIENT_ID,
                        client_secret=Secret(CLIENT_SECRET),
                        refresh_token=refresh,
                    ),
                    PATIENCE,
                )
                for refresh in (None, Secret(REFRESH_TOKEN), Secret("revoked"))
            ]

    with oauth_server("probe@mail.test") as server:
        first, second, third = run(scenario)
        assert isinstance(first, Secret)
        assert isinstance(second, Secret)
        assert third == TokenUnavailable("invalid_grant")


# ------------------------------------------------------------------ how long


def test_a_token_is_used_until_four_fifths_of_its_life() -> None:
    """Asked for at 0 s, with 3600 s to live: kept at 2800 s, renewed at 2900 s."""

    async def scenario(server: TokenServer, tokens: Tokens) -> None:
        wanted = server.oauth2()
        for at, token in ((0, "token-1"), (2800, "token-1"), (2900, "token-2")):
            await asyncio.sleep(at - asyncio.get_running_loop().time())
            assert await tokens.get(wanted, PATIENCE) == Secret(token)
        assert tokens.expiry(wanted) == pytest.approx(time.time() + 3600, abs=5)

    with_server(scenario)


@pytest.mark.parametrize(
    ("life", "kept", "renewed"),
    [
        ({"expires_in": 200}, 135, 145),  # 60 s before its end
        ({"expires_in": 80}, 35, 45),  # but never in the first half of its life
        ({"expires_in": "200"}, 135, 145),
        ({}, 0.7 * UNTOLD_LIFE, 0.9 * UNTOLD_LIFE),
        ({"expires_in": "soon"}, 0.7 * UNTOLD_LIFE, 0.9 * UNTOLD_LIFE),
    ],
)
def test_when_a_token_is_renewed(life: dict[str, Any], kept: float, renewed: float) -> None:
    """By its life in seconds, whether it is told as a number, as text, or not at all."""

    async def scenario(server: TokenServer, tokens: Tokens) -> None:
        server.more = life
        wanted = server.oauth2()
        await tokens.get(wanted, PATIENCE)
        assert (tokens.expiry(wanted) is None) == (life.get("expires_in") in {None, "soon"})
        await asyncio.sleep(kept)
        await tokens.get(wanted, PATIENCE)
        assert len(server.forms) == 1
        await asyncio.sleep(renewed - kept)
        await tokens.get(wanted, PATIENCE)
        assert len(server.forms) == 2

    with_server(scenario)


def test_concurrent_probes_share_one_request() -> None:
    """Twenty endpoints with the same credentials ask once."""

    async def scenario(server: TokenServer, tokens: Tokens) -> None:
        server.seconds = 1.0
        got = await asyncio.gather(*(tokens.get(server.oauth2(), PATIENCE) for _ in range(20)))
        assert set(got) == {Secret("token-1")}
        assert len(server.forms) == 1

    with_server(scenario)


def test_concurrent_probes_share_one_failure() -> None:
    """The refusal of one request is the answer to all who waited for it."""

    async def scenario(server: TokenServer, tokens: Tokens) -> None:
        server.seconds, server.answer = 1.0, web.json_response({"error": "invalid_client"}, status=401)
        got = await asyncio.gather(*(tokens.get(server.oauth2(), PATIENCE) for _ in range(20)))
        assert set(got) == {TokenUnavailable("invalid_client")}
        assert len(server.forms) == 1

    with_server(scenario)


def test_different_credentials_have_different_tokens() -> None:
    """Another secret, scope or client is another source."""

    async def scenario(server: TokenServer, tokens: Tokens) -> None:
        sources = (
            server.oauth2(),
            server.oauth2(client_secret=Secret("other")),
            server.oauth2(scopes=("s",)),
            server.oauth2(client_id="you"),
        )
        assert len({await tokens.get(source, PATIENCE) for source in sources}) == 4

    with_server(scenario)


def test_a_refused_token_is_not_used_again() -> None:
    """After `discard` the next login gets a fresh one; discarding an older one changes nothing."""

    async def scenario(server: TokenServer, tokens: Tokens) -> None:
        wanted = server.oauth2()
        tokens.discard(wanted, Secret("never had"))
        first = await tokens.get(wanted, PATIENCE)
        assert isinstance(first, Secret)
        tokens.discard(wanted, first)
        assert tokens.expiry(wanted) is None
        second = await tokens.get(wanted, PATIENCE)
        tokens.discard(wanted, first)
        assert await tokens.get(wanted, PATIENCE) == second == Secret("token-2")

    with_server(scenario)


def test_a_living_token_outlasts_a_failing_endpoint() -> None:
    """Renewal fails from 80 % on: the token is used until its end, and the endpoint asked now and then."""

    async def scenario(server: TokenServer, tokens: Tokens) -> None:
        wanted = server.oauth2()
        await tokens.get(wanted, PATIENCE)
        server.answer = web.Response(status=503)
        for at, expected in ((3000, Secret("token-1")), (3590, Secret("token-1"))):
            await asyncio.sleep(at - asyncio.get_running_loop().time())
            assert await tokens.get(wanted, PATIENCE) == expected
        await asyncio.sleep(20)
        assert await tokens.get(wanted, PATIENCE) == TokenUnavailable("HTTP 503", reachable=False)

    with_server(scenario)


def test_a_failing_endpoint_is_asked_ever_less_often() -> None:
    """Every probe gets the answer at once; the endpoint is asked after 15 s, 30 s … and then each 5 min."""

    async def scenario(server: TokenServer, tokens: Tokens) -> list[float]:
        server.answer = web.json_response({"error": "invalid_client"}, status=401)
        loop = asyncio.get_running_loop()
        times: list[float] = []
        for second in range(1800):
            await asyncio.sleep(second - loop.time())
            assert await tokens.get(server.oauth2(), PATIENCE) == TokenUnavailable("invalid_client")
            if len(server.forms) > len(times):
                times.append(loop.time())
        return times

    times = with_server(scenario)
    pauses = [later - earlier for earlier, later in zip(times, times[1:], strict=False)]  # noqa: RUF007 - two lists
    assert pauses[0] == pytest.approx(FIRST_PAUSE, abs=1.5)
    assert max(pauses) == pytest.approx(LONGEST_PAUSE, abs=1.5)
    assert sorted(pauses) == pauses


def test_the_first_grant_after_failures_is_used() -> None:
    """The pause is forgotten with it."""

    async def scenario(server: TokenServer, tokens: Tokens) -> None:
        server.answer = web.Response(status=500)
        await tokens.get(server.oauth2(), PATIENCE)
        server.answer = None
        await asyncio.sleep(FIRST_PAUSE + 1)
        assert isinstance(await tokens.get(server.oauth2(), PATIENCE), Secret)

    with_server(scenario)


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The sources used longest ago are forgotten."""
    monkeypatch.setattr(oauth2, "MOST_SOURCES", 3)
    monkeypatch.setattr(token_file, "MOST_FILES", 3)

    async def scenario(server: TokenServer, tokens: Tokens) -> None:
        for number in range(6):
            await tokens.get(server.oauth2(client_id=str(number)), PATIENCE)
            file = tmp_path / str(number)
            file.write_text("token")
            await tokens.get(OAuth2(token_file=str(file)), PATIENCE)
        assert tokens.expiry(server.oauth2(client_id="5")) is not None
        assert tokens.expiry(server.oauth2(client_id="0")) is None
        assert tokens.last_read(OAuth2(token_file=str(tmp_path / "5"))) == Secret("token")
        assert tokens.last_read(OAuth2(token_file=str(tmp_path / "0"))) is None

    with_server(scenario)


# ------------------------------------------------------------------ why there is none

SECRET = "client s3cret"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (web.json_response({"error": "invalid_client"}, status=401), "invalid_client"),
        (web.json_response({"error": "invalid_grant"}, status=400), "invalid_grant"),
        (
            web.json_response(
                {"error": "invalid_client", "error_description": f"AADSTS7000215: bad {SECRET}"}, status=401
            ),
            "invalid_client (AADSTS7000215)",
        ),
        (web.json_response({"error": SECRET}, status=400), "HTTP 400"),
        (web.json_response({"error": {"code": 1}}, status=400), "HTTP 400"),
        (web.json_response(["error"], status=400), "HTTP 400"),
        (web.json_response({"error": "invalid_grant"}), "invalid_grant"),
        (web.json_response({"error": "invalid_client"}, status=500), "invalid_client"),
        (web.json_response({"error": SECRET}), "an answer without a usable access_token"),
        (web.Response(status=404), "HTTP 404"),
        (web.Response(status=302, headers={"Location": "/elsewhere"}), "HTTP 302"),
        (web.Response(text=SECRET), "an answer that is not JSON"),
        (web.Response(text="[" * 60_000), "an answer that is not JSON"),
        (web.Response(text='{"a": "' + "x" * 2 * LARGEST_ANSWER + '"}'), "an answer that is not JSON"),
        (web.json_response({}), "an answer without a usable access_token"),
        (web.json_response({"access_token": "two words"}), "an answer without a usable access_token"),
        (web.json_response({"access_token": "a\1b"}), "an answer without a usable access_token"),
        (web.json_response({"access_token": 7}), "an answer without a usable access_token"),
        (web.json_response({"access_token": "x", "token_type": "mac"}), "a token that is not a bearer token"),
        (web.json_response({"access_token": "x", "token_type": 1}), "a token that is not a bearer token"),
    ],
)
def test_a_refusal_is_told_by_its_code(answer: web.Response, error: str) -> None:
    """OAuth2's own code where there is one, and never anything that could hold a secret."""

    async def scenario(server: TokenServer, tokens: Tokens) -> None:
        server.answer = answer
        assert await tokens.get(server.oauth2(), PATIENCE) == TokenUnavailable(error, reachable=True)
        assert len(server.forms) == 1

    with_server(scenario)


def test_a_key_in_the_address_is_a_secret_too() -> None:
    """An endpoint that repeats the query of its own address shows nothing of it."""

    async def scenario(server: TokenServer, tokens: Tokens) -> None:
        server.answer = web.json_response({"error": SECRET}, status=400)
        keyed = replace(server.oauth2(), token_url=f"{server.oauth2().token_url}?code={SECRET}")
        keyed = replace(keyed, client_secret=Secret("another one"), refresh_token=None)
        assert await tokens.get(keyed, PATIENCE) == TokenUnavailable("HTTP 400", reachable=True)

    with_server(scenario)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (web.Response(status=503, text=SECRET), "HTTP 503"),
        (web.Response(status=429), "HTTP 429"),
        (web.json_response({"error": "slow_down"}, status=429), "slow_down"),
        (web.json_response({"error": "temporarily_unavailable"}, status=400), "temporarily_unavailable"),
        (web.json_response({"error": "server_error"}), "server_error"),
    ],
)
def test_an_endpoint_that_cannot_answer_now_blames_no_credentials(answer: web.Response, error: str) -> None:
    """Nobody has looked at them: it counts as one that cannot be reached."""

    async def scenario(server: TokenServer, tokens: Tokens) -> None:
        server.answer = answer
        found = await tokens.get(server.oauth2(), PATIENCE)
        assert found == TokenUnavailable(error, reachable=False)
        assert isinstance(found, TokenUnavailable)
        verdict = diagnose(Symptom(phase=Phase.AUTH, evidence=found))
        assert verdict.error_class is ErrorClass.OAUTH_TOKEN_UNAVAILABLE
        assert verdict.fault_domain is FaultDomain.NETWORK
        assert f"cannot answer now: {error}" in verdict.summary

    with_server(scenario)


@pytest.mark.parametrize(
    ("retry_after", "pause"),
    [
        ("100", 100.0),
        ("1", FIRST_PAUSE),
        ("86400", LONGEST_RETRY),
        ("9" * 400, LONGEST_RETRY),
        ("Fri, 31 Dec 9999 23:59:59 GMT", LONGEST_RETRY),
        ("Sun, 06 Nov 1994 08:49:37 GMT", FIRST_PAUSE),
        ("soon", FIRST_PAUSE),
        ("-5", FIRST_PAUSE),
        ("", FIRST_PAUSE),
    ],
)
def test_an_endpoint_is_left_alone_for_as_long_as_it_wants(retry_after: str, pause: float) -> None:
    """Retry-After lengthens the pause, up to an hour, and never shortens it."""

    async def scenario(server: TokenServer, tokens: Tokens) -> None:
        server.answer = web.Response(status=429, headers={"Retry-After": retry_after})
        await tokens.get(server.oauth2(), PATIENCE)
        await asyncio.sleep(pause - 1.0)
        await tokens.get(server.oauth2(), PATIENCE)
        assert len(server.forms) == 1
        await asyncio.sleep(2.0)
        await tokens.get(server.oauth2(), PATIENCE)
        assert len(server.forms) == 2

    with_server(scenario)


def unreachable(script: list[Step], patience: float = PATIENCE) -> Any:
    """What comes of asking a server that follows `script`."""

    async def scenario() -> Any:
        async with scripted(script) as server:
            with resolving() as tokens:
                url = f"http://127.0.0.1:{server.port}/token"
                return await tokens.get(OAuth2(token_url=url, client_id="me"), patience)

    return run(scenario)


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ([hear(), stall()], TokenUnavailable("timeout", reachable=False)),
        (
            [hear(), drop()],
            TokenUnavailable("a connection that was closed without an answer", reachable=False),
        ),
        ([raw(b"220 mail.test ESMTP\r\n")], TokenUnavailable("an answer that is not HTTP")),
        ([hear(), raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{")], None),
    ],
)
def test_a_server_that_is_no_token_endpoint(script: list[Step], expected: TokenUnavailable | None) -> None:
    """Silence, a closed connection, another protocol and half an answer are evidence, never an exception."""
    got = unreachable(script, 0.3)
    assert isinstance(got, TokenUnavailable)
    assert expected is None or got == expected


def test_a_closed_port_and_a_name_without_address() -> None:
    """The network is to blame when the endpoint cannot be reached."""

    async def scenario() -> list[Any]:
        async with scripted([]) as server:
            port = server.port
        with resolving() as tokens:
            tokens.use(Resolver(nameservers=(f"127.0.0.1:{port}",), timeout=0.1, tries=1))
            return [
                await tokens.get(OAuth2(token_url=f"http://{host}:{port}/", client_id="me"), PATIENCE)
                for host in ("127.0.0.1", "login.mail.test")
            ]

    closed, nameless = run(scenario)
    assert closed == TokenUnavailable("ECONNREFUSED", reachable=False)
    assert nameless == TokenUnavailable("a host name that does not resolve", reachable=False)


def test_https_is_verified(workshop: Workshop) -> None:
    """A token endpoint whose certificate nobody vouches for gets no secret."""

    async def scenario() -> tuple[Any, Any]:
        from tests.servers.scripted import handshake  # noqa: PLC0415 - for this test alone

        async with scripted([handshake(workshop.valid().context()), hear()]) as server:
            with resolving() as tokens:
                url = f"https://localhost:{server.port}/token"
                untrusted = await tokens.get(OAuth2(token_url=url, client_id="me"), PATIENCE)
            assert server.connections[0].lines == []
        async with scripted([raw(b"220 mail.test\r\n")]) as server:
            with resolving() as tokens:
                url = f"https://localhost:{server.port}/token"
                plain = await tokens.get(OAuth2(token_url=url, client_id="me"), PATIENCE)
        return untrusted, plain

    untrusted, plain = run(scenario)
    assert untrusted == TokenUnavailable("a certificate that does not verify", reachable=False)
    assert plain == TokenUnavailable("a failed TLS handshake", reachable=False)


def test_whoever_waits_for_another_does_not_wait_for_ever() -> None:
    """A probe with less patience than the one that asks goes on without a token."""

    async def scenario(server: TokenServer, tokens: Tokens) -> None:
        server.seconds = 3.0
        patient = asyncio.ensure_future(tokens.get(server.oauth2(), PATIENCE))
        await asyncio.sleep(0)
        assert await tokens.get(server.oauth2(), 1.0) == TokenUnavailable("timeout", reachable=False)
        assert await patient == Secret("token-1")

    with_server(scenario)


def test_a_cancelled_probe_leaves_the_next_one_free_to_ask() -> None:
    """Whoever asked is gone; the next one asks itself."""

    async def scenario(server: TokenServer, tokens: Tokens) -> None:
        server.seconds = 1.0
        first = asyncio.ensure_future(tokens.get(server.oauth2(), PATIENCE))
        await asyncio.sleep(0.5)
        second = asyncio.ensure_future(tokens.get(server.oauth2(), PATIENCE))
        await asyncio.sleep(0.1)
        first.cancel()
        assert isinstance(await second, Secret)

    with_server(scenario)


@given(st.binary(max_size=200), st.integers(min_value=201, max_value=599))
def test_no_refusal_raises_or_repeats_a_secret(body: bytes, status: int) -> None:
    """Whatever the endpoint writes."""
    told = _refusal(_parsed(body + SECRET.encode()), status, Redactor((SECRET,)))
    assert SECRET not in told
    assert len(told) < 100


@given(st.one_of(st.floats(), st.integers(), st.text(), st.none(), st.lists(st.integers())))
def test_a_life_is_a_sensible_number(value: Any) -> None:
    """Between a second and ten years, or unknown."""
    life = _life(value)
    assert life is None or 1.0 <= life <= LONGEST_LIFE


def test_a_grant_shows_no_secret() -> None:
    """Its repr is fit for a log."""
    assert "c4nary" not in repr(Grant(Secret("c4nary"), 1.0, Secret("c4nary")))


# ------------------------------------------------------------------ from a file


def read(path: Path) -> Secret | TokenUnavailable:
    """What a fresh cache finds in a file."""
    with resolving() as tokens:
        return asyncio.run(tokens.get(OAuth2(token_file=str(path)), PATIENCE))


def test_a_token_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    """Written over, replaced, or behind a symbolic link that turns elsewhere; else from memory."""
    file, link = tmp_path / "token", tmp_path / "link"
    source = OAuth2(token_file=str(link))
    link.symlink_to(file)

    async def scenario() -> list[Any]:
        seen = []
        with resolving() as tokens:
            for content in ("one\n", "two\n"):
                file.write_text(content)
                seen.append(await tokens.get(source, PATIENCE))
            other = tmp_path / "other"
            other.write_text("\ufeffthree\r\n")
            fresh = tmp_path / "fresh"
            fresh.symlink_to(other)
            fresh.rename(link)
            seen.append(await tokens.get(source, PATIENCE))
            assert tokens.read(source) == tokens.last_read(source) == seen[-1]
            other.unlink()
            seen.append(await tokens.get(source, PATIENCE))
            assert tokens.read(source) is None
            assert tokens.last_read(source) is None
            assert tokens.expiry(source) is None
        return seen

    *found, gone = asyncio.run(scenario())
    assert found == [Secret("one"), Secret("two"), Secret("three")]
    assert gone == TokenUnavailable("a token file that cannot be read (ENOENT)")


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"two tokens", b"a\1b", b"\xff\xfe", b"x" * (LARGEST_FILE + 1)]
)
def test_what_is_no_token_is_not_sent(tmp_path: Path, content: bytes) -> None:
    """An empty file, two words, control characters, other bytes and a huge file are told as such."""
    file = tmp_path / "token"
    file.write_bytes(content)
    assert isinstance(read(file), TokenUnavailable)


def test_a_pipe_in_place_of_the_file_stops_nothing(tmp_path: Path) -> None:
    """It is refused without being opened, as is a directory."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path):
        assert isinstance(read(path), TokenUnavailable)


def jwt(claims: object) -> str:
    """An unsigned JSON Web Token."""
    parts = [base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=").decode() for p in ({}, claims)]
    return ".".join([*parts, "c2ln"])


@pytest.mark.parametrize(
    ("token", "expiry"),
    [
        (jwt({"exp": 1_800_000_000}), 1_800_000_000.0),
        (jwt({"exp": "1800000000.5"}), 1_800_000_000.5),
        (jwt({"exp": None}), None),
        (jwt({"exp": float("inf")}), None),
        (jwt({}), None),
        (jwt([]), None),
        ("a.b.c", None),
        ("a.!!!.c", None),
        ("opaque", None),
    ],
)
def test_the_end_of_a_token_in_a_file(tmp_path: Path, token: str, expiry: float | None) -> None:
    """A JSON Web Token tells it; any other does not."""
    file = tmp_path / "token"
    file.write_text(token)
    with resolving() as tokens:
        source = OAuth2(token_file=str(file))
        assert isinstance(tokens.read(source), Secret)
        assert tokens.expiry(source) == expiry


def test_fetched_tokens_are_not_read_from_files() -> None:
    """Without a token file there is nothing to read and nothing to ask the file system."""
    with resolving() as tokens:
        source = OAuth2(token_url="https://login.example.com/", client_id="me")
        assert tokens.read(source) is None
        assert tokens.last_read(source) is None
        assert tokens.expiry(source) is None
