"""What answers whenever this host is online: the configured control targets."""

from __future__ import annotations

import asyncio

from exporter.model import ConnectFailure, Endpoint, ErrorClass, FollowUp, Observation, Phase, TlsMode
from exporter.probe.prober import Prober

CONTROL_PAUSE = 10.0
"""Seconds for which the answer of the control targets is good."""
PATIENCE = 3.0
"""Seconds for one of them."""


class ControlTargets:
    """Asked at most every few seconds, whoever wants to know."""

    def __init__(self) -> None:
        self._known: tuple[float, FollowUp | None] | None = None
        self._knocking = asyncio.Lock()

    async def verdict(
        self, prober: Prober, targets: tuple[tuple[str, int], ...], observation: Observation
    ) -> FollowUp | None:
        """Return the finding that none of `targets` can be reached; None as soon as one answers."""
        async with self._knocking:  # whoever comes meanwhile waits for the same answer
            now = asyncio.get_running_loop().time()
            if self._known is None or now - self._known[0] >= CONTROL_PAUSE:
                self._known = (now, await _knock(prober, targets, observation.result.endpoint))
            return self._known[1]


async def _knock(prober: Prober, targets: tuple[tuple[str, int], ...], base: Endpoint) -> FollowUp | None:
    began = asyncio.get_running_loop().time()
    for host, port in targets:
        target = Endpoint(
            name=f"{host}:{port}",
            host=host,
            port=port,
            tls=TlsMode.NONE,
            until=Phase.CONNECT,
            interval=base.interval,
            timeout=min(base.timeout, PATIENCE),
        )
        result = await prober.run(target)
        evidence = result.symptom.evidence if result.symptom is not None else None
        refused = isinstance(evidence, ConnectFailure) and evidence.errno == "ECONNREFUSED"
        if result.success or refused:
            return None
    return FollowUp(
        experiment="knock at the control targets",
        target=", ".join(f"{host}:{port}" for host, port in targets),
        outcome="none of them can be reached",
        seconds=asyncio.get_running_loop().time() - began,
        decides=ErrorClass.EXPORTER_OFFLINE,
    )
