"""A rendered chart on this machine: its volumes as folders, its container as a process."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.chart.rendering import Manifest, exporter, pod
from tests.servers.ports import free_ports
from tests.servers.process import Daemon

HOST = "probe-submission-exporter.mail.svc"
"""The name of the Service of release `probe` in namespace `mail`."""
MOUNTED = "/etc/submission-exporter"
Objects = Mapping[str, Mapping[str, str]]
"""Content by file name, by the name of the Secret or ConfigMap."""


class Deployed:
    """The exporter's container of some manifests, with paths and port of this machine."""

    def __init__(self, manifests: list[Manifest], folder: Path, existing: Objects | None = None) -> None:
        self.container = exporter(manifests)
        self.folder = folder
        (self.port,) = free_ports(1)
        objects = {**_made(manifests), **(existing or {})}
        sources = {volume["name"]: _source(volume) for volume in pod(manifests)["volumes"]}
        for mount in self.container["volumeMounts"]:
            source = sources[mount["name"]]
            target = Path(self.here(mount["mountPath"]))
            target.mkdir(parents=True, exist_ok=True)
            for name, content in objects.get(source, {}).items():
                (target / name).write_text(self.here(content))

    def here(self, text: str) -> str:
        """A text of the container with the paths and the port of this machine."""
        moved = text.replace(MOUNTED, str(self.folder / "etc"))
        return moved.replace(":10587", f":{self.port}").replace(
            f"--web.listen-address=:{self.port}", f"--web.listen-address=127.0.0.1:{self.port}"
        )

    def arguments(self, *, pod_name: str = "probe-0") -> list[str]:
        """The container's arguments, its variables put in as the kubelet does."""
        return [self.here(one).replace("$(SHARD_INDEX)", pod_name) for one in self.container["args"]]

    @property
    def config_file(self) -> Path:
        """The exporter's configuration."""
        return self.folder / "etc" / "config" / "submission-exporter.yml"

    @contextlib.contextmanager
    def running(self) -> Iterator[Daemon]:
        """The exporter, serving, ended after the block."""
        daemon = Daemon(
            "the exporter", [sys.executable, "-m", "exporter", *self.arguments()], self.folder / "log"
        )
        try:
            daemon.wait_until(lambda: "serving" in daemon.log.read_text(), "its page")
            yield daemon
        finally:
            daemon.stop()


def _made(manifests: list[Manifest]) -> dict[str, dict[str, str]]:
    return {
        manifest["metadata"]["name"]: {**manifest.get("data", {}), **manifest.get("stringData", {})}
        for manifest in manifests
        if manifest["kind"] in {"Secret", "ConfigMap"}
    }


def _source(volume: dict[str, Any]) -> str:
    return str(volume.get("secret", {}).get("secretName") or volume.get("configMap", {}).get("name") or "")
