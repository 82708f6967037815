"""aiohttp's side of one connection, with our manners where a request cannot be read at all."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Any

from aiohttp import HttpVersion11, web

from exporter.web.headers import set_headers

EXPECTS_CONTINUE = web.RequestKey("expects_continue", bool)
"""Set on a request whose client waits for `100 Continue` before it sends the body."""
_LOG = logging.getLogger("exporter.web")


class Handler(web.RequestHandler):
    """Answers what is no request in one line.

    aiohttp repeats what it was sent, four times as long, and logs a traceback for each; neither is wanted
    from whoever sends rubbish by the thousand.
    """

    __slots__ = ()

    def __init__(self, manager: Any, **options: Any) -> None:
        super().__init__(manager, **options)
        # aiohttp obeys `Expect` before anybody has asked who it is.
        self._request_factory = partial(_without_expectation, manager.request_factory)

    @property
    def is_retiring(self) -> bool:
        """The connection ends with the answer that is being given."""
        return self._close

    def retire(self) -> None:
        """End the connection: now, or as soon as the request in hand is answered."""
        if self._request_in_progress:
            self.close()
        else:
            self.force_close()

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
        set_headers(response)  # no signal is sent for what is no request
        response.force_close()
        return response


def _without_expectation(make: Callable[..., web.BaseRequest], message: Any, *rest: Any) -> web.BaseRequest:
    """Make a request that has a note in place of `Expect`; what is not known is ignored (RFC 9110 10.1.1)."""
    expectation = message.headers.get("Expect")
    if expectation is None:
        return make(message, *rest)
    headers = message.headers.copy()
    headers.popall("Expect")
    request = make(message._replace(headers=type(message.headers)(headers)), *rest)
    request[EXPECTS_CONTINUE] = expectation.lower() == "100-continue" and message.version >= HttpVersion11
    return request
