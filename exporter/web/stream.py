"""Long answers: sent in pieces as they are made, compressed when the client takes that."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncGenerator
from contextlib import aclosing

from aiohttp import web

from exporter.web.negotiation import VARY, accepts_gzip
from exporter.web.turns import Turns

SLOWEST = 60.0
"""Seconds in which a client has to take an answer; Prometheus itself gives up after 10."""

# Level 1 takes a fifth of the time of level 6 and makes text this uniform 30 times smaller as it is.
_LEVEL = 1
_GZIP = zlib.MAX_WBITS + 16


async def stream(
    request: web.Request, content_type: str, pieces: AsyncGenerator[bytes], *, turns: Turns | None = None
) -> web.StreamResponse:
    """Send `pieces` as one answer; for HEAD send its headers alone and make no piece.

    Each piece is made and packed in a turn of its own, by `turns`; a client that is slow to take one holds
    up nobody else.
    """
    response = web.StreamResponse(headers={"Content-Type": content_type, "Vary": VARY})
    compress = accepts_gzip(request.headers.get("Accept-Encoding", ""))
    if compress:
        response.headers["Content-Encoding"] = "gzip"
    async with aclosing(pieces):
        if request.method == "HEAD":
            return response
        packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP) if compress else None
        turns = turns or Turns()
        client = request.remote or ""
        try:
            async with asyncio.timeout(SLOWEST):
                # What cannot be made is an error 500, not half an answer.
                packed: bytes | None
                async with turns.turn(client):
                    packed = _packed(packer, await anext(pieces))
                await response.prepare(request)
                while packed is not None:
                    if packed:
                        await response.write(packed)
                    async with turns.turn(client):
                        piece = await anext(pieces, None)
                        packed = _packed(packer, piece) if piece is not None else None
                await response.write(packer.flush() if packer is not None else b"")
        except (ConnectionError, TimeoutError):
            if not response.prepared and request.transport is not None:
                raise web.HTTPServiceUnavailable(text="The exporter is too busy to answer.\n") from None
            # The client left, or takes nothing.  A text that ends too early must not look whole.
            if request.transport is not None:
                request.transport.abort()
    return response


def _packed(packer: zlib._Compress | None, piece: bytes) -> bytes:
    return piece if packer is None else packer.compress(piece)
