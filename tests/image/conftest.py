"""The image, built once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.image.building import Image, built_image


@pytest.fixture(scope="session")
def image() -> Iterator[Image]:
    """The image of the Dockerfile."""
    with built_image() as built:
        yield built
