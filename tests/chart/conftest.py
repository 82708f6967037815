"""The validators, started once, and what the examples expect to be in the cluster."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.demo.certificates import leaf
from tests.chart.deploying import HOST, Objects
from tests.chart.rendering import Validator, running_validator
from tests.servers.certificates import Workshop


@pytest.fixture(scope="session")
def validator() -> Iterator[Validator]:
    """Kubernetes' schemas for three versions, and models of the Operator's kinds."""
    with running_validator() as validator:
        yield validator


@pytest.fixture
def existing(workshop: Workshop) -> Objects:
    """The Secrets and ConfigMaps that the examples speak of and do not make."""
    service = workshop.certified("service", leaf(HOST, "localhost", issuer=workshop.intermediate))
    client = workshop.client()
    names = ("exporter-tls", "probe-tls", "smtp-probe", "company-ca", "office", "p")
    return {
        name: {
            "tls.crt": Path(one.certificate_file).read_text(),
            "tls.key": Path(one.key_file).read_text(),
            "ca.crt": Path(workshop.ca_file).read_text(),
            "password": "s3cret",
            "refresh-token": "s3cret",
        }
        for name, one in ((name, service if name == "exporter-tls" else client) for name in names)
    }
