"""What tests of several subjects of a probe need."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest

from exporter.probe import arrival
from exporter.probe.arrival import KernelTimes, ask_for_times


def wait_until_noting() -> None:
    """The kernel begins to note arrivals a moment after it was asked: bytes that waited have the time of their coming."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        ask_for_times(sock)
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(5)
        end = time.perf_counter() + 5
        while time.perf_counter() < end:
            sock.sendto(b"?", sock.getsockname())
            time.sleep(0.002)
            _, ((_, _, stamp),), _, _ = sock.recvmsg(1, arrival.ANCILLARY)
            seconds, nanoseconds = arrival._TIMESPEC.unpack(stamp)
            if time.time() - (seconds + nanoseconds / 1e9) > 0.001:
                return
    raise AssertionError("the kernel does not note when packets come in")


@pytest.fixture
def stamping() -> Iterator[None]:
    """The kernel notes arrivals for as long as a test runs."""
    times = KernelTimes()
    times.start()
    try:
        wait_until_noting()
        yield
    finally:
        times.stop()
