"""Where the demo puts its certificates when there is no usual place."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from exporter.cli import main
from exporter.demo import scratch
from exporter.demo.scratch import NoFolderError, scratch_folder

UNWRITABLE = "/proc"  # even for root


@pytest.fixture
def no_tmp(monkeypatch: pytest.MonkeyPatch) -> None:
    """A read-only root without /tmp: the standard library finds no folder."""
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: [UNWRITABLE])


def test_another_place_is_found(no_tmp: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder that the system gives to the user serves where /tmp is missing."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with scratch_folder() as folder:
        assert Path(folder).parent == tmp_path
        assert Path(folder).stat().st_mode & 0o077 == 0
    assert not Path(folder).exists()
    monkeypatch.setenv("XDG_RUNTIME_DIR", UNWRITABLE)
    with scratch_folder() as folder:
        assert Path(folder).is_dir()


def test_a_usual_place_that_has_filled_up_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was writable at first may not be later."""
    monkeypatch.setattr(tempfile, "tempdir", UNWRITABLE)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with scratch_folder() as folder:
        assert Path(folder).parent == tmp_path


def test_no_place_at_all_is_one_line(
    no_tmp: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`demo` ends with exit code 2 and says what to do."""
    monkeypatch.setattr(scratch, "_parents", lambda: iter([UNWRITABLE]))
    with pytest.raises(NoFolderError):
        scratch_folder()
    assert main(["demo", "--web.listen-address", "127.0.0.1:0"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == ("demo: no folder can be written to; name one in TMPDIR, or mount one at /tmp\n")
