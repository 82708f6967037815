"""The entrance of the room: what all probes of a process share."""

from __future__ import annotations

from exporter.model import Endpoint, ProbeResult
from exporter.probe.resolver import Resolver
from exporter.probe.session import OnStep, Session
from exporter.probe.tls import TlsStore


class Prober:
    """Runs probes that share nothing but a resolver and the built TLS contexts."""

    def __init__(self, resolver: Resolver, tls: TlsStore | None = None) -> None:
        self._resolver = resolver
        self._tls = tls if tls is not None else TlsStore()

    async def run(
        self, endpoint: Endpoint, *, on_step: OnStep | None = None, withhold_auth: bool = False
    ) -> ProbeResult:
        """Probe `endpoint` once, within its timeout; every failure of the target is in the result."""
        session = Session(
            endpoint,
            resolver=self._resolver,
            tls=self._tls,
            on_step=on_step,
            withhold_auth=withhold_auth,
        )
        return await session.run()
