"""The verdicts of these tests do not depend on the network of the machine that runs them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from exporter.followup import lookout


@pytest.fixture(autouse=True, scope="module")
def connected_host() -> Iterator[None]:
    """This host has an interface, whatever it really has."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lookout, "without_interface", lambda: None)
        yield
