"""The gate in front of every page: rate limit, client certificate, login, the operator's headers."""

from __future__ import annotations

import base64
import binascii
import time

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from exporter.web.access.passwords import Passwords, TooManyLoginsError
from exporter.web.access.values import Access, RateLimit

OPEN_PATHS = frozenset(("/-/healthy", "/-/ready"))
"""What an orchestrator asks, without a login."""
CHALLENGE = 'Basic realm="submission-exporter", charset="UTF-8"'
"""RFC 7617."""


class Gate:
    """Keeps to `access`, which may be replaced at any time."""

    def __init__(self, access: Access | None = None) -> None:
        self._passwords = Passwords()
        self._bucket: _Bucket | None = None
        self._access = Access()
        self.use(access or Access())

    @property
    def access(self) -> Access:
        """What is kept to now."""
        return self._access

    def use(self, access: Access) -> None:
        """Keep to another access from the next request on."""
        if access.rate_limit != self._access.rate_limit:
            self._bucket = None if access.rate_limit is None else _Bucket(access.rate_limit)
        self._access = access

    def close(self) -> None:
        """End what was begun."""
        self._passwords.close()

    async def add_headers(self, _request: web.Request, response: web.StreamResponse) -> None:
        """Set the operator's headers (a signal of aiohttp, run before the first byte)."""
        for name, value in self._access.headers:
            response.headers[name] = value

    def middleware(self) -> Middleware:
        """Return the middleware that lets a request in or turns it away."""

        @web.middleware
        async def admit(request: web.Request, handler: Handler) -> web.StreamResponse:
            await self._admit(request)
            return await handler(request)

        return admit

    async def _admit(self, request: web.Request) -> None:
        access = self._access
        if request.path in OPEN_PATHS and request.method in {"GET", "HEAD"}:
            return
        if self._bucket is not None and not self._bucket.take():
            raise web.HTTPTooManyRequests(headers={"Retry-After": self._bucket.retry_after})
        self._check_certificate(request, access)
        if access.users and not await self._knows(request, access):
            raise web.HTTPUnauthorized(headers={"WWW-Authenticate": CHALLENGE})

    def _check_certificate(self, request: web.Request, access: Access) -> None:
        if access.encryption is None or access.encryption.allowed_sans is None:
            return
        transport = request.transport
        certificate = transport.get_extra_info("peercert") if transport is not None else None
        names = {value for _, value in (certificate or {}).get("subjectAltName", ())}
        if not names & access.encryption.allowed_sans:
            raise web.HTTPForbidden(reason="The client certificate has none of the allowed names")

    async def _knows(self, request: web.Request, access: Access) -> bool:
        given = _credentials(request.headers.get("Authorization", ""))
        if given is None:
            return False
        try:
            return await self._passwords.are_right(access.users, *given)
        except TooManyLoginsError:
            raise web.HTTPServiceUnavailable(
                reason="Too many logins wait to be checked", headers={"Retry-After": "1"}
            ) from None


def _credentials(header: str) -> tuple[str, bytes] | None:
    """User name and password of a `Basic` Authorization header (RFC 7617); None when it is none."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, colon, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
        return (name.decode(), password) if colon else None
    except (binascii.Error, ValueError):
        return None


class _Bucket:
    """A token bucket."""

    def __init__(self, limit: RateLimit) -> None:
        self._limit = limit
        self._tokens = float(limit.burst)
        self._since = time.monotonic()

    def take(self) -> bool:
        """Take a token; False when there is none."""
        now = time.monotonic()
        self._tokens = min(self._limit.burst, self._tokens + (now - self._since) / self._limit.interval)
        self._since = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    @property
    def retry_after(self) -> str:
        """Whole seconds until a token is there."""
        return str(max(1, round((1 - self._tokens) * self._limit.interval)))
