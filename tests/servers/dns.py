"""A real DNS server on loopback, UDP and TCP on one free port, that misbehaves by name.

`with DnsServer({"mail.test": Answer(a=("127.0.0.1",))}) as dns:` serves on a thread of its own, so that
it also serves other processes; `dns.nameserver` is what a resolver needs.  It notes every question.
"""

from __future__ import annotations

import heapq
import selectors
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self

from dnslib import AAAA, CNAME, QTYPE, RCODE, RR, A, DNSRecord  # type: ignore[import-untyped]


@dataclass(frozen=True)
class Answer:
    """Addresses; a family without any is answered with "no data"."""

    a: tuple[str, ...] = ()
    aaaa: tuple[str, ...] = ()
    cname: str | None = None
    ttl: int = 300


@dataclass(frozen=True)
class Fails:
    """A reply without answers and with this RCODE: NXDOMAIN, SERVFAIL, REFUSED, FORMERR, NOTIMP."""

    rcode: str


@dataclass(frozen=True)
class Silent:
    """No reply at all."""


@dataclass(frozen=True)
class Garbage:
    """Bytes that are no DNS message."""

    data: bytes = b"\x00this is not DNS"


@dataclass(frozen=True)
class Slow:
    """`then`, after `seconds`."""

    seconds: float
    then: Behaviour


@dataclass(frozen=True)
class Truncated:
    """An empty UDP reply with the TC bit; over TCP, `then`."""

    then: Behaviour


@dataclass(frozen=True)
class InTurn:
    """One behaviour a question (counted per name and type); the last one stays."""

    turns: tuple[Behaviour, ...]


@dataclass(frozen=True)
class PerFamily:
    """One behaviour for A, another for AAAA."""

    a: Behaviour
    aaaa: Behaviour


Behaviour = Answer | Fails | Silent | Garbage | Slow | Truncated | InTurn | PerFamily

NXDOMAIN = Fails("NXDOMAIN")
NO_DATA = Answer()
SERVFAIL = Fails("SERVFAIL")
REFUSED = Fails("REFUSED")


@dataclass(frozen=True)
class Query:
    """One question as it came in."""

    name: str
    qtype: str
    transport: str
    at: float


class DnsServer:
    """Answers by exact name, else by the nearest `*.domain`, else with NXDOMAIN.

    With `tcp_silent` a TCP connection is never accepted and never refused.
    """

    def __init__(
        self,
        zone: Mapping[str, Behaviour] | None = None,
        *,
        host: str = "127.0.0.1",
        tcp_silent: bool = False,
    ) -> None:
        self.zone: dict[str, Behaviour] = dict(zone or {})
        self.queries: list[Query] = []
        self._host = host
        self._tcp_silent = tcp_silent
        self._due: list[tuple[float, int, Callable[[], object]]] = []
        self._order = 0
        self._sockets: set[socket.socket] = set()

    def __enter__(self) -> Self:
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        self._udp, self._tcp = _pair(family, self._host)
        self.port: int = self._udp.getsockname()[1]
        self._wake, woken = socket.socketpair()
        self._sockets |= {self._udp, self._tcp, self._wake, woken}
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._udp, selectors.EVENT_READ, self._on_udp)
        self._selector.register(woken, selectors.EVENT_READ, None)
        if self._tcp_silent:
            self._tcp.listen(0)
            for _ in range(3):  # the queue of a listener holds one more than it was told
                visitor = socket.socket(family)
                visitor.setblocking(False)
                visitor.connect_ex(self._tcp.getsockname())
                self._sockets.add(visitor)
        else:
            self._selector.register(self._tcp, selectors.EVENT_READ, self._on_accept)
        self._thread = threading.Thread(target=self._serve, name=f"dns:{self.port}")
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._wake.send(b"x")
        self._thread.join()
        self._selector.close()
        for sock in self._sockets:
            sock.close()

    @property
    def nameserver(self) -> str:
        """`127.0.0.1:port` or `[::1]:port`."""
        return f"[{self._host}]:{self.port}" if ":" in self._host else f"{self._host}:{self.port}"

    def count(self, name: str | None = None, qtype: str | None = None) -> int:
        """Return how many questions came for this name and type, None for any."""
        return sum(
            (name is None or query.name == name) and (qtype is None or query.qtype == qtype)
            for query in tuple(self.queries)
        )

    def names(self) -> Counter[str]:
        """Return how often each name was asked for."""
        return Counter(query.name for query in tuple(self.queries))

    # ------------------------------------------------------------- on the thread

    def _serve(self) -> None:
        while True:
            wait = max(0.0, self._due[0][0] - time.monotonic()) if self._due else None
            for key, _events in self._selector.select(wait):
                if key.data is None:
                    return
                key.data()
            while self._due and self._due[0][0] <= time.monotonic():
                heapq.heappop(self._due)[2]()

    def _later(self, seconds: float, action: Callable[[], object]) -> None:
        self._order += 1
        heapq.heappush(self._due, (time.monotonic() + seconds, self._order, action))

    def _on_udp(self) -> None:
        data, peer = self._udp.recvfrom(65535)
        self._handle(data, "udp", lambda reply: self._udp.sendto(reply, peer))

    def _on_accept(self) -> None:
        connection, _peer = self._tcp.accept()
        self._sockets.add(connection)
        self._selector.register(connection, selectors.EVENT_READ, lambda: self._on_tcp(connection))

    def _on_tcp(self, connection: socket.socket) -> None:
        try:
            head = connection.recv(2)
            data = connection.recv(struct.unpack("!H", head)[0], socket.MSG_WAITALL) if head else b""
        except OSError:
            data = b""
        if not data:
            self._selector.unregister(connection)
            self._sockets.discard(connection)
            connection.close()
            return
        self._handle(data, "tcp", lambda reply: connection.sendall(struct.pack("!H", len(reply)) + reply))

    def _handle(self, data: bytes, transport: str, send: Callable[[bytes], object]) -> None:
        request = DNSRecord.parse(data)
        name, qtype = str(request.q.qname).rstrip(".").lower(), QTYPE[request.q.qtype]
        query = Query(name, qtype, transport, time.monotonic())
        self.queries.append(query)
        self._act(self._behaviour(name), query, request, send)

    def _behaviour(self, name: str) -> Behaviour:
        if name in self.zone:
            return self.zone[name]
        labels = name.split(".")
        for cut in range(1, len(labels)):
            pattern = ".".join(["*", *labels[cut:]])
            if pattern in self.zone:
                return self.zone[pattern]
        return NXDOMAIN

    def _act(
        self, behaviour: Behaviour, query: Query, request: DNSRecord, send: Callable[[bytes], object]
    ) -> None:
        match behaviour:
            case Answer():
                send(_answer(request, query.qtype, behaviour))
            case Fails(rcode):
                reply = request.reply()
                reply.header.rcode = getattr(RCODE, rcode)
                send(reply.pack())
            case Silent():
                pass
            case Garbage(data):
                send(data)
            case Slow(seconds, then):
                self._later(seconds, lambda: self._act(then, query, request, send))
            case Truncated(then):
                if query.transport == "tcp":
                    self._act(then, query, request, send)
                else:
                    reply = request.reply()
                    reply.header.tc = 1
                    send(reply.pack())
            case InTurn(turns):
                turn = min(self.count(query.name, query.qtype), len(turns)) - 1
                self._act(turns[turn], query, request, send)
            case PerFamily(a, aaaa):
                self._act(aaaa if query.qtype == "AAAA" else a, query, request, send)


def _pair(family: socket.AddressFamily, host: str) -> tuple[socket.socket, socket.socket]:
    """Return a UDP and a listening TCP socket on the same free port."""
    while True:
        udp = socket.socket(family, socket.SOCK_DGRAM)
        tcp = socket.socket(family, socket.SOCK_STREAM)
        udp.bind((host, 0))
        try:
            tcp.bind((host, udp.getsockname()[1]))
            tcp.listen(128)
        except OSError:
            udp.close()
            tcp.close()
        else:
            return udp, tcp


def _answer(request: DNSRecord, qtype: str, answer: Answer) -> bytes:
    reply = request.reply()
    owner = request.q.qname
    if answer.cname is not None:
        reply.add_answer(RR(owner, QTYPE.CNAME, rdata=CNAME(answer.cname), ttl=answer.ttl))
        owner = answer.cname
    if qtype == "A":
        for ip in answer.a:
            reply.add_answer(RR(owner, QTYPE.A, rdata=A(ip), ttl=answer.ttl))
    elif qtype == "AAAA":
        for ip in answer.aaaa:
            reply.add_answer(RR(owner, QTYPE.AAAA, rdata=AAAA(ip), ttl=answer.ttl))
    return bytes(reply.pack())
