"""Keeps `--web.config.file` in force while the program runs: read again when it changes."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Iterable
from pathlib import Path

from exporter import log
from exporter.joined import Joined
from exporter.settings import ConfigError
from exporter.watch import Stamps, Watch
from exporter.web.access import Access, Gate
from exporter.web.server import WebServer

LOOK_SECONDS = 1.0
"""Time between two looks: a password that was withdrawn must not be good for long."""


class Doorkeeper:
    """The gate of one web server, and the file that says whom it lets in."""

    def __init__(self, access: Access, file: Path | None, look_every: float) -> None:
        self.gate = Gate(access)
        self.problems: tuple[str, ...] = ()
        """What is wrong with the file, when it was not loaded."""
        self._file = file
        self._server: WebServer | None = None
        self.reload = Joined(self._reload)
        """Read the file again; False when it was refused."""
        every = min(LOOK_SECONDS, look_every)
        self._watch = Watch(self.reload, every=every) if file is not None and every else None

    @property
    def tls(self) -> ssl.SSLContext | None:
        """What connections are encrypted with; None for none."""
        encryption = self.gate.access.encryption
        return encryption.context if encryption is not None else None

    def start(self, server: WebServer, *, keeps_secrets: bool) -> None:
        """Watch over the file for `server`; tell when everybody could use credentials of ours."""
        self._server = server
        access = self.gate.access
        self._warn(access)
        if keeps_secrets and not server.is_local and not access.asks_who:
            log.event(
                logging.WARNING,
                "credentials are configured, and everybody who reaches this page may probe with them; "
                "ask for a login with --web.config.file, or listen on 127.0.0.1",
            )
        if self._watch is not None:
            self._keep_watch(access.watched_files, self._watch.look())
            self._watch.start()

    async def stop(self) -> None:
        """Watch no more."""
        if self._watch is not None:
            await self._watch.stop()

    def close(self) -> None:
        """End what is left, once no request is answered any more."""
        self.gate.close()

    async def _reload(self) -> bool:
        """Read the file again; a bad one changes nothing and is told in full."""
        if self._file is None:
            return True
        from exporter.web.access.load import load_access  # noqa: PLC0415 - most configurations do without

        seen = await asyncio.to_thread(self._watch.look) if self._watch is not None else None
        try:
            access = await asyncio.to_thread(load_access, self._file)
        except ConfigError as error:
            self.problems = tuple(map(str, error.problems))
            for problem in self.problems:
                log.event(logging.ERROR, "web configuration not reloaded", problem=problem)
            files: Iterable[Path] = (*self.gate.access.watched_files, *error.watched_files)
        except Exception as error:  # noqa: BLE001 - a bug of ours must not hide that the file was not taken
            self.problems = (
                "the web configuration could not be read because of a bug; the log has the rest",
            )
            log.event(logging.ERROR, "bug in a reload of the web configuration", error=error)
            files = self.gate.access.watched_files
        else:
            self.problems = ()
            self._warn(access)
            self.gate.use(access)
            if self._server is not None:
                self._server.use_tls(self.tls)
            log.event(logging.INFO, "web configuration reloaded")
            files = access.watched_files
        if seen is not None:
            await asyncio.to_thread(self._keep_watch, files, seen)
        return not self.problems

    def _warn(self, access: Access) -> None:
        for warning in access.warnings:
            log.event(logging.WARNING, "web configuration", warning=warning)

    def _keep_watch(self, files: Iterable[Path], seen: tuple[float, Stamps]) -> None:
        assert self._watch is not None
        self._watch.keep_to(files, (), seen)
