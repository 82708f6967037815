"""What the tests of the settings share."""

from __future__ import annotations

from pathlib import Path

import pytest

from exporter.settings import Settings, load
from tests.servers.certificates import Workshop
from tests.settings.settings_folder import Loader, furnish


@pytest.fixture(scope="module")
def bad_folder(workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bad files, and all that they name."""
    return furnish(tmp_path_factory.mktemp("settings") / "bad", workshop)


@pytest.fixture
def load_text(tmp_path: Path) -> Loader:
    """Loads a configuration that is given as text, from a folder of its own."""

    def loader(text: str) -> Settings:
        file = tmp_path / "my.yml"
        file.write_text(text, encoding="utf-8")
        return load(file)

    return loader
