"""The image as it is built and as it runs: unprivileged, read-only, healthy, and quickly gone."""

from __future__ import annotations

import re
import signal
import subprocess
from pathlib import Path

import pytest

import exporter
from tests.image.building import ROOT, Image
from tests.image.container import USER, mount_points, running

# Two images are built for the first of these: Debian's base, once, and ours.
pytestmark = [pytest.mark.servers, pytest.mark.timeout(400)]

HADOLINT = ROOT / ".cache" / "chart-venv" / "bin" / "hadolint"
CONFIGURATION = "/etc/submission-exporter"


def test_the_linter_has_nothing_to_say() -> None:
    """Hadolint finds nothing in the Dockerfile, labels included."""
    labels = ["title:text", "description:text", "licenses:spdx", "source:url", "url:url", "version:text"]
    required = [f"--require-label=org.opencontainers.image.{label}" for label in labels]
    done = subprocess.run(
        [HADOLINT, "--no-color", *required, ROOT / "Dockerfile"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_the_image_says_what_it_is(image: Image) -> None:
    """Labels, user, port, signal, entry point and health check stand in its configuration."""
    labels = image.config["Labels"]
    assert labels["org.opencontainers.image.version"] == exporter.__version__
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert image.config["User"] == f"{USER}:{USER}"
    assert list(image.config["ExposedPorts"]) == ["10587/tcp"]
    assert image.config["StopSignal"] == "SIGTERM"
    # Exec form: a shell in between would keep signals to itself.
    assert image.config["Entrypoint"] == ["submission-exporter"]
    assert image.config["Healthcheck"]["Test"] == ["CMD", "submission-exporter", "healthcheck"]


def test_the_image_holds_what_is_locked_and_no_more(image: Image) -> None:
    """Every package has its locked version; builders, pip and uv stayed outside."""
    locked = dict(
        re.findall(r"^([a-z0-9-]+)==([^ ]+)", (ROOT / "lock" / "runtime.txt").read_text(), re.MULTILINE)
    )
    (packages,) = (image.root / "opt" / "submission-exporter" / "lib").glob("python3.*/site-packages")
    names = (path.name.removesuffix(".dist-info") for path in packages.glob("*.dist-info"))
    pairs = (name.rpartition("-") for name in names)
    found = {name.replace("_", "-").lower(): version for name, _, version in pairs}
    assert found.pop("submission-exporter") == exporter.__version__
    assert {name: locked[name] for name in found} == found
    assert {"aiohttp", "cryptography", "uvloop"} <= set(found)
    assert not {"hatchling", "pip", "uv", "setuptools"} & set(found)
    assert not (image.root / "opt" / "uv").exists()


def test_the_demo_runs_without_any_privilege(image: Image, tmp_path: Path) -> None:
    """As user 65532 with a read-only root it probes, answers its health check and ends within 2 seconds."""
    with running(image, tmp_path, ["demo"], ["--perms", "1777", "--tmpfs", "/tmp"]) as container:
        metrics = container.wait_for("/metrics", "smtp_probe_attempts_total{")
        assert "smtp_probe_success{" in container.wait_for("/metrics", "smtp_probe_success{")
        assert "submission_exporter_build_info{" in metrics
        assert container.status("Uid").split() == [str(USER)] * 4
        assert container.status("Gid").split() == [str(USER)] * 4
        assert container.status("Groups") == ""
        for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            assert int(container.status(kind), 16) == 0
        assert container.status("NoNewPrivs") == "1"
        assert container.root_options[0] == "ro"
        health = container.execute(image.config["Healthcheck"]["Test"][1:])
        assert (health.returncode, health.stderr) == (0, "")
        code, seconds = container.stop()
        assert "Traceback" not in container.log
        assert code == 0, container.log
        assert seconds < 2


def test_the_exporter_serves_from_a_mounted_secret_alone(image: Image, tmp_path: Path) -> None:
    """The command of the image needs a readable configuration and nowhere to write, not even /tmp."""
    file = tmp_path / "submission-exporter.yml"
    file.write_text(
        "endpoints: [{name: nobody, target: '127.0.0.1:9', tls: none, interval: 1s, timeout: 1s}]\n"
    )
    # As a Secret is mounted: root's, readable by the group of the pod.
    file.chmod(0o440)
    subprocess.run(["chown", f"0:{USER}", file], check=True)
    mount_points(image, CONFIGURATION)
    mounts = ["--ro-bind", str(tmp_path), CONFIGURATION]
    tmp_path.chmod(0o755)
    (tmp_path / "log").mkdir()
    with running(image, tmp_path / "log", image.config["Cmd"], mounts) as container:
        container.wait_for("/metrics", 'error_class="connect_refused"')
        assert container.wait_for("/-/ready", "ready")
        code, seconds = container.stop()
        assert "Traceback" not in container.log
        assert code == 0, container.log
        assert seconds < 2


def test_it_can_be_stopped_while_it_starts(image: Image, tmp_path: Path) -> None:
    """SIGTERM between two imports ends the first process of the container, quickly and with 0."""
    with running(image, tmp_path, ["demo"]) as container:
        container.wait_until_it_handles(signal.SIGTERM)
        code, seconds = container.stop()
        assert (code, container.log) == (0, "")
        assert seconds < 2


def test_a_dead_exporter_is_unhealthy(image: Image, tmp_path: Path) -> None:
    """The health check of the image fails where nothing listens."""
    sleep = "import signal; signal.pause()"
    idle = Image(image.root, {**image.config, "Entrypoint": ["python3"]})
    with running(idle, tmp_path, ["-c", sleep]) as container:
        health = container.execute(image.config["Healthcheck"]["Test"][1:])
        assert health.returncode == 1
        assert "no answer" in health.stderr


def test_the_size_is_bounded(image: Image) -> None:
    """What the exporter adds to its base stays below 100 MB."""
    size = sum(
        path.lstat().st_size
        for path in (image.root / "opt").rglob("*")
        if path.is_file() and not path.is_symlink()
    )
    assert size < 100_000_000
