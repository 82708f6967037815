"""`serve` and `demo` as running programs."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from exporter.demo.fleet import SCENES
from tests.cli.commands import COMMAND, Child, running
from tests.cli.test_check import configuration, of_postfix
from tests.servers.postfix import Postfix


def endpoint(postfix: Postfix, name: str) -> dict[str, object]:
    """An endpoint that is probed every second."""
    return of_postfix(postfix, name=name, interval="1s", timeout="1s")


def test_probes_are_served_until_sigterm(postfix: Postfix, tmp_path: Path) -> None:
    """Ready, probed, scraped, and ended with exit code 0 by SIGTERM."""
    file = configuration(tmp_path, endpoint(postfix, "one"))
    with running(tmp_path, "serve", "--config.file", file) as child:
        assert child.get("-/healthy")
        assert child.get("-/ready")
        child.wait_for_metric(r'^smtp_probe_success\{.*smtp_endpoint="one".*\} 1\.0$')
        child.wait_for_metric(r'^smtp_probe_attempts_total\{.*smtp_endpoint="one".*\} [2-9]')
        assert child.stop() == 0
        assert "Traceback" not in child.log


@pytest.mark.parametrize("form", ["logfmt", "json"])
def test_sighup_reads_the_file_again(form: str, postfix: Postfix, tmp_path: Path) -> None:
    """New endpoints come, old ones go, unchanged ones keep their counters; a bad file changes nothing."""
    file = configuration(tmp_path, endpoint(postfix, "stays"), endpoint(postfix, "goes"))
    with running(tmp_path, "serve", "--config.file", file, "--log.format", form) as child:
        child.wait_for_metric(r'^smtp_probe_attempts_total\{.*"stays".*\} [2-9]')
        child.wait_for_metric(r'^smtp_probe_success\{.*"goes"')
        configuration(tmp_path, endpoint(postfix, "stays"), endpoint(postfix, "comes"))
        child.process.send_signal(signal.SIGHUP)
        child.wait_for("configuration reloaded")
        child.wait_for_metric(r'^smtp_probe_success\{.*"comes"')
        metrics = child.get("metrics")
        assert '"goes"' not in metrics
        kept = re.search(r'^smtp_probe_attempts_total\{.*"stays".*\} (\d+)', metrics, re.MULTILINE)
        assert kept is not None
        assert int(kept[1]) >= 2
        Path(file).write_text("endpoints: [{target: nowhere}]")
        child.process.send_signal(signal.SIGHUP)
        child.wait_for("configuration not reloaded")
        metrics = child.get("metrics")
        assert "submission_exporter_config_last_reload_successful 0.0" in metrics
        assert '"comes"' in metrics
        assert child.stop() == 0


def test_sighup_during_the_start_ends_nothing(tmp_path: Path) -> None:
    """A SIGHUP that comes while a large file is still being read is answered by a reload once it serves."""
    fifo = tmp_path / "slow.yml"
    os.mkfifo(fifo)
    file = tmp_path / "my.yml"
    file.write_text("global: {rules_files: []}\nendpoints: []\n")
    with (tmp_path / "log").open("w") as output:
        command = [*COMMAND, "serve", "--config.file", str(fifo), "--web.listen-address", "127.0.0.1:0"]
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, text=True)
    child = Child(process, tmp_path / "log")
    try:
        with fifo.open("w") as slow:  # opens when the program reads
            process.send_signal(signal.SIGHUP)
            slow.write(file.read_text())
            file.replace(fifo)
        child.wait_for("msg=serving")
        child.wait_for("configuration reloaded")
        assert child.stop() == 0
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("moment", ["imports", "configuration"])
def test_sigterm_during_the_start_ends_it_well(moment: str, tmp_path: Path) -> None:
    """Exit code 0 and not a word, between imports and while the configuration is being read."""
    fifo = tmp_path / "slow.yml"
    os.mkfifo(fifo)
    with (tmp_path / "log").open("w") as output:
        command = [*COMMAND, "serve", "--config.file", str(fifo), "--web.listen-address", "127.0.0.1:0"]
        # The measurement of coverage handles SIGTERM in its own way, and before our first line.
        environment = {name: value for name, value in os.environ.items() if name != "COVERAGE_PROCESS_START"}
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, text=True, env=environment
        )
    child = Child(process, tmp_path / "log")
    try:
        child.wait_until_it_handles(signal.SIGTERM)
        if moment == "imports":
            assert child.stop() == 0
        else:
            with fifo.open("w"):  # opens when the program reads
                assert child.stop() == 0
        assert child.log == ""
    finally:
        process.kill()
        process.wait()


def test_a_port_that_is_taken_is_told(postfix: Postfix, tmp_path: Path) -> None:
    """Exit code 2 and a sentence, not a traceback."""
    file, address = configuration(tmp_path), f"127.0.0.1:{postfix.ports.submission}"
    done = subprocess.run(
        [*COMMAND, "serve", "--config.file", file, "--web.listen-address", address],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 2
    assert str(postfix.ports.submission) in done.stderr
    assert "Traceback" not in done.stderr


def test_a_bad_file_is_told_before_anything_starts(tmp_path: Path) -> None:
    """Exit code 2 with every problem."""
    done = subprocess.run(
        [*COMMAND, "serve", "--config.file", configuration(tmp_path, {"target": "x"})],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 2
    assert "endpoints[0].target" in done.stderr


def test_the_demo_shows_health_and_every_failure(tmp_path: Path) -> None:
    """Within seconds every demo endpoint has a verdict, and healthy and broken ones are told apart."""
    expected = {scene.name: str(scene.expected) for scene in SCENES}
    assert len(expected) == 11
    with running(tmp_path, "demo") as child:
        assert re.search(r"the page +http://127\.0\.0\.1:\d+/\n", child.log)
        seen: dict[str, str] = {}
        for name, error_class in expected.items():
            if error_class == "none":
                child.wait_for_metric(rf'^smtp_probe_success\{{.*smtp_endpoint="{name}".*\}} 1\.0$')
                seen[name] = "none"
            else:
                pattern = rf'^smtp_probe_failure\{{error_class="(\w+)".*smtp_endpoint="{name}".*\}} 1\.0$'
                seen[name] = child.wait_for_metric(pattern)[1]
        assert seen == expected
        assert child.stop(signal.SIGINT) == 0
