"""The command line as a test runs it: in this process, as a child, or on a terminal."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

COMMAND = (sys.executable, "-m", "exporter")
PATIENCE = 30.0


def on_terminal(*arguments: str, answer: str | None = None) -> tuple[int, str]:
    """Run the command on a pseudo-terminal, type `answer` at its prompt, return exit code and screen."""
    pid, terminal = pty.fork()
    if pid == 0:  # the child
        os.environ.pop("NO_COLOR", None)
        os.environ["TERM"] = "xterm"
        os.execv(COMMAND[0], [*COMMAND, *arguments])
    screen, deadline = b"", time.monotonic() + PATIENCE
    try:
        while time.monotonic() < deadline:
            if not select.select([terminal], [], [], 0.2)[0]:
                continue
            try:
                chunk = os.read(terminal, 65536)
            except OSError:  # Linux: the other end of a pseudo-terminal is closed
                break
            if not chunk:
                break
            screen += chunk
            if answer is not None and screen.rstrip().endswith(b":"):
                os.write(terminal, answer.encode() + b"\n")
                answer = None
        status = os.waitpid(pid, 0)[1]
    finally:
        os.close(terminal)
    return os.waitstatus_to_exitcode(status), screen.decode()


class Child:
    """A running exporter."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self.process = process
        self._log = log
        self.url = ""

    @property
    def log(self) -> str:
        """Everything it wrote so far."""
        return self._log.read_text()

    def get(self, path: str) -> str:
        """Fetch one page."""
        with urllib.request.urlopen(self.url + path, timeout=PATIENCE) as answer:
            return str(answer.read().decode())

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Wait until the log matches."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if match := re.search(pattern, self.log):
                return match
            assert self.process.poll() is None, f"it ended with {self.process.returncode}:\n{self.log}"
            time.sleep(0.02)
        raise AssertionError(f"{pattern} did not appear in:\n{self.log}")

    def wait_until_it_handles(self, number: int) -> None:
        """Wait until a signal no longer does to it what signals do by default."""
        deadline, status = time.monotonic() + PATIENCE, Path(f"/proc/{self.process.pid}/status")
        while time.monotonic() < deadline:
            caught = re.search(r"^SigCgt:\s*([0-9a-f]+)", status.read_text(), re.MULTILINE)
            if caught is not None and int(caught[1], 16) >> number - 1 & 1:
                return
            assert self.process.poll() is None, f"it ended with {self.process.returncode}:\n{self.log}"
            time.sleep(0.001)
        raise AssertionError(f"signal {number} is not handled")

    def wait_for_metric(self, pattern: str) -> re.Match[str]:
        """Wait until a line of /metrics matches."""
        deadline, text = time.monotonic() + PATIENCE, ""
        while time.monotonic() < deadline:
            text = self.get("metrics")
            if match := re.search(pattern, text, re.MULTILINE):
                return match
            time.sleep(0.05)
        raise AssertionError(f"{pattern} did not appear in:\n{text}")

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


@contextlib.contextmanager
def running(folder: Path, *arguments: str, scheme: str = "http") -> Iterator[Child]:
    """An exporter on a free port, gone after the block."""
    log = folder / "exporter.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [*COMMAND, *arguments, "--web.listen-address", "127.0.0.1:0"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
        )
    child = Child(process, log)
    try:
        child.url = child.wait_for(scheme + r"://127\.0\.0\.1:\d+/")[0]
        yield child
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
