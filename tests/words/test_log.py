"""One line an event, whatever it holds."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter import log


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


def test_logfmt(capsys: pytest.CaptureFixture[str]) -> None:
    """Plain values stand bare, others are quoted; nothing below the level is written."""
    log.set_up("info", "logfmt")
    log.event(logging.INFO, "probe failed", endpoint="mail one", reply='say "no"\nreally', count=3)
    log.event(logging.DEBUG, "unseen")
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert 'level=info msg="probe failed" endpoint="mail one" reply="say \\"no\\"\\nreally" count=3' in line


def test_json_with_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    """A bug carries its traceback inside the one line; foreign loggers name themselves."""
    log.set_up("debug", "json")
    try:
        dict[str, str]()["oops"]
    except KeyError as error:
        log.event(logging.ERROR, "bug", error=error)
    logging.getLogger("aiohttp.web").warning("strange %s", "request")
    first, second = map(json.loads, capsys.readouterr().err.splitlines())
    assert "KeyError" in first["traceback"]
    assert (second["logger"], second["msg"]) == ("aiohttp.web", "strange request")


@given(st.text())
def test_no_value_breaks_a_line(value: str) -> None:
    """Whatever a server says, a log event stays one printable line."""
    record = logging.LogRecord("exporter", logging.INFO, "", 0, "m", None, None)
    record.fields = {"reply": value}
    line = log._Logfmt().format(record)
    assert line.isprintable()
