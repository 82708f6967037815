"""Who gets in: logins, certificates, limits and headers, and what a change of the file does."""

from __future__ import annotations

import asyncio
import logging
import ssl
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
import bcrypt
import pytest
from aiohttp import web as web_module
from cryptography.x509.oid import ExtendedKeyUsageOID

from exporter.demo.certificates import leaf
from exporter.web.access import Access, Gate
from exporter.web.access import passwords as passwords_module
from exporter.web.access.passwords import LONGEST_PASSWORD, Passwords, TooManyLoginsError
from tests.servers.certificates import Workshop
from tests.web.exporting import Answer, Exporter, exporting, run

PASSWORD = "correct horse"


def login(name: str, password: str) -> dict[str, str]:
    """The header of a login."""
    return {"Authorization": aiohttp.encode_basic_auth(name, password)}


WRONG = login("alice", "battery staple")
RIGHT = login("alice", PASSWORD)
STRANGER = login("mallory", PASSWORD)

PATHS = (
    *("/", "/endpoint?name=x", "/errors", "/metrics", "/config", "/probe", "/static/page.css", "/nowhere"),
    *("/api/v1/endpoints", "/api/v1/endpoints/x", "/api/v1/sd", "/api/v1/openapi.json"),
)


def hashed(password: str, cost: int = 4, prefix: bytes = b"2b") -> str:
    """A bcrypt hash, cheap."""
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(cost, prefix=prefix)).decode()


def users(**passwords: str) -> str:
    """A web configuration with these users."""
    lines = [f"  {name}: {hashed(password)}" for name, password in passwords.items()]
    return "\n".join(("basic_auth_users:", *lines, ""))


def test_everything_but_health_asks_for_a_login(tmp_path: Path) -> None:
    """Every address answers 401 without the right password, in every method, unless an orchestrator asks."""

    async def scenario() -> tuple[dict[str, list[int]], Answer]:
        async with exporting(tmp_path, web=users(alice=PASSWORD)) as exporter:
            statuses = {
                path: [
                    (await exporter.ask(path, headers=auth)).status for auth in ({}, WRONG, STRANGER, RIGHT)
                ]
                for path in PATHS
            }
            statuses["POST /-/reload"] = [
                (await exporter.ask("/-/reload", "POST", headers=auth)).status for auth in ({}, WRONG, RIGHT)
            ]
            for path in ("/-/healthy", "/-/ready"):
                statuses[path] = [(await exporter.ask(path, headers=auth)).status for auth in ({}, WRONG)]
            statuses["POST /-/healthy"] = [(await exporter.ask("/-/healthy", "POST")).status]
            return statuses, await exporter.ask("/metrics")

    statuses, refused = run(scenario())
    for path in PATHS:
        *without, allowed = statuses[path]
        assert without == [401, 401, 401]
        assert allowed in {200, 400, 404}
    assert statuses["POST /-/reload"] == [401, 401, 200]
    assert statuses["/-/healthy"] == statuses["/-/ready"] == [200, 200]
    assert statuses["POST /-/healthy"] == [401]
    assert refused.headers["WWW-Authenticate"] == 'Basic realm="submission-exporter", charset="UTF-8"'
    assert refused.headers["X-Content-Type-Options"] == "nosniff"
    assert refused.text == "401 Unauthorized\n"


@pytest.mark.parametrize("path", ["/", "/nowhere", "/-/reload"])
@pytest.mark.parametrize("expects", ["100-continue", "the moon"])
def test_expectations_are_not_looked_at_before_the_login(path: str, expects: str, tmp_path: Path) -> None:
    """A stranger is asked who he is, whatever he expects; nothing that he sent is repeated."""

    async def scenario() -> bytes:
        async with exporting(tmp_path, web=users(alice=PASSWORD)) as exporter:
            head = f"POST {path} HTTP/1.1\r\nHost: x\r\nExpect: {expects}\r\nContent-Length: 5\r\n\r\n"
            return await answer_to(exporter, head.encode())

    assert run(scenario()).startswith(b"HTTP/1.1 401 Unauthorized\r\n")


def test_who_is_known_is_told_to_continue(tmp_path: Path) -> None:
    """A client that waits for leave to send its body gets it, once it may send at all."""

    async def scenario() -> bytes:
        async with exporting(tmp_path) as exporter:
            head = b"POST /-/reload HTTP/1.1\r\nHost: x\r\nExpect: 100-Continue\r\nContent-Length: 5\r\n\r\n"
            return await answer_to(exporter, head, b"hello")

    answer = run(scenario())
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")


async def answer_to(exporter: Exporter, head: bytes, body: bytes = b"") -> bytes:
    """What comes back, the body being sent only when it is asked for."""
    reader, writer = await asyncio.open_connection("127.0.0.1", exporter.service.web.port)
    try:
        writer.write(head)
        answer = await reader.readuntil(b"\r\n\r\n")
        if answer.startswith(b"HTTP/1.1 100 ") and body:
            writer.write(body)
            answer += await reader.readuntil(b"\r\n\r\n")
        return answer
    finally:
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize(
    "header",
    ["", "Basic", "Basic !!!", "Basic YWxpY2U=", "Bearer x", "Basic /zo6", "basic YTpi", "Digest a=b"],
)
def test_odd_authorization_headers_are_refused(header: str, tmp_path: Path) -> None:
    """What is no user name with a password is no login, and no error of ours."""

    async def scenario() -> int:
        async with exporting(tmp_path, web=users(alice=PASSWORD)) as exporter:
            return (await exporter.ask("/", headers={"Authorization": header})).status

    assert run(scenario()) == 401


def check(given: Mapping[str, bytes], *attempts: tuple[str, bytes]) -> list[bool]:
    """The verdicts on attempts, one after the other."""

    async def scenario() -> list[bool]:
        passwords = Passwords()
        try:
            return [await passwords.are_right(given, name, password) for name, password in attempts]
        finally:
            passwords.close()

    return run(scenario())


@pytest.mark.parametrize("prefix", [b"2a", b"2b"])
def test_hashes_of_every_kind_fit(prefix: bytes) -> None:
    """The kinds of bcrypt that htpasswd and libraries write are understood; PHP's 2y is 2b by another name."""
    text = hashed(PASSWORD, prefix=prefix)
    for kind in (text, text.replace("$2b$", "$2y$")):
        right = ("alice", PASSWORD.encode())
        assert check({"alice": kind.encode()}, right, right, ("alice", b"no"), right) == [
            True,
            True,
            False,
            True,
        ]


def test_long_passwords_are_cut_where_bcrypt_cuts_them() -> None:
    """Bcrypt looks at 72 bytes; more is no error, neither is a NUL or nothing."""
    long = "x" * LONGEST_PASSWORD
    given = {"alice": hashed(long).encode()}
    attempts = [
        ("alice", word) for word in (long.encode(), long.encode() + b"yz", b"", b"a\0b", b"\xff" * 99)
    ]
    assert check(given, *attempts) == [True, True, False, False, False]


def test_hash_that_is_none_fits_nothing() -> None:
    """Go takes some texts for hashes that no password ever fits."""
    assert check({"alice": b"$2z$10$" + b"a" * 53}, ("alice", b"a")) == [False]


def test_new_password_is_asked_for_at_once() -> None:
    """A remembered verdict belongs to the hash: after a change the old password is wrong."""

    async def scenario() -> list[bool]:
        passwords = Passwords()
        old, new = {"alice": hashed("old").encode()}, {"alice": hashed("new").encode()}
        try:
            return [
                await passwords.are_right(given, "alice", word)
                for given, word in ((old, b"old"), (old, b"new"), (new, b"old"), (new, b"new"), ({}, b"new"))
            ]
        finally:
            passwords.close()

    assert run(scenario()) == [True, False, False, True, False]


def test_verdicts_cannot_be_mixed_up() -> None:
    """User name and password are remembered apart: no text of one can pass for the other's."""
    given = {"a": hashed("b:c").encode(), "a:b": hashed("d").encode()}
    attempts = (("a", b"b:c"), ("a:b", b"c"), ("a:b", b"d"), ("a", b"b:d"), ("", b"a:b:c"))
    assert check(given, *attempts) == [True, False, True, False, False]


def test_each_password_is_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The slow function is asked once for a right password and once for a wrong one, off the event loop."""
    asked: list[tuple[bytes, str]] = []
    original = bcrypt.checkpw

    def slow(password: bytes, against: bytes) -> bool:
        asked.append((against, threading.current_thread().name))
        return original(password, against)

    monkeypatch.setattr(passwords_module.bcrypt, "checkpw", slow)  # type: ignore[attr-defined]
    right, wrong, stranger = ("alice", b"right"), ("alice", b"wrong"), ("mallory", b"right")
    verdicts = check({"alice": hashed("right").encode()}, *(right, wrong, stranger) * 3)
    assert verdicts == [True, False, False] * 3
    assert len(asked) == 3
    assert all(thread.startswith("bcrypt") for _, thread in asked)
    # A stranger costs what a wrong password costs.
    assert [against[4:6] for against, _ in asked] == [b"04", b"04", b"04"]


def test_wrong_passwords_do_not_push_out_right_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many guesses come in, a known login is still answered from memory; memory is bounded."""
    monkeypatch.setattr(passwords_module, "MOST_REFUSALS", 5)
    computed = 0

    def counting(_password: bytes, hashed: bytes) -> bool:
        nonlocal computed
        computed += 1
        return _password == b"right" and hashed == b"the hash"

    monkeypatch.setattr(passwords_module, "_fits", counting)

    async def scenario() -> tuple[int, int]:
        passwords, given = Passwords(), {"alice": b"the hash"}
        try:
            assert await passwords.are_right(given, "alice", b"right")
            for guess in range(50):
                assert not await passwords.are_right(given, "alice", b"%d" % guess)
            before = computed
            assert await passwords.are_right(given, "alice", b"right")
            return computed - before, len(passwords._refused)
        finally:
            passwords.close()

    assert run(scenario()) == (0, 5)


def test_flood_of_guesses_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many wait and no more; the event loop runs meanwhile."""
    monkeypatch.setattr(passwords_module, "MOST_WAITING", 3)
    gate = threading.Event()
    monkeypatch.setattr(passwords_module, "_fits", lambda *_: gate.wait(20) and False)

    async def scenario() -> list[Any]:
        passwords = Passwords()
        try:
            waiting = [
                asyncio.ensure_future(passwords.are_right({}, "x", b"%d" % guess)) for guess in range(5)
            ]
            await asyncio.sleep(0.05)
            gate.set()
            return await asyncio.gather(*waiting, return_exceptions=True)
        finally:
            gate.set()
            passwords.close()

    verdicts = run(scenario())
    assert verdicts[:3] == [False, False, False]
    assert [type(verdict) for verdict in verdicts[3:]] == [TooManyLoginsError, TooManyLoginsError]


def test_flood_is_answered_with_503(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over HTTP a guess too many is sent away for a second; a known login gets in."""

    async def scenario() -> tuple[Answer, Answer]:
        async with exporting(tmp_path, web=users(alice=PASSWORD)) as exporter:
            assert (await exporter.ask("/", headers=RIGHT)).status == 200
            monkeypatch.setattr(passwords_module, "MOST_WAITING", 0)
            return await exporter.ask("/", headers=WRONG), await exporter.ask("/", headers=RIGHT)

    refused, known = run(scenario())
    assert (refused.status, refused.headers["Retry-After"]) == (503, "1")
    assert known.status == 200


def test_rate_limit_is_kept(tmp_path: Path) -> None:
    """A burst is let through, then 429 with Retry-After; health is not counted."""

    async def scenario() -> list[Answer]:
        web = "rate_limit: {interval: 1h, burst: 2}\n"
        async with exporting(tmp_path, web=web) as exporter:
            paths = ("/-/healthy", "/errors", "/errors", "/errors", "/-/healthy")
            return [await exporter.ask(path) for path in paths]

    answers = run(scenario())
    assert [answer.status for answer in answers] == [200, 200, 200, 429, 200]
    assert answers[3].headers["Retry-After"] == "3600"


def test_tokens_come_back() -> None:
    """One request each interval is always let through."""

    async def scenario() -> list[bool]:
        from exporter.web.access import RateLimit  # noqa: PLC0415 - used here alone

        gate = Gate(Access(rate_limit=RateLimit(0.05, 1)))
        try:
            bucket = gate._bucket
            assert bucket is not None
            taken = [bucket.take(), bucket.take()]
            bucket._since -= 0.05
            taken.append(bucket.take())
            gate.use(Access(rate_limit=RateLimit(0.05, 1)))
            assert gate._bucket is bucket  # the same limit goes on counting
            gate.use(Access())
            assert gate._bucket is None
            return taken  # type: ignore[unreachable]
        finally:
            gate.close()

    assert run(scenario()) == [True, False, True]


def test_headers_of_the_operator_replace_ours(tmp_path: Path) -> None:
    """What the file sets is what is sent."""
    web = (
        "http_server_config: {headers: {X-Frame-Options: sameorigin, Strict-Transport-Security: max-age=9}}\n"
    )

    async def scenario() -> Answer:
        async with exporting(tmp_path, web=web) as exporter:
            return await exporter.ask("/")

    headers = run(scenario()).headers
    assert headers["X-Frame-Options"] == "sameorigin"
    assert headers["Strict-Transport-Security"] == "max-age=9"
    assert headers["X-Content-Type-Options"] == "nosniff"


def tls(workshop: Workshop, more: str = "") -> str:
    """A web configuration with a good certificate."""
    certified = workshop.valid()
    return f"tls_server_config: {{cert_file: {certified.certificate_file}, key_file: {certified.key_file}{more}}}\n"


def client_context(workshop: Workshop, name: str | None = None) -> ssl.SSLContext:
    """A client's context, with a certificate of this name."""
    context = ssl.create_default_context(cafile=workshop.ca_file)
    if name is not None:
        certified = workshop.client(name)
        context.load_cert_chain(certified.certificate_file, certified.key_file)
    return context


def test_pages_under_tls(tmp_path: Path, workshop: Workshop) -> None:
    """With a certificate the pages are there under TLS and only there; old versions are refused."""

    async def scenario() -> tuple[int, str, str]:
        async with exporting(tmp_path, web=tls(workshop)) as exporter:
            url = exporter.service.web.url
            answer = await exporter.ask("/", ssl=client_context(workshop))
            old = client_context(workshop)
            old.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
            with pytest.warns(DeprecationWarning, match="TLSv1_1"):
                old.maximum_version = ssl.TLSVersion.TLSv1_1
            with pytest.raises(aiohttp.ClientConnectorError):
                await exporter.ask("/", ssl=old)
            async with aiohttp.ClientSession() as plain:
                with pytest.raises(aiohttp.ClientError):
                    await plain.get(url.replace("https", "http"))
            return answer.status, answer.text, url

    status, text, url = run(scenario())
    assert status == 200
    assert "<h1>" in text
    assert url.startswith("https://127.0.0.1:")


def test_client_certificates_are_demanded(tmp_path: Path, workshop: Workshop) -> None:
    """Without a certificate, or with one of another authority, nobody gets in."""
    web = tls(workshop, f", client_auth_type: RequireAndVerifyClientCert, client_ca_file: {workshop.ca_file}")

    async def scenario() -> int:
        async with exporting(tmp_path, web=web) as exporter:
            stranger = client_context(workshop)
            foreign = workshop.self_signed()
            stranger.load_cert_chain(foreign.certificate_file, foreign.key_file)
            for context in (client_context(workshop), stranger):
                with pytest.raises(aiohttp.ClientError):
                    await exporter.ask("/", ssl=context)
            return (await exporter.ask("/", ssl=client_context(workshop, "probe@mail.test"))).status

    assert run(scenario()) == 200


def test_names_of_client_certificates_are_demanded(tmp_path: Path, workshop: Workshop) -> None:
    """Of the certificates that verify, those with an allowed name get in."""
    named = workshop.certified(
        "named-client",
        leaf("client.test", issuer=workshop.intermediate, purposes=(ExtendedKeyUsageOID.CLIENT_AUTH,)),
    )
    web = tls(
        workshop,
        f", client_auth_type: RequireAndVerifyClientCert, client_ca_file: {workshop.ca_file}, "
        "client_allowed_sans: [client.test]",
    )

    async def scenario() -> tuple[int, int]:
        async with exporting(tmp_path, web=web) as exporter:
            nameless = client_context(workshop, "probe@mail.test")
            right = client_context(workshop)
            right.load_cert_chain(named.certificate_file, named.key_file)
            return (await exporter.ask("/", ssl=nameless)).status, (await exporter.ask("/", ssl=right)).status

    assert run(scenario()) == (403, 200)


def test_change_of_the_file_takes_effect(tmp_path: Path, workshop: Workshop) -> None:
    """New users, certificates and headers count within moments; a bad file changes nothing and is told."""
    file = tmp_path / "web.yml"

    async def scenario() -> list[int]:
        async with exporting(tmp_path, web=users(alice=PASSWORD), look_every=0.05) as exporter:

            async def get(path: str = "/", **options: Any) -> int:
                return (await exporter.ask(path, **options)).status

            seen = [await get(headers=RIGHT)]
            replace(file, users(bob=PASSWORD))
            await until(exporter, lambda: get(headers=login("bob", PASSWORD)), 200)
            seen.append(await get(headers=RIGHT))
            replace(file, "basic_auth_users: [nonsense]\n")
            await exporter.until(lambda: exporter.service._door.problems, "the problem")
            seen.append(await get(headers=login("bob", PASSWORD)))
            page = await exporter.ask("/", headers=login("bob", PASSWORD))
            assert "basic_auth_users" in page.text
            metrics = await exporter.ask("/metrics", headers=login("bob", PASSWORD))
            assert metrics.sample("submission_exporter_config_last_reload_successful") == 0
            replace(file, tls(workshop))
            await exporter.until(lambda: exporter.service.web.url.startswith("https"), "TLS")
            async with aiohttp.ClientSession(exporter.service.web.url) as client:
                response = await client.get("/", ssl=client_context(workshop))
                seen.append(response.status)
                response.release()
            return seen

    assert run(scenario()) == [200, 401, 200, 200]


def test_renewed_certificate_is_served(tmp_path: Path, workshop: Workshop) -> None:
    """A certificate that was exchanged in its file is presented to the next client."""
    old, new = workshop.expired(), workshop.valid()
    certificate, key = tmp_path / "server.pem", tmp_path / "server.key"

    def install(certified: Any) -> None:
        for source, target in ((certified.certificate_file, certificate), (certified.key_file, key)):
            replace(target, Path(source).read_text())

    async def scenario() -> int:
        install(old)
        web = f"tls_server_config: {{cert_file: {certificate}, key_file: {key}}}\n"
        async with exporting(tmp_path, web=web, look_every=0.05) as exporter:
            with pytest.raises(aiohttp.ClientConnectorCertificateError):
                await exporter.ask("/", ssl=client_context(workshop))
            install(new)
            async with asyncio.timeout(20):
                while True:
                    try:
                        return (await exporter.ask("/", ssl=client_context(workshop))).status
                    except aiohttp.ClientError:
                        await asyncio.sleep(0.05)

    assert run(scenario()) == 200


@pytest.mark.parametrize(
    ("listen", "web", "warned"),
    [(":0", None, True), ("127.0.0.1:0", None, False), ("[::1]:0", None, False), (":0", "users", False)],
)
def test_open_page_is_warned_of(
    listen: str, web: str | None, warned: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Who has credentials and shows the page to other machines without a login is told so at the start."""
    from exporter.web.server import WebServer  # noqa: PLC0415 - used here alone

    configuration = {
        "modules": {"m": {"auth": {"username": "u", "password": "p"}, "allowed_targets": ["*.example.com"]}}
    }

    async def scenario() -> None:
        async with exporting(tmp_path, configuration, web=users(a="b") if web else None) as exporter:
            caplog.clear()
            server = WebServer(web_module.Application(), listen)
            exporter.service._door.start(server, keeps_secrets=True)

    with caplog.at_level(logging.WARNING, "exporter"):
        run(scenario())
    assert ("credentials are configured" in caplog.text) is warned


def replace(file: Path, text: str) -> None:
    """Exchange a file in one step, as editors and orchestrators do."""
    fresh = file.with_suffix(".new")
    fresh.write_text(text)
    fresh.replace(file)


async def until(exporter: Any, status: Any, wanted: int) -> None:
    """Wait until a request is answered with a status."""
    deadline = time.monotonic() + 20
    while await status() != wanted:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)
