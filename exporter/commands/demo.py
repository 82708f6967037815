"""`demo`: SMTP servers of our own on loopback, healthy and broken, probed for real."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable
from pathlib import Path

from exporter import log
from exporter.commands.serve import serve
from exporter.demo import DemoServers, NoFolderError
from exporter.loop import run as run_loop
from exporter.model import Endpoint
from exporter.service import Service
from exporter.settings import Settings, effective
from exporter.web.debug_text import auth_shown


def run(listen: str, log_level: str, log_format: str) -> int:
    """Serve the demo until SIGTERM or Ctrl-C."""
    log.set_up("error" if log_level == "info" else log_level, log_format)

    async def main(stop: asyncio.Event) -> int:
        servers = DemoServers()
        try:
            await servers.start()
        except (NoFolderError, OSError) as error:
            print(f"demo: {error}", file=sys.stderr)
            return 2
        try:
            settings = Settings(
                file=Path("demo"), endpoints=servers.endpoints, effective=_effective(servers.endpoints)
            )
            service = Service(settings, listen=listen)
            serving = asyncio.ensure_future(serve(service, stop))
            await asyncio.wait(
                {serving, asyncio.ensure_future(service.web.started.wait())}, return_when="FIRST_COMPLETED"
            )
            if not serving.done():
                _welcome(service, len(servers.endpoints))
            return await serving
        finally:
            await servers.stop()

    return run_loop(main)


def _effective(endpoints: Iterable[Endpoint]) -> str:
    """Return what a configuration file would say, without passwords."""
    sections = [effective.endpoint_section(one, auth_shown(one.auth)) for one in endpoints]
    return effective.render({"endpoints": sections})


def _welcome(service: Service, count: int) -> None:
    print(
        f"{count} mail servers of our own are running on this machine, some healthy, some broken.\n"
        f"They are being probed for real; within seconds you can look at\n\n"
        f"  the page      {service.web.url}\n"
        f"  the metrics   {service.web.url}metrics\n\n"
        f"Stop with Ctrl-C.",
        file=sys.stdout,
        flush=True,
    )
