"""A program under measurement: pinned to one core, read from outside, ended when the measurement ends."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

T = TypeVar("T")

CLIENT_CORE = 0
SERVER_CORE = 1
CORES = frozenset(os.sched_getaffinity(0))
"""Those that this process began with; it leaves the client's to the client, and its children inherit that."""
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1
PATIENCE = 30.0
"""Seconds in which a child has to become ready, and to end."""


class Child:
    """A child process on one core; a context manager that ends it.

    What it prints goes to `log`.  A machine of one core runs everything there.
    """

    def __init__(self, command: Sequence[str], *, core: int, log: Path) -> None:
        self.log = log
        self.began = time.monotonic()
        """Just before it was started."""
        chosen = {core} if core in CORES else CORES
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                preexec_fn=lambda: _settle(chosen),  # noqa: PLW1509 - no threads yet
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    def wait_for(self, found: Callable[[str], T | None]) -> T:
        """Wait until `found` makes something of what was printed; RuntimeError when that takes too long."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self._process.poll() is None:
            if (result := found(self.log.read_text(errors="replace"))) is not None:
                return result
            time.sleep(0.005)
        self.stop()
        raise RuntimeError(f"{self._process.args!s} is not ready: {self.log.read_text(errors='replace')}")

    def cpu_seconds(self) -> float:
        """User and system time of all its threads so far; the kernel counts to 10 ms here."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def resident_mib(self) -> float:
        """Resident memory."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * _PAGE / 2**20

    def stop(self) -> int:
        """Ask it to end, and return its exit code; RuntimeError when it does not end."""
        if self._process.poll() is None:
            self._process.terminate()
        try:
            return self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise RuntimeError(f"{self._process.args!s} did not end") from None


def _settle(cores: Collection[int]) -> None:
    """Keep to `cores`, and end with the driver, however that ends: a load must not outlive its benchmark."""
    os.sched_setaffinity(0, cores)
    if _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def pin_driver() -> None:
    """Move this process to the server's core, so that the client's core is the client's alone."""
    if SERVER_CORE in CORES:
        os.sched_setaffinity(0, {SERVER_CORE})
