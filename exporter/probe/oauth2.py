"""Access tokens for bearer logins: from a file, by a refresh token, or by client credentials.

Memory, of the same kind as the board's: tokens outlive probes and reloads, because asking for one with
every probe would look like an attack to an identity provider.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass, field

from exporter.model import OAuth2, Secret, TokenUnavailable
from exporter.probe.resolver import Resolver
from exporter.probe.token_file import TokenFiles

RENEW_AT = 0.8
"""The share of a token's life after which another is asked for …"""
RENEW_BEFORE = 60.0
"""… or so many seconds before its end, whichever comes first; never in the first half of its life."""
UNTOLD_LIFE = 300.0
"""Seconds for which a token is used whose life the endpoint does not tell."""
FIRST_PAUSE = 15.0
LONGEST_PAUSE = 300.0
"""Seconds that a failing endpoint is left alone, doubled from the first to the longest, or as it wants."""
MOST_SOURCES = 10_000


@dataclass(slots=True, eq=False)
class _Source:
    """One set of client credentials and what came of it; times are those of the event loop."""

    refresh_token: Secret | None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    token: Secret | None = None
    renew_at: float = 0.0
    ends_at: float = 0.0
    ends_at_unix: float | None = None
    failure: TokenUnavailable | None = None
    pause: float = 0.0
    ask_again_at: float = float("-inf")

    def settled(self, now: float) -> bool:
        """The endpoint need not be asked now, or must not be."""
        return (self.token is not None and now < self.renew_at) or now < self.ask_again_at

    def answer(self, now: float) -> Secret | TokenUnavailable | None:
        """The token while it lives, also when a new one could not be had; else why there is none."""
        return self.token if self.token is not None and now < self.ends_at else self.failure


class Tokens:
    """The access tokens of the process; endpoints with the same credentials share one."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._sources: OrderedDict[OAuth2, _Source] = OrderedDict()
        self._files = TokenFiles()

    def use(self, resolver: Resolver) -> None:
        """Go on with another resolver; what is known stays known."""
        self._resolver = resolver

    async def get(self, oauth2: OAuth2, patience: float) -> Secret | TokenUnavailable:
        """Return a token that is good now, or why there is none, within `patience` seconds.

        One request serves all who ask meanwhile.
        """
        if oauth2.token_file is not None:
            return self._files.read(oauth2.token_file)
        source = self._source(oauth2)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + patience
        if not source.settled(loop.time()):
            try:
                async with asyncio.timeout_at(deadline), source.lock:
                    if not source.settled(loop.time()):
                        await self._ask(source, oauth2, deadline - loop.time())
            except TimeoutError:
                pass  # whoever asks has not come back; what is known has to do
        return source.answer(loop.time()) or TokenUnavailable("timeout", reachable=False)

    def discard(self, oauth2: OAuth2, token: Secret) -> None:
        """Forget `token`, which a mail server has refused; the next `get` asks for another."""
        source = self._sources.get(oauth2)
        if source is not None and source.token == token:
            source.token = None

    def last_read(self, oauth2: OAuth2) -> Secret | None:
        """Return what a token file held when it was last read; None for tokens that are fetched."""
        return self._files.last_read(oauth2.token_file) if oauth2.token_file is not None else None

    def read(self, oauth2: OAuth2) -> Secret | None:
        """Read a token file again if it has changed; None when it holds no token, or tokens are fetched."""
        token = self._files.read(oauth2.token_file) if oauth2.token_file is not None else None
        return token if isinstance(token, Secret) else None

    def expiry(self, oauth2: OAuth2) -> float | None:
        """Return when the token in use ends, Unix seconds; None when there is none or it does not tell."""
        if oauth2.token_file is not None:
            return self._files.ends_at(oauth2.token_file)
        source = self._sources.get(oauth2)
        return source.ends_at_unix if source is not None and source.token is not None else None

    def _source(self, oauth2: OAuth2) -> _Source:
        source = self._sources.get(oauth2)
        if source is None:
            source = self._sources[oauth2] = _Source(oauth2.refresh_token)
            while len(self._sources) > MOST_SOURCES:
                self._sources.popitem(last=False)
        self._sources.move_to_end(oauth2)
        return source

    async def _ask(self, source: _Source, oauth2: OAuth2, patience: float) -> None:
        # few log in with fetched tokens, and the HTTP client is the largest of all imports
        from exporter.probe.token_endpoint import Grant, request_token  # noqa: PLC0415

        granted = await request_token(
            oauth2, source.refresh_token, resolver=self._resolver, patience=patience
        )
        now = asyncio.get_running_loop().time()
        if not isinstance(granted, Grant):
            source.failure = granted.failure
            source.pause = min(2 * source.pause or FIRST_PAUSE, LONGEST_PAUSE)
            source.ask_again_at = now + max(source.pause, granted.retry_after)
            return
        life = UNTOLD_LIFE if granted.life is None else granted.life
        source.token, source.failure = granted.token, None
        source.pause, source.ask_again_at = 0.0, float("-inf")
        source.refresh_token = granted.refresh_token or source.refresh_token
        source.renew_at = now + min(RENEW_AT * life, max(life - RENEW_BEFORE, life / 2))
        source.ends_at = now + life
        source.ends_at_unix = None if granted.life is None else time.time() + life
