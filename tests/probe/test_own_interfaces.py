"""An address that needs an interface of this host: whatever is wrong with it, this host is where to look."""

from __future__ import annotations

import pytest

from exporter.diagnosis import diagnose
from exporter.model import ErrorClass, FaultDomain
from tests.probe.loops import both_loops, run
from tests.probe.probing import endpoint, probe


@both_loops
@pytest.mark.parametrize(
    ("host", "source_address"),
    [
        ("fe80::1", None),
        ("fe80::1%no-such", None),
        ("fe80::1%25lo", None),
        ("fe80::1%99999", None),
        ("fe80::1%4294967296", None),
        ("fe80::1%99999999999999999999999", None),
        ("::1", "fe80::1"),
        ("::1", "fe80::1%no-such"),
        ("::1", "fe80::1%99999"),
        ("::1", "ff02::1"),
        ("::1", "2001:db8::77"),
        ("127.0.0.1", "192.0.2.77"),
    ],
)
def test_what_this_host_cannot_address_is_its_own_problem(run_in, host, source_address):
    """A zone that is missing or unknown, and a source address that is not here, blame no network and no name."""
    result = run(probe(endpoint(587, host=host, source_address=source_address)), run_in)
    assert result.symptom is not None
    found = diagnose(result.symptom)
    assert found.error_class is ErrorClass.HOST_UNREACHABLE
    assert found.fault_domain is FaultDomain.LOCAL
