"""What a server is told of the name that we came for (RFC 6066 3)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from exporter.model import Phase, TlsMode
from tests.probe.probing import endpoint, probe, run, trusting
from tests.servers.certificates import Workshop

NAMES: dict[str, tuple[str, str | None, str | None]] = {
    # the host, the configured name, what the server hears
    "a host": ("localhost", None, "localhost"),
    "a host with its final dot": ("localhost.", None, "localhost"),
    "another name": ("127.0.0.1", "mail.example.org", "mail.example.org"),
    "a name in capitals": ("127.0.0.1", "MAIL.example.org", "MAIL.example.org"),
    "an international name": ("127.0.0.1", "müller.example", "xn--mller-kva.example"),
    "an A-label": ("127.0.0.1", "xn--mller-kva.example", "xn--mller-kva.example"),
    "an underscore": ("127.0.0.1", "a_b.example", "a_b.example"),
    "IPv4": ("127.0.0.1", None, None),
    "IPv6": ("127.0.0.1", "2001:db8::1", None),
    "IPv6 with a zone": ("127.0.0.1", "fe80::1%lo", None),
}


@pytest.mark.parametrize("case", NAMES)
def test_a_name_is_told_and_an_address_is_not(case: str, workshop: Workshop) -> None:
    """International names go out as A-labels, all others as they are written."""
    host, name, heard = NAMES[case]
    context = workshop.valid().context()
    told: list[Any] = []
    context.sni_callback = lambda _session, name, _context: told.append(name)
    more = {} if name is None else {"server_name": name}
    config = trusting(workshop.ca_file, insecure_skip_verify=True, **more)

    async def scenario() -> None:
        server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=context)
        async with server:
            port = server.sockets[0].getsockname()[1]
            await probe(endpoint(port, host=host, tls=TlsMode.IMPLICIT, until=Phase.TLS, tls_config=config))
            await asyncio.sleep(0.02)

    run(scenario)
    assert told == [heard]
