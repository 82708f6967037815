"""Real server programs as children of a test run: what they need, their start, and their end."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

START_SECONDS = 45.0
"""How long a program may take on a busy machine; a healthy one needs a twentieth of it."""
STOP_SECONDS = 5.0
POLL_SECONDS = 0.01


def require(purpose: str, *programs: str) -> None:
    """Fail the test, saying what to do, unless we are root and `programs` are there."""
    missing = [program for program in programs if not Path(program).exists()]
    if missing:
        pytest.fail(
            f"{purpose} is not installed ({', '.join(missing)}): run `make packages` as root", pytrace=False
        )
    if os.geteuid() != 0:
        pytest.fail(
            f"{purpose} changes users and has to be started by root: run `sudo make test`, "
            f"or leave these tests out with `make unit ARGS='-m \"not servers\"'`",
            pytrace=False,
        )


@contextlib.contextmanager
def open_directory(name: str) -> Iterator[Path]:
    """A temporary directory that other users may enter, as daemons that drop root must."""
    # pytest's own are for their owner only.
    with tempfile.TemporaryDirectory(prefix=f"submission-{name}-", ignore_cleanup_errors=True) as directory:
        Path(directory).chmod(0o755)
        yield Path(directory)


class Daemon:
    """A program that stays in the foreground, in a process group of its own."""

    def __init__(
        self, name: str, command: Sequence[str], log: Path, environment: dict[str, str] | None = None
    ) -> None:
        self.name = name
        self.log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                env={**os.environ, **(environment or {})},
            )

    @property
    def running(self) -> bool:
        """It has not ended."""
        return self._process.poll() is None

    def wait_until(self, ready: Callable[[], bool], what: str) -> None:
        """Wait for `ready`; it is an error if the program ends before, or takes too long."""
        deadline = time.monotonic() + START_SECONDS
        while not ready():
            if not self.running or time.monotonic() > deadline:
                ended = "runs" if self.running else f"ended with {self._process.returncode}"
                tail = self.log.read_text(errors="replace")[-4000:]
                raise RuntimeError(f"{self.name} {ended}, and {what} is not there; its log:\n{tail}")
            time.sleep(POLL_SECONDS)

    def reload(self) -> None:
        """Send SIGHUP."""
        self._process.send_signal(signal.SIGHUP)

    def children(self, name: str) -> frozenset[int]:
        """The process numbers of its direct children of that name."""
        pid = self._process.pid
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return frozenset(int(child) for child in listed if _name_of(child) == name)

    def stop(self) -> None:
        """SIGTERM, then SIGKILL for whatever of its group is left."""
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def _name_of(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:  # it has ended meanwhile
        return ""


def greets(port: int) -> bool:
    """A plaintext SMTP server says 220 on this loopback port."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as sock:
            greeting = sock.recv(512)
            sock.sendall(b"QUIT\r\n")
            while sock.recv(512):
                pass
    except OSError:
        return False
    return greeting.startswith(b"220")


def own(path: Path, user: str, group: str | None = None, mode: int | None = None) -> None:
    """Give `path` to a user and group, and set its mode."""
    shutil.chown(path, user, group)
    if mode is not None:
        path.chmod(mode)
