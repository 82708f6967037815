"""Standard streams that are closed, full or in an encoding of old: for every command alike."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from tests.cli.commands import COMMAND

COMMANDS = (
    ("--help",),
    ("--version",),
    ("check", "nosuch.invalid", "--timeout", "1s"),
    ("classify", "535 5.7.8 no"),
    ("classify", "--output", "json", "535 5.7.8 no"),
    ("demo", "--web.listen-address", "127.0.0.1:0"),
)


def _run(redirection: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    script = f'exec "$@" {redirection}'
    return subprocess.run(
        ["/bin/bash", "-c", script, "bash", *COMMAND, *arguments],
        capture_output=True,
        check=False,
        timeout=60,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **environment},
    )


@pytest.mark.parametrize(
    ("arguments", "unbuffered"), [*((command, "") for command in COMMANDS), (COMMANDS[3], "1")]
)
def test_a_full_output_is_one_line(arguments: tuple[str, ...], unbuffered: str) -> None:
    """What cannot be written is said once, on standard error, and the exit code is 1."""
    done = _run(">/dev/full", *arguments, PYTHONUNBUFFERED=unbuffered)
    assert done.stderr == b"submission-exporter: cannot write the output: No space left on device\n"
    assert done.returncode == 1


@pytest.mark.parametrize(
    ("arguments", "unbuffered"), [*((command, "") for command in COMMANDS), (COMMANDS[3], "1")]
)
def test_a_reader_that_has_gone_is_not_complained_about(arguments: tuple[str, ...], unbuffered: str) -> None:
    """A pipe without a reader ends the command in silence, with exit code 1."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as pipe:
        done = subprocess.run(
            [*COMMAND, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=pipe,
            stderr=subprocess.PIPE,
            check=False,
            timeout=60,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        )
    assert done.stderr == b""
    assert done.returncode == 1


def test_messages_that_nobody_can_read_change_no_exit_code() -> None:
    """A full or closed standard error loses the words and nothing else."""
    for redirection in ("2>/dev/full", "<&- >&- 2>&-"):
        assert _run(redirection, "validate", "--config.file", "/nowhere.yml").returncode == 2


def test_closed_streams_are_empty_ones() -> None:
    """Without standard input there is nothing to explain; without standard output nobody reads."""
    done = _run("<&-", "classify")
    assert (done.returncode, b"nothing to explain" in done.stderr) == (2, True)
    assert _run(">&-", "classify", "535 5.7.8 no").returncode == 0


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_every_character_is_written_in_every_encoding(encoding: str) -> None:
    """What the encoding lacks is escaped as in JSON, so that JSON says the same everywhere."""
    said = "535 5.7.8 “é” 密码 😀"
    environment = {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    text = _run("", "classify", said, LC_ALL="C.UTF-8", **environment)
    assert (text.returncode, text.stderr) == (0, b"")
    assert b"credentials_rejected" in text.stdout
    answer = _run("", "classify", "--output", "json", said, LC_ALL="C.UTF-8", **environment)
    assert "“é” 密码 😀" in json.loads(answer.stdout.decode(encoding))["summary"]


def test_a_lone_surrogate_is_written() -> None:
    """JSON may name half of a character, which no encoding has."""
    done = _run("", "classify", "--output", "json", '{"host": "\\ud800", "text": "\\ud800 535"}')
    assert (done.returncode, done.stderr) == (0, b"")
    json.loads(done.stdout)
