"""The Docker Compose set-up: valid, its paths lead somewhere, and the three services know each other."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.settings import load
from tests.image.building import ROOT
from tests.servers.prometheus import PROMTOOL

FOLDER = ROOT / "packaging" / "compose"
COMPOSE: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
SCRAPES: dict[str, Any] = yaml.safe_load((FOLDER / "prometheus" / "prometheus.yml").read_text())


def mounts(service: str) -> dict[str, Path]:
    """What a service has mounted from this repository, by the path inside."""
    parts = (one.split(":") for one in SERVICES[service]["volumes"])
    return {inside: (FOLDER / outside).resolve() for outside, inside, *_ in parts if outside.startswith(".")}


def provisioned(kind: str) -> dict[str, Any]:
    """A provisioning file of Grafana's."""
    (file,) = (mounts("grafana")["/etc/grafana/provisioning"] / kind).glob("*.yml")
    content: dict[str, Any] = yaml.safe_load(file.read_text())
    return content


def test_it_follows_the_compose_specification() -> None:
    """The published schema of Compose files finds nothing wrong."""
    done = subprocess.run(
        [
            ROOT / ".cache" / "chart-venv" / "bin" / "check-jsonschema",
            "--builtin-schema=vendor.compose-spec",
            FOLDER / "compose.yaml",
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("service", SERVICES)
def test_every_mount_is_there_and_read_only(service: str) -> None:
    """Files of the repository are mounted from where they are, and never written to."""
    for inside, outside in mounts(service).items():
        assert outside.exists(), outside
        assert f"{inside}:ro" in str(SERVICES[service]["volumes"])


@pytest.mark.parametrize("service", SERVICES)
def test_folders_are_mounted_and_not_single_files(service: str) -> None:
    """A file that is mounted by itself stays the old one when an editor saves by renaming: no reload would see it."""
    for outside in mounts(service).values():
        assert outside.is_dir(), outside


@pytest.mark.parametrize("service", SERVICES)
def test_no_service_can_do_more_than_it_needs(service: str) -> None:
    """No capabilities, no way to gain any, and a port for this machine alone."""
    assert SERVICES[service]["cap_drop"] == ["ALL"]
    assert SERVICES[service]["security_opt"] == ["no-new-privileges:true"]
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[service]["ports"])


def test_the_exporter_is_built_from_here_and_takes_its_configuration() -> None:
    """The build context is the repository; the configuration lies where the image looks for it."""
    exporter = SERVICES["exporter"]
    assert (FOLDER / exporter["build"]["context"]).resolve() == ROOT
    assert (exporter["user"], exporter["read_only"]) == ("65532:65532", True)
    command = next(line for line in (ROOT / "Dockerfile").read_text().splitlines() if line.startswith("CMD"))
    path = json.loads(command.removeprefix("CMD "))[1].removeprefix("--config.file=")
    assert load(mounts("exporter")[str(Path(path).parent)] / Path(path).name).endpoints


def test_prometheus_takes_its_configuration_and_our_rules(tmp_path: Path) -> None:
    """`promtool check config` accepts it, with every rule file where it is mounted."""
    inside = "/etc/prometheus-rules"
    configuration = (mounts("prometheus")["/etc/prometheus"] / "prometheus.yml").read_text()
    assert f"{inside}/" in configuration
    (tmp_path / "prometheus.yml").write_text(configuration.replace(inside, str(mounts("prometheus")[inside])))
    done = subprocess.run(
        [PROMTOOL, "check", "config", tmp_path / "prometheus.yml"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    count = len(list((ROOT / "config" / "prometheus" / "rules").glob("*.yml")))
    assert count > 0
    assert f"{count} rule files found" in done.stdout


def test_prometheus_scrapes_the_exporter_in_both_ways() -> None:
    """`/metrics` for its own schedule, `/probe` for targets, with a module that it has."""
    jobs = {job["job_name"]: job for job in SCRAPES["scrape_configs"]}
    port = SERVICES["exporter"]["ports"][0].rpartition(":")[2]
    address = f"exporter:{port}"
    assert jobs["submission-exporter"]["static_configs"] == [{"targets": [address]}]
    probe = jobs["submission-probe"]
    assert probe["metrics_path"] == "/probe"
    assert probe["relabel_configs"][-1] == {"target_label": "__address__", "replacement": address}
    assert set(probe["params"]["module"]) <= set(
        load(FOLDER / "exporter" / "submission-exporter.yml").modules
    )


def test_grafana_finds_prometheus_and_the_dashboards() -> None:
    """Provisioning names the service and the folder that are there; the home page is one of the dashboards."""
    (source,) = provisioned("datasources")["datasources"]
    port = SERVICES["prometheus"]["ports"][0].rpartition(":")[2]
    assert (source["type"], source["url"]) == ("prometheus", f"http://prometheus:{port}")
    assert source["jsonData"]["timeInterval"] == SCRAPES["global"]["scrape_interval"]
    (provider,) = provisioned("dashboards")["providers"]
    folder = mounts("grafana")[provider["options"]["path"]]
    dashboards = {file.name: json.loads(file.read_text()) for file in folder.glob("*.json")}
    assert len(dashboards) >= 5
    home = Path(SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert str(home.parent) == provider["options"]["path"]
    assert home.name in dashboards


def test_the_secret_is_an_example_and_ignored() -> None:
    """Nobody commits a password by accident."""
    secret = COMPOSE["secrets"]["probe-password"]["file"]
    assert (FOLDER / f"{secret}.example").exists()
    assert secret.removeprefix("./") in (FOLDER / ".gitignore").read_text().split()
