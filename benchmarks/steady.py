"""Probe two hundred endpoints every two seconds: all on time, and nothing grows.

    python benchmarks/steady.py [--endpoints 200] [--interval 2] [--seconds 60]

The exporter runs as a child of its own against one submission server in this process.  Both talk over
loopback and end by themselves.  Prints a table; exits with 1 when an endpoint was missed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from exporter.demo.server import Service, SubmissionServer
from exporter.model import TlsMode


@dataclass(frozen=True, slots=True)
class Sample:
    """The exporter at one moment."""

    attempts: dict[str, int]
    lag: list[tuple[float, int]]
    """Cumulative buckets of the schedule lag."""
    sockets: int
    resident_mib: float


def sample(url: str, pid: int) -> Sample:
    """Scrape the metrics, and look at the process from outside."""
    with urllib.request.urlopen(url + "metrics", timeout=30) as answer:
        text = answer.read().decode()
    attempts = {
        name: int(float(value))
        for name, value in re.findall(
            r'^smtp_probe_attempts_total\{.*?smtp_endpoint="(.*?)".*?\} (\S+)$', text, re.MULTILINE
        )
    }
    lag = [
        (float(bound), int(float(count)))
        for bound, count in re.findall(
            r'^submission_exporter_schedule_lag_seconds_bucket\{le="(.*?)"\} (\S+)$', text, re.MULTILINE
        )
    ]
    descriptors = Path(f"/proc/{pid}/fd").iterdir()
    sockets = sum(1 for fd in descriptors if _link(fd).startswith("socket:"))
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return Sample(attempts, lag, sockets, pages * 4096 / 2**20)


def _link(path: Path) -> str:
    try:
        return str(path.readlink())
    except OSError:
        return ""


def quantile_bound(before: Sample, after: Sample, share: float) -> float:
    """Return the upper bound of the bucket in which the `share` quantile of the lag lies."""
    earlier = dict(before.lag)
    counts = [(bound, count - earlier.get(bound, 0)) for bound, count in after.lag]
    total = counts[-1][1]
    return next(bound for bound, count in counts if count >= share * total)


async def run(endpoints: int, interval: float, seconds: float) -> int:
    """Measure once and print the table."""
    server = SubmissionServer(Service(tls=TlsMode.NONE, credentials={"probe": "secret"}))
    await server.start()
    with tempfile.TemporaryDirectory() as directory:
        file, log = Path(directory, "exporter.yml"), Path(directory, "exporter.log")
        auth = {"username": "probe", "password": "secret", "allow_plaintext": True}
        file.write_text(
            json.dumps(
                {
                    "global": {"interval": f"{interval * 1000:.0f}ms", "timeout": f"{interval * 1000:.0f}ms"},
                    "modules": {"m": {"tls": "none", "auth": auth}},
                    "endpoints": [
                        {"name": f"e{n}", "target": f"127.0.0.1:{server.port}", "module": "m"}
                        for n in range(endpoints)
                    ],
                }
            )
        )
        command = [sys.executable, "-m", "exporter", "serve", "--config.file", str(file)]
        with log.open("w") as output:
            process = subprocess.Popen(
                [*command, "--web.listen-address", "127.0.0.1:0"], stdout=output, stderr=output
            )
        try:
            url = await _url(log)
            # One interval of warm-up: imports, first round, allocator.
            await asyncio.sleep(2 * interval)
            began = time.monotonic()
            before = await asyncio.to_thread(sample, url, process.pid)
            middle = before
            while (left := seconds - (time.monotonic() - began)) > 0:
                await asyncio.sleep(min(left, seconds / 4))
                middle = middle if middle is not before else await asyncio.to_thread(sample, url, process.pid)
            after = await asyncio.to_thread(sample, url, process.pid)
        finally:
            process.terminate()
            code = await asyncio.to_thread(process.wait, 20)
            await server.stop()
    expected = seconds / interval
    made = [after.attempts[name] - before.attempts.get(name, 0) for name in after.attempts]
    print(f"endpoints                  {len(made)}")
    print(f"attempts an endpoint       {min(made)} to {max(made)}, expected {expected:.0f} +- 1")
    print(f"schedule lag p99           <= {quantile_bound(before, after, 0.99) * 1000:g} ms")
    print(f"sockets                    {before.sockets}, {middle.sockets}, {after.sockets}")
    print(
        f"resident memory            {before.resident_mib:.1f}, {middle.resident_mib:.1f}, "
        f"{after.resident_mib:.1f} MiB (start, a quarter in, end)"
    )
    print(f"exit code after SIGTERM    {code}")
    missed = len(made) != endpoints or min(made) < expected - 1 or max(made) > expected + 1
    return 1 if missed or code != 0 else 0


async def _url(log: Path) -> str:
    for _ in range(500):
        if match := re.search(r"http://127\.0\.0\.1:\d+/", log.read_text()):
            return match[0]
        await asyncio.sleep(0.02)
    raise RuntimeError(f"the exporter did not start: {log.read_text()}")


def main() -> int:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--endpoints", type=int, default=200)
    parser.add_argument("--interval", type=float, default=2.0)
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args()
    return asyncio.run(run(options.endpoints, options.interval, options.seconds))


if __name__ == "__main__":
    sys.exit(main())
