"""The test stand: the server, our exporter and the peer, each as a process of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sys
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from benchmarks.child import CLIENT_CORE, SERVER_CORE, Child
from benchmarks.server import COUNTER, USER
from exporter.demo.certificates import Identity, authority, leaf

SERVER_NAME = "mail.bench.example"
PASSWORD = "a benchmark password"
MODULE = "submission"
PEER = "prometheus-blackbox-exporter"


@dataclass(frozen=True, slots=True)
class Issued:
    """An authority to trust, and what the server shows."""

    root: Identity
    server: Identity


def issue() -> Issued:
    """Make ECDSA P-256 certificates: a root, an intermediate below it, and a leaf for `SERVER_NAME`."""
    root = authority("Bench Root CA")
    return Issued(root, leaf(SERVER_NAME, issuer=authority("Bench Issuing CA", issuer=root)))


@dataclass(frozen=True, slots=True)
class Papers:
    """Certificates on disk."""

    identity: Path
    """The server's leaf and intermediate, and its key."""
    ca: Path
    """The root."""


def papers(directory: Path) -> Papers:
    """Issue certificates and write them down."""
    issued = issue()
    found = Papers(directory / "identity.pem", directory / "ca.pem")
    found.identity.touch(mode=0o600)
    found.identity.write_bytes(issued.server.key_pem + issued.server.certificate_pem)
    found.ca.write_bytes(issued.root.certificate_pem)
    return found


class Submission(Child):
    """The server of `benchmarks.server`."""

    def __init__(
        self,
        directory: Path,
        identity: Path,
        *,
        greeting_ms: float = 0,
        reply_ms: float = 0,
        noting: bool = False,
    ) -> None:
        self._counter = directory / "sessions"
        self._counter.write_bytes(bytes(COUNTER.size))
        self._log = directory / "sessions.jsonl"
        command = [
            *(sys.executable, "-m", "benchmarks.server"),
            *("--identity", str(identity), "--password", PASSWORD, "--count", str(self._counter)),
            *("--greeting", str(greeting_ms), "--reply", str(reply_ms)),
            *(("--log", str(self._log)) if noting else ()),
        ]
        super().__init__(command, core=SERVER_CORE, log=directory / "server.log")
        self.port: int = self.wait_for(lambda text: int(text) if text.endswith("\n") else None)

    @property
    def sessions(self) -> int:
        """How many sessions ended in QUIT so far."""
        (count,) = COUNTER.unpack(self._counter.read_bytes())
        return int(count)

    def notes(self) -> list[dict[str, Any]]:
        """Stop, and return what was noted of each session, in the order of their beginning."""
        self.stop()
        return _json_lines(self._log)


def address(number: int) -> str:
    """Return the loopback address of endpoint `number`; each has its own, so sessions can be told apart."""
    return f"127.{1 + number // 62_500}.{number // 250 % 250}.{1 + number % 250}"


def configuration(
    port: int,
    papers: Papers,
    *,
    endpoints: int,
    interval: float,
    timeout: float = 10.0,
) -> dict[str, Any]:
    """Return the configuration of our exporter for `endpoints` healthy endpoints."""
    milliseconds = round(interval * 1000)
    return {
        "global": {
            "interval": f"{milliseconds}ms",
            "timeout": f"{round(min(timeout, interval) * 1000)}ms",
        },
        "modules": {
            MODULE: {
                "tls": "starttls",
                "tls_config": {"ca_file": str(papers.ca), "server_name": SERVER_NAME},
                "auth": {"username": USER, "password": PASSWORD, "mechanism": "PLAIN"},
                "allowed_targets": [f"127.0.0.0/8:{port}"],
            }
        },
        "endpoints": [
            {"name": f"e{number}", "target": f"{address(number)}:{port}", "module": MODULE}
            for number in range(endpoints)
        ],
    }


class Ours(Child):
    """Our exporter as a whole: `serve`, on the client's core."""

    def __init__(
        self,
        directory: Path,
        settings: Mapping[str, Any],
        *,
        recording: bool = False,
    ) -> None:
        file = directory / "exporter.yml"
        file.write_text(json.dumps(settings))
        self._records = directory / "probes.jsonl"
        self._turns = directory / "probes.jsonl.turns"
        self._turns.unlink(missing_ok=True)
        module = ("benchmarks.recording", str(self._records)) if recording else ("exporter",)
        command = [
            *(sys.executable, "-m", *module, "serve", "--config.file", str(file)),
            *("--web.listen-address", "127.0.0.1:0"),
        ]
        super().__init__(command, core=CLIENT_CORE, log=directory / "exporter.log")
        self.url: str = self.wait_for(_url)

    def records(self) -> list[dict[str, Any]]:
        """Stop, and return what was written down of each probe."""
        self.stop()
        return _json_lines(self._records)

    def toggle_watch(self, *, sleeping: bool = False) -> None:
        """Begin to watch the event loop, or end it; `sleeping` lets other threads run as they do unwatched."""
        os.kill(self.pid, signal.SIGUSR2 if sleeping else signal.SIGUSR1)

    def turns(self) -> list[dict[str, Any]]:
        """Return what was found of the event loop, watch by watch."""
        return _json_lines(self._turns) if self._turns.exists() else []


class Peer(Child):
    """Debian's blackbox_exporter, with the same dialogue as a script of its tcp module."""

    def __init__(self, directory: Path, papers: Papers, port: int) -> None:
        file = directory / "blackbox.yml"
        file.write_text(yaml.safe_dump(_blackbox(papers), sort_keys=False))
        command = [PEER, "--config.file", str(file), "--web.listen-address", f"127.0.0.1:{port}"]
        super().__init__(command, core=CLIENT_CORE, log=directory / "blackbox.log")
        self.wait_for(lambda text: True if "Listening on" in text else None)
        self.url = f"http://127.0.0.1:{port}/"


def has_peer() -> bool:
    """Whether the peer is installed."""
    return shutil.which(PEER) is not None


def _blackbox(papers: Papers) -> dict[str, Any]:
    login = b64encode(f"\0{USER}\0{PASSWORD}".encode()).decode()
    dialogue = [
        {"expect": "^220 "},
        {"send": "EHLO prober\r"},
        {"expect": "^250[ -]STARTTLS"},
        {"send": "STARTTLS\r"},
        {"expect": "^220 "},
        {"starttls": True},
        {"send": "EHLO prober\r"},
        {"expect": "^250[ -]AUTH"},
        {"send": f"AUTH PLAIN {login}\r"},
        {"expect": "^235 "},
        {"send": "QUIT\r"},
        {"expect": "^221 "},
    ]
    tcp = {
        "preferred_ip_protocol": "ip4",
        "query_response": dialogue,
        "tls_config": {"ca_file": str(papers.ca), "server_name": SERVER_NAME},
    }
    return {"modules": {MODULE: {"prober": "tcp", "timeout": "10s", "tcp": tcp}}}


def _json_lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def _url(text: str) -> str | None:
    match = re.search(r"http://127\.0\.0\.1:\d+/", text)
    return None if match is None else match[0]
