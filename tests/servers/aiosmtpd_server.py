"""aiosmtpd as a second well-behaved server, written by other people than ours."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from exporter.demo.listener import LOOPBACK
from exporter.model import TlsMode
from tests.servers.submission import PASSWORD, USER


@dataclass(slots=True)
class AioSmtpd:
    """A running aiosmtpd and what came in."""

    port: int = 0
    logins: list[tuple[str, str, bool]] = field(default_factory=list)
    """Mechanism, user name, and whether it was let in."""
    messages: list[Envelope] = field(default_factory=list)
    protocols: list[SMTP] = field(default_factory=list)
    """One for each connection."""


@asynccontextmanager
async def aiosmtpd_server(
    *,
    tls: TlsMode = TlsMode.NONE,
    context: ssl.SSLContext | None = None,
    user: str = USER,
    password: str = PASSWORD,
) -> AsyncIterator[AioSmtpd]:
    """An aiosmtpd on loopback that knows one user; with STARTTLS it insists on a login."""
    loop = asyncio.get_running_loop()
    record = AioSmtpd()

    def authenticate(
        server: SMTP, session: Session, envelope: Envelope, mechanism: str, secret: LoginPassword
    ) -> AuthResult:
        admitted = (secret.login.decode(), secret.password.decode()) == (user, password)
        record.logins.append((mechanism, secret.login.decode(), admitted))
        # handled=False lets aiosmtpd write the 535 itself.
        return AuthResult(success=admitted, handled=admitted)

    class Handler:
        async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
            record.messages.append(envelope)
            return "250 2.0.0 Message accepted"

    def protocol() -> SMTP:
        smtp = SMTP(
            Handler(),
            hostname="mail.test",
            ident="aiosmtpd",
            tls_context=context if tls is TlsMode.STARTTLS else None,
            require_starttls=tls is TlsMode.STARTTLS,
            # aiosmtpd knows of TLS only when it did the STARTTLS itself, and warns of the rest.
            auth_required=tls is TlsMode.STARTTLS,
            auth_require_tls=tls is TlsMode.STARTTLS,
            authenticator=authenticate,
            loop=loop,
        )
        record.protocols.append(smtp)
        return smtp

    server = await loop.create_server(protocol, LOOPBACK, 0, ssl=context if tls is TlsMode.IMPLICIT else None)
    record.port = server.sockets[0].getsockname()[1]
    try:
        yield record
    finally:
        server.close()
        for smtp in record.protocols:
            # After STARTTLS the plain transport is the one that has the socket.
            transport = smtp._original_transport or smtp.transport
            # A TLS transport that was closed twice has forgotten how to abort (CPython 3.11).
            with contextlib.suppress(AttributeError):
                if isinstance(transport, asyncio.Transport):
                    transport.abort()
        tasks = [s._handler_coroutine for s in record.protocols if s._handler_coroutine is not None]
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()
