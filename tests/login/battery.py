"""Servers that do their worst with the secrets they are shown: they repeat them, in every form they know."""

from __future__ import annotations

import asyncio
import base64
import html
import json
import quopri
import urllib.parse
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from tests.servers.scripted import Stage, Step, drop, scripted, stall

PASSWORD = "C4n4ry+Pa\"ss'/w0\\rd  ~<&>%41?=-zZ9ñß"
"""With all that JSON, URLs, HTML and quoted-printable write in their own way."""
TOKEN = "C4n4ryT0ken.Zx-9_8~abcDEF/ghi+JKL=="
CLIENT_SECRET = "C4n4ryCl1entSecret+/~xyz"
REFRESH_TOKEN = "C4n4ryRefr3shT0ken+/~abc"
SECRETS = (PASSWORD, TOKEN, CLIENT_SECRET, REFRESH_TOKEN)

Form = Callable[[bytes], bytes]
"""How a server repeats what it was sent."""


def _decoded(line: bytes) -> bytes:
    try:
        return base64.b64decode(line.split()[-1], validate=True)
    except (ValueError, IndexError):
        return line


def _text(line: bytes) -> str:
    return _decoded(line).decode("utf-8", "replace")


FORMS: dict[str, Form] = {
    "as it came": lambda line: line,
    "decoded": _decoded,
    "decoded and moved": lambda line: base64.b64encode(b"you said " + _decoded(line) + b"!"),
    "decoded and moved on": lambda line: base64.b64encode(b"you sent " + _decoded(line)[:-1]),
    "for URLs": lambda line: base64.urlsafe_b64encode(b"-" + _decoded(line)),
    "in JSON": lambda line: json.dumps({"you": _text(line)}).encode(),
    "in JSON of PHP": lambda line: json.dumps(_text(line), ensure_ascii=False).replace("/", "\\/").encode(),
    "in a URL": lambda line: urllib.parse.quote(_decoded(line), safe="").encode(),
    "in a form": lambda line: urllib.parse.quote_plus(_decoded(line)).lower().encode(),
    "in HTML": lambda line: html.escape(_text(line)).encode("ascii", "xmlcharrefreplace"),
    "in Python": lambda line: repr(_decoded(line)).encode(),
    "in hexadecimal": lambda line: _decoded(line).hex().upper().encode(),
    "quoted-printable": lambda line: quopri.encodestring(_decoded(line), quotetabs=True).replace(b"=\n", b""),
    "encoded twice": lambda line: base64.b64encode(b"!" + base64.b64encode(_decoded(line))),
    "backwards": lambda line: _decoded(line)[::-1],
    "as JSON": lambda line: base64.b64encode(
        json.dumps({"status": "401", "you": _decoded(line).decode("latin-1")}).encode()
    ),
}


@dataclass(frozen=True, slots=True)
class Trap:
    """One server: the mechanism it offers, and what it does after EHLO."""

    name: str
    mechanism: str
    script: tuple[Step, ...]


def refuse(form: Form, *, code: bytes = b"535", end: bytes = b"\r\n") -> Step:
    """Answer the last line with itself."""

    async def step(stage: Stage) -> None:
        said = form(stage.seen.lines[-1].encode("latin-1")).replace(b"\r", b"").replace(b"\n", b"")
        await stage.wire.write(code + b" " + said + end)

    return step


def _first_part(form: Form) -> Form:
    return lambda line: form(line)[: len(form(line)) * 3 // 4]


def _in_a_long_line(form: Form) -> Form:
    return lambda line: b"x" * 500 + form(line) + b"y" * 9000


def hears(count: int = 1) -> Step:
    """Ask for `count` answers after AUTH, so that the secret is among them."""

    async def step(stage: Stage) -> None:
        await _hear(stage)
        for _ in range(count - 1):
            await stage.wire.write(b"334 \r\n")
            await _hear(stage)

    return step


async def _hear(stage: Stage) -> None:
    line = await stage.wire.read_line(20_000)
    stage.seen.lines.append(line.decode("latin-1").rstrip("\r\n"))


async def go_on(stage: Stage) -> None:
    """Answer everything that comes with what came last, as a success."""
    while line := await stage.wire.read_line(20_000):
        if line.upper().startswith(b"QUIT"):
            await stage.wire.write(b"221 bye " + stage.seen.lines[-1].encode("latin-1") + b"\r\n")
            return
        await stage.wire.write(b"250 " + stage.seen.lines[-1].encode("latin-1") + b"\r\n")


def _traps() -> list[Trap]:
    traps = []
    answers = {"PLAIN": 1, "LOGIN": 3, "XOAUTH2": 1, "OAUTHBEARER": 1}
    for mechanism, count in answers.items():
        for name, form in FORMS.items():
            traps.append(Trap(f"{mechanism} refused {name}", mechanism, (hears(count), refuse(form), go_on)))
            traps.append(
                Trap(
                    f"{mechanism} accepted {name}",
                    mechanism,
                    (hears(count), refuse(form, code=b"235"), go_on),
                )
            )
            traps.append(
                Trap(
                    f"{mechanism} asked on {name}",
                    mechanism,
                    (hears(count), refuse(form, code=b"334"), hears(), refuse(form), go_on),
                )
            )
    as_it_came, decoded = FORMS["as it came"], FORMS["decoded"]
    for mechanism, count in answers.items():
        for name, form in (("as it came", as_it_came), ("decoded", decoded)):
            traps += [
                Trap(
                    f"{mechanism} in no reply {name}",
                    mechanism,
                    (hears(count), refuse(form, code=b"oops"), stall()),
                ),
                Trap(
                    f"{mechanism} unfinished {name}",
                    mechanism,
                    (hears(count), refuse(form, end=b""), stall()),
                ),
                Trap(
                    f"{mechanism} half {name}",
                    mechanism,
                    (
                        hears(count),
                        refuse(_first_part(form), end=b""),
                        drop(),
                    ),
                ),
                Trap(
                    f"{mechanism} many lines {name}",
                    mechanism,
                    (
                        hears(count),
                        refuse(form, code=b"535-first"),
                        refuse(form, code=b"535-"),
                        refuse(form),
                        go_on,
                    ),
                ),
                Trap(
                    f"{mechanism} long line {name}",
                    mechanism,
                    (
                        hears(count),
                        refuse(_in_a_long_line(form)),
                        stall(),
                    ),
                ),
                Trap(
                    f"{mechanism} between the commands {name}",
                    mechanism,
                    (hears(count), refuse(form, code=b"454"), refuse(form, code=b"421"), go_on),
                ),
            ]
    traps += [
        Trap(
            "CRAM-MD5 refused",
            "CRAM-MD5",
            (hears(), _challenge(b"<1@x>"), hears(), refuse(as_it_came), go_on),
        ),
        Trap(
            "CRAM-MD5 malformed", "CRAM-MD5", (hears(), _challenge(None), hears(), refuse(as_it_came), go_on)
        ),
        Trap("SCRAM malformed", "SCRAM-SHA-256", (hears(), refuse(as_it_came, code=b"334"), hears(), go_on)),
        Trap("dropped", "PLAIN", (hears(), drop())),
        Trap("silent", "PLAIN", (hears(), stall())),
    ]
    return traps


def _challenge(text: bytes | None) -> Step:
    async def step(stage: Stage) -> None:
        said = b"***" + PASSWORD.encode() if text is None else base64.b64encode(text)
        await stage.wire.write(b"334 " + said + b"\r\n")

    return step


TRAPS = tuple(_traps())
"""Each repeats what it was sent in one way."""

KNOWING = (
    Trap("greeting", "PLAIN", ()),
    Trap("ehlo", "PLAIN", (hears(), refuse(FORMS["as it came"]), go_on)),
)
"""These have learnt the password before, and tell it to whoever connects."""


def _script(trap: Trap) -> list[Step]:
    async def opening(stage: Stage) -> None:
        known = PASSWORD.encode() if trap in KNOWING else b"hello"
        await stage.wire.write((b"554 " if trap.name == "greeting" else b"220 ") + known + b"\r\n")
        await stage.wire.read_line()
        await stage.wire.write(
            b"250-" + known + b"\r\n250-X-" + known + b"\r\n250 AUTH " + trap.mechanism.encode() + b"\r\n"
        )

    return [opening, *trap.script]


@asynccontextmanager
async def battery() -> AsyncIterator[dict[str, int]]:
    """All traps, running; the port of each by its name."""
    async with AsyncExitStack() as stack:
        yield {
            trap.name: (await stack.enter_async_context(scripted(_script(trap)))).port
            for trap in (*TRAPS, *KNOWING)
        }


TOKEN_ANSWERS: tuple[bytes, ...] = (
    b"HTTP/1.1 400 Bad\r\nContent-Length: %d\r\n\r\n%s",
    b'HTTP/1.1 401 No\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n{"error":"%s"}',
    b"HTTP/1.1 302 Elsewhere\r\nLocation: /?%s\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s",
    b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n{"access_token":"%s and more"}',
    b"%s",
    b"HTTP/1.1 200 OK\r\n%s: %s\r\n\r\n",
    b"",
)
"""What token endpoints answer, the form that they were sent in the place of `%s`."""


@asynccontextmanager
async def token_battery() -> AsyncIterator[list[int]]:
    """Token endpoints that repeat what they were sent; their ports."""
    servers = [await asyncio.start_server(_echoing(template), "127.0.0.1", 0) for template in TOKEN_ANSWERS]
    try:
        yield [server.sockets[0].getsockname()[1] for server in servers]
    finally:
        for server in servers:
            server.close()
            await server.wait_closed()


def _echoing(
    template: bytes,
) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].split()[0])
            form = await reader.readexactly(length)
            answer = template.replace(b"%s", form)
            body = answer.partition(b"\r\n\r\n")[2]
            writer.write(answer.replace(b"%d", b"%d" % len(body)))
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError, IndexError):
            pass
        finally:
            writer.close()

    return serve
