"""The entrance of the room: what all probes of a process share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from exporter.model import Endpoint, Phase, ProbeResult, Reply, Secret
from exporter.probe.login import LoginGate, LoginTerms
from exporter.probe.oauth2 import Tokens
from exporter.probe.plan import plan_for
from exporter.probe.record import OnStep
from exporter.probe.resolver import Resolver
from exporter.probe.sasl import BEARER_MECHANISMS
from exporter.probe.seat import Seat
from exporter.probe.session import Session
from exporter.probe.tls import TlsStore

# A token comes from a cache or takes a fraction of a second; a mail server is given more than half of
# the time that a probe has.
TOKEN_PATIENCE = 5.0
TOKEN_SHARE = 0.4


class Prober:
    """Runs probes that share nothing but a resolver, the built TLS contexts and access tokens."""

    def __init__(self, resolver: Resolver, tls: TlsStore | None = None, tokens: Tokens | None = None) -> None:
        self._resolver = resolver
        self._tls = tls if tls is not None else TlsStore()
        self.tokens = tokens if tokens is not None else Tokens(resolver)

    async def run(
        self,
        endpoint: Endpoint,
        *,
        on_step: OnStep | None = None,
        withhold_auth: bool = False,
        gate: LoginGate | None = None,
        on_message: Callable[[], None] | None = None,
        seat: Seat | None = None,
    ) -> ProbeResult:
        """Probe `endpoint` once, within its timeout; every failure of the target is in the result.

        With `withhold_auth` no login is made; otherwise `gate` may hold it back.  `on_message` is called right
        before a message is sent.  An access token is fetched before the connection is made: its time belongs
        to the timeout, and to no phase and no duration of the mail server.  `seat` is left during the look-up, and
        by itself while nobody answers.
        """
        deadline = asyncio.get_running_loop().time() + endpoint.timeout
        withheld = "held back" if withhold_auth else gate.held() if gate is not None else None
        token = None
        oauth2 = endpoint.auth.oauth2 if endpoint.auth is not None else None
        if oauth2 is not None and withheld is None and Phase.AUTH in plan_for(endpoint):
            patience = min(TOKEN_PATIENCE, endpoint.timeout * TOKEN_SHARE)
            token = await self.tokens.get(oauth2, patience)
        session = Session(
            endpoint,
            resolver=self._resolver,
            tls=self._tls,
            deadline=deadline,
            terms=LoginTerms(token=token, withheld=withheld, gate=gate),
            seat=Seat(None) if seat is None else seat,
            on_step=on_step,
            on_message=on_message,
        )
        result = await session.run()
        if oauth2 is not None and isinstance(token, Secret) and _refused_token(result):
            self.tokens.discard(oauth2, token)
        return result


def _refused_token(result: ProbeResult) -> bool:
    """Say whether the mail server would not have the token: the next login needs another one."""
    symptom = result.symptom
    return (
        symptom is not None
        and symptom.phase is Phase.AUTH
        and symptom.mechanism in BEARER_MECHANISMS
        and isinstance(symptom.evidence, Reply)
        and symptom.evidence.code >= 500
    )
