"""A token endpoint on the test's own event loop, whose every answer can be chosen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from exporter.model import OAuth2, Secret


@dataclass
class TokenServer:
    """What it was asked, and what it answers: a fresh token, unless `answer` is set."""

    url: str = ""
    forms: list[dict[str, str]] = field(default_factory=list)
    answer: web.Response | None = None
    more: dict[str, Any] = field(default_factory=lambda: {"expires_in": 3600})
    """What a granted token's JSON says beside the token."""
    seconds: float = 0.0
    """Before it answers."""

    def oauth2(self, **changes: Any) -> OAuth2:
        """Client credentials for this endpoint."""
        values = {"token_url": self.url, "client_id": "me", "client_secret": Secret("client s3cret")}
        return OAuth2(**{**values, **changes})

    async def grant(self, request: web.Request) -> web.Response:
        """Answer one request."""
        form = {key: str(value) for key, value in (await request.post()).items()}
        self.forms.append(form)
        await asyncio.sleep(self.seconds)
        if self.answer is not None:
            # A response is sent once; the next one is a copy.
            return web.Response(
                status=self.answer.status,
                body=self.answer.body,
                headers={k: v for k, v in self.answer.headers.items() if k in {"Location", "Retry-After"}},
            )
        token = {"access_token": f"token-{len(self.forms)}", "token_type": "Bearer"}
        return web.json_response({**token, **self.more})


@asynccontextmanager
async def token_server() -> AsyncIterator[TokenServer]:
    """A running token endpoint."""
    server = TokenServer()
    app = web.Application()
    app.router.add_post("/token", server.grant)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/token"
        yield server
    finally:
        await runner.cleanup()
