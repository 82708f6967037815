"""Walks the plan of one endpoint over one connection and writes down what happened."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from time import perf_counter
from typing import assert_never

from exporter.model import (
    Capabilities,
    DropKind,
    Dropped,
    Endpoint,
    Evidence,
    Garbled,
    Injected,
    NotOffered,
    Phase,
    ProbeResult,
    Reply,
    Step,
    StepStatus,
    Symptom,
    TimedOut,
    TlsFailure,
    TlsMode,
    TokenUnavailable,
)
from exporter.probe import sasl
from exporter.probe.address import Address, is_literal
from exporter.probe.attempts import Attempts
from exporter.probe.clock import Clock
from exporter.probe.connect import ConnectFailed, connect
from exporter.probe.esmtp import address_literal, capabilities_of
from exporter.probe.evidence import PhaseFailed, phase_of
from exporter.probe.farewell import take_leave
from exporter.probe.handshake import Handshake
from exporter.probe.login import Login, LoginTerms
from exporter.probe.plan import plan_for
from exporter.probe.record import OnStep, Record
from exporter.probe.redaction import Redactor, secrets_of
from exporter.probe.resolver import Resolver
from exporter.probe.seat import Seat
from exporter.probe.submission import Submission
from exporter.probe.tls import TlsStore
from exporter.probe.transcript import Transcript, printable
from exporter.probe.wire import Exchange, Wire


class Session:
    """One probe, from the look-up to QUIT; used once.

    `deadline` is loop time.  After a login that `terms` hold back nothing deeper is tried.  `on_message` is
    called right before a message is sent.  `seat` is left while a name is looked up, and by itself while nobody
    answers.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        resolver: Resolver,
        tls: TlsStore,
        deadline: float,
        terms: LoginTerms,
        seat: Seat,
        on_step: OnStep | None = None,
        on_message: Callable[[], None] | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._resolver = resolver
        self._terms = terms
        self._on_message = on_message
        self._seat = seat
        self._withheld = False
        self._plan = plan_for(endpoint)
        self._transcript = Transcript(
            Redactor(
                secrets_of(endpoint.auth, terms.usable_token),
                user=endpoint.auth.username if endpoint.auth is not None else None,
            )
        )
        self._tls = Handshake(endpoint, tls, self._transcript)
        self._turnstile = tls.turnstile
        self._record = Record(self._plan, on_step)
        self._addresses: tuple[Address, ...] = ()
        self._attempts = Attempts()
        self._clock = Clock(deadline)
        self._wire: Wire | None = None
        self._connected_at = 0.0
        self._before: Capabilities | None = None
        self._after: Capabilities | None = None
        self._greeting: str | None = None
        self._encrypted = False
        self._mechanism: str | None = None
        self._login: Login | None = None
        self._undecided: Login | None = None  # until the gate has been told of it
        self._reply: Reply | None = None
        self._ip_version: int | None = None
        self._rtt: float | None = None
        self._helo: str | None = None
        self._submission: Submission | None = None
        self._uncertain = False

    # ----------------------------------------------------------------- the walk

    async def run(self) -> ProbeResult:
        """Walk the plan and return what was seen; raises only for a bug of ours."""
        started = time.time()
        symptom: Symptom | None = None
        try:
            try:
                async with self._clock:
                    for phase in self._plan:
                        if phase is not Phase.QUIT and not self._withheld:
                            await self._walk(phase)
            except PhaseFailed as failure:
                symptom = self._failed(failure.evidence, failure.seconds)
            except TimeoutError:
                partial = self._wire.leftover[:512] if self._wire else b""
                symptom = self._failed(TimedOut(self._endpoint.timeout, partial))
            self._conclude_login(symptom)
            try:
                await self._quit(None if symptom is None else symptom.evidence)
            except PhaseFailed as late:
                symptom = self._failed(late.evidence, late.seconds)
            whole = self._clock.seconds
        finally:
            if self._undecided is not None and self._undecided.told:  # cancelled; the secret may be refused
                self._conclude_login(self._symptom(Phase.AUTH, TimedOut(self._clock.seconds)))
            if self._wire is not None:
                self._wire.abort()
        return ProbeResult(
            endpoint=self._endpoint,
            started=started,
            seconds=whole,
            steps=self._record.steps(),
            symptom=symptom,
            attempts=self._attempts.finished(),
            reply=self._reply,
            tls=self._tls.facts,
            before_tls=self._before,
            after_tls=self._after,
            mechanism=self._mechanism,
            ip_version=self._ip_version,
            tcp_rtt=self._rtt,
            transcript=self._transcript.lines(),
            data_uncertain=self._uncertain,
            auth_withheld=self._withheld,
        )

    def _failed(self, evidence: Evidence, seconds: float | None = None) -> Symptom:
        """Write down what failed the open phase; `seconds` is what it took, where that is known better."""
        assert self._record.open is not None
        phase, since = self._record.open
        phase = phase_of(evidence, phase, self._encrypted)
        self._uncertain = self._submission is not None and self._submission.in_doubt(evidence)
        self._record.close(phase, perf_counter() - since if seconds is None else seconds, evidence)
        if isinstance(evidence, Reply):
            self._reply = evidence  # also one that answers nothing, as 421 may (RFC 5321 3.8)
        return self._symptom(phase, evidence)

    async def _walk(self, phase: Phase) -> None:
        if self._seat.is_left and phase is not Phase.DNS:
            with self._clock.stopped():
                await self._seat.back(connected=self._wire is not None)
        else:
            self._seat.begin_step()
        self._record.begin(phase)
        if self._greeting is not None and phase is not Phase.TLS:
            self._connection.take_unsolicited()
        match phase:
            case Phase.DNS:
                await self._dns()
            case Phase.CONNECT:
                await self._connect()
            case Phase.GREETING:
                await self._greet()
            case Phase.EHLO:
                await self._ehlo()
            case Phase.STARTTLS:
                await self._starttls()
            case Phase.TLS:
                await self._handshake()
            case Phase.AUTH:
                await self._auth()
            case Phase.MAIL | Phase.RCPT | Phase.DATA:
                await self._submit(phase)
            case Phase.QUIT:
                raise AssertionError(phase)
            case _:
                assert_never(phase)

    # ----------------------------------------------------------------- the phases

    async def _dns(self) -> None:
        began = perf_counter()
        if not is_literal(self._endpoint.host):
            self._seat.leave()
        self._addresses = await self._resolver.resolve(
            self._endpoint.host, self._endpoint.port, self._endpoint.ip_protocol
        )
        self._record.close(Phase.DNS, perf_counter() - began)

    async def _connect(self) -> None:
        try:
            connected = await connect(
                self._addresses,
                source_address=self._endpoint.source_address,
                deadline=self._clock.deadline,
                attempts=self._attempts,
            )
        except ConnectFailed as failure:
            errno = failure.evidence.errno
            if errno not in {"ECONNRESET", "EPIPE"} or self._record.open is None:
                raise
            self._reset_at_once(errno, self._record.open[1])
            return
        self._ip_version = connected.ip_version
        self._connected_at = connected.connected_at
        self._rtt = connected.rtt
        self._helo = self._endpoint.helo or address_literal(connected.own_ip)
        self._wire = Wire(asyncio.get_running_loop(), self._transcript, self._turnstile)
        connected.transport.attach(self._wire)
        self._record.close(Phase.CONNECT, connected.seconds, note=str(connected.address))

    def _reset_at_once(self, errno: str, began: float) -> None:
        """Fail what follows `connect` when a connection was made, and reset before we could look at it.

        A SYN that is turned away gives ECONNREFUSED (RFC 9293 3.10.7.3); ECONNRESET, or EPIPE when the peer
        had sent FIN before, comes of an established connection.
        """
        self._record.close(Phase.CONNECT, perf_counter() - began)
        following = self._plan[self._plan.index(Phase.CONNECT) + 1 :]
        if following:
            self._record.begin(following[0])
            raise PhaseFailed(Dropped(DropKind.RESET, errno=errno))

    async def _greet(self) -> None:
        exchange = await self._connection.greeting(self._connected_at)
        self._greeting = printable(b" ".join(exchange.reply.lines)[:1000])
        self._expect(exchange, {220})
        self._record.close(Phase.GREETING, exchange.seconds)

    async def _ehlo(self) -> None:
        assert self._helo is not None
        exchange = await self._connection.command(b"EHLO", self._helo.encode("ascii", "replace"))
        self._expect(exchange, {250})
        self._record.close(Phase.EHLO, exchange.seconds)
        offered = capabilities_of(exchange.reply, self._connection.said)
        if self._encrypted:
            self._after = offered
        else:
            self._before = offered

    async def _starttls(self) -> None:
        if self._before is None or "STARTTLS" not in self._before.keywords:
            raise PhaseFailed(NotOffered("STARTTLS", self._before.lines if self._before else ()))
        exchange = await self._connection.command(b"STARTTLS")
        self._expect(exchange, {220})
        self._look_behind()
        self._record.close(Phase.STARTTLS, exchange.seconds)

    def _look_behind(self) -> None:
        """RFC 3207 6: whatever is behind the reply to STARTTLS was put there to be taken for words under TLS."""
        if behind := self._connection.pending():
            raise PhaseFailed(Injected(self._transcript.redact(behind[:512])))

    async def _handshake(self) -> None:
        if self._endpoint.tls is not TlsMode.IMPLICIT:
            self._look_behind()  # once more, after the wait for a place
        elif early := self._connection.spoken_first():
            # Whoever speaks before our ClientHello speaks no TLS; of bytes that come later OpenSSL says so.
            raise PhaseFailed(TlsFailure(reason="WRONG_VERSION_NUMBER", peer_bytes=early[:512]))
        try:
            seconds = await self._tls.run(self._connection)
        finally:
            self._encrypted = self._tls.facts is not None
        self._record.close(Phase.TLS, seconds, note=self._tls.facts.version if self._tls.facts else "")

    async def _auth(self) -> None:
        auth = self._endpoint.auth
        assert auth is not None
        if not (self._encrypted or auth.allow_plaintext):
            raise ValueError("a login in clear needs auth.allow_plaintext")
        offered = self._after if self._encrypted else self._before
        certificate = self._encrypted and self._endpoint.tls_config.cert_file is not None
        chosen = sasl.choose(auth, offered.mechanisms if offered else (), certificate=certificate)
        if isinstance(chosen, NotOffered):
            raise PhaseFailed(chosen)
        held = await self._permission()
        if held is not None:
            self._withheld = True
            self._transcript.event(f"no login: {held}")
            self._record.add(Step(Phase.AUTH, StepStatus.SKIPPED, None, note=held))
            return
        self._mechanism = str(chosen)
        self._login = self._undecided = Login(
            self._connection, self._transcript, self._terms.conversation(chosen, self._endpoint)
        )
        try:
            await self._login.run()
        finally:
            self._reply = self._login.reply or self._reply
        self._conclude_login(None)
        self._record.close(Phase.AUTH, self._login.seconds, note=self._mechanism)

    async def _permission(self) -> str | None:
        """Return why no login is made, None when one is.

        Waiting for somebody else's login is no doing of the server's: it counts in no duration and against
        no deadline, and what becomes of the idle connection meanwhile is no failure.
        """
        if not self._terms.may_wait:
            return await self._terms.held()
        at_rest = self._connection.is_at_rest
        with self._clock.stopped():
            held = await self._terms.held()
        if held is None and at_rest and not self._connection.is_at_rest:
            self._terms.abandon()
            held = "the connection ended while another login with this account was under way"
        self._record.begin(Phase.AUTH)
        return held

    def _conclude_login(self, failure: Symptom | None) -> None:
        """Say what came of the AUTH exchange, once, as soon as it is known: others may be waiting for it."""
        login, self._undecided = self._undecided, None
        if login is not None:
            self._terms.leave(failure, told=login.told)

    async def _submit(self, phase: Phase) -> None:
        if self._submission is None:
            self._submission = Submission(self._connection, self._endpoint, self._on_message)
        try:
            seconds = await self._submission.step(phase)
        finally:
            self._reply = self._submission.reply or self._reply
        self._record.close(phase, seconds)

    async def _quit(self, evidence: Evidence | None) -> None:
        """Take leave as far as the session still allows; never turns success into failure, but for one case.

        PhaseFailed: instead of goodbye the server told what it thinks of our side of the handshake.
        """
        wire = self._wire
        if wire is None:
            return
        # A garbled SASL challenge leaves the session in order; any other garbled line has ended it.
        in_step = isinstance(evidence, Reply | NotOffered | TokenUnavailable | Garbled | None)
        if Phase.QUIT not in self._plan or not in_step or not wire.is_connected:
            wire.hang_up()
            return
        # In TLS 1.3 a handshake is over for the server once it has judged our certificate (RFC 8446 4.4.2).
        unheard = evidence is None and self._plan[-2] is Phase.TLS
        self._record.begin(Phase.QUIT)
        try:
            reset = evidence is None and self._endpoint.until in {Phase.MAIL, Phase.RCPT}
            step = await take_leave(wire, self._clock.deadline, reset=reset, alerts=unheard)
            self._record.add(step)
        finally:
            wire.hang_up()

    # ----------------------------------------------------------------- bookkeeping

    @property
    def _connection(self) -> Wire:
        assert self._wire is not None
        return self._wire

    def _expect(self, exchange: Exchange, wanted: set[int]) -> None:
        """Take the reply as the decisive one and fail the phase unless its code is wanted."""
        self._reply = exchange.reply
        if exchange.reply.code not in wanted:
            raise PhaseFailed(exchange.reply, exchange.seconds)

    def _symptom(self, phase: Phase | None, evidence: Evidence) -> Symptom:
        config = self._endpoint.tls_config
        return Symptom(
            phase=phase,
            evidence=evidence,
            host=self._endpoint.host,
            port=self._endpoint.port,
            tls_mode=self._endpoint.tls,
            encrypted=self._encrypted,
            auth_attempted=self._mechanism is not None,
            mechanism=self._mechanism,
            challenge=self._login.challenge if self._login is not None else None,
            capabilities=self._after if self._encrypted else self._before,
            greeting=self._greeting,
            issuers=self._tls.facts.issuers if self._tls.facts is not None else (),
            min_version=config.min_version,
            max_version=config.max_version,
            attempts=self._attempts.finished(),
            helo=self._helo,
        )
