"""`serve` with its files: what a person gets wrong on the command line, and a page under TLS."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.cli.commands import COMMAND, running
from tests.servers.certificates import Workshop
from tests.web.test_access import replace, users


def serve(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `serve` to its end."""
    return subprocess.run(
        [*COMMAND, "serve", *arguments], capture_output=True, text=True, timeout=30, check=False
    )


@pytest.fixture
def file(tmp_path: Path) -> str:
    """A configuration without endpoints."""
    file = tmp_path / "my.yml"
    file.write_text("global: {}\n")
    return str(file)


@pytest.mark.parametrize("check", [True, False])
def test_bad_web_configuration_ends_the_start(check: bool, file: str, tmp_path: Path) -> None:
    """Exit code 2 with every problem, when checked and when served."""
    web = tmp_path / "web.yml"
    web.write_text("basic_auth_users: {alice: secret}\ntls: {}\n")
    done = serve("--config.file", file, "--web.config.file", str(web), *(["--config.check"] if check else []))
    assert done.returncode == 2
    assert "basic_auth_users.alice" in done.stderr
    assert 'the key "tls" is not known' in done.stderr
    assert "Traceback" not in done.stderr


def test_both_files_are_checked(file: str, tmp_path: Path) -> None:
    """`--config.check` tells the problems of both files at once, or that there are none."""
    web = tmp_path / "web.yml"
    web.write_text("")
    done = serve("--config.file", file, "--web.config.file", str(web), "--config.check")
    assert (done.returncode, done.stderr) == (0, "")
    Path(file).write_text("endpoints: [{}]\n")
    web.write_text("users: {}\n")
    done = serve("--config.file", file, "--web.config.file", str(web), "--config.check")
    assert done.returncode == 2
    assert "endpoints[0]" in done.stderr
    assert "users" in done.stderr


def test_interval_has_to_be_a_duration(file: str) -> None:
    """Exit code 2 and a sentence."""
    done = serve("--config.file", file, "--config.auto-reload-interval", "often")
    assert done.returncode == 2
    assert "--config.auto-reload-interval" in done.stderr
    assert "Traceback" not in done.stderr


def test_files_are_followed_while_it_serves(file: str, tmp_path: Path, workshop: Workshop) -> None:
    """Both files are read again when they change; the log says so, and no secret."""
    web = tmp_path / "web.yml"
    web.write_text(users(alice="wonderland"))
    options = ("--config.file", file, "--web.config.file", str(web), "--config.auto-reload-interval", "100ms")
    with running(tmp_path, "serve", *options) as child:
        replace(web, users(alice="through the looking-glass"))
        child.wait_for("web configuration reloaded")
        replace(Path(file), "endpoints: [{target: '127.0.0.1:1'}]\n")
        child.wait_for('msg="configuration reloaded" added=1')
        assert child.stop() == 0
        assert "$2b$" not in child.log
        assert "Traceback" not in child.log
