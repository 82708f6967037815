"""A whole exporter in the test's own process: a configuration file in, its address out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
from prometheus_client.parser import text_string_to_metric_families
from yarl import URL

from exporter.service import Service
from exporter.settings import load
from exporter.web.access.load import load_access

T = TypeVar("T")
PATIENCE = 20.0


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    text: str

    def sample(self, name: str, **labels: str) -> float | None:
        """The value of the one sample with this name and these labels among its own; None without one."""
        found = [
            sample.value
            for family in text_string_to_metric_families(self.text)
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        ]
        assert len(found) <= 1, found
        return found[0] if found else None


@dataclass
class Exporter:
    """A running service with a client for it."""

    service: Service
    client: aiohttp.ClientSession

    async def ask(self, path: str, method: str = "GET", **options: Any) -> Answer:
        """One request; redirects are not followed."""
        async with self.client.request(method, path, allow_redirects=False, **options) as response:
            return Answer(response.status, response.headers, await response.text())

    async def probe(self, target: str, module: str | None = None, **options: Any) -> Answer:
        """`/probe` with these parameters."""
        query = {"target": target} | ({"module": module} if module is not None else {})
        query |= options.pop("query", {})
        return await self.ask(str(URL("/probe").with_query(query)), **options)

    async def until(self, holds: Callable[[], object], what: str) -> None:
        """Wait until something holds."""
        async with asyncio.timeout(PATIENCE):
            while not holds():  # noqa: ASYNC110 - the state of a whole program has no event
                await asyncio.sleep(0.01)
        assert holds(), what


@asynccontextmanager
async def exporting(
    folder: Path,
    configuration: Mapping[str, Any] | None = None,
    *,
    web: str | None = None,
    look_every: float = 0,
    **options: Any,
) -> AsyncIterator[Exporter]:
    """An exporter with `my.yml` and `web.yml` in `folder`; without follow-ups unless it says so."""
    file, web_file = folder / "my.yml", folder / "web.yml"
    write(file, configuration or {})
    if web is not None:
        web_file.write_text(web)
    service = Service(
        load(file),
        listen="127.0.0.1:0",
        config_file=file,
        access=load_access(web_file) if web is not None else None,
        web_config_file=web_file if web is not None else None,
        look_every=look_every,
    )
    await service.start()
    try:
        async with aiohttp.ClientSession(service.web.url, **options) as client:
            yield Exporter(service, client)
    finally:
        await service.stop()


def write(file: Path, configuration: Mapping[str, Any]) -> None:
    """Write a configuration file."""
    content = dict(configuration)
    content["global"] = {"follow_up": {"enabled": False}} | content.get("global", {})
    file.write_text(json.dumps(content))


def run(scenario: Coroutine[Any, Any, T]) -> T:
    """Run a scenario on a loop of its own."""
    return asyncio.run(scenario)
