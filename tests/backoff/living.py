"""A whole exporter in virtual time, against submission servers on the same event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from exporter.configuration import Configuration
from exporter.diagnosis import load_rules
from exporter.metrics import Exposition, Renderer
from exporter.model import Auth, Endpoint, Phase, Secret, TlsConfig, TlsMode
from exporter.service import Service
from exporter.settings import BackoffSettings, FollowUpSettings, Settings
from tests.servers.submission import PASSWORD, USER, Submission


def endpoint(name: str, server: Submission, ca_file: str, **changes: Any) -> Endpoint:
    """A login at `server` every 15 s, with the right password unless `changes` say otherwise."""
    values: dict[str, Any] = {
        "name": name,
        "host": "localhost",
        "port": server.port,
        "tls": TlsMode.STARTTLS,
        "until": Phase.AUTH,
        "interval": 15.0,
        "timeout": 5.0,
        "tls_config": TlsConfig(ca_file=ca_file),
        "auth": Auth(username=USER, password=Secret(PASSWORD)),
    }
    return Endpoint(**{**values, **changes})


def knowing(password: str, **more: Any) -> Auth:
    """The user with another password."""
    return Auth(username=USER, password=Secret(password), **more)


class Samples:
    """What one scrape brought."""

    def __init__(self, samples: list[tuple[str, dict[str, str], float]]) -> None:
        self._samples = samples

    def __call__(self, name: str, endpoint: str | None = "submission", **labels: str) -> float:
        """The value of one series."""
        (value,) = self.all(name, endpoint, **labels).values()
        return value

    def all(
        self, name: str, endpoint: str | None = "submission", **labels: str
    ) -> dict[tuple[str, ...], float]:
        """The values of several series by their label values, in the order of the names."""
        wanted = {**labels, **({"smtp_endpoint": endpoint} if endpoint else {})}
        return {
            tuple(value for _, value in sorted(found.items() - wanted.items())): number
            for other, found, number in self._samples
            if other == name and wanted.items() <= found.items()
        }

    def wrong(self, endpoint: str = "submission") -> set[tuple[str, ...]]:
        """What is wrong now: class, domain and phase."""
        return {key for key, value in self.all("smtp_probe_failure", endpoint).items() if value}


@dataclass
class Exporter:
    """A running exporter."""

    service: Service

    async def metrics(self) -> Samples:
        """What `/metrics` says now."""
        renderer = Renderer(self.service._board, self.service)
        text = b"".join([piece async for piece in renderer.chunks(Exposition.TEXT)]).decode()
        families = text_string_to_metric_families(text)
        return Samples([(s.name, s.labels, s.value) for family in families for s in family.samples])

    async def until(self, seconds: float) -> None:
        """Let time pass up to so many seconds after the start of the loop."""
        await asyncio.sleep(seconds - asyncio.get_running_loop().time())


@asynccontextmanager
async def exporter(
    *endpoints: Endpoint, rules: Path | None = None, **backoff: float
) -> AsyncIterator[Exporter]:
    """An exporter of these endpoints, from start to stop; `rules` is an operator's own file."""
    settings = Settings(
        file=Path("test.yml"),
        endpoints=endpoints,
        rules_files=() if rules is None else (rules,),
        backoff=BackoffSettings(**backoff),
        follow_up=FollowUpSettings(enabled=False),
    )
    service = Service(settings, listen="127.0.0.1:0")
    await service.start()
    try:
        yield Exporter(service)
    finally:
        await service.stop()


async def reload(running: Exporter, *endpoints: Endpoint) -> None:
    """Put a configuration with these endpoints into force."""
    service = running.service
    settings = replace(service.settings, endpoints=endpoints)
    targets = frozenset((one.host, one.port) for one in endpoints)
    await service._swap(Configuration(settings=settings, rulebook=load_rules(()), targets=targets))


def logins(*servers: Submission) -> int:
    """How many AUTH commands came in at all of them."""
    return sum(verbs.count("AUTH") for server in servers for verbs in server.verbs)


def handshakes(server: Submission) -> int:
    """How many TLS handshakes were done."""
    return sum(session.encrypted for session in server.sessions)
