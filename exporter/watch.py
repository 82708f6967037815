"""Sees that files have changed: by looking, because no other way sees every kind of change.

inotify is blind on network file systems and to what a link leads to elsewhere; a Kubernetes volume
changes by exchanging a link to a folder.  Looking at a thousand files takes some milliseconds of a thread.
"""

from __future__ import annotations

import asyncio
import glob
import logging
import os
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path

from exporter import log

Stamps = Mapping[str, object]
"""What each file looked like, by path; each pattern with what it matched."""

LOOK_SECONDS = 5.0
"""Time between two looks."""
SETTLE_SECONDS = 0.5
"""Files that were changed together are read together: wait until nothing changed for so long."""
_MOST_ROUNDS = 20


class Watch:
    """Calls `changed` when one of the watched files is not what it was; it looks every `every` seconds.

    `changed` reads the files and tells by `keep_to` what to look at from then on.
    """

    def __init__(
        self, changed: Callable[[], Awaitable[object]], *, every: float, settle: float = SETTLE_SECONDS
    ) -> None:
        self._changed = changed
        self._every = every
        self._settle = min(settle, every)
        self._files: tuple[str, ...] = ()
        self._globs: tuple[str, ...] = ()
        self._known: Stamps = {}
        self._task: asyncio.Task[None] | None = None

    def look(self) -> tuple[float, Stamps]:
        """Return the time, and what the watched files look like.  Blocking; to be called before they are read."""
        return time.time(), _stamps(self._files, self._globs)

    def keep_to(self, files: Iterable[Path], globs: Iterable[str], seen: tuple[float, Stamps]) -> None:
        """Watch these from now on.  Blocking.  `seen` is what `look` returned before they were read.

        What has changed since then counts as changed.
        """
        began, before = seen
        self._files, self._globs = tuple(map(str, dict.fromkeys(files))), tuple(globs)
        now = _stamps(self._files, self._globs)
        self._known = {
            name: before[name] if name in before else None if _changed_since(stamp, began) else stamp
            for name, stamp in now.items()
        }

    def start(self) -> None:
        """Begin to look."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Look no more; may be called twice."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._every)
            try:
                if await self._differs():
                    await self._changed()
            except Exception as error:  # noqa: BLE001 - a bug here must not end the watch
                log.event(logging.ERROR, "bug in the watch over files", error=error)

    async def _differs(self) -> bool:
        """Whether the files differ from those that were read, and have come to rest."""
        stamps = await asyncio.to_thread(_stamps, self._files, self._globs)
        if stamps == self._known:
            return False
        for _ in range(_MOST_ROUNDS):
            await asyncio.sleep(self._settle)
            before, stamps = stamps, await asyncio.to_thread(_stamps, self._files, self._globs)
            if stamps == before:
                break
        return stamps != self._known


def _stamps(files: Iterable[str], globs: Iterable[str]) -> Stamps:
    found: dict[str, object] = {}
    for pattern in globs:
        found[pattern] = tuple(sorted(glob.glob(pattern, recursive=True)))  # noqa: PTH207 - as the settings look
    found.update((file, _stamp(file)) for file in files)
    return found


def _stamp(file: str) -> object:
    try:
        status = os.stat(file)  # noqa: PTH116 - thousands of these
    except OSError as error:
        return error.errno or -1
    # The time of the last change of any kind cannot be set back, the number of the file tells an exchanged link.
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _changed_since(stamp: object, began: float) -> bool:
    return (
        isinstance(stamp, tuple) and len(stamp) == 5 and isinstance(stamp[4], int) and stamp[4] / 1e9 > began
    )
