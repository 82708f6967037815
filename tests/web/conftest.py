"""A running exporter and a browser, for every test that looks at a page."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.servers.background import in_background
from tests.web.browser import Watched, chromium, watching


@pytest.fixture(scope="module")
def watched() -> Iterator[Watched]:
    """A running exporter, all of whose endpoints have a verdict."""
    with in_background(watching) as found:
        deadline = time.monotonic() + 20
        while any(entry.latest is None for entry in found.service._board.entries.values()):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all tests."""
    with chromium() as found:
        yield found
