"""`serve`: probe the endpoints of a file on their intervals until told to stop."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from exporter import __version__, log, startup
from exporter.configuration import UnusableError
from exporter.loop import run as run_loop
from exporter.service import Service
from exporter.settings import ConfigError, load, parse_duration
from exporter.sharding import Shard
from exporter.web.access import Access


def run(options: argparse.Namespace, shard: Shard) -> int:
    """Serve until SIGTERM; SIGHUP reads the files again.  `shard` is our share of the endpoints."""
    log.set_up(options.log_level, options.log_format)
    # A SIGHUP that comes before anybody listens would end the program; it is answered once it serves.
    hangups: list[int] = []
    signal.signal(signal.SIGHUP, lambda number, _frame: hangups.append(number))
    try:
        look_every = _interval(options.reload_interval)
        settings = load(options.config)
        access = _access(options.web_config) if options.web_config is not None else None
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2

    async def main(stop: asyncio.Event) -> int:
        try:
            service = Service(
                settings,
                listen=options.listen,
                config_file=options.config,
                shard=shard,
                access=access,
                web_config_file=options.web_config,
                look_every=look_every,
            )
        except UnusableError as error:
            print(error, file=sys.stderr)
            return 2
        return await serve(service, stop, early=hangups)

    return run_loop(main)


async def serve(service: Service, stop: asyncio.Event, *, early: Sequence[int] = ()) -> int:
    """Run `service` until `stop` is set; `early` holds the SIGHUPs that came before this could hear them."""
    try:
        await service.start()
    except OSError as error:
        print(f"submission-exporter: {error}", file=sys.stderr)
        service.close()
        return 2
    startup.over()
    reloads: set[asyncio.Task[bool]] = set()

    def reload() -> None:
        task = asyncio.ensure_future(service.reload_all())
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, reload)
    if early:
        reload()
    log.event(
        logging.INFO,
        "serving",
        version=__version__,
        endpoints=len(service.settings.endpoints),
        url=service.web.url,
    )
    try:
        await stop.wait()
    finally:
        log.event(logging.INFO, "stopping")
        await asyncio.gather(*reloads, return_exceptions=True)
        await service.stop()
    return 0


def _access(file: Path) -> Access:
    from exporter.web.access.load import load_access  # noqa: PLC0415 - most configurations do without

    return load_access(file)


def _interval(text: str) -> float:
    try:
        return parse_duration(text)
    except ConfigError as error:
        raise ConfigError(
            replace(problem, path="--config.auto-reload-interval") for problem in error.problems
        ) from None
