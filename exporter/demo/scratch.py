"""A folder for the demo's certificates, wherever one can be made.

OpenSSL and `ca_file` want files; a container with a read-only root may have no /tmp.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator


class NoFolderError(Exception):
    """There is no place to write to; the text says what to do."""


def scratch_folder() -> tempfile.TemporaryDirectory[str]:
    """Return a new folder that only this user reads and that is gone when left.  NoFolderError."""
    for parent in _parents():
        try:
            return tempfile.TemporaryDirectory(prefix="submission-exporter-", dir=parent)
        except OSError:
            continue
    raise NoFolderError("no folder can be written to; name one in TMPDIR, or mount one at /tmp")


def _parents() -> Iterator[str]:
    with contextlib.suppress(OSError):
        yield tempfile.gettempdir()  # TMPDIR, /tmp, /var/tmp, the working directory
    yield from filter(None, map(os.environ.get, ("XDG_RUNTIME_DIR", "RUNTIME_DIRECTORY", "STATE_DIRECTORY")))
    yield "/dev/shm"  # noqa: S108 - the folder in it is the user's alone
