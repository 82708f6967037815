"""Every step of the scripted server does on the wire what it says."""

from __future__ import annotations

import asyncio
import smtplib
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence

import pytest
import uvloop

from tests.servers.background import in_background
from tests.servers.certificates import Workshop
from tests.servers.scripted import (
    Scripted,
    Step,
    answer,
    bye,
    drip,
    drop,
    ehlo,
    endless,
    expect,
    greet,
    hear,
    pause,
    raw,
    reset,
    say,
    scripted,
    stall,
    starttls,
)


def received(script: Sequence[Step], *sent: bytes) -> bytes:
    """All that a client gets that sends `sent` at once and waits for the end."""
    with in_background(lambda: scripted(script)) as server, connect(server) as sock:
        sock.sendall(b"".join(sent))
        return read_all(sock)


def connect(server: Scripted) -> socket.socket:
    """A plain connection."""
    return socket.create_connection(("127.0.0.1", server.port), timeout=5)


def read_all(sock: socket.socket) -> bytes:
    """Everything until FIN."""
    chunks = []
    while chunk := sock.recv(65536):
        chunks.append(chunk)
    return b"".join(chunks)


def trusting(workshop: Workshop) -> ssl.SSLContext:
    """A client's context that trusts the workshop."""
    return ssl.create_default_context(cafile=workshop.ca_file)


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_it_runs_in_the_loop_of_the_test(run: Callable[[Awaitable[None]], None]) -> None:
    """In a test's own event loop it serves asyncio's streams, on asyncio and on uvloop."""

    async def main() -> None:
        async with scripted([greet(), ehlo("SIZE 1000"), bye()]) as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(b"EHLO me\r\nQUIT\r\n")
            assert (await reader.read()).splitlines() == [
                b"220 mail.test ESMTP",
                b"250-mail.test",
                b"250 SIZE 1000",
                b"221 2.0.0 Bye",
            ]
            writer.close()
            await writer.wait_closed()
        assert server.verbs == [["EHLO", "QUIT"]]
        assert server.connections[0].finished

    run(main())


def test_an_empty_script_closes_before_the_greeting() -> None:
    """The client gets FIN and nothing else."""
    assert received([]) == b""


def test_drop_is_a_fin_even_with_unread_input() -> None:
    """A drop in the middle ends in FIN, although the client's bytes were never read."""
    assert received([say("220 hi"), drop()], b"EHLO me\r\n" * 1000) == b"220 hi\r\n"


def test_reset_is_a_reset() -> None:
    """The client gets ECONNRESET."""
    with pytest.raises(ConnectionResetError):
        received([expect("EHLO"), reset()], b"EHLO me\r\n")


def test_raw_bytes_go_out_as_they_are() -> None:
    """Nothing is added to raw bytes."""
    assert received([raw(b"\x00\xff220 hi\n")]) == b"\x00\xff220 hi\n"


def test_drip_sends_single_bytes() -> None:
    """Each byte arrives by itself."""
    with in_background(lambda: scripted([drip(b"220\r\n", 0.02)])) as server, connect(server) as sock:
        first = sock.recv(100)
        assert first == b"2"
        assert first + read_all(sock) == b"220\r\n"


def test_pause_waits() -> None:
    """The reply after a pause comes no earlier than the pause is long."""
    started = time.monotonic()
    assert received([pause(0.05), say("220 late")]) == b"220 late\r\n"
    assert time.monotonic() - started >= 0.05


def test_stall_says_nothing_and_keeps_what_came() -> None:
    """A stalled connection stays open and silent; what the client sends is recorded."""
    with in_background(lambda: scripted([stall()])) as server, connect(server) as sock:
        sock.sendall(b"\x16\x03\x01")
        sock.settimeout(0.05)
        with pytest.raises(TimeoutError):
            sock.recv(1)
    assert server.connections[0].data == b"\x16\x03\x01"


def test_endless_goes_on_until_the_client_leaves() -> None:
    """More arrives than any buffer holds, and leaving ends it."""
    with (
        in_background(lambda: scripted([endless(b"250-more\r\n" * 1000)])) as server,
        connect(server) as sock,
    ):
        total = 0
        while total < 10_000_000:
            total += len(sock.recv(1 << 20))
    assert not server.connections[0].finished


def test_hear_takes_any_line() -> None:
    """A line that nobody expects is recorded and passed over."""
    with in_background(lambda: scripted([hear(), bye()])) as server, connect(server) as sock:
        sock.sendall(b"whatever it is\r\nQUIT\r\n")
        assert read_all(sock) == b"221 2.0.0 Bye\r\n"
    assert server.connections[0].lines == ["whatever it is", "QUIT"]


def test_starttls_then_plain_smtp(workshop: Workshop) -> None:
    """The client smtplib does STARTTLS, EHLO again and a refused login with a scripted server."""
    script = [
        greet(),
        ehlo("STARTTLS"),
        starttls(workshop.valid().context()),
        ehlo("AUTH PLAIN"),
        answer("AUTH PLAIN", "535-5.7.8 No", "535 5.7.8 and no"),
        bye(),
    ]
    with (
        in_background(lambda: scripted(script)) as server,
        smtplib.SMTP("localhost", server.port, timeout=5) as client,
    ):
        client.starttls(context=trusting(workshop))
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login("me", "secret")
    assert server.connections[0].verbs == ["EHLO", "STARTTLS", "EHLO", "AUTH", "QUIT"]
    assert server.connections[0].handshakes == 1


def test_plaintext_can_be_put_behind_the_starttls_reply(workshop: Workshop) -> None:
    """The injected line arrives in the same read as the 220."""
    script = [starttls(workshop.valid().context(), behind=b"250 injected\r\n")]
    with in_background(lambda: scripted(script)) as server, connect(server) as sock:
        sock.sendall(b"STARTTLS\r\n")
        assert sock.recv(1000) == b"220 2.0.0 Go ahead\r\n250 injected\r\n"


@pytest.mark.parametrize(("step", "ending"), [(drop(), ssl.SSLError), (raw(b""), None)])
def test_tls_ends_with_close_notify_unless_dropped(
    workshop: Workshop, step: Step, ending: type[Exception] | None
) -> None:
    """A script that ends says goodbye in TLS too; a drop under TLS is a bare FIN."""
    script = [starttls(workshop.valid().context()), say("220 inside"), step]
    with in_background(lambda: scripted(script)) as server, connect(server) as plain:
        plain.sendall(b"STARTTLS\r\n")
        assert plain.recv(1000).startswith(b"220")
        context = trusting(workshop)
        context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
        with context.wrap_socket(plain, server_hostname="localhost", suppress_ragged_eofs=False) as sock:
            assert sock.recv(1000) == b"220 inside\r\n"
            if ending is None:
                assert sock.recv(1000) == b""
            else:
                with pytest.raises(ending):
                    sock.recv(1000)


def test_each_connection_has_its_own_script() -> None:
    """The second connection follows the second script, and so do all later ones."""
    with in_background(lambda: scripted([say("220 one")], [say("220 two")])) as server:
        answers = []
        for _ in range(3):
            with connect(server) as sock:
                answers.append(read_all(sock))
    assert answers == [b"220 one\r\n", b"220 two\r\n", b"220 two\r\n"]
    assert len(server.connections) == 3


def test_a_departure_from_the_script_fails_the_test() -> None:
    """A client that says something else is an error when the server ends."""
    with pytest.raises(AssertionError, match="expected 'EHLO', got 'HELO me'"):
        received([expect("EHLO")], b"HELO me\r\n")


def test_a_client_may_leave_early() -> None:
    """A client that leaves while its next command is awaited breaks no rule."""
    with in_background(lambda: scripted([greet(), expect("EHLO")])) as server, connect(server) as sock:
        assert sock.recv(100).startswith(b"220")
    assert server.verbs == [[]]
    assert not server.connections[0].finished


def test_a_failure_of_the_block_is_what_is_raised() -> None:
    """An error inside the block is not hidden by what the server has to say."""

    def failing() -> None:
        with in_background(lambda: scripted([expect("EHLO")])) as server:
            with connect(server) as sock:
                sock.sendall(b"HELO me\r\n")
                read_all(sock)
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        failing()
