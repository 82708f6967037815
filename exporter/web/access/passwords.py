"""Passwords against bcrypt hashes: slow on purpose, so off the event loop, and remembered."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import bcrypt

LONGEST_PASSWORD = 72
"""Bytes that bcrypt looks at."""
MOST_REFUSALS = 1000
"""Wrong passwords that are remembered; right ones are as many as there are users."""
MOST_WAITING = 32
"""Checks that may wait for their turn; each takes some tens of milliseconds."""

# A hash of nothing that anybody knows, at the cost that htpasswd and Prometheus' documentation use.
_NOBODY = b"$2b$10$" + b"." * 53


class TooManyLoginsError(Exception):
    """More passwords wait to be checked than can be."""


class Passwords:
    """Says whether a password belongs to a user; closed by `close`.

    An unknown user costs the same time as a wrong password.  What is remembered is a keyed hash, the
    key of which lives as long as this object.
    """

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._accepted: dict[str, bytes] = {}
        self._refused: OrderedDict[bytes, None] = OrderedDict()
        self._waiting = 0
        # One after the other: a flood of guesses gets one core, the probes keep the others.
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="bcrypt")

    async def are_right(self, users: Mapping[str, bytes], name: str, password: bytes) -> bool:
        """Whether `password` is that of the user `name`.  `TooManyLoginsError` under a flood."""
        hashed = users.get(name)
        mark = self._mark(name, password, hashed or b"")
        known = self._accepted.get(name)
        if hashed is not None and known is not None and hmac.compare_digest(known, mark):
            return True
        if mark in self._refused:
            self._refused.move_to_end(mark)
            return False
        if self._waiting >= MOST_WAITING:
            raise TooManyLoginsError
        against = hashed if hashed is not None else _like(users)
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            fits = await loop.run_in_executor(self._executor, _fits, password, against)
        finally:
            self._waiting -= 1
        if fits and hashed is not None:
            self._accepted = {user: seen for user, seen in self._accepted.items() if user in users}
            self._accepted[name] = mark
            return True
        self._refused[mark] = None
        while len(self._refused) > MOST_REFUSALS:
            self._refused.popitem(last=False)
        return False

    def close(self) -> None:
        """End the thread."""
        self._executor.shutdown(wait=True, cancel_futures=True)

    def _mark(self, *parts: str | bytes) -> bytes:
        """A keyed hash of several texts, none of which can lend bytes to its neighbour."""
        mac = hmac.new(self._key, digestmod=hashlib.sha256)
        for part in parts:
            raw = part.encode("utf-8", "surrogateescape") if isinstance(part, str) else part
            mac.update(len(raw).to_bytes(8, "big") + raw)
        return mac.digest()


def _like(users: Mapping[str, bytes]) -> bytes:
    """A hash that nothing fits, as expensive as those of the users."""
    dearest = max((hashed[4:6] for hashed in users.values()), default=b"10")
    return _NOBODY[:4] + dearest + _NOBODY[6:] if dearest.isdigit() else _NOBODY


def _fits(password: bytes, hashed: bytes) -> bool:
    try:
        return bcrypt.checkpw(password[:LONGEST_PASSWORD], hashed[:60])
    except ValueError:  # a hash of another kind, or a password with a NUL
        return False
