"""Our certificate is a credential: only a server whose own certificate is good gets to see it."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

import pytest

from exporter.diagnosis import diagnose
from exporter.model import ErrorClass, Phase, ProbeResult, TlsFailure, TlsMode, TlsVersion
from exporter.probe import tls
from tests.probe.probing import LOOPS, endpoint, outline, probe, run, trusting
from tests.servers.certificates import Workshop
from tests.servers.submission import submission_server

VERSIONS = {
    "TLSv1": (ssl.TLSVersion.TLSv1, TlsVersion.TLS10),
    "TLSv1.2": (ssl.TLSVersion.TLSv1_2, TlsVersion.TLS12),
    "TLSv1.3": (ssl.TLSVersion.TLSv1_3, TlsVersion.TLS12),
}


async def shown_to(context: ssl.SSLContext, **settings: Any) -> tuple[ProbeResult, list[Any], int]:
    """Probe a server that asks for a certificate; what it was shown, and how often somebody came."""
    shown: list[Any] = []
    came = 0

    def greeted(*_: Any) -> None:
        nonlocal came
        came += 1

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        shown.append(writer.get_extra_info("ssl_object").getpeercert().get("subject"))
        writer.write(b"220 mail.test\r\n")
        await reader.read(100)
        writer.close()

    context.sni_callback = greeted  # for every ClientHello
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        port = server.sockets[0].getsockname()[1]
        result = await probe(endpoint(port, tls=TlsMode.IMPLICIT, until=Phase.TLS, **settings))
        await asyncio.sleep(0.02)  # for the server to see the end
    return result, shown, came


@pytest.mark.parametrize("loop", LOOPS.values(), ids=LOOPS)
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", ["valid", "expired", "unknown_ca", "wrong_name"])
def test_it_is_shown_to_no_server_whose_certificate_is_bad(
    workshop: Workshop, version: str, kind: str, loop: Any
) -> None:
    """One connection; what is known of the bad certificate is all there, the version of TLS included."""
    theirs, least = VERSIONS[version]
    context = getattr(workshop, kind)().context(minimum=theirs, maximum=theirs)
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(workshop.ca_file)
    ours = workshop.client()
    config = trusting(
        workshop.ca_file, cert_file=ours.certificate_file, key_file=ours.key_file, min_version=least
    )
    result, shown, came = run(lambda: shown_to(context, tls_config=config), loop)
    assert came == 1
    assert result.tls is not None
    assert result.tls.version == version
    assert result.tls.cipher
    assert result.tls.not_after is not None
    assert len([line for line in result.transcript if version in line]) == 1
    if kind == "valid":
        assert result.symptom is None
        assert len(shown) == 1
        assert shown[0]
    else:
        assert not shown
        assert outline(result) == "dns connect tls! -greeting -quit"
        assert result.symptom is not None
        assert isinstance(result.symptom.evidence, TlsFailure)
        assert result.symptom.evidence.verify_code == result.tls.verify_code
        assert result.symptom.encrypted


def test_whoever_verifies_nothing_shows_it_to_everybody(workshop: Workshop) -> None:
    """`insecure_skip_verify` says so."""
    context = workshop.expired().context(client_ca_file=workshop.ca_file)
    ours = workshop.client()
    config = trusting(
        workshop.ca_file,
        cert_file=ours.certificate_file,
        key_file=ours.key_file,
        insecure_skip_verify=True,
    )
    result, shown, _ = run(lambda: shown_to(context, tls_config=config))
    assert result.symptom is None
    assert len(shown) == 1


def test_a_bad_certificate_behind_starttls_is_told_as_ever(workshop: Workshop) -> None:
    """The class is that of the certificate, and no command follows."""

    async def scenario() -> tuple[ProbeResult, list[list[str]]]:
        context = workshop.expired().context(client_ca_file=workshop.ca_file)
        ours = workshop.client()
        config = trusting(workshop.ca_file, cert_file=ours.certificate_file, key_file=ours.key_file)
        async with submission_server(context=context) as server:
            return await probe(endpoint(server.port, tls_config=config)), server.verbs

    result, verbs = run(scenario)
    assert result.symptom is not None
    assert diagnose(result.symptom).error_class is ErrorClass.CERT_EXPIRED
    assert verbs == [["EHLO", "STARTTLS"]]


def test_a_bug_in_the_verdict_is_ours_and_shows_nothing(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It reaches whoever started the probe instead of a time-out that blames the server."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(tls, "verify_chain", broken)
    ours = workshop.client()
    config = trusting(workshop.ca_file, cert_file=ours.certificate_file, key_file=ours.key_file)
    context = workshop.valid().context(client_ca_file=workshop.ca_file)
    with pytest.raises(ZeroDivisionError):
        run(lambda: shown_to(context, tls_config=config))
