"""Every login that real servers know, tried by us and by foreign clients: `python -m tests.login.matrix`.

Server x encryption x mechanism x (right, wrong) secret.  swaks, curl and msmtp give the second opinion,
each on the mechanisms that it speaks.
"""

from __future__ import annotations

import asyncio
import base64
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from exporter.diagnosis import diagnose
from exporter.model import (
    Auth,
    Endpoint,
    ErrorClass,
    Mechanism,
    OAuth2,
    Phase,
    Secret,
    TlsConfig,
    TlsMode,
)
from exporter.probe.prober import Prober
from exporter.probe.resolver import Resolver
from tests.servers import postfix as postfix_server
from tests.servers.background import in_background
from tests.servers.certificates import Workshop
from tests.servers.dovecot import PASSWORD_MECHANISMS, TOKEN_MECHANISMS, dovecot_version
from tests.servers.exim import Exim, running_exim
from tests.servers.postfix import Postfix, running_postfix
from tests.servers.scripted import Scripted, Stage, handshake, scripted
from tests.servers.second_opinion import Login, Opinion, curl, msmtp, swaks

CLIENTS_AT_ONCE = 4

Client = Callable[[Login], Opinion]


@dataclass(frozen=True, slots=True)
class Case:
    """One login to try."""

    server: str
    tls: TlsMode
    mechanism: Mechanism
    right: bool
    login: Login
    """As a foreign client makes it."""
    clients: tuple[tuple[str, Client, Login], ...]
    refusal: ErrorClass
    """What a refusal of this login is called."""
    tls_config: TlsConfig


@dataclass(frozen=True, slots=True)
class Row:
    """What everybody concluded."""

    case: Case
    ours: ErrorClass
    mechanism: str | None
    """The one that our AUTH command named."""
    theirs: dict[str, bool]

    @property
    def agrees(self) -> bool:
        """All verdicts are the same, and the right one."""
        ours = ErrorClass.NONE if self.case.right else self.case.refusal
        named = self.mechanism == self.case.mechanism
        return self.ours is ours and named and set(self.theirs.values()) == {self.case.right}

    def __str__(self) -> str:
        theirs = ", ".join(f"{name} {'in' if got_in else 'refused'}" for name, got_in in self.theirs.items())
        case = self.case
        words = (case.server, case.tls, case.mechanism, "right" if case.right else "wrong", self.ours, theirs)
        widths = (8, 8, 13, 5, 22, 0)
        cells = (f"{word:<{width}}" for word, width in zip(words, widths, strict=True))
        return f"{'  '.join(cells)}{'' if self.agrees else '   <-- DISAGREE'}"


# ------------------------------------------------------------------ the cases

_REJECTED = ErrorClass.CREDENTIALS_REJECTED
_TOKEN_REJECTED = ErrorClass.OAUTH_TOKEN_REJECTED


def postfix_cases(postfix: Postfix) -> Iterator[Case]:
    """Postfix with Dovecot: seven mechanisms in three ways of encryption."""
    ports = postfix.ports
    by_mode = {
        TlsMode.STARTTLS: ports.submission,
        TlsMode.IMPLICIT: ports.submissions,
        TlsMode.NONE: ports.plaintext,
    }
    good, revoked = postfix.oauth.grant(), postfix.oauth.grant()
    postfix.oauth.revoke(revoked)
    for tls, port in by_mode.items():
        for name in (*PASSWORD_MECHANISMS, *TOKEN_MECHANISMS):
            token = name in TOKEN_MECHANISMS
            for right in (True, False):
                secret = (good if right else revoked) if token else (postfix.password if right else "wrong")
                login = Login(
                    port=port,
                    tls=tls,
                    mechanism=name,
                    user=postfix.user,
                    password=secret,
                    ca_file=postfix.ca_file,
                )
                yield Case(
                    "postfix",
                    tls,
                    Mechanism(name),
                    right,
                    login,
                    _clients(login, ports.plaintext),
                    _TOKEN_REJECTED if token else _REJECTED,
                    TlsConfig(ca_file=postfix.ca_file),
                )


def exim_cases(exim: Exim) -> Iterator[Case]:
    """Exim: PLAIN and LOGIN in three ways of encryption."""
    by_mode = {
        TlsMode.STARTTLS: exim.ports.submission,
        TlsMode.IMPLICIT: exim.ports.submissions,
        TlsMode.NONE: exim.ports.plaintext,
    }
    for tls, port in by_mode.items():
        for mechanism in (Mechanism.PLAIN, Mechanism.LOGIN):
            for right in (True, False):
                login = Login(
                    port=port,
                    tls=tls,
                    mechanism=mechanism,
                    user=exim.user,
                    password=exim.password if right else "wrong",
                    ca_file=exim.ca_file,
                )
                yield Case(
                    "exim",
                    tls,
                    mechanism,
                    right,
                    login,
                    (*_clients(login, 0), ("msmtp", msmtp, login)),
                    _REJECTED,
                    TlsConfig(ca_file=exim.ca_file),
                )


def certificate_cases(port: int, workshop: Workshop) -> Iterator[Case]:
    """EXTERNAL with a client certificate, which Postfix does not hand on to Dovecot: a server of our own."""
    client = workshop.client()
    for right in (True, False):
        login = Login(
            port=port,
            tls=TlsMode.IMPLICIT,
            mechanism="EXTERNAL",
            user=postfix_server.USER if right else "somebody@else.test",
            password="",
            ca_file=workshop.ca_file,
            certificate=(client.certificate_file, client.key_file),
        )
        yield Case(
            "external",
            TlsMode.IMPLICIT,
            Mechanism.EXTERNAL,
            right,
            login,
            (("curl", curl, login),),
            _REJECTED,
            TlsConfig(ca_file=workshop.ca_file, cert_file=client.certificate_file, key_file=client.key_file),
        )


def _clients(login: Login, plaintext_port: int) -> tuple[tuple[str, Client, Login], ...]:
    """Who speaks the mechanism; each with the login that it is to try."""
    if login.mechanism.startswith("SCRAM"):
        # Under TLS msmtp says that it could bind the channel, which Dovecot 2.4 takes as a downgrade
        # (RFC 5802 6): there its opinion is about the same account without TLS.
        in_clear = replace(login, tls=TlsMode.NONE, port=plaintext_port)
        return (("msmtp", msmtp, in_clear if dovecot_version() >= (2, 4) else login),)
    if login.mechanism in TOKEN_MECHANISMS:
        return (("curl", curl, login),)
    return (("swaks", swaks, login), ("curl", curl, login))


# ------------------------------------------------------------------ the verdicts


def matrix(postfix: Postfix, exim: Exim, workshop: Workshop) -> list[Row]:
    """Every case with every verdict, in the order of the cases."""
    with in_background(lambda: external_server(workshop)) as external:
        cases = [
            *postfix_cases(postfix),
            *exim_cases(exim),
            *certificate_cases(external.port, workshop),
        ]
        with ThreadPoolExecutor(CLIENTS_AT_ONCE) as pool:
            asked = [
                {name: pool.submit(client, login) for name, client, login in case.clients} for case in cases
            ]
            ours = asyncio.run(_probe_all(cases, workshop.directory))
            return [
                Row(case, *verdict, {name: opinion.result().accepted for name, opinion in opinions.items()})
                for case, verdict, opinions in zip(cases, ours, asked, strict=True)
            ]


async def _probe_all(cases: list[Case], directory: Path) -> list[tuple[ErrorClass, str | None]]:
    resolver = Resolver()
    try:
        prober = Prober(resolver)
        verdicts = []
        for number, case in enumerate(cases):
            result = await prober.run(_endpoint(case, directory / f"token-{number}"))
            error_class = ErrorClass.NONE if result.symptom is None else diagnose(result.symptom).error_class
            verdicts.append((error_class, result.mechanism))
        return verdicts
    finally:
        resolver.close()


def _endpoint(case: Case, token_file: Path) -> Endpoint:
    """The case as an endpoint of ours."""
    auth = Auth(username=case.login.user, mechanism=case.mechanism, allow_plaintext=True)
    if case.mechanism in TOKEN_MECHANISMS:
        token_file.write_text(case.login.password)
        auth = replace(auth, oauth2=OAuth2(token_file=str(token_file)))
    elif case.mechanism is not Mechanism.EXTERNAL:
        auth = replace(auth, password=Secret(case.login.password))
    return Endpoint(
        name=case.server,
        host=case.login.host,
        port=case.login.port,
        tls=case.tls,
        until=Phase.AUTH,
        interval=60.0,
        timeout=10.0,
        tls_config=case.tls_config,
        auth=auth,
    )


def external_server(workshop: Workshop) -> AbstractAsyncContextManager[Scripted]:
    """A server that lets one user in by EXTERNAL, if the certificate is one of the workshop's."""
    context = workshop.valid().context(client_ca_file=workshop.ca_file)
    expected = base64.b64encode(postfix_server.USER.encode()).decode()

    async def serve(stage: Stage) -> None:
        await stage.wire.write(b"220 mail.test ESMTP\r\n")
        while line := (await stage.wire.read_line()).decode().strip():
            verb, _, rest = line.partition(" ")
            match verb.upper():
                case "EHLO":
                    reply = "250-mail.test\r\n250 AUTH EXTERNAL"
                case "AUTH" if rest == "EXTERNAL":  # curl gives its name when it is asked
                    await stage.wire.write(b"334 \r\n")
                    name = (await stage.wire.read_line()).decode().strip()
                    reply = "235 2.7.0 Accepted" if name == expected else "535 5.7.8 Not you"
                case "AUTH":
                    reply = "235 2.7.0 Accepted" if rest.endswith(f" {expected}") else "535 5.7.8 Not you"
                case "QUIT":
                    await stage.wire.write(b"221 2.0.0 Bye\r\n")
                    return
                case _:
                    reply = "250 2.0.0 Ok"
            await stage.wire.write(f"{reply}\r\n".encode())

    return scripted([handshake(context), serve])


def main() -> int:
    """Start the servers, print the table, and say whether all agree."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        workshop = Workshop(Path(folder))
        Path(folder).chmod(0o755)
        with running_postfix(workshop) as postfix, running_exim(workshop) as exim:
            rows = matrix(postfix, exim, workshop)
    agreed = sum(row.agrees for row in rows)
    opinions = sum(len(row.theirs) for row in rows)
    seconds = time.perf_counter() - began
    lines = (*map(str, rows), f"{agreed} of {len(rows)} agree, {opinions} foreign opinions, {seconds:.0f} s")
    sys.stdout.write("\n".join(lines) + "\n")
    return 0 if agreed == len(rows) else 1


if __name__ == "__main__":
    sys.exit(main())
