"""One live server with what a probe of it must find."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

from exporter.model import ErrorClass, FaultDomain, Phase
from tests.servers.certificates import Workshop

LOOPBACK = "127.0.0.1"
NAME = "mail.test"
"""A name that the table's own DNS server knows and that every good certificate holds."""

PATIENT = "10s"
"""The deadline where it is not to strike."""
SHORT = "2500ms"
"""The deadline where it has to be waited for."""
DEEP = "6s"
"""The same, behind a handshake: a busy machine is to get there before it strikes."""
TOKEN = "ya29.a0AfB-an-access-token"


@dataclass(frozen=True, slots=True)
class Site:
    """What a server may need when it is opened."""

    workshop: Workshop
    other_port: int
    """The one port that follow-ups may try; a server is there only beside those who want a neighbour."""

    def token_file(self) -> str:
        """A file that holds an access token."""
        file = self.workshop.directory / "token"
        file.write_text(TOKEN)
        return str(file)


Opener = Callable[[Site], AbstractAsyncContextManager[int]]
"""Opens a server and gives its port."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A server, how it is probed, and the verdict that is right."""

    name: str
    opens: Opener
    expected: ErrorClass
    domain: FaultDomain
    phase: Phase | None
    host: str = NAME
    endpoint: Mapping[str, Any] = field(default_factory=dict)
    """Keys of the endpoint's configuration, beside name, target and the tests' own CA."""
    timeout: str = PATIENT
    oauth2: Callable[[Site], Mapping[str, str]] | None = None
    """Where the token comes from, for a login that is made with one."""

    @property
    def verdict(self) -> tuple[str, str, str | None]:
        """Class, domain and phase as `check` prints them."""
        return str(self.expected), str(self.domain), None if self.phase is None else str(self.phase)

    def configuration(self, port: int, site: Site) -> dict[str, Any]:
        """This case as an endpoint of a configuration file."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        keys = dict(self.endpoint)
        if "auth" in keys or self.oauth2 is not None:
            # Each logs in under a name of its own: a rejected login is held against the name for a while.
            keys["auth"] = {**keys.get("auth", {}), "username": f"probe-{port}@mail.test"}
        if self.oauth2 is not None:
            keys["auth"] = {"mechanism": "XOAUTH2", "oauth2": dict(self.oauth2(site))} | keys["auth"]
        tls_config = {"ca_file": site.workshop.ca_file, **keys.pop("tls_config", {})}
        return {
            "name": self.name,
            "target": f"{host}:{port}",
            "timeout": self.timeout,
            "tls_config": {key: value for key, value in tls_config.items() if value is not None},
            **keys,
        }
