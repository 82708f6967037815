"""A pipe in place of a file: read to its end when somebody writes to it, and never waited for without end."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from exporter.diagnosis import RuleError
from exporter.diagnosis.rulebook import load_rules
from exporter.settings import ConfigError, load, reading

CONFIGURATION = "endpoints:\n- target: mail.example:587\n"


def test_a_configuration_may_come_through_a_pipe(tmp_path: Path) -> None:
    """As of `validate --config.file <(…)`, however slowly it is written."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    def write() -> None:
        with pipe.open("w") as stream:
            for line in CONFIGURATION.splitlines(keepends=True):
                stream.write(line)
                stream.flush()

    thread = threading.Thread(target=write)
    thread.start()
    settings = load(pipe)
    thread.join()
    assert [endpoint.host for endpoint in settings.endpoints] == ["mail.example"]


@pytest.mark.parametrize("somebody_is_there", [False, True])
def test_a_pipe_that_nobody_writes_to_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, somebody_is_there: bool
) -> None:
    """With what to do; a reload that waited for it would be the last one."""
    monkeypatch.setattr(reading, "_PIPE_SECONDS", 0.05)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = os.open(pipe, os.O_RDWR) if somebody_is_there else None
    try:
        with pytest.raises(ConfigError) as caught:
            load(pipe)
    finally:
        if writer is not None:
            os.close(writer)
    assert "pipe" in str(caught.value)
    assert "name a regular file" in str(caught.value)


def test_rules_come_from_no_pipe(tmp_path: Path) -> None:
    """They are read at every reload."""
    pipe = tmp_path / "rules.yml"
    os.mkfifo(pipe)
    with pytest.raises(RuleError, match="pipe"):
        load_rules([pipe])
