"""Other people's clients (swaks, curl, msmtp) asked for their verdict on a login."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass

from exporter.model import TlsMode

TIMEOUT_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a foreign client concluded."""

    code: int
    """Its exit code; 0 is success."""
    transcript: str

    @property
    def accepted(self) -> bool:
        """It got in."""
        return self.code == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A login to try: where, how and as whom."""

    port: int
    tls: TlsMode
    mechanism: str
    user: str
    password: str
    """For XOAUTH2 and OAUTHBEARER the token."""
    ca_file: str
    host: str = "localhost"
    certificate: tuple[str, str] | None = None
    """The files of a client certificate and its key, for curl."""


def swaks(login: Login, *options: str) -> Opinion:
    """swaks: PLAIN, LOGIN and CRAM-MD5; exit code 28 is a refused login, 29 no TLS."""
    modes = {TlsMode.STARTTLS: ("-tls",), TlsMode.IMPLICIT: ("-tlsc",), TlsMode.NONE: ()}
    verify = () if login.tls is TlsMode.NONE else ("--tls-verify", "--tls-ca-path", login.ca_file)
    return _run(
        "swaks",
        "--server",
        login.host,
        "--port",
        str(login.port),
        *modes[login.tls],
        *verify,
        "--auth",
        login.mechanism,
        "--auth-user",
        login.user,
        "--auth-password",
        login.password,
        "--from",
        login.user,
        "--to",
        "somebody@example.org",
        *(options or ("--quit-after", "AUTH")),
    )


def curl(login: Login) -> Opinion:
    """curl: every mechanism but SCRAM, EXTERNAL with an empty password; exit code 67 is a refused login, 60 an untrusted certificate."""
    scheme = "smtps" if login.tls is TlsMode.IMPLICIT else "smtp"
    token = login.mechanism in {"XOAUTH2", "OAUTHBEARER"}
    return _run(
        "curl",
        "--silent",
        "--verbose",
        "--url",
        f"{scheme}://{login.host}:{login.port}",
        *(() if login.tls is TlsMode.NONE else ("--ssl-reqd", "--cacert", login.ca_file)),
        *(("--cert", login.certificate[0], "--key", login.certificate[1]) if login.certificate else ()),
        "--login-options",
        f"AUTH={login.mechanism}",
        "--user",
        f"{login.user}:" if token else f"{login.user}:{login.password}",
        *(("--oauth2-bearer", login.password) if token else ()),
        "--request",
        "NOOP",
    )


def msmtp(login: Login) -> Opinion:
    """msmtp, which sends a message: PLAIN, LOGIN, CRAM-MD5 and SCRAM (without TLS); 77 is a refused login."""
    return _run(
        "msmtp",
        f"--host={login.host}",
        f"--port={login.port}",
        f"--tls={'off' if login.tls is TlsMode.NONE else 'on'}",
        f"--tls-starttls={'on' if login.tls is TlsMode.STARTTLS else 'off'}",
        *(() if login.tls is TlsMode.NONE else (f"--tls-trust-file={login.ca_file}",)),
        f"--auth={login.mechanism.lower()}",
        f"--user={login.user}",
        "--passwordeval=printenv PASSWORD",
        f"--from={login.user}",
        "--debug",
        "somebody@example.org",
        environment={"PASSWORD": login.password},
        message="Subject: a second opinion\n\nHello.\n",
    )


def _run(*command: str, environment: dict[str, str] | None = None, message: str = "") -> Opinion:
    done = subprocess.run(
        command,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "HOME": "/nonexistent", **(environment or {})},
        input=message,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    return Opinion(done.returncode, done.stdout + done.stderr)
