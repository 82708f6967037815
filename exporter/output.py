"""Standard output and error as a command may find them: closed, full, or in an encoding of old.

The one place that knows of it; commands print.
"""

from __future__ import annotations

import codecs
import io
import os
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer


class LostError(Exception):
    """What was printed has not arrived; the text says why, and is empty where the reader has gone."""


def prepare() -> None:
    """Make printing total: every character is written, and what cannot be written ends in LostError.

    On standard error it ends in silence: nobody is left to be told.
    """
    codecs.register_error("escaped", _escaped)
    sys.stdin = sys.stdin or _nowhere("r")
    sys.stdout = _guarded(sys.stdout, _Output) if sys.stdout else _nowhere("w")
    sys.stderr = _guarded(sys.stderr, _Messages) if sys.stderr else _nowhere("w")


def abandon() -> None:
    """Drop what is still to be written: Python would try once more when it ends, and say so itself."""
    below = getattr(sys.stdout, "buffer", None)
    raw = getattr(below, "raw", below)
    if isinstance(raw, _Output):
        raw.abandoned = True


class _Output(io.FileIO):
    abandoned = False

    def write(self, data: Buffer) -> int:
        """Write, or raise LostError where nothing can be written."""
        if self.abandoned:
            return memoryview(data).nbytes
        try:
            return super().write(data)
        except BrokenPipeError:
            raise LostError from None
        except OSError as error:
            raise LostError(error.strerror) from None


class _Messages(io.FileIO):
    def write(self, data: Buffer) -> int:
        """Write, or let it go."""
        try:
            return super().write(data)
        except OSError:
            return memoryview(data).nbytes


def _guarded(stream: TextIO, kind: type[io.FileIO]) -> TextIO:
    """Return a stream like `stream` on a descriptor of the given kind; a test's own stays as it is."""
    below = getattr(stream, "buffer", None)
    unbuffered = isinstance(below, io.FileIO)  # PYTHONUNBUFFERED
    if not isinstance(stream, io.TextIOWrapper) or not (
        unbuffered or isinstance(getattr(below, "raw", None), io.FileIO)
    ):
        return stream
    stream.flush()
    raw = kind(stream.fileno(), "w", closefd=False)
    return io.TextIOWrapper(
        raw if unbuffered else io.BufferedWriter(raw),
        encoding=stream.encoding,
        errors="escaped",
        line_buffering=stream.line_buffering,
        write_through=unbuffered,
    )


def _nowhere(mode: str) -> TextIO:
    return open(os.devnull, mode, encoding="utf-8")  # type: ignore[return-value]  # noqa: PTH123 - for the life of the process


def _escaped(error: UnicodeError) -> tuple[str, int]:
    r"""Write what the stream's encoding lacks as JSON does, `\u201c`: a JSON text stays one."""
    assert isinstance(error, UnicodeEncodeError)
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    pairs = (units[i : i + 2] for i in range(0, len(units), 2))
    return "".join(rf"\u{pair.hex()}" for pair in pairs), error.end
