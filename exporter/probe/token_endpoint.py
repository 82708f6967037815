"""One request to an OAuth2 token endpoint (RFC 6749 4.4, 6): a grant comes back, or why there is none.

The only file that knows the HTTP client.  Nothing of what the endpoint says is kept but codes: a
description may repeat what it was sent.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
import socket
import ssl
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from exporter.model import IpProtocol, OAuth2, Secret, TokenUnavailable, errno_symbol
from exporter.probe.evidence import PhaseFailed
from exporter.probe.redaction import Redactor
from exporter.probe.resolver import Resolver

LARGEST_ANSWER = 64 * 1024
LONGEST_LIFE = 10 * 365 * 86_400.0
"""Seconds; a longer one is a mistake of the endpoint's."""
LONGEST_RETRY = 3600.0
"""Seconds; an endpoint that wants to be left alone for longer is asked now and then all the same."""

_JUDGEMENTS = frozenset(
    {
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
    }
)
"""RFC 6749 5.2: what we sent was looked at and refused, whatever the HTTP status says."""
_BUSY_CODES = frozenset({"temporarily_unavailable", "server_error", "slow_down"})
_BUSY_STATUSES = frozenset({408, 429})
"""Beside 5xx: it was not looked at."""
_TOKEN = re.compile(r"[!-~]{1,16384}")
"""RFC 6749 A.12, without the space: RFC 6750 2.1 has none, and 0x01 would end the SASL field."""
_ERROR = re.compile(r"[a-z][a-z0-9_.-]{1,63}", re.IGNORECASE)
_MICROSOFT = re.compile(r"AADSTS\d{4,8}")


@dataclass(frozen=True, slots=True)
class Grant:
    """What the endpoint granted."""

    token: Secret
    life: float | None
    """Seconds; None when it does not say."""
    refresh_token: Secret | None
    """The one to use from now on, if it changed (RFC 6749 6)."""


@dataclass(frozen=True, slots=True)
class NoGrant:
    """Why nothing was granted."""

    failure: TokenUnavailable
    retry_after: float = 0.0
    """Seconds for which the endpoint wants to be left alone."""


async def request_token(
    oauth2: OAuth2, refresh_token: Secret | None, *, resolver: Resolver, patience: float
) -> Grant | NoGrant:
    """Ask for an access token, by `refresh_token` or else by client credentials, within `patience` seconds."""
    assert oauth2.token_url is not None
    form = _form(oauth2, refresh_token)
    try:
        async with asyncio.timeout(patience):
            status, retry_after, body = await _post(oauth2.token_url, form, resolver)
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        return NoGrant(_no_answer(error))
    secrets = [form[key] for key in ("client_secret", "refresh_token") if key in form]
    secrets += (value for _, value in parse_qsl(urlsplit(oauth2.token_url).query))
    clean = Redactor(tuple(secrets))
    granted = _judged(status, _parsed(body), clean)
    return granted if isinstance(granted, Grant) else NoGrant(granted, _pause(retry_after))


def _form(oauth2: OAuth2, refresh_token: Secret | None) -> dict[str, str]:
    form = {"grant_type": "client_credentials" if refresh_token is None else "refresh_token"}
    if refresh_token is not None:
        form["refresh_token"] = refresh_token.reveal()
    if oauth2.client_id is not None:
        form["client_id"] = oauth2.client_id
    if oauth2.client_secret is not None:
        form["client_secret"] = oauth2.client_secret.reveal()
    if oauth2.scopes:
        form["scope"] = " ".join(oauth2.scopes)
    return form


async def _post(url: str, form: dict[str, str], resolver: Resolver) -> tuple[int, str, bytes]:
    """Return status, Retry-After and body, cut off beyond what a token endpoint can have to say."""
    connector = aiohttp.TCPConnector(resolver=_Names(resolver), force_close=True)
    async with (
        aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),  # the caller's
            trust_env=True,  # HTTPS_PROXY is how many networks let HTTPS out
        ) as session,
        # A redirect would carry the secrets to wherever it points.
        session.post(
            url, data=form, headers={"Accept": "application/json"}, allow_redirects=False
        ) as response,
    ):
        body = bytearray()
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > LARGEST_ANSWER:
                break
        return response.status, response.headers.get("Retry-After", ""), bytes(body)


class _Names(AbstractResolver):
    """Our resolver behind aiohttp's interface: no threads, and the name servers of the configuration."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        wanted = {socket.AF_INET: IpProtocol.IP4, socket.AF_INET6: IpProtocol.IP6}.get(family, IpProtocol.ANY)
        try:
            found = await self._resolver.resolve(host, port, wanted)
        except PhaseFailed as failure:
            raise OSError(None, "name look-up failed") from failure
        return [
            ResolveResult(
                hostname=host,
                host=address.ip,
                port=port,
                family=address.family,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in found
        ]

    async def close(self) -> None:
        """The resolver belongs to the process."""


# --------------------------------------------------------------------------- what came of it


def _no_answer(error: Exception) -> TokenUnavailable:
    """Translate what the HTTP client raised; by type and number, never by its sentence."""
    match error:
        case TimeoutError():
            return TokenUnavailable("timeout", reachable=False)
        case aiohttp.ClientConnectorCertificateError() | ssl.SSLCertVerificationError():
            return TokenUnavailable("a certificate that does not verify", reachable=False)
        case aiohttp.ClientSSLError() | ssl.SSLError():
            return TokenUnavailable("a failed TLS handshake", reachable=False)
        case aiohttp.ClientConnectorDNSError():
            return TokenUnavailable("a host name that does not resolve", reachable=False)
        case aiohttp.ClientOSError() | OSError():
            return TokenUnavailable(errno_symbol(error.errno) or "unreachable", reachable=False)
        case aiohttp.ServerDisconnectedError():
            return TokenUnavailable("a connection that was closed without an answer", reachable=False)
        case _:
            return TokenUnavailable("an answer that is not HTTP")


def _parsed(body: bytes) -> dict[str, Any] | None:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None


def _judged(status: int, answer: dict[str, Any] | None, clean: Redactor) -> Grant | TokenUnavailable:
    """Read an answer; an error is one whatever the status says, and some endpoints say 200 with it."""
    if status == 200 and answer is None:
        return TokenUnavailable("an answer that is not JSON")
    if status == 200 and answer is not None and ("access_token" in answer or _code(answer) is None):
        return _grant(answer)
    busy = status in _BUSY_STATUSES or status >= 500
    judged = _code(answer) in _JUDGEMENTS or (not busy and _code(answer) not in _BUSY_CODES)
    return TokenUnavailable(_refusal(answer, status, clean), reachable=judged)


def _code(answer: dict[str, Any] | None) -> str | None:
    error = answer.get("error") if answer is not None else None
    return error if isinstance(error, str) and _ERROR.fullmatch(error) else None


def _pause(retry_after: str) -> float:
    """Read Retry-After (RFC 9110 10.2.3): seconds, or a date."""
    if retry_after.isascii() and retry_after.isdigit():
        return min(float(retry_after[:9]), LONGEST_RETRY)
    try:
        left = parsedate_to_datetime(retry_after).timestamp() - time.time()
    except (ValueError, OverflowError, OSError):
        return 0.0
    return min(max(left, 0.0), LONGEST_RETRY)


def _refusal(answer: dict[str, Any] | None, status: int, clean: Redactor) -> str:
    """Return the error code (RFC 6749 5.2), with Microsoft's own where there is one, else the status."""
    error = _code(answer)
    if answer is None or error is None:
        return f"HTTP {status}"
    if clean(error.encode()) != error.encode():
        return f"HTTP {status}"  # it repeats a secret
    microsoft = _MICROSOFT.search(str(answer.get("error_description"))[:1000])
    return f"{error} ({microsoft[0]})" if microsoft else error


def _grant(answer: dict[str, Any]) -> Grant | TokenUnavailable:
    token, kind = answer.get("access_token"), answer.get("token_type", "bearer")
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        return TokenUnavailable("an answer without a usable access_token")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        return TokenUnavailable("a token that is not a bearer token")
    renewed = answer.get("refresh_token")
    return Grant(
        Secret(token),
        _life(answer.get("expires_in")),
        Secret(renewed) if isinstance(renewed, str) and _TOKEN.fullmatch(renewed) else None,
    )


def _life(value: Any) -> float | None:
    """Read `expires_in`, which some endpoints write as text; a token that is dead at once is tried."""
    try:
        seconds = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return min(max(seconds, 1.0), LONGEST_LIFE) if math.isfinite(seconds) else None
