"""When the kernel received what a socket hands over.

Linux notes the arrival of every segment while any socket asks (SO_TIMESTAMPNS of socket(7)); elsewhere, and when the
clock was set meanwhile, the present moment is all that is known.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
from time import perf_counter, time

# asm-generic/socket.h; Python has no name for it.  A few platforms number it otherwise: there it is refused,
# or no time comes with the data.
_SO_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("@qq")
_TIMESPEC_SIZE, _unpack = _TIMESPEC.size, _TIMESPEC.unpack
ANCILLARY = socket.CMSG_SPACE(_TIMESPEC_SIZE)
"""Bytes beside the data that `recvmsg` has to have room for."""
_SOL_SOCKET = int(socket.SOL_SOCKET)

_ONE_MOMENT = 20e-6
_TRIES = 3


class KernelTimes:
    """Keeps the kernel noting when packets come in, from `start` to `stop`; one a process.

    It does so while any socket of the machine asks, and begins a moment after the first one did: the first bytes of a
    probe that is alone would have no time.  To begin and to end anew with every probe also costs more than the noting.
    """

    def __init__(self) -> None:
        self._sock: socket.socket | None = None

    def start(self) -> None:
        """Begin; without a word where there is nothing to begin."""
        self.stop()
        with contextlib.suppress(OSError):
            self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            ask_for_times(self._sock)

    def stop(self) -> None:
        """End; may be called twice."""
        if self._sock is not None:
            self._sock.close()
            self._sock = None


def ask_for_times(sock: socket.socket) -> None:
    """Ask for the time at which what is received came in; harmless where the kernel does not tell."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            sock.setsockopt(_SOL_SOCKET, _SO_TIMESTAMPNS, 1)


def arrival(ancillary: list[tuple[int, int, bytes]], since: float) -> float:
    """Return when the last of what `recvmsg` returned came in, on the clock of `perf_counter`, and not before `since`."""
    now, wall = _clocks()
    for level, kind, stamp in ancillary:
        if level == _SOL_SOCKET and kind == _SO_TIMESTAMPNS and len(stamp) == _TIMESPEC_SIZE:
            seconds, nanoseconds = _unpack(stamp)
            ago: float = wall - (seconds + nanoseconds / 1e9)
            if 0 <= ago <= now - since:  # else the clock was set meanwhile
                return now - ago
    return now


def _clocks() -> tuple[float, float]:
    """Return `perf_counter` and Unix time of one moment, as well as can be had."""
    now, wall = perf_counter(), time()
    for _ in range(_TRIES):
        if perf_counter() - now < _ONE_MOMENT:  # else another process had its turn in between
            break
        now, wall = perf_counter(), time()
    return now, wall
