"""`serve`: probe the endpoints of a file on their intervals until told to stop."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from pathlib import Path

from exporter import __version__, log
from exporter.diagnosis import RuleError
from exporter.service import Service
from exporter.service import run as run_loop
from exporter.settings import ConfigError, load


def run(config: Path, listen: str, log_level: str, log_format: str) -> int:
    """Serve until SIGTERM; SIGHUP reads the file again."""
    log.set_up(log_level, log_format)
    try:
        settings = load(config)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2

    async def main(stop: asyncio.Event) -> int:
        try:
            service = Service(settings, listen=listen, config_file=config)
        except RuleError as error:
            print(error, file=sys.stderr)
            return 2
        return await serve(service, stop)

    return run_loop(main)


async def serve(service: Service, stop: asyncio.Event) -> int:
    """Run `service` until `stop` is set."""
    try:
        await service.start()
    except OSError as error:
        print(f"submission-exporter: {error}", file=sys.stderr)
        return 2
    reloads: set[asyncio.Task[bool]] = set()

    def reload() -> None:
        task = asyncio.ensure_future(service.reload())
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, reload)
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
