"""A real Postfix on free loopback ports, with Dovecot's SASL, that accepts mail and drops it."""

from __future__ import annotations

import contextlib
import functools
import os
import smtplib
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.servers.certificates import Workshop
from tests.servers.dovecot import DOVECOT, DovecotAuth
from tests.servers.mail_log import MailLog
from tests.servers.oauth import OAuthServer, oauth_server
from tests.servers.ports import free_ports
from tests.servers.process import Daemon, greets, open_directory, own, require

MASTER = "/usr/lib/postfix/sbin/master"

HOST = "localhost"
USER = "probe@mail.test"
PASSWORD = "s3cret & more"
SENDER = USER
RECIPIENT = "somebody@example.org"
REFUSED_RECIPIENTS = {
    450: "greylisted@example.org",
    452: "over-quota@example.org",
    550: "nobody@example.org",
}
"""The recipient that gets each reply to RCPT."""
REFUSED_SENDER = "forged@example.org"
"""The sender that gets 553 (at RCPT, where Postfix evaluates it)."""

MAIN = """\
compatibility_level = 3.6
queue_directory = {root}/queue
data_directory = {root}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = {root}/mail.log
maillog_file_prefixes = {root}
myhostname = mail.test
mydestination =
mynetworks = 127.0.0.9/32
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
local_recipient_maps =
default_transport = discard:
relay_transport = discard:
smtpd_peername_lookup = no
smtpd_tls_chain_files = {key_file}, {certificate_file}
smtpd_tls_CAfile = {ca_file}
smtpd_tls_auth_only = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = private/auth
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_sender_restrictions = check_sender_access inline:{{ {{ {refused_sender} = 553 5.7.1 not yours }} }}
smtpd_recipient_restrictions = check_recipient_access inline:{{
  {{ {greylisted} = 450 4.7.1 Greylisted, come again }},
  {{ {over_quota} = 452 4.2.2 Over quota }},
  {{ {unknown} = 550 5.1.1 User unknown }} }}
# A test is one client that comes often and fails often: nothing of that is to be slowed down.
smtpd_error_sleep_time = 0
smtpd_client_connection_count_limit = 0
# After an smtpd has died (no authentication service), the next one comes after one second, not 60.
service_throttle_time = 1s
"""

# An empty -o value lifts Postfix's exception for its own networks.
MASTER_CF = """\
127.0.0.1:{submission} inet n - n - - smtpd
  -o syslog_name=postfix/submission
  -o smtpd_tls_security_level=encrypt
  -o smtpd_sasl_auth_enable=yes
127.0.0.1:{submissions} inet n - n - - smtpd
  -o syslog_name=postfix/submissions
  -o smtpd_tls_wrappermode=yes
  -o smtpd_sasl_auth_enable=yes
127.0.0.1:{plaintext} inet n - n - - smtpd
  -o syslog_name=postfix/plaintext
  -o smtpd_tls_security_level=none
  -o smtpd_tls_auth_only=no
  -o smtpd_sasl_auth_enable=yes
127.0.0.1:{single} inet n - n - 1 smtpd
  -o syslog_name=postfix/single
  -o smtpd_tls_security_level=encrypt
  -o smtpd_sasl_auth_enable=yes
127.0.0.1:{limited} inet n - n - - smtpd
  -o syslog_name=postfix/limited
  -o smtpd_tls_security_level=encrypt
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_client_connection_rate_limit=1
  -o smtpd_client_event_limit_exceptions=
127.0.0.1:{certificate} inet n - n - - smtpd
  -o syslog_name=postfix/certificate
  -o smtpd_tls_wrappermode=yes
  -o smtpd_tls_req_ccert=yes
  -o smtpd_sasl_auth_enable=yes
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
discard unix - - n - - discard
error unix - - n - - error
anvil unix - - n - 1 anvil
tlsmgr unix - - n 1000? 1 tlsmgr
proxymap unix - - n - - proxymap
postlog unix-dgram n - n - 1 postlogd
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Where each service listens; their names are those of the mail log."""

    submission: int
    """STARTTLS required, login after it."""
    submissions: int
    """TLS at once."""
    plaintext: int
    """No TLS at all; AUTH is offered in the clear."""
    single: int
    """As `submission`, served by one process: one session after the other."""
    limited: int
    """As `submission`, for one connection a minute; the next gets 421 4.7.0."""
    certificate: int
    """TLS at once, and only with a client certificate."""


class Postfix:
    """Running Postfix and Dovecot."""

    user = USER
    password = PASSWORD

    def __init__(self, root: Path, ports: Ports, ca_file: str, auth: DovecotAuth, oauth: OAuthServer) -> None:
        self.ports = ports
        self.ca_file = ca_file
        self.oauth = oauth
        self._root = root
        self._auth = auth
        self._daemon: Daemon | None = None

    def log(self) -> MailLog:
        """The mail log from now on."""
        return MailLog(self._root / "mail.log")

    def start(self) -> None:
        """Start the master process; every port answers when this returns."""
        command = [MASTER, "-c", f"{self._root}/etc", "-d"]
        self._daemon = Daemon("Postfix", command, self._root / "master.out")
        self._daemon.wait_until(lambda: greets(self.ports.submission), f"port {self.ports.submission}")

    def stop(self) -> None:
        """Stop it, without Dovecot; harmless when it does not run."""
        if self._daemon is not None:
            self._daemon.stop()
            self._daemon = None

    @contextlib.contextmanager
    def without_auth(self) -> Iterator[None]:
        """No Dovecot inside the block: every session is closed right after its TLS handshake."""
        self._auth.stop()
        try:
            # An smtpd that has talked to Dovecot before would serve one more session.
            self._renew_smtpds()
            yield
        finally:
            self._start_auth()

    @contextlib.contextmanager
    def losing_auth(self) -> Iterator[None]:
        """Dovecot is lost unnoticed: the next session at `ports.single` gets 454 4.7.0 to its AUTH."""
        assert self._admits(self.ports.single)
        self._auth.stop()
        try:
            yield
        finally:
            self._start_auth()

    def _renew_smtpds(self) -> None:
        assert self._daemon is not None
        daemon, old = self._daemon, self._daemon.children("smtpd")
        daemon.reload()
        daemon.wait_until(lambda: not old & daemon.children("smtpd"), "the end of the old smtpds")

    def _start_auth(self) -> None:
        """Start Dovecot again; logins succeed when this returns."""
        self._auth.start()
        assert self._daemon is not None
        # Postfix holds a service back for a second after its smtpd has died.
        for port in (self.ports.submission, self.ports.submissions, self.ports.plaintext, self.ports.single):
            self._daemon.wait_until(functools.partial(self._admits, port), f"a login on port {port}")

    def exhaust_limit(self) -> None:
        """Use up what `ports.limited` grants in this minute: every later connection gets 421."""
        while greets(self.ports.limited):
            pass

    def _admits(self, port: int) -> bool:
        context = ssl.create_default_context(cafile=self.ca_file)
        try:
            if port == self.ports.submissions:
                with smtplib.SMTP_SSL(HOST, port, timeout=5, context=context) as client:
                    client.login(USER, PASSWORD)
            else:
                with smtplib.SMTP(HOST, port, timeout=5) as client:
                    if port != self.ports.plaintext:
                        client.starttls(context=context)
                    client.login(USER, PASSWORD)
        except (OSError, smtplib.SMTPException):
            return False
        return True


@contextlib.contextmanager
def running_postfix(workshop: Workshop) -> Iterator[Postfix]:
    """Postfix and Dovecot, started in about a second; everything is gone after the block."""
    require("Postfix with Dovecot", MASTER, DOVECOT)
    with contextlib.ExitStack() as stack:
        root = stack.enter_context(open_directory("postfix"))
        oauth = stack.enter_context(oauth_server(USER))
        ports = Ports(
            **dict(zip(Ports.__dataclass_fields__, free_ports(len(Ports.__dataclass_fields__)), strict=True))
        )
        _lay_out(root, ports, workshop)
        auth = DovecotAuth(
            root / "dovecot",
            root / "queue/private/auth",
            users={USER: PASSWORD},
            introspection_url=oauth.introspection_url,
        )
        postfix = Postfix(root, ports, workshop.ca_file, auth, oauth)
        stack.callback(auth.stop)
        stack.callback(postfix.stop)
        auth.start()
        postfix.start()
        yield postfix


def _lay_out(root: Path, ports: Ports, workshop: Workshop) -> None:
    """The directories, with the owners that Postfix insists on, and its two files."""
    for name in ("etc", "data", "queue"):
        (root / name).mkdir(mode=0o755)
    own(root / "data", "postfix", mode=0o700)
    for name in ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "saved"):
        (root / "queue" / name).mkdir(mode=0o700)
        own(root / "queue" / name, "postfix", mode=0o700)
    for name, mode in (("private", 0o700), ("trace", 0o700), ("public", 0o710), ("maildrop", 0o730)):
        (root / "queue" / name).mkdir()
        own(root / "queue" / name, "postfix", "postdrop", mode)
    (root / "queue/pid").mkdir(mode=0o755)
    valid = workshop.valid()
    _write_settled(
        root / "etc/main.cf",
        MAIN.format(
            root=root,
            certificate_file=valid.certificate_file,
            key_file=valid.key_file,
            ca_file=workshop.ca_file,
            refused_sender=REFUSED_SENDER,
            greylisted=REFUSED_RECIPIENTS[450],
            over_quota=REFUSED_RECIPIENTS[452],
            unknown=REFUSED_RECIPIENTS[550],
        ),
    )
    _write_settled(
        root / "etc/master.cf",
        MASTER_CF.format(**{name: getattr(ports, name) for name in Ports.__dataclass_fields__}),
    )


def _write_settled(file: Path, content: str) -> None:
    """Write a file that looks an hour old: every Postfix program waits two seconds for a fresh one."""
    file.write_text(content)
    an_hour_ago = time.time() - 3600
    os.utime(file, (an_hour_ago, an_hour_ago))
