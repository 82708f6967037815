"""A running web server with a client for it, and pages taken apart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any, TypeVar

import aiohttp
from yarl import URL

from exporter.board import Board
from exporter.web import WebServer, create_app
from tests.metrics.synthetic import StillRuntime

T = TypeVar("T")


@asynccontextmanager
async def serving(
    board: Board, runtime: StillRuntime | None = None, **options: Any
) -> AsyncIterator[aiohttp.ClientSession]:
    """A client session whose base address is a running exporter's."""
    options.setdefault("ready", lambda: True)
    server = WebServer(create_app(board, runtime or StillRuntime(), **options), "127.0.0.1:0")
    await server.start()
    try:
        async with aiohttp.ClientSession(server.url) as client:
            yield client
    finally:
        await server.stop()


def browse(
    board: Board,
    visit: Callable[[aiohttp.ClientSession], Coroutine[Any, Any, T]],
    runtime: StillRuntime | None = None,
    **options: Any,
) -> T:
    """What `visit` brings back from a running exporter."""

    async def run() -> T:
        async with serving(board, runtime, **options) as client:
            return await visit(client)

    return asyncio.run(run())


def get(board: Board, path: str | URL, runtime: StillRuntime | None = None, **options: Any) -> str:
    """The text at an address that answers 200."""

    async def visit(client: aiohttp.ClientSession) -> str:
        async with client.get(path) as response:
            assert response.status == 200, await response.text()
            return await response.text()

    return browse(board, visit, runtime, **options)


@dataclass
class Page(HTMLParser):
    """An HTML page: its elements in order, and the text of each table row."""

    elements: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    rows: dict[str, str] = field(default_factory=dict)
    text: str = ""
    _row: str | None = None

    def __post_init__(self) -> None:
        super().__init__()

    @classmethod
    def read(cls, html: str) -> Page:
        """The page of this markup."""
        page = cls()
        page.feed(html)
        page.close()
        return page

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the element; a row with a key begins."""
        found = dict(attrs)
        self.elements.append((tag, found))
        key = found.get("data-key")
        if tag == "tr" and key is not None:
            self._row = key
            self.rows[key] = ""

    def handle_endtag(self, tag: str) -> None:
        """A row ends."""
        if tag == "tr":
            self._row = None

    def handle_data(self, data: str) -> None:
        """Keep the text, of the page and of the row."""
        self.text += data
        if self._row is not None:
            self.rows[self._row] += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of every element of this name."""
        return [attributes for name, attributes in self.elements if name == tag]
