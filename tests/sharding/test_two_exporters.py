"""Two running exporters with one configuration file, also after it changed."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path

from tests.cli.commands import Child, running
from tests.servers.ports import free_ports


def configure(file: Path, names: list[str]) -> None:
    """Write endpoints at a port of this host where nobody listens."""
    (port,) = free_ports(1)
    endpoints = [
        {"name": name, "target": f"127.0.0.1:{port}", "interval": "1s", "timeout": "1s"} for name in names
    ]
    file.write_text(json.dumps({"global": {"follow_up": {"enabled": False}}, "endpoints": endpoints}))


def probed(child: Child) -> set[str]:
    """The endpoints that an exporter has."""
    pattern = r'^smtp_probe_endpoint_info\{.*smtp_endpoint="([^"]+)"'
    return set(re.findall(pattern, child.get("metrics"), re.MULTILINE))


def test_two_exporters_share_the_endpoints(tmp_path: Path) -> None:
    """Each endpoint is probed by one of them, before and after SIGHUP, and the old ones stay put."""
    file = tmp_path / "submission-exporter.yml"
    before, after = [f"host-{number}" for number in range(8)], [f"host-{number}" for number in range(16)]
    configure(file, before)
    arguments = ["serve", "--config.file", str(file), "--shard.count", "2", "--shard.index"]
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    with (
        running(tmp_path / "first", *arguments, "exporter-0") as first,
        running(tmp_path / "second", *arguments, "exporter-1") as second,
    ):
        had = probed(first), probed(second)
        assert had[0]
        assert had[1]
        assert had[0] | had[1] == set(before)
        assert not had[0] & had[1]
        configure(file, after)
        for child in (first, second):
            child.process.send_signal(signal.SIGHUP)
            child.wait_for("configuration reloaded")
        have = probed(first), probed(second)
        assert have[0] | have[1] == set(after)
        assert not have[0] & have[1]
        assert had[0] <= have[0]
        assert had[1] <= have[1]
        for child in (first, second):
            assert child.stop() == 0
