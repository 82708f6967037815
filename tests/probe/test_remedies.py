"""What a probe advises: never what it has done already, nor what mends another fault."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from exporter.diagnosis import diagnose
from exporter.model import Diagnosis, ErrorClass, Phase, TlsMode
from tests.battery.encryption import small_key
from tests.probe.probing import endpoint, login, probe, run, trusting
from tests.servers.certificates import Workshop
from tests.servers.scripted import Step, bye, ehlo, greet, handshake, reset, say, scripted, stall, starttls


def diagnosed(*script: Step, **changes: Any) -> Diagnosis:
    """What is found of one probe."""

    async def scenario() -> Diagnosis:
        async with scripted(script) as server:
            result = await probe(endpoint(server.port, **{"timeout": 0.5, **changes}))
        assert result.symptom is not None
        return diagnose(result.symptom)

    found: Diagnosis = run(scenario)
    return found


def test_who_is_under_tls_is_not_told_to_say_starttls(workshop: Workshop) -> None:
    """A server that offers no login there will not offer one after another EHLO."""
    found = diagnosed(
        *(greet(), ehlo("STARTTLS"), starttls(workshop.valid().context()), ehlo("SIZE"), bye()),
        until=Phase.AUTH,
        auth=login("me", "secret"),
        tls_config=trusting(workshop.ca_file),
    )
    assert found.error_class is ErrorClass.AUTH_NOT_OFFERED
    assert "STARTTLS" not in " ".join(found.remedy)


def test_who_did_the_handshake_is_not_told_to_use_tls(workshop: Workshop) -> None:
    """A web server does the handshake as well, and then waits."""
    found = diagnosed(
        *(handshake(workshop.valid().context()), stall()),
        tls=TlsMode.IMPLICIT,
        tls_config=trusting(workshop.ca_file),
    )
    assert found.error_class is ErrorClass.GREETING_TIMEOUT
    assert "465" not in " ".join(found.remedy)
    assert "handshake" in found.summary


def test_who_heard_half_a_greeting_is_not_told_to_use_tls() -> None:
    """What came was no TLS."""
    found = diagnosed(say("220-mail.test"), stall(), tls=TlsMode.NONE)
    assert found.error_class is ErrorClass.GREETING_TIMEOUT
    assert "TLS" not in " ".join(found.remedy)


@pytest.mark.parametrize("end", [stall, reset])
def test_a_handshake_that_goes_nowhere_is_named(end: Callable[[], Step], workshop: Workshop) -> None:
    """There was no session that it could have been in the middle of."""
    found = diagnosed(end(), tls=TlsMode.IMPLICIT, tls_config=trusting(workshop.ca_file))
    assert "handshake" in found.summary
    assert "login" not in " ".join(found.remedy)


@pytest.mark.parametrize("kind", ["self_signed", "wrong_purpose"])
def test_a_chain_that_is_whole_is_not_asked_for(kind: str, workshop: Workshop) -> None:
    """A certificate that is its own issuer, or for clients only, lacks no intermediate."""
    context = getattr(workshop, kind)().context()
    found = diagnosed(handshake(context), tls=TlsMode.IMPLICIT, tls_config=trusting(workshop.ca_file))
    assert found.error_class is ErrorClass.CERT_UNTRUSTED
    assert "chain" not in " ".join(found.remedy)


def test_a_weak_key_is_to_be_renewed(workshop: Workshop) -> None:
    """And nothing else mends it."""
    context = small_key(workshop)
    found = diagnosed(handshake(context), tls=TlsMode.IMPLICIT, tls_config=trusting(workshop.ca_file))
    assert found.error_class is ErrorClass.CERT_UNTRUSTED
    assert "2048" in " ".join(found.remedy)
