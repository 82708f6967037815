"""What the metrics ask of the running program beside the board."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class BackingOff(NamedTuple):
    """What is held back for one endpoint at this moment."""

    auth: bool
    """Logins, after one was rejected."""
    endpoint: bool
    """Whole probes, after a 421 or a rate limit."""


class Runtime(Protocol):
    """The state of schedule and service.  Every answer is from memory: nothing blocks."""

    @property
    def version(self) -> str:
        """The version of the exporter."""

    @property
    def in_flight(self) -> int:
        """Probes that are at work now."""

    @property
    def waiting(self) -> int:
        """Probes that wait for a name, or for somebody who has been silent for a second."""

    @property
    def limit(self) -> int:
        """Probes that may be at work at the same time."""

    @property
    def config_reload_ok(self) -> bool:
        """The last attempt to load the configuration succeeded."""

    @property
    def config_reload_time(self) -> float:
        """When the configuration was last loaded with success, Unix seconds."""

    def next_run(self, name: str) -> float | None:
        """When the endpoint is due next, Unix seconds; None while nobody has planned it."""

    def backing_off(self, name: str) -> BackingOff:
        """What is held back for the endpoint now."""

    def token_expiry(self, name: str) -> float | None:
        """When the endpoint's OAuth2 access token ends, Unix seconds; None where none is in use."""
