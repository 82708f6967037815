"""aiohttp's side of one connection, with our manners where a request cannot be read at all."""

from __future__ import annotations

import logging
from http import HTTPStatus

from aiohttp import web

_LOG = logging.getLogger("exporter.web")


class Handler(web.RequestHandler):
    """Answers what is no request in one line.

    aiohttp repeats what it was sent, four times as long, and logs a traceback for each; neither is wanted
    from whoever sends rubbish by the thousand.
    """

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - it holds what the client sent
    ) -> web.StreamResponse:
        """Return the answer to what could not be handled, and close the connection after it."""
        if status >= 500:
            _LOG.error("a request could not be handled", exc_info=exc)
        if request.writer.output_size > 0:
            raise ConnectionError("half an answer was sent already")
        response = web.Response(status=status, text=f"{status} {HTTPStatus(status).phrase}\n")
        response.force_close()
        return response
