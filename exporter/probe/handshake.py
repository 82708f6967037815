"""The TLS handshake of one session, and whether its certificate is good enough to go on."""

from __future__ import annotations

from OpenSSL import SSL

from exporter.model import Endpoint, TlsFacts, TlsFailure
from exporter.probe.evidence import PhaseFailed
from exporter.probe.tls import TlsStore
from exporter.probe.tls_session import presented_chain
from exporter.probe.transcript import Transcript
from exporter.probe.wire import Wire


class Handshake:
    """One handshake; what it showed stays readable when it fails."""

    def __init__(self, endpoint: Endpoint, store: TlsStore, transcript: Transcript) -> None:
        self._config = endpoint.tls_config
        self._name = endpoint.tls_config.server_name or endpoint.host.rstrip(".")
        self._store = store
        self._transcript = transcript
        self.facts: TlsFacts | None = None
        """What is known of the server's side; None before it showed a certificate."""

    async def run(self, wire: Wire) -> float:
        """Do the handshake and return the seconds it took.

        PhaseFailed: it broke off, or the chain does not verify, and it has to.
        """
        # The verdict comes before any credential, and a client certificate goes out within the handshake.
        early = self._config.cert_file is not None and not self._config.insecure_skip_verify
        context = self._store.context(self._config)

        def judge(session: SSL.Connection) -> bool:
            if not presented_chain(session):
                return False
            self._judge(session)
            return True

        session, seconds = await wire.secure(context, self._name, judge if early else None)
        self._judge(session, seconds)
        return seconds

    def _judge(self, session: SSL.Connection, seconds: float | None = None) -> None:
        known = self.facts
        facts = self.facts = self._store.facts(self._config, self._name, session)
        if known is None:
            words = "verified" if facts.verified else f"not verified: {facts.verify_error}"
            self._transcript.event(f"{facts.version} {facts.cipher}, certificate {words}")
        if not facts.verified and not self._config.insecure_skip_verify:
            raise PhaseFailed(
                TlsFailure(
                    reason="CERTIFICATE_VERIFY_FAILED",
                    verify_code=facts.verify_code,
                    verify_error=facts.verify_error,
                ),
                seconds,
            )
