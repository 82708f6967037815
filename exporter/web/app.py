"""The web application: which address leads where."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aiohttp import web

from exporter.board import Board
from exporter.diagnosis import diagnose, parse
from exporter.metrics import Renderer, Runtime
from exporter.web.access import Gate
from exporter.web.actions import ProbeButton, ProbeNow, Reload, ReloadHook
from exporter.web.api import Api
from exporter.web.assets import Assets
from exporter.web.detail import Detail
from exporter.web.documents import Configuration, Description, Targets
from exporter.web.errors_page import ErrorsPage, Explain
from exporter.web.fleet import Fleet
from exporter.web.headers import add_headers
from exporter.web.health import Health
from exporter.web.manners import plain_errors, refuse_cross_site
from exporter.web.on_demand import OnDemand
from exporter.web.pages import Pages
from exporter.web.scrape import Metrics

LARGEST_BODY = 16 * 1024
"""Bytes of a request; forms hold one name."""
OUR_HELP = "errors"
"""Our own page of the error classes."""


def create_app(
    board: Board,
    runtime: Runtime,
    *,
    ready: Callable[[], bool],
    reload: Reload | None = None,
    probe_now: ProbeNow | None = None,
    on_demand: OnDemand | None = None,
    configuration: Callable[[], str] | None = None,
    problems: Callable[[], Sequence[str]] = tuple,
    gate: Gate | None = None,
    help_url: str | None = OUR_HELP,
    explain: Explain = lambda line: diagnose(parse(line)),
) -> web.Application:
    """Return the application.  What is not given is not offered: `reload`, `probe_now`, `on_demand` and so on.

    `ready` says whether the configuration is loaded and the scheduler runs; `configuration` gives the
    effective one, `problems` what is wrong with the one that was not loaded.  `gate` lets requests in;
    whoever made it closes it.  `help_url` is a page that explains every error class at an anchor of its name,
    `explain` tells what a pasted error means.
    """
    app = web.Application(middlewares=[plain_errors], client_max_size=LARGEST_BODY)
    app.on_response_prepare.append(add_headers)
    if gate is not None:
        app.middlewares.append(gate.middleware())
        app.on_response_prepare.append(gate.add_headers)
    app.middlewares.append(refuse_cross_site)
    pages = Pages(
        board,
        Fleet(board, runtime, help_url, problems),
        Detail(runtime, help_url, problems, can_probe=probe_now is not None),
    )
    errors = ErrorsPage(runtime.version, explain)
    metrics, health, api = Metrics(Renderer(board, runtime)), Health(ready), Api(board, runtime)
    app.router.add_get("/", pages.fleet)
    app.router.add_get("/endpoint", pages.endpoint)
    app.router.add_get("/errors", errors.get)
    app.router.add_post("/errors", errors.post)
    app.router.add_get("/static/{name}", Assets().get)
    app.router.add_get("/metrics", metrics.get)
    app.router.add_get("/-/healthy", health.healthy)
    app.router.add_get("/-/ready", health.ready)
    app.router.add_get("/api/v1/endpoints", api.endpoints)
    app.router.add_get("/api/v1/endpoints/{name}", api.endpoint)
    app.router.add_get("/api/v1/sd", Targets(board).get)
    app.router.add_get("/api/v1/openapi.json", Description(runtime.version).get)
    if configuration is not None:
        app.router.add_get("/config", Configuration(configuration).get)
    if on_demand is not None:
        app.router.add_get("/probe", on_demand.get)
    if probe_now is not None:
        app.router.add_post("/probe-now", ProbeButton(board, probe_now).post)
    if reload is not None:
        app.router.add_post("/-/reload", ReloadHook(reload, problems).post)
    return app
