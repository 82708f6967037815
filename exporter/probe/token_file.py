"""Access tokens that something else keeps fresh in a file: read again whenever the file has changed."""

from __future__ import annotations

import base64
import binascii
import errno
import json
import math
import re
import stat
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from exporter.model import Secret, TokenUnavailable, errno_symbol

LARGEST_FILE = 64 * 1024
MOST_FILES = 10_000

_TOKEN = re.compile(rb"[!-~]+")


@dataclass(frozen=True, slots=True)
class _Reading:
    stamp: tuple[int, ...]
    token: Secret | TokenUnavailable
    ends_at: float | None


class TokenFiles:
    """The files that were read, by path."""

    def __init__(self) -> None:
        self._readings: OrderedDict[str, _Reading] = OrderedDict()

    def read(self, path: str) -> Secret | TokenUnavailable:
        """Return the token that the file holds now, or why it holds none."""
        try:
            stamp = _stamp(path)
            known = self._readings.get(path)
            if known is None or known.stamp != stamp:
                known = self._keep(path, stamp, _content(path))
        except OSError as error:
            self._readings.pop(path, None)
            reason = errno_symbol(error.errno) or type(error).__name__
            return TokenUnavailable(f"a token file that cannot be read ({reason})")
        return known.token

    def last_read(self, path: str) -> Secret | None:
        """Return the token that the last `read` found, without looking at the file."""
        known = self._readings.get(path)
        return known.token if known is not None and isinstance(known.token, Secret) else None

    def ends_at(self, path: str) -> float | None:
        """Return when that token ends in Unix seconds; None unless it is a JWT that says so (RFC 7519)."""
        known = self._readings.get(path)
        return known.ends_at if known is not None else None

    def _keep(self, path: str, stamp: tuple[int, ...], content: bytes) -> _Reading:
        text = content.removeprefix(b"\xef\xbb\xbf").strip()
        token: Secret | TokenUnavailable
        if len(content) <= LARGEST_FILE and _TOKEN.fullmatch(text):
            token = Secret(text.decode("ascii"))
        else:
            token = TokenUnavailable(
                "a token file that does not hold one token" if text else "an empty token file"
            )
        reading = self._readings[path] = _Reading(stamp, token, _expiry(text))
        self._readings.move_to_end(path)
        while len(self._readings) > MOST_FILES:
            self._readings.popitem(last=False)
        return reading


def _stamp(path: str) -> tuple[int, ...]:
    """Return what changes when the file does, also when it is replaced through a symbolic link."""
    found = Path(path).stat()
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "not a regular file")  # a pipe would stop the event loop
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def _content(path: str) -> bytes:
    with Path(path).open("rb") as file:
        return file.read(LARGEST_FILE + 1)


def _expiry(token: bytes) -> float | None:
    """Read `exp` of a JSON Web Token; nothing is verified, for the figure only warns a person."""
    parts = token.split(b".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + b"=" * (-len(parts[1]) % 4)))
        seconds = float(claims["exp"])
    except (binascii.Error, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None
    return seconds if math.isfinite(seconds) else None
