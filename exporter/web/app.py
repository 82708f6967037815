"""The web application: which address leads where."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from exporter.board import Board
from exporter.metrics import Renderer, Runtime
from exporter.web.actions import ProbeButton, ProbeNow, Reload, ReloadHook
from exporter.web.api import Api
from exporter.web.assets import Assets
from exporter.web.detail import Detail
from exporter.web.fleet import Fleet
from exporter.web.health import Health
from exporter.web.manners import add_headers, plain_errors, refuse_cross_site
from exporter.web.pages import Pages
from exporter.web.scrape import Metrics

LARGEST_BODY = 16 * 1024
"""Bytes of a request; forms hold one name."""


def create_app(
    board: Board,
    runtime: Runtime,
    *,
    ready: Callable[[], bool],
    reload: Reload | None = None,
    probe_now: ProbeNow | None = None,
    help_url: str | None = None,
) -> web.Application:
    """Return the application.  What is not given is not offered: `reload`, `probe_now`.

    `ready` says whether the configuration is loaded and the scheduler runs.  `help_url` is a page that
    explains every error class at an anchor of its name.
    """
    app = web.Application(middlewares=[plain_errors, refuse_cross_site], client_max_size=LARGEST_BODY)
    app.on_response_prepare.append(add_headers)
    pages = Pages(
        board, Fleet(board, runtime, help_url), Detail(runtime, help_url, can_probe=probe_now is not None)
    )
    metrics, health, api = Metrics(Renderer(board, runtime)), Health(ready), Api(board, runtime)
    app.router.add_get("/", pages.fleet)
    app.router.add_get("/endpoint", pages.endpoint)
    app.router.add_get("/static/{name}", Assets().get)
    app.router.add_get("/metrics", metrics.get)
    app.router.add_get("/-/healthy", health.healthy)
    app.router.add_get("/-/ready", health.ready)
    app.router.add_get("/api/v1/endpoints", api.endpoints)
    app.router.add_get("/api/v1/endpoints/{name}", api.endpoint)
    if probe_now is not None:
        app.router.add_post("/probe-now", ProbeButton(board, probe_now).post)
    if reload is not None:
        app.router.add_post("/-/reload", ReloadHook(reload).post)
    return app
