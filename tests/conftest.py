"""What every test may ask for: certificates, and the real mail servers, each started once a worker."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

from tests.servers.certificates import Workshop

if TYPE_CHECKING:
    from tests.servers.exim import Exim
    from tests.servers.postfix import Postfix

# A busy machine is no bug of the code under test: pytest's own timeout guards against hanging.
hypothesis.settings.register_profile("tests", deadline=None, print_blob=True)
# `make fuzz`: the same properties, for hours if one likes.
hypothesis.settings.register_profile(
    "fuzz",
    deadline=None,
    print_blob=True,
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "20000")),
    suppress_health_check=list(hypothesis.HealthCheck),
)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "tests"))


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """Certificates below one root, good and wrong in every way."""
    return Workshop(Path(tmp_path_factory.mktemp("certificates")))


@pytest.fixture(scope="session")
def postfix(workshop: Workshop) -> Iterator[Postfix]:
    """A real Postfix with Dovecot's SASL, on free ports."""
    from tests.servers.postfix import running_postfix  # noqa: PLC0415 - most tests do without

    with running_postfix(workshop) as server:
        yield server


@pytest.fixture(scope="session")
def exim(workshop: Workshop) -> Iterator[Exim]:
    """A real Exim 4, on free ports."""
    from tests.servers.exim import running_exim  # noqa: PLC0415 - most tests do without

    with running_exim(workshop) as server:
        yield server
