"""What becomes of connections that are open when the web configuration changes."""

from __future__ import annotations

import asyncio
import re
import ssl
from pathlib import Path

from tests.servers.certificates import Workshop
from tests.web.exporting import Exporter, exporting, run
from tests.web.test_access import client_context, tls


class Kept:
    """A connection that is kept open, with its client's patience."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def open(cls, exporter: Exporter, context: ssl.SSLContext | None = None) -> Kept:
        """Connect."""
        name = None if context is None else "127.0.0.1"
        port = exporter.service.web.port
        return cls(*await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=name))

    async def ask(self, path: str, method: str = "GET") -> bytes:
        """One request, and the head of its answer."""
        length = "Content-Length: 0\r\n" if method == "POST" else ""
        self.writer.write(f"{method} {path} HTTP/1.1\r\nHost: x\r\n{length}\r\n".encode())
        head = await self.reader.readuntil(b"\r\n\r\n")
        found = re.search(rb"Content-Length: (\d+)", head)
        assert found is not None
        await self.reader.readexactly(int(found[1]))
        return head

    async def has_ended(self) -> bool:
        """Whether the server ends it, within moments."""
        try:
            async with asyncio.timeout(5):
                return await self.reader.read() == b""
        except (ConnectionError, ssl.SSLError):
            return True
        finally:
            self.writer.transport.abort()


def test_new_rules_end_the_connections_of_the_old(tmp_path: Path, workshop: Workshop) -> None:
    """Who came in under a looser policy has to come in again: idle or fresh, encrypted or in the clear."""
    demanding = f", client_auth_type: RequireAndVerifyClientCert, client_ca_file: {workshop.ca_file}"
    web = tmp_path / "web.yml"

    async def scenario() -> list[bool]:
        async with exporting(tmp_path, web="") as exporter:
            ended = []
            for text, context in (
                (tls(workshop), None),
                (tls(workshop, demanding), client_context(workshop)),
            ):
                idle, fresh = await Kept.open(exporter, context), await Kept.open(exporter, context)
                assert b" 200 " in await idle.ask("/-/healthy")
                web.write_text(text)
                assert await exporter.service.reload_all()
                ended += [await idle.has_ended(), await fresh.has_ended()]
            return ended

    assert run(scenario()) == [True] * 4


def test_answer_in_flight_is_given_to_its_end(tmp_path: Path) -> None:
    """Whoever is being answered when the rules change gets the answer, and is told that it is the last."""

    async def scenario() -> tuple[bytes, bool]:
        async with exporting(tmp_path, web="") as exporter:
            kept = await Kept.open(exporter)
            return await kept.ask("/-/reload", "POST"), await kept.has_ended()

    head, ended = run(scenario())
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nConnection: close\r\n" in head
    assert ended


def test_handshake_of_the_old_rules_is_given_up(tmp_path: Path, workshop: Workshop) -> None:
    """A handshake that began under the old rules comes to nothing."""

    async def scenario() -> bool:
        async with exporting(tmp_path, web=tls(workshop)) as exporter:
            kept = await Kept.open(exporter)
            acceptor = exporter.service.web._acceptor
            await exporter.until(lambda: acceptor._handshakes, "a handshake")
            await exporter.service.reload_all()
            return await kept.has_ended()

    assert run(scenario())
