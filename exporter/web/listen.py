"""Where the web server listens: `host:port`, `:port` for every address, `[::1]:port`."""

from __future__ import annotations

import errno
import ipaddress
import socket
from dataclasses import dataclass

BACKLOG = 128
_REMEDIES = {
    errno.EADDRINUSE: "another program has the port; stop it or choose another port",
    errno.EADDRNOTAVAIL: "this machine has no such address",
    errno.EACCES: "ports below 1024 need a privilege; choose a higher one",
}


class ListenError(OSError):
    """The address cannot be listened on; the message says which, why and what to do."""

    def __init__(self, address: str, why: str) -> None:
        super().__init__(f"cannot listen on {address!r} (--web.listen-address): {why}")


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """A parsed address; an empty host stands for every address of the machine, IPv4 and IPv6."""

    host: str
    port: int
    """0 lets the system choose."""

    @classmethod
    def parse(cls, text: str) -> ListenAddress:
        """Read `host:port`; an IPv6 literal stands in brackets.  Raises `ListenError`."""
        host, colon, port = text.rpartition(":")
        if not colon or not (port.isascii() and port.isdigit()) or int(port) > 65535:
            raise ListenError(text, "write HOST:PORT, or :PORT for every address")
        bracketed = host.startswith("[") and host.endswith("]")
        if (":" in host) != bracketed:
            raise ListenError(text, "write an IPv6 address in brackets, e.g. [::1]:10587")
        return cls(host.strip("[]"), int(port))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Only this machine can connect to it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def url(self, port: int, *, encrypted: bool = False) -> str:
        """A link that a person on this machine can follow, with the port that was really bound."""
        host = "localhost" if self.host in {"", "0.0.0.0", "::"} else self.host  # noqa: S104 - compared, not bound
        scheme = "https" if encrypted else "http"
        return f"{scheme}://{ListenAddress(host, port)}/"

    def bind(self) -> list[socket.socket]:
        """Return listening sockets, all on one port, one for each address that the host has.

        Raises `ListenError` when none of them can be had, or when the port of one is taken.
        """
        try:
            families = self._families()
        except OSError as error:
            raise ListenError(str(self), f"the host is not known: {error.strerror}") from error
        sockets: list[socket.socket] = []
        failure: OSError | None = None
        for family, host in families:
            port = sockets[0].getsockname()[1] if sockets else self.port
            try:
                sockets.append(_listening(family, host, port, dual=not self.host))
            except OSError as error:
                failure = error
                if error.errno not in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}:
                    sockets = _closed(sockets)
                    break
        if sockets:
            return sockets
        code = failure.errno if failure is not None else None
        raise ListenError(str(self), _REMEDIES.get(code or 0, str(failure))) from failure

    def _families(self) -> list[tuple[socket.AddressFamily, str]]:
        if not self.host:
            if socket.has_dualstack_ipv6():
                return [(socket.AF_INET6, "::")]
            return [(socket.AF_INET, "0.0.0.0")]  # noqa: S104 - asked for by leaving the host out
        found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        return list(dict.fromkeys((family, str(address[0])) for family, _, _, _, address in found))


def _listening(family: socket.AddressFamily, host: str, port: int, *, dual: bool) -> socket.socket:
    both = dual and family is socket.AF_INET6
    listening = socket.create_server((host, port), family=family, backlog=BACKLOG, dualstack_ipv6=both)
    listening.setblocking(False)
    return listening


def _closed(sockets: list[socket.socket]) -> list[socket.socket]:
    for listening in sockets:
        listening.close()
    return []
