"""The files of the pages: style, script and icon, read once and served from memory."""

from __future__ import annotations

import hashlib
from importlib import resources

from aiohttp import web

_TYPES = {
    "page.css": "text/css",
    "page.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}


class Assets:
    """Answers `/static/NAME` for a closed set of names."""

    def __init__(self) -> None:
        folder = resources.files("exporter.web") / "static"
        self._files = {name: (folder / name).read_bytes() for name in _TYPES}
        self._tags = {name: hashlib.sha256(data).hexdigest()[:16] for name, data in self._files.items()}

    async def get(self, request: web.Request) -> web.Response:
        """One file; 304 for a browser that has it."""
        name = request.match_info["name"]
        if name not in self._files:
            raise web.HTTPNotFound
        headers = {"Cache-Control": "no-cache", "ETag": f'"{self._tags[name]}"'}
        if any(seen.value == self._tags[name] for seen in request.if_none_match or ()):
            return web.Response(status=304, headers=headers)
        return web.Response(
            body=self._files[name], content_type=_TYPES[name], charset="utf-8", headers=headers
        )
