"""Ports that accept, refuse or keep silent, and what a connection attempt made of them."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from exporter.model import Attempt, AttemptOutcome
from exporter.probe.address import Address


@contextmanager
def listening(ip: str = "127.0.0.1", port: int = 0) -> Iterator[Address]:
    """A port that accepts."""
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    with socket.create_server((ip, port), family=family) as server:
        yield Address(ip, server.getsockname()[1])


@contextmanager
def closed(ip: str = "127.0.0.1") -> Iterator[Address]:
    """A port that refuses: taken, so that nobody else gets it, and without a listener."""
    with socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET) as taken:
        taken.bind((ip, 0))
        yield Address(ip, taken.getsockname()[1])


@contextmanager
def silent(ip: str = "127.0.0.1") -> Iterator[Address]:
    """A port that drops every SYN, because the queue of its listener is full."""
    with ExitStack() as stack:
        server = stack.enter_context(socket.socket())
        server.bind((ip, 0))
        server.listen(0)
        for _ in range(3):
            visitor = stack.enter_context(socket.socket())
            visitor.setblocking(False)
            visitor.connect_ex(server.getsockname())
        yield Address(ip, server.getsockname()[1])


def outcomes(attempts: Sequence[Attempt]) -> list[tuple[str, AttemptOutcome]]:
    """Who was tried, and what came of it."""
    return [(attempt.address, attempt.outcome) for attempt in attempts]
