"""A real Exim 4 on free loopback ports that accepts mail of one user and drops it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.servers.certificates import Workshop
from tests.servers.ports import free_ports
from tests.servers.process import Daemon, greets, open_directory, own, require

PROGRAM = Path(__file__).parents[2] / ".cache/exim/usr/sbin/exim4"
ACCOUNT = "Debian-exim"

HOST = "localhost"
USER = "probe@mail.test"
PASSWORD = "s3cret & more"
SENDER = USER
RECIPIENT = "somebody@example.org"

CONFIGURATION = """\
primary_hostname = exim.test
exim_user = {account}
exim_group = {account}
spool_directory = {root}/spool
log_file_path = {root}/%slog
pid_file_path = {root}/exim.pid
keep_environment =
local_interfaces = 127.0.0.1
daemon_smtp_ports = {submission} : {submissions} : {plaintext}
tls_on_connect_ports = {submissions}
tls_advertise_hosts = *
tls_certificate = {root}/certificate.pem
tls_privatekey = {root}/key.pem
auth_advertise_hosts = ${{if or {{{{def:tls_in_cipher}}{{={{$received_port}}{{{plaintext}}}}}}} {{*}}}}
host_lookup =
rfc1413_query_timeout = 0s
smtp_accept_max = 200
log_selector = +smtp_connection
acl_smtp_rcpt = recipient
acl_smtp_data = message

begin acl
recipient:
  accept authenticated = *
  deny message = relay not permitted
message:
  discard

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if and {{{{eq{{$auth2}}{{{user}}}}}{{eq{{$auth3}}{{{password}}}}}}}}}
  server_set_id = $auth2
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = ${{if and {{{{eq{{$auth1}}{{{user}}}}}{{eq{{$auth2}}{{{password}}}}}}}}}
  server_set_id = $auth1
"""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where Exim listens."""

    submission: int
    """STARTTLS; AUTH is offered after it."""
    submissions: int
    """TLS at once."""
    plaintext: int
    """AUTH is offered in the clear."""


class Exim:
    """Running Exim."""

    user = USER
    password = PASSWORD

    def __init__(self, root: Path, ports: Ports, ca_file: str) -> None:
        self.ports = ports
        self.ca_file = ca_file
        self._root = root
        self._daemon: Daemon | None = None

    def log(self) -> str:
        """The main log so far."""
        return (self._root / "mainlog").read_text(errors="replace")

    def start(self) -> None:
        """Start it; it answers when this returns."""
        command = [str(PROGRAM), "-C", f"{self._root}/exim.conf", "-bdf"]
        self._daemon = Daemon("Exim", command, self._root / "exim.out")
        self._daemon.wait_until(lambda: greets(self.ports.submission), f"port {self.ports.submission}")

    def stop(self) -> None:
        """Stop it; harmless when it does not run."""
        if self._daemon is not None:
            self._daemon.stop()
            self._daemon = None


@contextlib.contextmanager
def running_exim(workshop: Workshop) -> Iterator[Exim]:
    """Exim, started in a fraction of a second; everything is gone after the block."""
    require("Exim 4", str(PROGRAM))
    with open_directory("exim") as root:
        ports = Ports(*free_ports(3))
        _lay_out(root, ports, workshop)
        exim = Exim(root, ports, workshop.ca_file)
        try:
            exim.start()
            yield exim
        finally:
            exim.stop()


def _lay_out(root: Path, ports: Ports, workshop: Workshop) -> None:
    """The files, readable for the account that Exim's sessions run under."""
    own(root, ACCOUNT, ACCOUNT)
    (root / "spool").mkdir()
    own(root / "spool", ACCOUNT, ACCOUNT, 0o750)
    identity = workshop.valid().identity
    (root / "certificate.pem").write_bytes(identity.certificate_pem)
    (root / "key.pem").write_bytes(identity.key_pem)
    own(root / "key.pem", ACCOUNT, ACCOUNT, 0o600)
    (root / "exim.conf").write_text(
        CONFIGURATION.format(
            root=root,
            account=ACCOUNT,
            submission=ports.submission,
            submissions=ports.submissions,
            plaintext=ports.plaintext,
            user=USER,
            password=PASSWORD,
        )
    )
