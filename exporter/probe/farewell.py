"""Taking leave of a server: RSET where an envelope was begun, QUIT, and a moment for its reply."""

from __future__ import annotations

import asyncio
from time import perf_counter

from exporter.model import Evidence, Phase, Step, StepStatus, TimedOut, TlsFailure
from exporter.probe.evidence import PhaseFailed
from exporter.probe.wire import Wire

# QUIT decides nothing; a server that is slow to say goodbye must not be waited for until the deadline.
QUIT_PATIENCE = 2.0


async def take_leave(wire: Wire, deadline: float, *, reset: bool, alerts: bool = False) -> Step:
    """Say QUIT and wait for 221, `deadline` (loop time) permitting; never turns success into failure.

    `reset` says RSET first.  With `alerts` a TLS failure that arrives instead of the reply is raised
    (PhaseFailed): nothing was heard since the handshake.
    """
    began = perf_counter()
    now = asyncio.get_running_loop().time()
    patience = max(0.0, min(deadline - now, QUIT_PATIENCE))
    note, status = "", StepStatus.PASSED
    seen: Evidence | None = None
    seconds: float | None = None
    try:
        async with asyncio.timeout_at(now + patience):
            spent = 0.0
            if reset:  # RFC 5321 4.1.1.5: nothing of the envelope is left behind
                spent = (await wire.command(b"RSET")).seconds
            exchange = await wire.command(b"QUIT")
            seconds = spent + exchange.seconds
            if exchange.reply.code != 221:
                note = f"answered {exchange.reply.code}"
    except PhaseFailed as failure:
        if alerts and isinstance(failure.evidence, TlsFailure):
            raise
        note = "closed without a reply"
    except TimeoutError:
        status, seen = StepStatus.FAILED, TimedOut(patience)
    return Step(Phase.QUIT, status, perf_counter() - began if seconds is None else seconds, seen, note)
