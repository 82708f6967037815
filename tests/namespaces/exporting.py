"""The exporter as a child process inside a namespace: `check` once, or `serve` and be asked."""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.cli.commands import COMMAND, PATIENCE, Child
from tests.namespaces.network import Namespace
from tests.servers.submission import PASSWORD, USER

TIMEOUT = "1s"
"""Long for a cable of no length, and short to wait for."""
EASY = "1500ms"
"""The same where a handshake on a busy machine is to be done before it strikes."""


def configuration(folder: Path, *endpoints: dict[str, Any], timeout: str = TIMEOUT, **top: Any) -> Path:
    """Write a configuration and return its path; keys of `top` go into `global`.

    Every endpoint is probed again as soon as a probe of it may be over.
    """
    file = folder / "exporter.yml"
    file.write_text(
        json.dumps({"global": {"interval": timeout, "timeout": timeout, **top}, "endpoints": endpoints})
    )
    return file


def endpoint(name: str, target: str, ca_file: str, **more: Any) -> dict[str, Any]:
    """An endpoint that logs in: what a follow-up must never do."""
    return {
        "name": name,
        "target": target,
        "tls_config": {"ca_file": ca_file},
        "auth": {"username": USER, "password": PASSWORD},
        **more,
    }


def check(place: Namespace, file: Path) -> dict[str, dict[str, Any]]:
    """Run `check --output json` there and return its objects by name."""
    done = subprocess.run(
        place.command(*COMMAND, "check", "--config.file", str(file), "--output", "json"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode in {0, 1}, done.stderr
    return {found["endpoint"]: found for found in json.loads(done.stdout)}


def verdict(found: dict[str, Any]) -> tuple[str, str, str | None]:
    """Class, domain and phase of one object."""
    return found["error_class"], found["fault_domain"], found["phase"]


class Inside(Child):
    """A running exporter that is asked from inside its namespace."""

    def __init__(self, process: subprocess.Popen[str], log: Path, place: Namespace) -> None:
        super().__init__(process, log)
        self._place = place

    def get(self, path: str) -> str:
        """Fetch one page."""
        fetch = super().get
        return self._place.call(lambda: fetch(path))

    def endpoints(self) -> dict[str, dict[str, Any]]:
        """What /api/v1/endpoints says, by name."""
        return {found["endpoint"]: found for found in json.loads(self.get("api/v1/endpoints"))}

    def probes(self, name: str) -> list[dict[str, Any]]:
        """The probes of one endpoint that are remembered, in the order in which they were made."""
        rows = json.loads(self.get(f"api/v1/endpoints/{name}"))["history"]["probes"]
        return sorted(rows, key=lambda row: row["started"])

    def failing(self) -> set[tuple[str, str, str]]:
        """Endpoint, class and domain of every `smtp_probe_failure` that is 1 in /metrics."""
        found = set()
        for line in self.get("metrics").splitlines():
            if line.startswith("smtp_probe_failure{") and line.endswith("} 1.0"):
                labels = dict(
                    part.split("=", 1) for part in line.partition("{")[2].rpartition("}")[0].split(",")
                )
                cleaned = {key: value.strip('"') for key, value in labels.items()}
                found.add((cleaned["smtp_endpoint"], cleaned["error_class"], cleaned["fault_domain"]))
        return found

    def wait_until(self, holds: Callable[[dict[str, dict[str, Any]]], bool], what: str) -> float:
        """Wait until the endpoints satisfy `holds`; return the Unix time at which they did."""
        deadline = time.monotonic() + PATIENCE
        while not holds(seen := self.endpoints()):
            if time.monotonic() > deadline:
                states = {name: verdict(found) for name, found in seen.items()}
                raise AssertionError(f"never {what}: {states}\n{self.log[-3000:]}")
            time.sleep(0.05)
        return time.time()


@contextmanager
def serving(place: Namespace, folder: Path, file: Path) -> Iterator[Inside]:
    """An exporter that serves `file` inside `place`, gone after the block."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "exporter.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            place.command(
                *COMMAND, "serve", "--config.file", str(file), "--web.listen-address", "127.0.0.1:0"
            ),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
        )
    child = Inside(process, log, place)
    try:
        child.url = child.wait_for(r"http://127\.0\.0\.1:\d+/")[0]
        yield child
        assert "Traceback" not in child.log
        assert PASSWORD not in child.log
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        process.wait()
