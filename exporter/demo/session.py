"""One session of the submission server: commands and replies by RFC 5321, 3207, 4954 and 6409."""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
from typing import Protocol

from exporter.demo.service import GREETING, MESSAGE, SIZE_LIMIT, EventKind, Service
from exporter.demo.wire import Wire
from exporter.model import TlsMode

LINE_LIMIT = 12_288  # RFC 4954 4: a line of AUTH may have this many octets


class Note(Protocol):
    """Takes down that something happened."""

    def __call__(self, kind: EventKind, word: str = "", data: bytes = b"") -> None:
        """Take it down."""


class _Hangup(Exception):  # noqa: N818 - it is the end of a session, not an error
    """The session is over; what was said last has gone out."""


class Session:
    """The state of one client's dialogue with `service`."""

    def __init__(self, service: Service, wire: Wire, note: Note) -> None:
        self._service = service
        self._wire = wire
        self._note = note
        self._user: str | None = None
        self._greeted = False
        self._sender = False
        self._recipients = 0

    async def run(self) -> None:
        """The whole session, from the handshake or greeting to the end."""
        if self._service.tls is TlsMode.IMPLICIT:
            await self._handshake()
        with contextlib.suppress(_Hangup):
            welcome = await self._answer(GREETING, f"220 {self._service.hostname} ESMTP ready") == 220
            while line := await self._line():
                verb, _, argument = line.decode("latin-1").strip().partition(" ")
                if welcome or verb.upper() == "QUIT":
                    await self._command(verb.upper(), argument.strip())
                else:  # RFC 5321 3.1: after a refusal in the greeting only QUIT is in order
                    await self._send(verb.upper(), b"503 5.5.1 No service for you\r\n")
        await self._wire.finish()

    async def _command(self, verb: str, argument: str) -> None:
        match verb:
            case "EHLO":
                self._reset()
                self._greeted = await self._answer(verb, "\n".join(self._capabilities())) == 250
            case "HELO":
                self._reset()
                self._greeted = await self._answer(verb, f"250 {self._service.hostname}") == 250
            case "STARTTLS":
                await self._starttls()
            case "AUTH":
                await self._auth(argument)
            case "MAIL":
                await self._mail(argument)
            case "RCPT":
                await self._rcpt(argument)
            case "DATA":
                await self._data()
            case "RSET":
                self._reset()
                await self._answer(verb, "250 2.0.0 Reset")
            case "NOOP":
                await self._answer(verb, "250 2.0.0 Nothing done")
            case "VRFY":
                await self._answer(verb, "252 2.5.0 Send a message and see")
            case "QUIT":
                await self._answer(verb, "221 2.0.0 Closing")
                raise _Hangup
            case _:
                await self._answer(verb, "500 5.5.2 Command not recognised")

    def _capabilities(self) -> tuple[str, ...]:
        """The EHLO reply in this state of the session; AUTH waits for TLS where TLS can be had."""
        words = ["PIPELINING", f"SIZE {SIZE_LIMIT}", "8BITMIME", "ENHANCEDSTATUSCODES"]
        if self._service.tls is TlsMode.STARTTLS and not self._wire.encrypted:
            words.append("STARTTLS")
        elif self._service.mechanisms:
            words.append("AUTH " + " ".join(self._service.mechanisms))
        lines = [f"{self._service.hostname} at your service", *words]
        return (*(f"250-{line}" for line in lines[:-1]), f"250 {lines[-1]}")

    async def _starttls(self) -> None:
        if self._service.tls is not TlsMode.STARTTLS:
            await self._answer("STARTTLS", "502 5.5.1 STARTTLS is not available here")
        elif self._wire.encrypted:
            await self._answer("STARTTLS", "503 5.5.1 TLS is active already")
        elif await self._answer("STARTTLS", "220 2.0.0 Go ahead") == 220:
            await self._handshake()
            # RFC 3207 4.2: everything learnt in the clear is forgotten.
            self._greeted, self._user = False, None
            self._reset()

    async def _handshake(self) -> None:
        assert self._service.context is not None
        async with asyncio.timeout(self._service.idle_seconds):
            await self._wire.start_tls(self._service.context)
        self._note(EventKind.ENCRYPTED)

    async def _auth(self, argument: str) -> None:
        mechanism, _, initial = argument.partition(" ")
        offered = self._service.tls is not TlsMode.STARTTLS or self._wire.encrypted
        if not self._greeted:
            await self._answer("AUTH", "503 5.5.1 Send EHLO first")
        elif not offered:
            await self._answer("AUTH", "530 5.7.0 Issue STARTTLS first")
        elif self._user is not None or self._sender:
            await self._answer("AUTH", "503 5.5.1 AUTH is not allowed now")
        elif mechanism.upper() not in self._service.mechanisms:
            await self._answer("AUTH", "504 5.5.4 Mechanism not supported")
        else:
            try:
                user, password = await self._credentials(mechanism.upper(), initial)
            except ValueError:  # RFC 4954 4: cancelled, or not base64
                await self._answer("AUTH", "501 5.5.2 Not a valid response")
                return
            known = self._service.credentials.get(user) == password
            verdict = "235 2.7.0 Accepted" if known else "535 5.7.8 Authentication credentials invalid"
            if await self._answer("AUTH", verdict) == 235:
                self._user = user

    async def _credentials(self, mechanism: str, initial: str) -> tuple[str, str]:
        """User and password, by PLAIN (RFC 4616) or by LOGIN's two questions.

        Other mechanisms may be offered to see what a client does; nobody gets in by them.
        """
        match mechanism:
            case "PLAIN":
                parts = (_decoded(initial) if initial else await self._challenge("")).split("\0")
                if len(parts) != 3:
                    raise ValueError("PLAIN has three parts")
                return parts[1], parts[2]
            case "LOGIN":
                user = _decoded(initial) if initial else await self._challenge("Username:")
                return user, await self._challenge("Password:")
            case _:
                if not initial:
                    await self._challenge("")
                return "", ""

    async def _challenge(self, question: str) -> str:
        await self._send("AUTH", f"334 {base64.b64encode(question.encode()).decode()}\r\n".encode())
        return _decoded((await self._line("challenge")).decode("latin-1").strip())

    async def _mail(self, argument: str) -> None:
        if not self._greeted:
            reply = "503 5.5.1 Send EHLO first"
        elif self._service.mechanisms and self._user is None:
            reply = "530 5.7.0 Authentication required"
        elif self._sender:
            reply = "503 5.5.1 A sender is set already"
        elif not argument.upper().startswith("FROM:<"):
            reply = "501 5.5.4 Syntax: MAIL FROM:<address>"
        else:
            reply = "250 2.1.0 Sender accepted"
        if await self._answer("MAIL", reply) == 250:
            self._sender = True

    async def _rcpt(self, argument: str) -> None:
        if not self._sender:
            reply = "503 5.5.1 Send MAIL first"
        elif not argument.upper().startswith("TO:<") or argument.startswith("<>", 3):
            reply = "501 5.5.4 Syntax: RCPT TO:<address>"
        else:
            reply = "250 2.1.5 Recipient accepted"
        if await self._answer("RCPT", reply) in {250, 251}:
            self._recipients += 1

    async def _data(self) -> None:
        reply = "354 End with a dot on a line of its own" if self._recipients else "503 5.5.1 Send RCPT first"
        if await self._answer("DATA", reply) != 354:
            return
        message, size = bytearray(), 0
        while (line := await self._line(MESSAGE)) not in {b".\r\n", b".\n"}:
            if not line:
                raise _Hangup
            size += len(line)
            if size <= SIZE_LIMIT:
                message += line.removeprefix(b".")  # dot stuffing, RFC 5321 4.5.2
        self._reset()
        self._note(EventKind.MESSAGE, MESSAGE, bytes(message))
        too_large = "552 5.3.4 The message is too large"
        await self._answer(MESSAGE, "250 2.0.0 Accepted and dropped" if size <= SIZE_LIMIT else too_large)

    def _reset(self) -> None:
        self._sender, self._recipients = False, 0

    async def _line(self, instead: str = "") -> bytes:
        """The next line, noted as a command unless it is the answer to something else."""
        try:
            async with asyncio.timeout(self._service.idle_seconds):
                line = await self._wire.read_line(LINE_LIMIT)
        except TimeoutError:
            await self._send("timeout", b"421 4.4.2 Nothing was heard for too long\r\n")
            raise _Hangup from None
        if line and instead != MESSAGE:
            word = instead or line.decode("latin-1").strip().partition(" ")[0].upper()
            self._note(EventKind.RECEIVED, word, line)
        return line

    async def _answer(self, word: str, reply: str) -> int:
        """Send the reply that is due (or the one that replaces it) and tell its code."""
        chosen = self._service.replies.get(word, reply)
        await self._send(word, chosen.replace("\n", "\r\n").encode() + b"\r\n")
        if chosen.startswith("421"):  # RFC 5321 3.8: the one code after which the server closes
            raise _Hangup
        return int(chosen[:3]) if chosen[:3].isdigit() else 0

    async def _send(self, word: str, data: bytes) -> None:
        if (seconds := self._service.pause(word)) > 0:
            await asyncio.sleep(seconds)
        # The time is taken before the bytes leave, so that no client can have seen them earlier.
        self._note(EventKind.SENT, word, data)
        await self._wire.write(data)


def _decoded(text: str) -> str:
    """The text of a base64 response; `=` stands for an empty one, `*` cancels (RFC 4954 4)."""
    if text == "=":
        return ""
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ValueError("not a response") from error
