"""SMTP servers that mean harm: every probe ends in time, memory stays, and nothing gets out of its place."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from exporter.diagnosis import load_rules
from exporter.model import Endpoint, Observation
from exporter.observe import Observer
from exporter.probe.prober import Prober
from exporter.probe.resolver import Resolver
from exporter.settings import load
from tests.cli.commands import Child, on_terminal, running
from tests.hostile.smtp_servers import HOSTILE, PASSWORD, SCRIPT

TIMEOUT = 2.0
SHORT = 1.0
SLACK = 1.0
"""What a busy machine may be late, and what QUIT adds."""
MOST_PROBE = 4 * 2**20
"""Bytes that one probe may need at its height: 1 MiB of received bytes in a few forms, and what it shows."""
MOST_KEPT = 1 * 2**20
"""Bytes of one observation that is kept."""
MOST_BATTERY = 32 * 2**20
"""Bytes by which the whole battery may make the exporter larger."""

WAITING = frozenset(
    ("silence", "nothing-is-read", "quit-without-answer", "one-byte-a-second", "one-byte-a-tenth-of-a-second")
)
"""Servers for which nothing is built."""
INTERFERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""Characters that move cursors, end lines or turn text round; newline and tab are none."""


@pytest.fixture(scope="module")
def ports() -> Iterator[dict[str, int]]:
    """The hostile servers, by name."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.hostile.smtp_servers"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        with process.stdout:
            yield json.loads(process.stdout.readline())
    finally:
        process.kill()
        process.wait()


def entry(name: str, port: int, **more: Any) -> dict[str, Any]:
    """The endpoint of a hostile server."""
    keys = {"interval": "3s", "timeout": f"{TIMEOUT:.0f}s"} | HOSTILE[name].endpoint
    return {"name": name, "target": f"127.0.0.1:{port}"} | keys | more


def configuration(file: Path, entries: list[dict[str, Any]]) -> Path:
    """Write a configuration of these endpoints."""
    file.write_text(json.dumps({"global": {"follow_up": {"enabled": False}}, "endpoints": entries}))
    return file


@pytest.fixture(scope="module")
def endpoints(ports: dict[str, int], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Endpoint]:
    """The endpoints of all hostile servers."""
    file = tmp_path_factory.mktemp("hostile") / "my.yml"
    return {
        endpoint.name: endpoint
        for endpoint in load(
            configuration(file, [entry(*one, timeout=f"{SHORT:.0f}s") for one in ports.items()])
        ).endpoints
    }


@dataclass(frozen=True)
class Probed:
    """One probe with what it cost."""

    observation: Observation
    seconds: float
    peak: int
    kept: int


def probe(endpoint: Endpoint) -> Probed:
    """Probe once, with every allocation counted."""

    async def once() -> tuple[Observation, float]:
        resolver = Resolver()
        observer = Observer(Prober(resolver), load_rules())
        if endpoint.name not in WAITING:
            await observer.observe(endpoint)  # what is built once and kept: contexts, rules
        loop = asyncio.get_running_loop()
        tracemalloc.start()
        try:
            began = loop.time()
            observation = await observer.observe(endpoint)
            return observation, loop.time() - began
        finally:
            resolver.close()

    try:
        observation, seconds = asyncio.run(once())
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return Probed(observation, seconds, peak, kept)


@pytest.mark.parametrize("name", HOSTILE)
def test_probe_ends_in_time_and_in_bounds(name: str, endpoints: dict[str, Endpoint]) -> None:
    """By its deadline a probe is over, with a verdict that is not our fault, in bounded memory."""
    probed = probe(endpoints[name])
    assert probed.seconds < SHORT + SLACK
    assert probed.observation.diagnosis.error_class != "exporter_error"
    assert probed.peak < MOST_PROBE, f"{probed.peak / 2**20:.1f} MiB"
    assert probed.kept < MOST_KEPT, f"{probed.kept / 2**20:.1f} MiB"
    for line in probed.observation.result.transcript:
        assert not INTERFERING.search(line)
    assert PASSWORD not in repr(probed.observation)


@dataclass(frozen=True)
class Aftermath:
    """An exporter after two rounds of the battery."""

    child: Child
    before: int
    after: int

    def page(self, path: str) -> str:
        """Fetch one page."""
        return self.child.get(path)


def resident(pid: int) -> int:
    """The resident memory of a process, in bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


@pytest.fixture(scope="module")
def aftermath(ports: dict[str, int], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aftermath]:
    """A running exporter, before and after it has met every hostile server twice."""
    folder = tmp_path_factory.mktemp("battery")
    file = configuration(folder / "my.yml", [])
    with running(folder, "serve", "--config.file", str(file), "--config.auto-reload-interval", "0") as child:
        for path in ("metrics", "", "api/v1/endpoints"):
            child.get(path)
        before = resident(child.process.pid)
        configuration(file, [entry(*one) for one in ports.items()])
        child.process.send_signal(signal.SIGHUP)
        for name in ports:
            child.wait_for_metric(rf'^smtp_probe_attempts_total\{{smtp_endpoint="{name}"\}} [2-9]')
        for path in ("metrics", "", "api/v1/endpoints", *(f"endpoint?name={name}" for name in ports)):
            child.get(path)
        yield Aftermath(child, before, resident(child.process.pid))
        assert child.stop() == 0
        assert "Traceback" not in child.log


def test_battery_leaves_memory_alone(aftermath: Aftermath) -> None:
    """Two rounds of all hostile servers, and all of their pages, cost less than 32 MiB together."""
    assert aftermath.after - aftermath.before < MOST_BATTERY, (
        f"{(aftermath.after - aftermath.before) / 2**20:.1f} MiB"
    )


def test_every_probe_of_the_battery_was_in_time(aftermath: Aftermath) -> None:
    """The exporter's own figures say so, under the load of the whole battery at once."""
    text = aftermath.page("metrics")
    took = [
        float(value) for value in re.findall(r"^smtp_probe_duration_seconds\{.*\} (\S+)$", text, re.MULTILINE)
    ]
    assert len(took) == len(HOSTILE)
    assert max(took) < TIMEOUT + SLACK
    assert re.search(r"^submission_exporter_bugs_total 0\.0$", text, re.MULTILINE)


def test_metrics_hold_nothing_of_the_servers(aftermath: Aftermath) -> None:
    """No word of a server becomes a label or a line; the names of a certificate are escaped."""
    text = aftermath.page("metrics")
    assert "forged" not in re.sub(r"^smtp_probe_certificate_info\{.*$", "", text, flags=re.MULTILINE)
    assert not INTERFERING.search(text)
    assert not re.search("^(?!#|[a-z]).", text, re.MULTILINE)


def test_pages_show_words_as_words(aftermath: Aftermath) -> None:
    """Markup and control characters of servers and certificates are text on every page."""
    for path in ("", *(f"endpoint?name={name}" for name in HOSTILE)):
        text = aftermath.page(path)
        assert not INTERFERING.search(text), path
        assert SCRIPT not in text, path
        assert "<img" not in text, path
        assert "<b>" not in text, path
        assert re.findall("<script[^>]*>", text) == ['<script src="static/page.js" defer>'], path


def test_json_holds_what_was_said(aftermath: Aftermath) -> None:
    """Machines get the server's words in JSON's own escapes, and no secret."""
    text = aftermath.page("api/v1/endpoints")
    assert not INTERFERING.search(text)
    said = {one["endpoint"]: one for one in json.loads(text)}
    assert SCRIPT in said["markup"]["reply"]["text"]
    assert PASSWORD not in text


@pytest.mark.parametrize("form", ["logfmt", "json"])
def test_log_has_one_clean_line_for_each_event(
    form: str, aftermath: Aftermath, ports: dict[str, int], tmp_path: Path
) -> None:
    """What a server says stays inside of its field: no forged line, no escape sequence."""
    if form == "logfmt":
        log = aftermath.child.log
    else:
        chosen = ("escape-sequences", "line-ends-inside", "several-lines", "markup", "broken-unicode")
        file = configuration(tmp_path / "my.yml", [entry(name, ports[name]) for name in chosen])
        with running(tmp_path, "serve", "--config.file", str(file), "--log.format", form) as child:
            for name in chosen:
                child.wait_for(f'"endpoint": "{name}"')
            log = child.log
        for line in log.splitlines():
            json.loads(line)
    assert not INTERFERING.search(log)
    assert not [line for line in log.splitlines() if not line.startswith(("ts=", "{"))]
    assert "msg=forged" in log
    assert not [line for line in log.split("\n") if re.search('^[^"]*msg="?forged', line)]
    assert PASSWORD not in log


@pytest.mark.parametrize(
    "name",
    ["escape-sequences", "line-ends-inside", "certificate-with-absurd-names", "markup-in-capabilities"],
)
def test_terminal_is_not_led_astray(name: str, ports: dict[str, int], tmp_path: Path) -> None:
    """`check` on a terminal writes no escape sequence but its own colours."""
    file = configuration(tmp_path / "my.yml", [entry(name, ports[name])])
    _, screen = on_terminal("check", name, "--config.file", str(file))
    own = re.sub(r"\x1b\[[0-9;]*m|\r\n", "", screen)
    assert screen.count("\x1b")
    assert not INTERFERING.search(own)


def test_password_never_comes_back(ports: dict[str, int], aftermath: Aftermath) -> None:
    """A server that sends our password back, plain and encoded, finds it nowhere in what we show."""
    page = aftermath.page("endpoint?name=password-sent-back")
    assert "&lt;secret&gt;" in page
    assert PASSWORD not in page
    assert PASSWORD not in aftermath.page("config")


def test_probe_is_bounded_while_it_lasts(ports: dict[str, int], tmp_path: Path) -> None:
    """One `check` of the largest banner never grows by more than a few MiB, OpenSSL and allocator included."""
    heights = []
    for name in ("silence", "banner-of-100-mb", "flood-under-tls", "certificate-of-a-megabyte"):
        file = configuration(tmp_path / f"{name}.yml", [entry(name, ports[name])])
        script = (
            "import resource, sys; from exporter.cli import main; "
            f"main(['check', '--config.file', {str(file)!r}, '--output', 'json']); "
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)"
        )
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=True
        )
        heights.append(int(done.stderr.split()[-1]) / 1024)
    usual, *hostile = heights
    assert max(hostile) - usual < 16, heights
