"""What a form of ours sent, read from whatever was sent."""

from __future__ import annotations

from urllib.parse import parse_qsl

from aiohttp import web

LONGEST_FORM = 16 * 1024
"""Bytes that are looked at: a name or an error line has its place in them several times over."""


async def field(request: web.Request, name: str) -> str | None:
    """Return the last value of a field, None when it is not there; 415 when it was no form."""
    sent = (await request.read())[:LONGEST_FORM]
    if sent and request.content_type != "application/x-www-form-urlencoded":
        raise web.HTTPUnsupportedMediaType(text=f"send {name}=… as application/x-www-form-urlencoded\n")
    return dict(parse_qsl(sent.decode("utf-8", "replace"))).get(name)
