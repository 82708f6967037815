"""Mail hosts in the world: real submission servers on the real ports, and a record of who came."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial

from exporter.demo.certificates import leaf
from exporter.demo.server import SubmissionServer
from exporter.demo.service import Event, EventKind, Service
from exporter.model import TlsMode
from tests.namespaces.network import Namespace
from tests.servers.background import in_background
from tests.servers.certificates import Workshop
from tests.servers.dns import Behaviour, DnsServer
from tests.servers.submission import PASSWORD, USER

SUBMISSION, SUBMISSIONS = 587, 465


@dataclass(slots=True)
class Visit:
    """One connection: the commands that came over it, and all that was sent."""

    verbs: list[str] = field(default_factory=list)
    data: bytearray = field(default_factory=bytearray)
    over: bool = False


@dataclass(slots=True)
class Visitors:
    """Who came to which address and port."""

    by_place: dict[tuple[str, int], dict[int, Visit]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, address: str, port: int, event: Event) -> None:
        """Write down what happened; on the servers' thread."""
        with self._lock:
            visits = self.by_place.setdefault((address, port), {})
            visit = visits.setdefault(event.connection, Visit())
            if event.kind is EventKind.RECEIVED:
                visit.data += event.data
                if event.word != "challenge":
                    visit.verbs.append(event.word)
            visit.over = visit.over or event.kind is EventKind.CLOSED

    def at(self, address: str, port: int) -> list[Visit]:
        """The connections to one place, in order."""
        with self._lock:
            return [visit for _, visit in sorted(self.by_place.get((address, port), {}).items())]

    def forget(self) -> None:
        """Begin to count anew."""
        with self._lock:
            self.by_place.clear()


@contextmanager
def mail_hosts(world: Namespace, workshop: Workshop, *addresses: str) -> Iterator[Visitors]:
    """A submission server with STARTTLS and one with implicit TLS on every address."""
    visitors = Visitors()
    context = workshop.certified(
        "hosts", leaf(*addresses, "mail.test", "*.mail.test", issuer=workshop.intermediate)
    ).context()

    @asynccontextmanager
    async def servers() -> AsyncIterator[None]:
        world.enter()  # this thread is the servers' own
        async with AsyncExitStack() as stack:
            for address in addresses:
                for port, tls in ((SUBMISSION, TlsMode.STARTTLS), (SUBMISSIONS, TlsMode.IMPLICIT)):
                    server = SubmissionServer(
                        Service(tls=tls, context=context, credentials={USER: PASSWORD}),
                        observe=partial(visitors.note, address, port),
                        host=address,
                        port=port,
                    )
                    await server.start()
                    stack.push_async_callback(server.stop)
            yield

    with in_background(servers):
        yield visitors


@contextmanager
def name_server(world: Namespace, address: str, zone: Mapping[str, Behaviour]) -> Iterator[str]:
    """A DNS server in the world, by its `address:port`."""
    with contextlib.ExitStack() as stack:
        server = DnsServer(zone, host=address)
        world.call(lambda: stack.enter_context(server))
        yield server.nameserver
