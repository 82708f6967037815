"""All cases together, and one running server for each."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.battery import encryption, greetings, healthy, logins, messages, oddities
from tests.battery.case import LOOPBACK, NAME, Case, Site
from tests.servers.background import in_background
from tests.servers.certificates import Workshop
from tests.servers.dns import NO_DATA, REFUSED, SERVFAIL, Answer, Behaviour, DnsServer, Garbage, Silent
from tests.servers.ports import free_ports

SICK: tuple[Case, ...] = (
    *greetings.CASES,
    *encryption.CASES,
    *logins.CASES,
    *messages.CASES,
    *oddities.CASES,
)
HEALTHY: tuple[Case, ...] = tuple(healthy.CASES)
CASES: tuple[Case, ...] = (*SICK, *HEALTHY)
BY_NAME = {case.name: case for case in CASES}

_HERE = Answer(a=(LOOPBACK,))
ZONE: dict[str, Behaviour] = {
    NAME: _HERE,
    "*.wild.test": _HERE,
    "smtp.gmail.com": _HERE,
    "no-address.test": NO_DATA,
    "servfail.test": SERVFAIL,
    "refused.test": REFUSED,
    "silent.test": Silent(),
    "garbage.test": Garbage(),
}
"""What is not here does not exist."""


@dataclass(frozen=True, slots=True)
class Table:
    """The running servers as the endpoints of one configuration file."""

    file: Path
    ports: dict[str, int]


@contextmanager
def table(folder: Path, cases: tuple[Case, ...] = CASES) -> Iterator[Table]:
    """Open the server of every case and write the configuration that probes them all."""
    folder.mkdir(parents=True, exist_ok=True)
    workshop = Workshop(folder)
    site = Site(workshop, free_ports(1)[0])
    with DnsServer(ZONE) as dns, in_background(lambda: _opened(site, cases)) as ports:
        file = folder / "battery.yml"
        file.write_text(json.dumps(_configuration(site, cases, ports, dns.nameserver), indent=1))
        yield Table(file, ports)


@asynccontextmanager
async def _opened(site: Site, cases: tuple[Case, ...]) -> AsyncIterator[dict[str, int]]:
    async with AsyncExitStack() as stack:
        yield {case.name: await stack.enter_async_context(case.opens(site)) for case in cases}


def _configuration(
    site: Site, cases: tuple[Case, ...], ports: dict[str, int], nameserver: str
) -> dict[str, Any]:
    return {
        "global": {
            "interval": "15m",  # the least that `until: data` is allowed
            "follow_up": {"ports": [site.other_port]},
            "resolver": {"nameservers": [nameserver]},
        },
        "endpoints": [case.configuration(ports[case.name], site) for case in cases],
    }
