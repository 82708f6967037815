"""Two exporters scraped by one real Prometheus: one that sees no trouble, and one that sees every kind."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import dataclasses
import json
import math
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from exporter.demo import DemoServers, configuration
from exporter.model import Endpoint
from exporter.service import Service
from exporter.settings import load
from tests.servers.background import PATIENCE_SECONDS, in_background
from tests.servers.prometheus import Prometheus, running_prometheus

HEALTHY, TROUBLED, PROBED = "healthy", "troubled", "probed"
"""The jobs: two scrape `/metrics`, one asks `/probe` for a good target and for a bad one."""
SCRAPES = 32
"""How often Prometheus looks, once a second, before the queries are run."""
TURN = "healthy-starttls"
"""The endpoint that is healthy in both jobs at first, and later fails in one."""
EXTRA = ("token", "message")
"""Endpoints of the troubled job that the demo has not: a login by an OAuth2 token, and messages that are sent."""


@dataclass
class Exporters:
    """Both exporters, and the servers that they probe."""

    services: dict[str, Service]
    files: dict[str, Path]
    endpoints: tuple[Endpoint, ...]
    loop: asyncio.AbstractEventLoop

    def names(self, job: str) -> list[str]:
        """The endpoints that this job knows."""
        if job == PROBED:
            return [self.target(HEALTHY), self.target(TROUBLED)]
        if job == TROUBLED:
            return [*(one.name for one in self.endpoints), *EXTRA]
        return [one.name for one in self.endpoints if one.name.startswith("healthy-")]

    def target(self, job: str) -> str:
        """What this job's exporter is asked to probe."""
        name = TURN if job == HEALTHY else "expired-certificate"
        return next(one.target for one in self.endpoints if one.name == name)

    def configuration(self, job: str, endpoints: Iterable[Endpoint]) -> str:
        """The text of a configuration file, with a module for `/probe`."""
        first = self.endpoints[0]
        assert first.auth is not None
        assert first.auth.password is not None
        module = {
            "tls": "starttls",
            "until": "rcpt",
            "timeout": "1s",
            "tls_config": {"ca_file": first.tls_config.ca_file},
            "auth": {"username": first.auth.username, "password": first.auth.password.reveal()},
            "message": {"from": first.auth.username, "to": "postmaster@demo.example"},
            "allowed_targets": self.names(PROBED),
        }
        body = yaml.safe_load(configuration(endpoints))
        body["modules"] = {"on_demand": module}
        if job == TROUBLED:
            body["global"] = {**body.get("global", {}), "phase_latency": True}
            body["endpoints"] += self._extra(module)
        return yaml.safe_dump(body)

    def _extra(self, module: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """The endpoints of `EXTRA`, both on a healthy server of the demo."""
        common = {"target": self.target(HEALTHY), "tls": "starttls", "timeout": "2s"}
        common["tls_config"] = module["tls_config"]
        token = self.files[TROUBLED].with_name("token")
        token.write_text(jwt(time.time() + 3600))
        auth = {"username": "token@demo.example", "oauth2": {"token_file": str(token)}}
        yield {**common, "name": "token", "interval": "2s", "auth": auth}
        message = {"until": "data", "auth": module["auth"], "message": module["message"]}
        yield {**common, "name": "message", "interval": "15m", **message}

    def scraped(self) -> dict[str, dict[str, str]]:
        """What Prometheus is to scrape, with the labels of each target."""
        found: dict[str, dict[str, str]] = {}
        for job, service in self.services.items():
            found[f"127.0.0.1:{service.web.port}"] = {"job": job}
            # The same exporter by another spelling, because an address can be listed once.
            found[f"localhost:{service.web.port}"] = {
                "job": PROBED,
                "instance": self.target(job),
                "__metrics_path__": "/probe",
                "__param_target": self.target(job),
                "__param_module": "on_demand",
            }
        return found

    def turn(self, *, worse: bool = True) -> None:
        """Reload both; from now on one endpoint of the troubled job finds a closed port, or its own again."""
        asyncio.run_coroutine_threadsafe(self._turn(worse), self.loop).result(PATIENCE_SECONDS)

    async def _turn(self, worse: bool) -> None:
        closed = next(one for one in self.endpoints if one.name == "closed-port")
        turned = (
            dataclasses.replace(one, host=closed.host, port=closed.port)
            if worse and one.name == TURN
            else one
            for one in self.endpoints
        )
        self.files[TROUBLED].write_text(self.configuration(TROUBLED, turned))
        for service in self.services.values():
            assert await service.reload()


@asynccontextmanager
async def exporting(folder: Path) -> AsyncIterator[Exporters]:
    """Both exporters, serving on ports of their own."""
    async with AsyncExitStack() as stack:
        servers = DemoServers(interval=2, timeout=2)
        await servers.start()
        stack.push_async_callback(servers.stop)
        endpoints = tuple(map(_own_user, servers.endpoints))
        found = Exporters({}, {}, endpoints, asyncio.get_running_loop())
        for job in (HEALTHY, TROUBLED):
            file = folder / f"{job}.yml"
            found.files[job] = file
            names = found.names(job)
            file.write_text(found.configuration(job, (one for one in endpoints if one.name in names)))
            service = Service(load(file), listen="127.0.0.1:0", config_file=file)
            await service.start()
            stack.push_async_callback(service.stop)
            found.services[job] = service
        yield found


def jwt(ends: float) -> str:
    """A token that says when it ends, signed by nobody."""
    parts = ({"alg": "none"}, {"exp": round(ends)})
    return (
        ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
        + ".x"
    )


def _own_user(endpoint: Endpoint) -> Endpoint:
    """The endpoint with a user of its own where the login is rejected.

    Logins back off for each host, user and secret, and the healthy endpoints have the same ones.
    """
    if endpoint.auth is None or endpoint.name not in ("rejected-password", "app-password"):
        return endpoint
    user = f"{endpoint.name}@demo.example"
    return dataclasses.replace(endpoint, auth=dataclasses.replace(endpoint.auth, username=user))


@dataclass(frozen=True)
class Watched:
    """A Prometheus that has watched both for a while, and the time span of that."""

    prometheus: Prometheus
    exporters: Exporters
    start: float
    end: float

    def variables(self, job: str, endpoint: str = ".+", step: int = 1) -> dict[str, str]:
        """What Grafana would put in for the variables; the scrape interval is a second."""
        return {
            "$__rate_interval": f"{max(15, step + 1)}s",
            "$__interval": f"{step}s",
            "$__range": f"{round(self.end - self.start)}s",
            "$datasource": "prometheus",
            "$job": job,
            "$instance": ".+",
            "$endpoint": endpoint,
            "$objective": "0.995",
        }

    def ask(self, expression: str, variables: dict[str, str], *, now: bool) -> list[dict[str, Any]]:
        """The series of a query that have a number; with `now` as instant query, else over the time."""
        for name, value in variables.items():
            expression = expression.replace(name, value)
        if now:
            series = self._get("query", query=expression, time=self.end)["result"]
            return [one for one in series if not math.isnan(float(one["value"][1]))]
        series = self._get("query_range", query=expression, start=self.start, end=self.end, step=1)["result"]
        return [one for one in series if any(not math.isnan(float(value)) for _, value in one["values"])]

    def label_values(self, metric: str, label: str, variables: dict[str, str]) -> list[str]:
        """What `label_values(metric, label)` gives."""
        for name, value in variables.items():
            metric = metric.replace(name, value)
        series = self._get("series", **{"match[]": metric, "start": self.start, "end": self.end})
        return sorted({one[label] for one in series if label in one})

    def _get(self, path: str, **parameters: object) -> Any:
        address = f"{self.prometheus.url}api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(address, timeout=30) as answer:
            return json.load(answer)["data"]


@contextlib.contextmanager
def watching(scrapes: int = SCRAPES) -> Iterator[Watched]:
    """Prometheus after that many scrapes, a second apart, with a turn for the worse in the middle."""
    with (
        tempfile.TemporaryDirectory(prefix="submission-dashboards-") as directory,
        in_background(lambda: exporting(Path(directory))) as exporters,
        running_prometheus(exporters.scraped()) as prometheus,
    ):
        prometheus.wait_for_scrapes(1)
        start = time.time()
        prometheus.wait_for_scrapes(scrapes // 2)
        exporters.turn()
        prometheus.wait_for_scrapes(scrapes)
        yield Watched(prometheus, exporters, start, time.time())
