"""Free loopback ports for programs that have to be told theirs before they start."""

from __future__ import annotations

import random
import socket

# Below the kernel's ephemeral range (32768-60999 on Linux), so that no outgoing connection and no
# bind(0) of another test can take a port between the choice and the use; above every default port.
CANDIDATES = range(20_000, 32_000)


def free_ports(count: int) -> tuple[int, ...]:
    """`count` different ports on which nothing listens now, scattered so that workers do not meet."""
    ports: list[int] = []
    for port in random.SystemRandom().sample(CANDIDATES, len(CANDIDATES)):
        if _is_free(port):
            ports.append(port)
        if len(ports) == count:
            return tuple(ports)
    raise RuntimeError(f"fewer than {count} of the ports {CANDIDATES} are free")


def _is_free(port: int) -> bool:
    with socket.socket() as sock:
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
