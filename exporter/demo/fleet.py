"""The demo: eleven endpoints on loopback, three healthy and eight that fail, each in its own way."""

from __future__ import annotations

import random
import socket
import ssl
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Literal

from exporter.demo.certificates import CURRENT, EXPIRED, Identity, Validity, authority, leaf, server_context
from exporter.demo.listener import LOOPBACK, Listener
from exporter.demo.scratch import scratch_folder
from exporter.demo.server import SubmissionServer
from exporter.demo.service import GREETING, Service
from exporter.demo.wire import Wire
from exporter.model import (
    Auth,
    Endpoint,
    ErrorClass,
    IpProtocol,
    Mechanism,
    Message,
    Phase,
    Secret,
    TlsConfig,
    TlsMode,
)

INTERVAL_SECONDS = 5.0
TIMEOUT_SECONDS = 3.0

PASSWORD = "a demo password"  # noqa: S105 - it opens nothing but the servers of this process
SENDER = "probe@demo.example"
RECIPIENT = "postmaster@demo.example"

GMAIL_SECOND_FACTOR = (
    "534-5.7.9 Application-specific password required. For more information, go to\n"
    "534 5.7.9  https://support.google.com/mail/?p=InvalidSecondFactor - gsmtp"
)
# What Cisco's SMTP inspection leaves of a greeting and of an EHLO reply.
MASKED_GREETING = "220 *****************************"
MASKED_EHLO = "250-mail.demo.example\n250-PIPELINING\n250-SIZE 10485760\n250-XXXXXXXA\n250-XXXB\n250 8BITMIME"

Kind = Literal["smtp", "silent", "closed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One endpoint of the demo and how the server behind it behaves."""

    name: str
    team: str
    tls: TlsMode
    until: Phase = Phase.AUTH
    kind: Kind = "smtp"
    host: str = LOOPBACK
    validity: Validity = CURRENT
    certified: tuple[str, ...] = ("localhost", LOOPBACK)
    """The names in the server's certificate."""
    mechanisms: tuple[str, ...] = ("PLAIN", "LOGIN")
    mechanism: Mechanism | None = None
    """The one to log in with; None takes the strongest."""
    replies: tuple[tuple[str, str], ...] = ()
    expected: ErrorClass = ErrorClass.NONE
    """The class that a probe should find."""
    seconds_a_reply: float = 0.004
    """About how long the server thinks before each reply."""

    @property
    def user(self) -> str:
        """Each has its own: the servers share a host, and one refusal holds back all logins of a user there."""
        return f"{self.name}@demo.example"


SCENES: tuple[Scene, ...] = (
    Scene(
        name="healthy-starttls",
        team="mail",
        tls=TlsMode.STARTTLS,
        host="localhost",
        seconds_a_reply=0.012,
    ),
    Scene(
        name="healthy-implicit",
        team="mail",
        tls=TlsMode.IMPLICIT,
        until=Phase.RCPT,
        mechanisms=("LOGIN",),
        mechanism=Mechanism.LOGIN,
        seconds_a_reply=0.020,
    ),
    Scene(name="healthy-plaintext", team="printers", tls=TlsMode.NONE),
    Scene(
        name="expired-certificate",
        team="mail",
        expected=ErrorClass.CERT_EXPIRED,
        tls=TlsMode.STARTTLS,
        validity=EXPIRED,
    ),
    Scene(
        name="wrong-name",
        team="web",
        expected=ErrorClass.CERT_HOSTNAME_MISMATCH,
        tls=TlsMode.IMPLICIT,
        certified=("mail.demo.example", "smtp.demo.example"),
    ),
    Scene(
        name="rejected-password",
        team="billing",
        expected=ErrorClass.CREDENTIALS_REJECTED,
        tls=TlsMode.STARTTLS,
        replies=(("AUTH", "535 5.7.8 Error: authentication failed: authentication failure"),),
    ),
    Scene(
        name="app-password",
        team="billing",
        expected=ErrorClass.APP_PASSWORD_REQUIRED,
        tls=TlsMode.IMPLICIT,
        replies=(("AUTH", GMAIL_SECOND_FACTOR),),
    ),
    Scene(
        name="busy",
        team="web",
        expected=ErrorClass.SERVICE_UNAVAILABLE,
        tls=TlsMode.STARTTLS,
        replies=((GREETING, "421 4.3.2 Service not available, too busy, try again later"),),
    ),
    Scene(
        name="silent-port",
        team="web",
        expected=ErrorClass.GREETING_TIMEOUT,
        tls=TlsMode.STARTTLS,
        kind="silent",
    ),
    Scene(
        name="closed-port",
        team="printers",
        expected=ErrorClass.CONNECT_REFUSED,
        tls=TlsMode.STARTTLS,
        kind="closed",
    ),
    Scene(
        name="masked-starttls",
        team="printers",
        expected=ErrorClass.STARTTLS_STRIPPED,
        tls=TlsMode.STARTTLS,
        replies=(
            (GREETING, MASKED_GREETING),
            ("EHLO", MASKED_EHLO),
            ("STARTTLS", '500 Command unrecognized: "XXXXXXXX"'),
        ),
    ),
)


class DemoServers:
    """Starts the servers of `SCENES` on free loopback ports; all of it is gone after `stop`.

    `interval` is what the healthy endpoints are probed at, in seconds; the broken ones take twice
    as long.
    """

    def __init__(self, *, interval: float = INTERVAL_SECONDS, timeout: float = TIMEOUT_SECONDS) -> None:
        self._interval = interval
        self._timeout = timeout
        self._stack = AsyncExitStack()
        self._endpoints: tuple[Endpoint, ...] = ()

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """The endpoints to probe; empty unless started."""
        return self._endpoints

    async def start(self) -> None:
        """Make the certificates and start every server; a failure takes back what was begun.

        NoFolderError: there is nowhere to put the certificates.
        """
        async with AsyncExitStack() as stack:
            directory = stack.enter_context(scratch_folder())
            issuer, ca_file = _issuer(directory)
            ports = [await _open(scene, issuer, stack) for scene in SCENES]
            self._endpoints = tuple(map(self._endpoint, SCENES, ports, repeat(ca_file)))
            self._stack = stack.pop_all()

    async def stop(self) -> None:
        """Close every port and connection and remove the files; harmless when not started."""
        self._endpoints = ()
        await self._stack.aclose()

    def _endpoint(self, scene: Scene, port: int, ca_file: str) -> Endpoint:
        return Endpoint(
            name=scene.name,
            host=scene.host,
            port=port,
            tls=scene.tls,
            until=scene.until,
            interval=self._interval if scene.expected is ErrorClass.NONE else 2 * self._interval,
            timeout=self._timeout,
            # A name on loopback may have ::1 first, where nothing listens.
            ip_protocol=IpProtocol.ANY if scene.host == LOOPBACK else IpProtocol.IP4,
            tls_config=TlsConfig(ca_file=None if scene.tls is TlsMode.NONE else ca_file),
            auth=Auth(
                username=scene.user,
                password=Secret(PASSWORD),
                mechanism=scene.mechanism,
                allow_plaintext=scene.tls is TlsMode.NONE,
            ),
            message=Message(sender=SENDER, recipient=RECIPIENT) if scene.until is Phase.RCPT else None,
            labels=(("site", "demo"), ("team", scene.team)),
        )


def _issuer(directory: str) -> tuple[Identity, str]:
    """A new intermediate authority, and the file of the root that it hangs on."""
    root = authority("Demo Root CA")
    ca_file = Path(directory, "ca.pem")
    ca_file.write_bytes(root.certificate_pem)
    return authority("Demo Issuing CA", issuer=root), str(ca_file)


async def _open(scene: Scene, issuer: Identity, stack: AsyncExitStack) -> int:
    """Start what is behind `scene`, leave its end to `stack`, and tell the port."""
    match scene.kind:
        case "closed":
            # Bound and never listening: connecting is refused, and nobody else can take the port.
            sock = stack.enter_context(socket.socket())
            sock.bind((LOOPBACK, 0))
            port: int = sock.getsockname()[1]
            return port
        case "silent":
            silent = Listener(_silence)
            await silent.start()
            stack.push_async_callback(silent.stop)
            return silent.port
        case "smtp":
            server = SubmissionServer(_service(scene, issuer))
            await server.start()
            stack.push_async_callback(server.stop)
            return server.port


def _service(scene: Scene, issuer: Identity) -> Service:
    return Service(
        tls=scene.tls,
        context=_context(scene, issuer),
        mechanisms=scene.mechanisms,
        credentials={scene.user: PASSWORD},
        replies=dict(scene.replies),
        pause=_thinking(scene),
    )


def _context(scene: Scene, issuer: Identity) -> ssl.SSLContext | None:
    if scene.tls is TlsMode.NONE:
        return None
    return server_context(leaf(*scene.certified, issuer=issuer, validity=scene.validity))


def _thinking(scene: Scene) -> Callable[[str], float]:
    """Pauses that scatter a little around the scene's own, the same in every run."""
    chance = random.Random(scene.name)  # noqa: S311 - it makes curves, no secrets
    return lambda _word: scene.seconds_a_reply * chance.lognormvariate(0.0, 0.35)


async def _silence(wire: Wire) -> None:
    """Say nothing until the client goes away."""
    while await wire.read():
        pass
