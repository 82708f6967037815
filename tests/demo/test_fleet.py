"""Every endpoint of the demo is healthy or broken in the way that its name says."""

from __future__ import annotations

import asyncio
import gc
import logging
import smtplib
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvloop
import yaml

from exporter.demo import DemoServers, configuration
from exporter.demo.fleet import SCENES
from exporter.demo.server import SubmissionServer
from exporter.model import Endpoint, ErrorClass, Phase, TlsMode
from exporter.settings import load
from tests.servers.background import in_background


@asynccontextmanager
async def demo() -> AsyncIterator[DemoServers]:
    """A running demo."""
    servers = DemoServers(timeout=0.5)
    await servers.start()
    try:
        yield servers
    finally:
        await servers.stop()


@pytest.fixture(scope="module")
def endpoints() -> Iterator[dict[str, Endpoint]]:
    """The endpoints of a running demo, by name."""
    with in_background(demo) as servers:
        yield {endpoint.name: endpoint for endpoint in servers.endpoints}


def submit(endpoint: Endpoint) -> None:
    """What a mail client does: connect, encrypt, log in, send."""
    context = ssl.create_default_context(cafile=endpoint.tls_config.ca_file)
    assert endpoint.auth is not None
    assert endpoint.auth.password is not None
    with connected(endpoint, context) as client:
        if endpoint.tls is TlsMode.STARTTLS:
            client.starttls(context=context)
        client.login(endpoint.auth.username, endpoint.auth.password.reveal())
        client.sendmail(endpoint.auth.username, ["postmaster@demo.example"], "Subject: x\r\n\r\nx\r\n")


def connected(endpoint: Endpoint, context: ssl.SSLContext) -> smtplib.SMTP:
    """A client that has been greeted."""
    if endpoint.tls is TlsMode.IMPLICIT:
        return smtplib.SMTP_SSL(endpoint.host, endpoint.port, timeout=endpoint.timeout, context=context)
    return smtplib.SMTP(endpoint.host, endpoint.port, timeout=endpoint.timeout)


def test_there_is_one_healthy_endpoint_for_each_tls_mode() -> None:
    """Three healthy ones and eight broken ones, each broken in a way of its own."""
    healthy = [scene.tls for scene in SCENES if scene.expected is ErrorClass.NONE]
    broken = [scene.expected for scene in SCENES if scene.expected is not ErrorClass.NONE]
    assert sorted(healthy) == sorted(TlsMode)
    assert len(broken) == len(set(broken)) == 8


@pytest.mark.parametrize("name", ["healthy-starttls", "healthy-implicit", "healthy-plaintext"])
def test_the_healthy_ones_take_a_message(endpoints: dict[str, Endpoint], name: str) -> None:
    """A whole submission succeeds."""
    submit(endpoints[name])


@pytest.mark.parametrize(("name", "code"), [("expired-certificate", 10), ("wrong-name", 64)])
def test_the_bad_certificates_fail_for_their_reason(
    endpoints: dict[str, Endpoint], name: str, code: int
) -> None:
    """The verify code is that of an expired certificate and of another address."""
    with pytest.raises(ssl.SSLCertVerificationError) as refused:
        submit(endpoints[name])
    assert refused.value.verify_code == code


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [("rejected-password", 535, b"5.7.8"), ("app-password", 534, b"InvalidSecondFactor")],
)
def test_the_login_refusals(endpoints: dict[str, Endpoint], name: str, code: int, words: bytes) -> None:
    """Everything up to AUTH works, and AUTH gets its reply."""
    with pytest.raises(smtplib.SMTPAuthenticationError) as refused:
        submit(endpoints[name])
    assert refused.value.smtp_code == code
    assert isinstance(refused.value.smtp_error, bytes)
    assert words in refused.value.smtp_error


def test_the_busy_one_greets_with_421(endpoints: dict[str, Endpoint]) -> None:
    """The greeting is a 421."""
    with pytest.raises(smtplib.SMTPConnectError) as refused:
        submit(endpoints["busy"])
    assert refused.value.smtp_code == 421


def test_the_silent_one_accepts_and_says_nothing(endpoints: dict[str, Endpoint]) -> None:
    """The connection is made and no greeting comes."""
    with socket.create_connection(("127.0.0.1", endpoints["silent-port"].port)) as sock:
        sock.settimeout(0.1)
        with pytest.raises(TimeoutError):
            sock.recv(1)


def test_the_closed_one_refuses(endpoints: dict[str, Endpoint]) -> None:
    """The connection is refused."""
    with pytest.raises(ConnectionRefusedError):
        submit(endpoints["closed-port"])


def test_the_masked_one_offers_x_letters(endpoints: dict[str, Endpoint]) -> None:
    """EHLO shows XXXXXXXA in STARTTLS's place, and STARTTLS itself is not understood."""
    with smtplib.SMTP("127.0.0.1", endpoints["masked-starttls"].port, timeout=5) as client:
        client.ehlo()
        assert client.has_extn("XXXXXXXA")
        assert not client.has_extn("STARTTLS")
        assert client.docmd("STARTTLS")[0] == 500


def test_the_endpoints_are_worth_looking_at(endpoints: dict[str, Endpoint]) -> None:
    """Names are unique, labels tell teams apart, one goes as far as RCPT, none sends a message."""
    assert len(endpoints) == len(SCENES)
    assert len({dict(endpoint.labels)["team"] for endpoint in endpoints.values()}) > 1
    untils = {endpoint.until for endpoint in endpoints.values()}
    assert untils == {Phase.AUTH, Phase.RCPT}
    assert all(endpoint.timeout < endpoint.interval for endpoint in endpoints.values())


def test_stop_leaves_nothing_behind() -> None:
    """Ports, files and descriptors are gone after `stop`, and a second start works."""
    ca_files: list[Path] = []

    async def main() -> None:
        servers = DemoServers()
        for _ in range(2):
            await servers.start()
            ca_files.append(Path(servers.endpoints[0].tls_config.ca_file or ""))
            assert b"BEGIN CERTIFICATE" in ca_files[-1].read_bytes()
            await servers.stop()
            assert servers.endpoints == ()
        await servers.stop()

    def open_descriptors() -> int:
        gc.collect()
        return len(list(Path("/proc/self/fd").iterdir()))

    for run in (asyncio.run, uvloop.run):
        run(main())  # what a loop opens once a process
        before = open_descriptors()
        run(main())
        assert open_descriptors() == before
    assert not any(file.exists() for file in ca_files)


def test_a_failed_start_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """When one server cannot start, those before it are stopped."""
    started: list[SubmissionServer] = []
    stopped: list[SubmissionServer] = []
    start, stop = SubmissionServer.start, SubmissionServer.stop

    async def failing_start(self: SubmissionServer) -> None:
        if len(started) == 2:
            raise OSError("no port left")
        started.append(self)
        await start(self)

    async def counting_stop(self: SubmissionServer) -> None:
        stopped.append(self)
        await stop(self)

    monkeypatch.setattr(SubmissionServer, "start", failing_start)
    monkeypatch.setattr(SubmissionServer, "stop", counting_stop)
    servers = DemoServers()
    with pytest.raises(OSError, match="no port left"):
        asyncio.run(servers.start())
    assert stopped == started[::-1]
    assert servers.endpoints == ()


def test_rude_clients_are_no_news(endpoints: dict[str, Endpoint], caplog: pytest.LogCaptureFixture) -> None:
    """Resets, garbage and broken handshakes leave the servers up and the log empty."""
    for endpoint in endpoints.values():
        if endpoint.name == "closed-port":
            continue
        for words in (b"", b"\x16\x03\x01garbage\r\n", b"GET / HTTP/1.1\r\n\r\n"):
            sock = socket.create_connection(("127.0.0.1", endpoint.port))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            sock.sendall(words)
            sock.close()
    with caplog.at_level(logging.DEBUG):
        submit(endpoints["healthy-starttls"])
        submit(endpoints["healthy-implicit"])
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_the_configuration_says_what_the_endpoints_are(endpoints: dict[str, Endpoint]) -> None:
    """The YAML has an entry for each endpoint, with the settings that a person would write."""
    entries = {e["name"]: e for e in yaml.safe_load(configuration(endpoints.values()))["endpoints"]}
    assert list(entries) == list(endpoints)
    healthy = entries["healthy-implicit"]
    assert healthy["target"] == endpoints["healthy-implicit"].target
    assert healthy["tls"] == "implicit"
    assert healthy["until"] == "rcpt"
    assert healthy["interval"] == "5s"
    assert healthy["timeout"] == "500ms"
    assert healthy["auth"]["mechanism"] == "LOGIN"
    assert healthy["message"]["from"] == "probe@demo.example"
    assert healthy["labels"] == {"site": "demo", "team": "mail"}
    assert entries["healthy-plaintext"]["auth"]["allow_plaintext"] is True
    assert "tls_config" not in entries["healthy-plaintext"]


def test_the_configuration_loads_into_the_same_endpoints(
    endpoints: dict[str, Endpoint], tmp_path: Path
) -> None:
    """What is written for the endpoints is read as the endpoints."""
    file = tmp_path / "demo.yml"
    file.write_text(configuration(endpoints.values()))
    assert load(file).endpoints == tuple(endpoints.values())


def test_the_configuration_leaves_defaults_out() -> None:
    """An endpoint without login, labels and TLS settings is five lines."""
    bare = Endpoint(
        name="bare",
        host="::1",
        port=587,
        tls=TlsMode.STARTTLS,
        until=Phase.EHLO,
        interval=60.0,
        timeout=10.0,
    )
    (entry,) = yaml.safe_load(configuration([bare]))["endpoints"]
    assert entry == {
        "name": "bare",
        "target": "[::1]:587",
        "tls": "starttls",
        "until": "ehlo",
        "interval": "1m",
        "timeout": "10s",
    }
