"""Ways to open the server of a case."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager

from exporter.demo.server import SubmissionServer
from exporter.demo.service import Service
from exporter.model import TlsMode
from tests.battery.case import LOOPBACK, Opener, Site
from tests.servers.certificates import Workshop
from tests.servers.scripted import Stage, Step, ehlo, greet, scripted, starttls
from tests.servers.submission import PASSWORD, submission_server

Context = Callable[[Workshop], ssl.SSLContext]


def good(workshop: Workshop) -> ssl.SSLContext:
    """The context of a server with nothing wrong."""
    return workshop.valid().context()


def script(*scripts: Sequence[Step], host: str = LOOPBACK) -> Opener:
    """A server that follows a script a connection; the last one stays."""

    @asynccontextmanager
    async def opened(_site: Site) -> AsyncIterator[int]:
        async with scripted(*scripts, host=host) as server:
            yield server.port

    return opened


def client_hello() -> Step:
    """Take the first bytes of a handshake, and leave it at that."""

    async def step(stage: Stage) -> None:
        await stage.wire.read()

    return step


def written(write: Callable[[Workshop], Sequence[Step]]) -> Opener:
    """A server that follows one script, which needs certificates."""

    @asynccontextmanager
    async def opened(site: Site) -> AsyncIterator[int]:
        async with scripted(write(site.workshop)) as server:
            yield server.port

    return opened


def under_tls(*rest: Step, context: Context = good) -> Opener:
    """A script that begins after STARTTLS: `rest` starts with the second EHLO."""
    return written(lambda workshop: [greet(), ehlo("STARTTLS"), starttls(context(workshop)), *rest])


class _Everybody(dict[str, str]):
    """Accounts under every name, all with the same password."""

    def get(self, _user: str, _default: object = None) -> str:
        return PASSWORD


def submission(
    tls: TlsMode = TlsMode.STARTTLS,
    *,
    context: Context = good,
    replies: Mapping[str, str] | None = None,
    pauses: Mapping[str, float] | None = None,
    mechanisms: tuple[str, ...] = ("PLAIN", "LOGIN"),
) -> Opener:
    """The well-behaved server, with some replies of its own and some of them late."""

    @asynccontextmanager
    async def opened(site: Site) -> AsyncIterator[int]:
        chosen = None if tls is TlsMode.NONE else context(site.workshop)
        async with submission_server(
            tls=tls,
            context=chosen,
            replies=replies,
            pauses=pauses,
            mechanisms=mechanisms,
            credentials=_Everybody(),
        ) as server:
            yield server.port

    return opened


def closed(host: str = LOOPBACK, *, neighbour: bool = False) -> Opener:
    """A port that refuses; with a `neighbour` a submission server answers on the other port."""
    return _without_listener(host, silent=False, neighbour=neighbour)


def silent(host: str = LOOPBACK, *, neighbour: bool = False) -> Opener:
    """A port that drops every SYN, because the queue of its listener is full."""
    return _without_listener(host, silent=True, neighbour=neighbour)


def _without_listener(host: str, *, silent: bool, neighbour: bool) -> Opener:
    @asynccontextmanager
    async def opened(site: Site) -> AsyncIterator[int]:
        server = SubmissionServer(
            Service(tls=TlsMode.STARTTLS, context=good(site.workshop)), host=host, port=site.other_port
        )
        with ExitStack() as stack:
            taken = stack.enter_context(socket.socket())
            taken.bind((host, 0))
            if silent:
                taken.listen(0)
                for _ in range(3):  # the queue of a listener holds one more than it was told
                    visitor = stack.enter_context(socket.socket())
                    visitor.setblocking(False)
                    visitor.connect_ex(taken.getsockname())
            if neighbour:
                await server.start()
            try:
                yield taken.getsockname()[1]
            finally:
                await server.stop()

    return opened


@asynccontextmanager
async def nobody(_site: Site) -> AsyncIterator[int]:
    """No server at all: the probe is to fail before it gets to a port."""
    await asyncio.sleep(0)
    yield 587
