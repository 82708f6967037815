"""One question to the name servers, asked by c-ares on our own event loop.

Nothing else in the program knows pycares.  A channel with a socket callback has no thread of its own;
its sockets and its timer live in the running event loop, be it asyncio's or uvloop.
"""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass

import pycares
from pycares import errno as ares
from pycares.utils import parse_name

from exporter.model import NameFailureKind

_NO_SOCKET = pycares.ARES_SOCKET_BAD

# ARES_AI_ENVHOSTS of ares.h: take the hosts file that CARES_HOSTS names.  Without that variable c-ares
# takes none, which is what we want: it would parse the file anew for every channel, and ours has been
# asked before.  (`lookups="b"` would say so openly, but pycares 5.2 hands c-ares a string that Python has
# already freed; the same goes for `resolvconf_path`.)
_AI_ENVHOSTS = 1 << 8


@dataclass(frozen=True, slots=True)
class QueryOptions:
    """Which servers are asked, how long and how often."""

    servers: tuple[str, ...]
    """As c-ares writes them: `192.0.2.1:53`, `[2001:db8::1]:53`, `[fe80::1]:53%eth0`; none: resolv.conf's."""
    timeout: float
    """Seconds of the first wait; doubled each round, less a random part of up to a half."""
    tries: int
    """Rounds over all servers."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What c-ares came to: addresses, or why there are none."""

    ips: tuple[str, ...] = ()
    """Sorted by RFC 6724."""
    kind: NameFailureKind | None = None
    detail: str = ""


class Question:
    """One name put to the name servers on a channel of its own, with all that is open for it.

    A channel of its own has no cache, reads resolv.conf anew and shares no socket, so that silence
    about one name delays no other.  Making and closing one costs some forty microseconds.
    """

    def __init__(self, options: QueryOptions) -> None:
        self._loop = asyncio.get_running_loop()
        self._answer: asyncio.Future[Outcome] = self._loop.create_future()
        self._readers: set[int] = set()
        self._writers: set[int] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0  # the timer itself does not know on uvloop when that is now
        self._cap = options.timeout
        self._closed = False
        self._channel = pycares.Channel(
            servers=options.servers,
            timeout=options.timeout,
            tries=options.tries,
            sock_state_cb=self._on_socket,
        )

    async def ask(self, name: str, family: socket.AddressFamily) -> Outcome:
        """Return the addresses of `name`, an ASCII name; search domains and ndots apply."""
        self._channel.getaddrinfo(
            name,
            None,  # a port would make c-ares read /etc/services
            family=family,
            type=socket.SOCK_STREAM,
            flags=_AI_ENVHOSTS,
            callback=self._on_answer,
        )
        self._set_timer()
        return await self._answer

    def give_up(self) -> None:
        """Let `ask` return as if no server could be reached."""
        self._on_answer(None, ares.ARES_ECANCELLED)

    def close(self) -> None:
        """Close the sockets here and now, and leave the rest to pycares."""
        # pycares destroys channels on one thread of its own.  From here on no callback may touch the
        # loop: the number of a closed socket may by then belong to somebody else.
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        for fd in self._readers:
            self._loop.remove_reader(fd)
        for fd in self._writers:
            self._loop.remove_writer(fd)
        self._channel.cancel()
        self._channel.close()
        del self._channel  # it refers back to us

    def _on_answer(self, result: pycares.AddrInfoResult | None, status: int | None) -> None:
        if self._closed or self._answer.done():
            return
        if result is not None:
            self._answer.set_result(Outcome(ips=_ips(result)))
        else:
            assert status is not None
            detail = f"{ares.strerror(status)!s} (asked {', '.join(self._channel.servers)})"
            self._answer.set_result(Outcome(kind=name_failure_kind(status), detail=detail))

    def _on_socket(self, fd: int, readable: bool, writable: bool) -> None:
        if self._closed:
            return
        if readable and fd not in self._readers:
            self._readers.add(fd)
            self._loop.add_reader(fd, self._process, fd, _NO_SOCKET)
        elif not readable and fd in self._readers:
            self._readers.remove(fd)
            self._loop.remove_reader(fd)
        if writable and fd not in self._writers:
            self._writers.add(fd)
            self._loop.add_writer(fd, self._process, _NO_SOCKET, fd)
        elif not writable and fd in self._writers:
            self._writers.remove(fd)
            self._loop.remove_writer(fd)

    def _process(self, read_fd: int, write_fd: int) -> None:
        self._channel.process_fd(read_fd, write_fd)
        if not self._answer.done():
            self._set_timer()

    def _set_timer(self) -> None:
        # With a cap c-ares says 0 only for "due now", without one also for "nothing to wait for".
        wait: float = self._channel.timeout(self._cap)  # type: ignore[no-untyped-call]
        due = self._loop.time() + wait
        if self._timer is not None:
            if self._due <= due:
                return
            self._timer.cancel()
        self._due = due
        self._timer = self._loop.call_at(due, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self._process(_NO_SOCKET, _NO_SOCKET)


def ascii_name(host: str) -> str:
    """Return `host` as DNS has it, with A-labels (RFC 5891) for what is not ASCII; else ValueError."""
    if not host.strip(".") or not host.isprintable() or " " in host:
        raise ValueError("not a host name")
    if host.isascii():
        return host
    try:
        return parse_name(host.lower()).decode("ascii")
    except RuntimeError as exc:  # how pycares says "too long"
        raise ValueError(str(exc)) from exc


def name_failure_kind(status: int) -> NameFailureKind:
    """Return what a status of c-ares means in our words."""
    match status:
        case ares.ARES_ENOTFOUND:
            return NameFailureKind.NOT_FOUND
        case ares.ARES_ENODATA:
            return NameFailureKind.NO_DATA
        case ares.ARES_ESERVFAIL | ares.ARES_ENOTIMP:
            return NameFailureKind.SERVFAIL
        case ares.ARES_EREFUSED:
            return NameFailureKind.REFUSED
        case ares.ARES_ETIMEOUT:
            return NameFailureKind.TIMEOUT
        case ares.ARES_EBADRESP | ares.ARES_EFORMERR | ares.ARES_EBADNAME | ares.ARES_EBADQUERY:
            return NameFailureKind.MALFORMED
        case _:
            # ECONNREFUSED (nobody listens there, or no route), ENOSERVER, ENOMEM, EFILE, ECANCELLED:
            # the question reached no server.
            return NameFailureKind.UNREACHABLE


def _ips(result: pycares.AddrInfoResult) -> tuple[str, ...]:
    return tuple(node.addr[0].decode("ascii") for node in result.nodes)
