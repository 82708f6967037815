"""The systemd unit: sound, hardened, and without secrets in files that others can read."""

from __future__ import annotations

import configparser
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from exporter.cli import _parser
from tests.image.building import ROOT

FOLDER = ROOT / "packaging" / "systemd"
UNIT = FOLDER / "submission-exporter.service"
PROGRAM = "/opt/submission-exporter/bin/submission-exporter"
ANALYSE = Path("/usr/bin/systemd-analyze")

# Runs a command in a process that may never make memory executable, as MemoryDenyWriteExecute= does
# (PR_SET_MDWE; a kernel older than 6.3 does not know it and lets everything pass).
WITHOUT_EXECUTABLE_MEMORY = (
    "import ctypes, os, sys; "
    "ctypes.CDLL(None).prctl(65, 1, 0, 0, 0); "
    "os.execv(sys.executable, [sys.executable, '-m', 'exporter', *sys.argv[1:]])"
)


def directives() -> list[tuple[str, str]]:
    """The directives of the unit, in order; a directive may come twice."""
    lines = (line for line in UNIT.read_text().splitlines() if line and line[0] not in "#[")
    return [(name, value) for name, _, value in (line.partition("=") for line in lines)]


def systemd_analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run systemd's own checker, which needs no running systemd."""
    if not ANALYSE.exists():
        pytest.fail(f"{ANALYSE} is missing: run `make tools`", pytrace=False)
    return subprocess.run([ANALYSE, *arguments], capture_output=True, text=True, check=False, timeout=60)


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    """`systemd-analyze verify` has nothing to say, once the program is where the unit expects it."""
    unit = tmp_path / UNIT.name
    unit.write_text(
        UNIT.read_text().replace(PROGRAM, str(Path(sys.executable).with_name("submission-exporter")))
    )
    done = systemd_analyze("verify", "--man=no", str(unit))
    complaints = [line for line in done.stderr.splitlines() if UNIT.name in line or str(unit) in line]
    assert (done.returncode, complaints) == (0, [])


def test_the_exposure_is_low() -> None:
    """Systemd's own score (0 best, 10 worst) is below 1.5."""
    done = systemd_analyze("security", "--offline=yes", "--no-pager", "--threshold=15", str(UNIT))
    assert done.returncode == 0, done.stdout[-1500:]
    score = re.search(r"Overall exposure level.*: (\d+\.\d)", done.stdout)
    assert score is not None
    assert float(score[1]) < 1.5


def test_the_commands_are_the_program_s() -> None:
    """Every ExecStart line is one that the command line takes."""
    commands = [value for name, value in directives() if name in {"ExecStart", "ExecStartPre"}]
    assert len(commands) == 2
    for command in commands:
        program, *arguments = command.split()
        assert program == PROGRAM
        _parser().parse_args(arguments)


def test_secrets_come_as_credentials() -> None:
    """The files that the README names are those that LoadCredential= makes."""
    values = dict(directives())
    name, _, folder = values["LoadCredential"].partition(":")
    readme = (FOLDER / "README.md").read_text()
    assert f"/run/credentials/{UNIT.name}/{name}_probe-password" in readme
    assert f"{folder}/probe-password" in readme
    assert values["DynamicUser"] == "yes"
    assert "Environment" not in values


def test_the_exporter_runs_without_executable_memory() -> None:
    """`MemoryDenyWriteExecute=` forbids nothing that it needs: event loop, resolver and TLS all load."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_EXECUTABLE_MEMORY, "check", "localhost:9", "--output=json"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout, done.stderr
    (result,) = json.loads(done.stdout)
    assert result["error_class"] == "connect_refused"


def test_the_unit_is_well_formed() -> None:
    """Three sections, and the service belongs to the usual target."""
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]  # names keep their case
    parser.read(UNIT)
    assert parser.sections() == ["Unit", "Service", "Install"]
    assert parser["Install"]["WantedBy"] == "multi-user.target"
