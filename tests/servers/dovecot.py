"""Dovecot's authentication service alone, behind a socket for Postfix."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.servers.process import Daemon, own

DOVECOT = "/usr/sbin/dovecot"
PASSWORD_MECHANISMS = ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256")
TOKEN_MECHANISMS = ("XOAUTH2", "OAUTHBEARER")

# A test asks for many refusals: no two seconds for each, and no penalty that grows.
COMMON = """\
base_dir = {root}/run
state_dir = {root}/run
log_path = {root}/dovecot.log
protocols =
ssl = no
auth_mechanisms = {mechanisms}
auth_verbose = yes
auth_failure_delay = 0
service auth {{
  unix_listener {socket} {{
    mode = 0660
    user = postfix
    group = postfix
  }}
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
"""

# Dovecot 2.3 (Debian 12); the settings of its OAuth2 database stand in a file of their own.
BEFORE_2_4 = """\
{common}
disable_plaintext_auth = no
passdb {{
  driver = oauth2
  mechanisms = {token_mechanisms}
  args = {root}/oauth2.conf
}}
passdb {{
  driver = passwd-file
  mechanisms = {password_mechanisms}
  args = {root}/users
}}
userdb {{
  driver = static
  args = uid=dovecot gid=dovecot home={root}
}}
"""

# Dovecot 2.4 (Debian 13) has a new syntax and insists on these two lines first.
SINCE_2_4 = """\
dovecot_config_version = 2.4.0
dovecot_storage_version = 2.4.0
{common}
auth_allow_cleartext = yes
oauth2 {{
{oauth2}}}
passdb passwd-file {{
  passwd_file_path = {root}/users
}}
userdb static {{
  fields {{
    uid = dovecot
    gid = dovecot
    home = {root}
  }}
}}
"""

OAUTH2 = """\
introspection_mode = post
introspection_url = {url}
username_attribute = username
active_attribute = active
active_value = true
"""


class DovecotAuth:
    """Users and bearer tokens behind `socket`; may be stopped and started again."""

    def __init__(self, root: Path, socket: Path, *, users: dict[str, str], introspection_url: str) -> None:
        self._root = root
        self._socket = socket
        self._daemon: Daemon | None = None
        root.mkdir(mode=0o755)
        (root / "run").mkdir(mode=0o755)
        (root / "users").write_text("".join(f"{user}:{{PLAIN}}{word}\n" for user, word in users.items()))
        oauth2 = OAUTH2.format(url=introspection_url)
        (root / "oauth2.conf").write_text(oauth2)
        (root / "dovecot.conf").write_text(
            (SINCE_2_4 if dovecot_version() >= (2, 4) else BEFORE_2_4).format(
                common=COMMON.format(
                    root=root, socket=socket, mechanisms=_spaced(PASSWORD_MECHANISMS + TOKEN_MECHANISMS)
                ),
                root=root,
                oauth2=oauth2,
                password_mechanisms=_spaced(PASSWORD_MECHANISMS),
                token_mechanisms=_spaced(TOKEN_MECHANISMS),
            )
        )
        own(root / "users", "dovecot", mode=0o600)

    def start(self) -> None:
        """Start it; its socket is there when this returns."""
        daemon = Daemon(
            "Dovecot", [DOVECOT, "-F", "-c", f"{self._root}/dovecot.conf"], self._root / "dovecot.out"
        )
        self._daemon = daemon
        daemon.wait_until(self._socket.exists, "its authentication socket")

    def stop(self) -> None:
        """Stop it and remove its socket; harmless when it does not run."""
        if self._daemon is not None:
            self._daemon.stop()
            self._daemon = None
        self._socket.unlink(missing_ok=True)


def dovecot_version() -> tuple[int, ...]:
    """Major and minor number of the installed Dovecot."""
    output = subprocess.run([DOVECOT, "--version"], capture_output=True, text=True, check=True).stdout
    found = re.match(r"(\d+)\.(\d+)", output)
    assert found, output
    return tuple(map(int, found.groups()))


def _spaced(mechanisms: tuple[str, ...]) -> str:
    return " ".join(mechanisms).lower()
