"""Debian's real Alertmanager, and a webhook that keeps what it is sent."""

from __future__ import annotations

import contextlib
import http.server
import json
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.servers.ports import free_ports
from tests.servers.process import Daemon

ALERTMANAGER = "/usr/bin/prometheus-alertmanager"
AMTOOL = "/usr/bin/amtool"
PATIENCE_SECONDS = 60.0


class Alertmanager:
    """A running server and its API (version 2)."""

    def __init__(self, address: str, daemon: Daemon) -> None:
        self.address = address
        self._daemon = daemon

    def post(self, alerts: Sequence[Mapping[str, str]]) -> None:
        """Send alerts that begin now, given by their labels."""
        body = json.dumps([{"labels": dict(labels)} for labels in alerts]).encode()
        request = urllib.request.Request(
            f"http://{self.address}/api/v2/alerts", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=10):
            pass

    def alerts(self) -> list[dict[str, Any]]:
        """The alerts that it knows, each with its state and what inhibits it."""
        with urllib.request.urlopen(f"http://{self.address}/api/v2/alerts", timeout=10) as answer:
            found: list[dict[str, Any]] = json.load(answer)
            return found

    def wait_until(self, done: Callable[[], bool], what: str) -> None:
        """Wait while it runs; RuntimeError with its log when it takes too long."""
        self._daemon.wait_until(done, what)


@contextlib.contextmanager
def running_alertmanager(configuration: Mapping[str, Any]) -> Iterator[Alertmanager]:
    """An Alertmanager on its own, without a cluster, on a free port."""
    if not Path(ALERTMANAGER).exists():
        pytest.fail(f"{ALERTMANAGER} is not installed: run `make packages` as root", pytrace=False)
    (port,) = free_ports(1)
    with tempfile.TemporaryDirectory(prefix="submission-alertmanager-") as directory:
        folder = Path(directory)
        (folder / "alertmanager.yml").write_text(json.dumps(configuration))  # JSON is YAML
        address = f"127.0.0.1:{port}"
        daemon = Daemon(
            "Alertmanager",
            [
                ALERTMANAGER,
                f"--config.file={folder / 'alertmanager.yml'}",
                f"--storage.path={folder / 'data'}",
                f"--web.listen-address={address}",
                "--cluster.listen-address=",
            ],
            folder / "alertmanager.log",
        )
        try:
            daemon.wait_until(lambda: _ready(address), "its web page")
            yield Alertmanager(address, daemon)
        finally:
            daemon.stop()


class Webhook:
    """What Alertmanager has sent, by the path it was sent to."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._received: list[tuple[str, dict[str, Any]]] = []
        self._news = threading.Condition()

    def keep(self, path: str, message: dict[str, Any]) -> None:
        """Remember a message."""
        with self._news:
            self._received += [(path, alert) for alert in message["alerts"]]
            self._news.notify_all()

    def forget(self) -> None:
        """Begin anew."""
        with self._news:
            self._received.clear()

    def received(self) -> list[tuple[str, dict[str, Any]]]:
        """Every alert so far with its path, oldest first."""
        with self._news:
            return list(self._received)

    def wait_for(self, alertname: str, status: str) -> tuple[str, dict[str, Any]]:
        """The first alert of that name and status (`firing`, `resolved`), with its path."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        with self._news:
            while True:
                for path, alert in self._received:
                    if alert["labels"]["alertname"] == alertname and alert["status"] == status:
                        return path, alert
                if not self._news.wait(deadline - time.monotonic()):
                    raise AssertionError(f"{alertname} was not {status}; received: {self._received}")


@contextlib.contextmanager
def webhook() -> Iterator[Webhook]:
    """An HTTP server for Alertmanager's webhooks, on a free port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            hook.keep(self.path, message)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is inherited
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        hook = Webhook(f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield hook
        finally:
            server.shutdown()
            thread.join()


def _ready(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://{address}/-/ready", timeout=5):
            return True
    except (urllib.error.URLError, OSError):
        return False
