"""Postfix's mail log read as sessions: who came to which service and what each command met."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

WAIT_SECONDS = 10.0
POLL_SECONDS = 0.02

# … postfix/submission/smtpd[4711]: disconnect from unknown[127.0.0.1] ehlo=2 starttls=1 auth=0/1 commands=3/4
_CONNECT = re.compile(r"postfix/(\S+)/smtpd\[\d+\]: connect from ")
_DISCONNECT = re.compile(r"postfix/(\S+)/smtpd\[\d+\]: disconnect from \S+(.*)")
_COUNT = re.compile(r" (\w+)=(\d+)(?:/(\d+))?")


@dataclass(frozen=True, slots=True)
class LoggedSession:
    """One connection as Postfix's smtpd counted it when it ended."""

    service: str
    """The name of a port: submission, submissions, plaintext, single, limited or certificate."""
    tried: dict[str, int]
    """How often each command (in lower case) was sent."""
    accepted: dict[str, int]
    """How often it was accepted."""

    def refused(self, command: str) -> int:
        """How often `command` was refused."""
        return self.tried.get(command, 0) - self.accepted.get(command, 0)


class MailLog:
    """The part of a mail log that is about connections made after this was made."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._start = 0
        # Postfix writes a little later than it answers: the sessions before have to be complete.
        _wait_for(lambda: self.connections() == len(self._ended(None)))
        self._start = file.stat().st_size

    def text(self) -> str:
        """All of it."""
        with self._file.open("rb") as log:
            log.seek(self._start)
            return log.read().decode(errors="replace")

    def connections(self, service: str | None = None) -> int:
        """How many connections have begun, to one service or to all."""
        return sum(service in {None, found} for found in _CONNECT.findall(self.text()))

    def sessions(self, count: int, service: str | None = None) -> tuple[LoggedSession, ...]:
        """The ended sessions, once there are `count` of them; fewer, or more, is an error."""
        _wait_for(lambda: len(self._ended(service)) >= count)
        found = self._ended(service)
        assert len(found) == count, f"{len(found)} sessions instead of {count}:\n{self.text()}"
        return found

    def _ended(self, service: str | None) -> tuple[LoggedSession, ...]:
        return tuple(
            _session(name, counts)
            for name, counts in _DISCONNECT.findall(self.text())
            if service in {None, name}
        )


def _wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition() and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)


def _session(service: str, counts: str) -> LoggedSession:
    """`auth=0/1` is none of one accepted; `auth=1` is one of one."""
    found = [(command, int(good), int(all_ or good)) for command, good, all_ in _COUNT.findall(counts)]
    return LoggedSession(
        service,
        tried={command: tried for command, _, tried in found},
        accepted={command: good for command, good, _ in found},
    )
