"""SMTP servers that mean harm, each on a port of its own, in a process of their own.

    python -m tests.hostile.smtp_servers DIRECTORY

makes certificates in DIRECTORY, prints one JSON object of name and port, and serves until it is killed.
"""

# ruff: noqa: D103 - the name of each server says what it does
from __future__ import annotations

import asyncio
import base64
import json
import os
import socket
import ssl
import struct
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from socket import SO_LINGER, SOL_SOCKET
from typing import Any

from cryptography import x509
from cryptography.x509.oid import NameOID

from exporter.demo.certificates import CURRENT, Identity, _signed, leaf, server_context

PASSWORD = "open sesame, please"
LINGERING = "\x1b[2J\x1b]0;owned\x07"
"""Clears a terminal and names its window."""
SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(2)>"
OVERRIDE = "\u202egnp.exe\u2066"

CHUNK = b"x" * 65536


class Client:
    """One connection, as a hostile server sees it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, data: bytes | str) -> None:
        """Send, at the pace at which the client takes it."""
        self.writer.write(data.encode() if isinstance(data, str) else data)
        await self.writer.drain()

    async def hear(self) -> bytes:
        """One line."""
        return await self.reader.readline()

    async def greet(self) -> None:
        """An ordinary greeting."""
        await self.send("220 mail.test ESMTP\r\n")

    async def offer(self, *lines: str) -> None:
        """EHLO and its reply."""
        await self.hear()
        all_lines = ("mail.test", *lines)
        await self.send(
            "".join(f"250{'-' if line is not all_lines[-1] else ' '}{line}\r\n" for line in all_lines)
        )

    async def flood(self, data: bytes) -> None:
        """The same for ever."""
        many = data * max(1, 65536 // len(data))
        while True:
            await self.send(many)

    async def drip(self, data: bytes, seconds: float = 1.0) -> None:
        """One byte at a time."""
        for byte in data:
            await self.send(bytes([byte]))
            await asyncio.sleep(seconds)

    async def stay(self) -> None:
        """Take what comes and say nothing."""
        while await self.reader.read(65536):
            pass

    async def bye(self) -> None:
        """Answer QUIT."""
        await self.hear()
        await self.send("221 bye\r\n")


Behaviour = Callable[[Client], Awaitable[None]]


@dataclass(frozen=True)
class Hostile:
    """A server, and how its endpoint is configured beside name and target."""

    behave: Behaviour
    endpoint: dict[str, Any] = field(default_factory=dict)
    identity: Callable[[], Identity] | None = None
    """Under TLS from the first byte, with this certificate."""


HOSTILE: dict[str, Hostile] = {}


def hostile(
    identity: Callable[[], Identity] | None = None, **endpoint: Any
) -> Callable[[Behaviour], Behaviour]:
    """Register a behaviour under its name."""

    def register(behave: Behaviour) -> Behaviour:
        keys = {"tls": "implicit" if identity else "none"} | endpoint
        HOSTILE[behave.__name__.replace("_", "-")] = Hostile(behave, keys, identity)
        return behave

    return register


LOGIN: dict[str, Any] = {
    "until": "auth",
    "auth": {"username": "u", "password": PASSWORD, "allow_plaintext": True, "mechanism": "LOGIN"},
}

# --------------------------------------------------------------------------- too much


@hostile()
async def endless_line(client: Client) -> None:
    await client.send("220 ")
    await client.flood(CHUNK)


@hostile()
async def endless_continuation(client: Client) -> None:
    await client.flood(b"220-still greeting\r\n")


@hostile()
async def endless_empty_lines(client: Client) -> None:
    await client.flood(b"\r\n")


@hostile()
async def banner_of_100_mb(client: Client) -> None:
    await client.send("220 ")
    for _ in range(100 * 16):
        await client.send(CHUNK)
    await client.send("\r\n")


@hostile()
async def endless_ehlo(client: Client) -> None:
    await client.greet()
    await client.hear()
    await client.flood(b"250-X-EXTENSION-WITHOUT-END\r\n")


@hostile()
async def largest_ehlo(client: Client) -> None:
    await client.greet()
    await client.offer(*(f"X{number:05} AUTH {number}" for number in range(3000)))
    await client.bye()


@hostile(**LOGIN)
async def thousands_of_mechanisms(client: Client) -> None:
    await client.greet()
    lines = [
        " ".join(f"M{number:06}" for number in range(start, start + 700)) for start in range(0, 7000, 700)
    ]
    await client.offer(*(f"AUTH {line}" for line in lines))
    await client.stay()


@hostile()
async def replies_nobody_asked_for(client: Client) -> None:
    await client.greet()
    await client.flood(b"250 you are welcome\r\n")


@hostile(**LOGIN)
async def endless_challenges(client: Client) -> None:
    await client.greet()
    await client.offer("AUTH LOGIN")
    while await client.hear():
        await client.send("334 VXNlcm5hbWU6\r\n")


@hostile(**LOGIN)
async def challenge_of_60_kb(client: Client) -> None:
    await client.greet()
    await client.offer("AUTH LOGIN")
    await client.hear()
    for _ in range(9):
        await client.send("334-" + "QUFB" * 1900 + "\r\n")
    await client.send("334 QUFB\r\n")
    await client.stay()


# --------------------------------------------------------------------------- too slow


@hostile()
async def one_byte_a_second(client: Client) -> None:
    await client.drip(b"220 mail.test ESMTP\r\n")


@hostile()
async def one_byte_a_tenth_of_a_second(client: Client) -> None:
    await client.drip(b"220 mail.test ESMTP and many words more that take their time to come\r\n", 0.1)


@hostile()
async def silence(client: Client) -> None:
    await client.stay()


@hostile()
async def quit_without_answer(client: Client) -> None:
    await client.greet()
    await client.offer("SIZE")
    await client.stay()


@hostile()
async def nothing_is_read(client: Client) -> None:
    await client.greet()
    await asyncio.sleep(3600)


# --------------------------------------------------------------------------- not what it should be


@hostile()
async def nul_bytes(client: Client) -> None:
    await client.send(b"220 a\0b\0\0 ESMTP\r\n")
    await client.hear()
    await client.send(b"550 \0\0\0\r\n")


@hostile()
async def escape_sequences(client: Client) -> None:
    await client.send(f"554 {LINGERING} \x9b31m go \b\b\b away {OVERRIDE}\r\n")


@hostile()
async def markup(client: Client) -> None:
    await client.send(f"554 {SCRIPT} \"' --> ]]> {{{{7*7}}}} &lt;\r\n")


@hostile()
async def markup_in_capabilities(client: Client) -> None:
    await client.greet()
    await client.offer(SCRIPT, f"SIZE {SCRIPT}", f"AUTH {SCRIPT}", LINGERING)
    await client.bye()


@hostile()
async def line_ends_inside(client: Client) -> None:
    await client.send("554 line one\rlevel=info msg=forged\x0b\x0c\x85\u2028\u2029 smtp_probe_success 1\r\n")


@hostile()
async def several_lines(client: Client) -> None:
    await client.send('554-one\r\n554-level=error msg="forged"\r\n554 # TYPE forged gauge\r\n')


@hostile()
async def broken_unicode(client: Client) -> None:
    await client.send(b"554 \xc0\xaf\xed\xa0\x80\xff\xfe\xf8\x88\x80\x80\x80 \xe2\x28\xa1\r\n")


@hostile()
async def absurd_codes(client: Client) -> None:
    await client.send(b"999 what\r\n000 now\r\n-1 then\r\n2200 hm\r\n22\xb2 x\r\n")
    await client.stay()


@hostile()
async def random_bytes(client: Client) -> None:
    await client.send(os.urandom(200_000))
    await client.stay()


@hostile()
async def reset_in_a_reply(client: Client) -> None:
    await client.send("220-half a gree")
    client.writer.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
    client.writer.transport.abort()


@hostile(**LOGIN)
async def password_sent_back(client: Client) -> None:
    await client.greet()
    await client.offer("AUTH LOGIN")
    await client.hear()
    await client.send("334 VXNlcm5hbWU6\r\n")
    await client.hear()
    await client.send("334 UGFzc3dvcmQ6\r\n")
    told = (await client.hear()).strip().decode()
    await client.send(f"535-{PASSWORD} is wrong\r\n535-{told}\r\n535 5.7.8 so is x{told}=\r\n")
    await client.stay()


# --------------------------------------------------------------------------- TLS


@hostile(tls="starttls")
async def garbage_behind_starttls(client: Client) -> None:
    await client.greet()
    await client.offer("STARTTLS")
    await client.hear()
    await client.send("220 go\r\n")
    await client.hear()
    await client.flood(os.urandom(4096))


@hostile(tls="starttls")
async def plaintext_behind_starttls(client: Client) -> None:
    await client.greet()
    await client.offer("STARTTLS")
    await client.hear()
    await client.send(b"220 go\r\n" + b"250 forged\r\n" * 5000)
    await client.stay()


@hostile(tls="implicit")
async def garbage_for_tls(client: Client) -> None:
    await client.flood(os.urandom(4096))


@hostile(tls="implicit")
async def endless_record(client: Client) -> None:
    await client.send(b"\x16\x03\x03\x3f\xff")
    await client.flood(b"\x02\x00\xff\xff")


@hostile(tls="implicit")
async def flood_of_warnings(client: Client) -> None:
    await client.flood(b"\x15\x03\x03\x00\x02\x01\x5a")


@hostile(tls="implicit")
async def flood_of_empty_records(client: Client) -> None:
    await client.flood(b"\x16\x03\x03\x00\x00")


@hostile(tls="implicit")
async def handshake_one_byte_a_second(client: Client) -> None:
    await client.drip(b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03" + bytes(100))


@hostile(lambda: leaf("localhost", issuer=None))
async def flood_under_tls(client: Client) -> None:
    await client.greet()
    await client.hear()
    await client.flood(b"250-ENCRYPTED AND WITHOUT END\r\n")


def of_sans(octets: int) -> Identity:
    """A certificate whose alternative names take so many octets."""
    return leaf(
        *(f"{number:08}.{'long-name-' * 5}example" for number in range(octets // 70)),
        issuer=None,
        common_name="localhost",
    )


@hostile(lambda: of_sans(1_000_000))
async def certificate_of_a_megabyte(client: Client) -> None:
    await client.greet()
    await client.stay()


@hostile(lambda: of_sans(80_000))
async def certificate_with_a_thousand_names(client: Client) -> None:
    await client.greet()
    await client.offer("SIZE")
    await client.bye()


def of_absurd_names() -> Identity:
    """A certificate whose every name is an attack on whoever shows it."""
    attributes = [
        x509.NameAttribute(NameOID.COMMON_NAME, SCRIPT[:64]),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, f"{LINGERING},O=other\n+CN=two"),
        x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, 'a"} 1\nforged_metric 1'),
        x509.NameAttribute(NameOID.LOCALITY_NAME, OVERRIDE),
    ]
    names = x509.SubjectAlternativeName(
        [
            x509.DNSName("\x1b[2J.example"),
            x509.DNSName("<b>bold</b>"),
            x509.UniformResourceIdentifier("javascript:alert(1)"),
        ]
    )
    return _signed(
        x509.Name(attributes),
        issuer=None,
        validity=CURRENT,
        key=None,
        extensions=(x509.Extension(x509.SubjectAlternativeName.oid, False, names),),
    )


@hostile(of_absurd_names, tls_config={"insecure_skip_verify": True})
async def certificate_with_absurd_names(client: Client) -> None:
    await client.greet()
    await client.offer("SIZE")
    await client.bye()


@hostile(lambda: leaf("localhost", issuer=None), tls_config={"insecure_skip_verify": True})
async def thousands_of_session_tickets(client: Client) -> None:
    await client.greet()
    await client.offer("SIZE")
    await client.bye()


# --------------------------------------------------------------------------- numbers and ends


@hostile()
async def size_of_thousands_of_digits(client: Client) -> None:
    await client.greet()
    await client.offer("SIZE " + "9" * 8000, "SIZE " + "1" * 4301)
    await client.bye()


@hostile(**LOGIN | {"auth": LOGIN["auth"] | {"mechanism": "SCRAM-SHA-256"}})
async def iterations_of_thousands_of_digits(client: Client) -> None:
    await client.greet()
    await client.offer("AUTH SCRAM-SHA-256")
    first = base64.b64decode((await client.hear()).split()[-1])
    nonce = first.rpartition(b"r=")[2]
    count = b"1" * 6000
    await client.send(b"334 " + base64.b64encode(b"r=" + nonce + b"x,s=c2FsdA==,i=" + count) + b"\r\n")
    await client.stay()


@hostile(**LOGIN)
async def enhanced_code_of_thousands_of_digits(client: Client) -> None:
    await client.greet()
    await client.offer("AUTH LOGIN")
    await client.hear()
    await client.send("535 5." + "7" * 5000 + ".8 no\r\n")
    await client.bye()


@hostile()
async def half_closed(client: Client) -> None:
    await client.greet()
    client.writer.write_eof()
    await client.stay()


@hostile()
async def urgent_data(client: Client) -> None:
    sock = client.writer.get_extra_info("socket")
    duplicate = socket.socket(fileno=os.dup(sock.fileno()))
    with duplicate:
        duplicate.send(b"!", socket.MSG_OOB)
    await client.greet()
    await client.offer("SIZE")
    await client.bye()


@hostile()
async def greeting_again_and_again(client: Client) -> None:
    while True:
        await client.greet()
        await asyncio.sleep(0.01)


@hostile()
async def continuation_in_another_code(client: Client) -> None:
    await client.send("220-mail.test\r\n554-no\r\n421 later\r\n250 yes\r\n")
    await client.stay()


# --------------------------------------------------------------------------- the process


async def serve() -> None:
    """Open every server, tell the ports, and stay."""
    ports, servers = {}, []
    for name, one in HOSTILE.items():
        context: ssl.SSLContext | None = server_context(one.identity()) if one.identity else None
        if context is not None and one.behave is thousands_of_session_tickets:
            context.num_tickets = 4000

        async def accept(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter, one: Hostile = one
        ) -> None:
            try:
                await one.behave(Client(reader, writer))
            except (OSError, ValueError):
                pass
            finally:
                writer.transport.abort()

        server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=context)
        ports[name] = server.sockets[0].getsockname()[1]
        servers.append(server)
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    print(json.dumps(ports), flush=True)  # noqa: T201 - for whoever started us
    await asyncio.Event().wait()


if __name__ == "__main__":
    os.chdir(Path(sys.argv[1]) if len(sys.argv) > 1 else Path.cwd())
    asyncio.run(serve())
