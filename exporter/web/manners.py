"""What holds for every request: errors in plain words, and no change for other sites' pages."""

from __future__ import annotations

import asyncio
import logging

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Handler

from exporter.web.caller import is_origin_of
from exporter.web.handler import EXPECTS_CONTINUE
from exporter.web.refusals import refusal

_LOG = logging.getLogger("exporter.web")

_KEPT = frozenset(("Allow", "Retry-After", "WWW-Authenticate"))
"""Headers of an error that say what to do about it."""
BODY_SECONDS = 10.0
"""In which a client has to send the little that a form holds."""


@web.middleware
async def plain_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer errors in one line of text, or a page for a person; a bug of ours is logged in full and told in general."""
    try:
        return await handler(request)
    except web.HTTPError as error:
        reply = refusal(request, error.status, error.reason, f"{error.status} {error.reason}")
        for name in _KEPT & error.headers.keys():
            reply.headers[name] = error.headers[name]
        return reply
    except Exception:  # noqa: BLE001 - the edge of the web room: a bug in a page must not show itself there
        _LOG.exception("a page could not be made")
        return web.Response(status=500, text="500 Internal Server Error; the exporter's log has the reason\n")


@web.middleware
async def refuse_cross_site(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let no other site's page change anything here through the browser of somebody who may.

    Browsers say where a request comes from (`Sec-Fetch-Site`, W3C Fetch Metadata; over plain http
    `Origin`); other clients, which have no pages to be tricked by, say nothing.
    """
    if request.method not in {"GET", "HEAD", "OPTIONS"}:
        site = request.headers.get("Sec-Fetch-Site")
        origin = request.headers.get("Origin")
        if site is not None:
            allowed = site in {"same-origin", "none"}
        else:
            allowed = origin is None or is_origin_of(origin, request.headers.get("Host", ""))
        if not allowed:
            raise web.HTTPForbidden(reason="Cross-site requests are refused")
        try:
            async with asyncio.timeout(BODY_SECONDS):
                if request.get(EXPECTS_CONTINUE):
                    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                    request.writer.output_size = 0  # the answer has not begun
                await request.read()
        except TimeoutError:
            raise web.HTTPRequestTimeout from None
        except (web.RequestPayloadError, HttpProcessingError):
            raise web.HTTPBadRequest(text="the body cannot be read\n") from None
    return await handler(request)
