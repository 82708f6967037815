"""`check` asked for what makes no sense, or for less than it needs: said before anything is probed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from exporter.cli import main
from exporter.commands import check
from exporter.commands.subjects import Subject
from exporter.model import Secret
from tests.cli.test_check import configuration


def _refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["check", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    return line


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Subject]:
    """What `check` would probe; nothing is."""
    found: list[Subject] = []

    async def none(subjects: list[Subject], *_: object, **__: object) -> list[object]:
        found.extend(subjects)
        return []

    monkeypatch.setattr(check, "_check", none)
    return found


@pytest.mark.parametrize("content", [None, "", "no PEM", "folder"])
def test_a_ca_file_that_is_none_is_a_usage_error(
    content: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Missing, empty, no PEM or a folder: one line with the file and the remedy, for endpoint and server."""
    file = tmp_path / "ca.pem"
    if content == "folder":
        file.mkdir()
    elif content is not None:
        file.write_text(content)
    line = _refused(capsys, "smtp.example.com:587", "--ca-file", str(file))
    assert line.startswith("check: --ca-file: ")
    assert str(file) in line
    assert ";" in line
    configured = configuration(tmp_path, {"name": "mail", "target": "smtp.example.com:587"})
    assert _refused(capsys, "--config.file", configured, "--ca-file", str(file)) == line


@pytest.mark.parametrize("key", ["ca_file", "cert_file"])
def test_bad_tls_files_of_the_configuration_are_told_with_their_line(
    key: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`check` refuses a configuration whose TLS files are missing, as `validate` does."""
    missing = str(tmp_path / "none.pem")
    tls_config = {key: missing} | ({"key_file": missing} if key == "cert_file" else {})
    file = configuration(tmp_path, {"target": "smtp.example.com:587", "tls_config": tls_config})
    line = _refused(capsys, "--config.file", file)
    assert f"exporter.yml:1: endpoints[0].tls_config.{key}" in line
    assert missing in line


@pytest.mark.parametrize(
    ("arguments", "port", "words"),
    [
        ((), 587, "587 with STARTTLS"),
        (("--tls", "starttls"), 587, "587 with STARTTLS"),
        (("--tls", "implicit"), 465, "465 with TLS from the first byte"),
        (("--tls", "none"), 587, "587 without encryption"),
    ],
)
def test_the_port_that_is_not_given_fits_the_encryption(
    arguments: tuple[str, ...], port: int, words: str, asked: list[Subject]
) -> None:
    """587 is submission whatever the encryption (RFC 6409), 465 its implicit form (RFC 8314)."""
    assert main(["check", "smtp.example.com", *arguments]) == 0
    (subject,) = asked
    assert subject.endpoint.port == port
    assert subject.notes[0] == f"no port was given; {words} was assumed."


def test_a_mistyped_name_is_no_server(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Beside a file, a word without dot and port is a name: the nearest one is offered."""
    file = configuration(tmp_path, {"name": "name", "target": "smtp.example.com:587"})
    line = _refused(capsys, "nmae", "--config.file", file)
    assert 'is called "nmae"; did you mean name?' in line
    assert "no endpoint" in line
    assert "did you mean" not in _refused(capsys, "zzz", "--config.file", file)
    assert "\x1b" not in _refused(capsys, "na\x1bme", "--config.file", file)


def test_servers_may_stand_beside_a_file(tmp_path: Path, asked: list[Subject]) -> None:
    """A dot, a port, brackets or `localhost` make a server of a word; without endpoints every word is one."""
    file = configuration(tmp_path, {"name": "name", "target": "smtp.example.com:587"})
    servers = ["smtp.example.org", "mailhub:587", "[::1]", "localhost"]
    assert main(["check", "name", *servers, "--config.file", file]) == 0
    empty = configuration(tmp_path)
    assert main(["check", "mailhub", "--config.file", empty]) == 0
    assert main(["check", "mailhub"]) == 0
    assert [s.endpoint.name for s in asked] == ["name", *servers, "mailhub", "mailhub"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"x" * 70_000, "larger than 64 KiB"),
        (b"\xff\xfe", "not UTF-8"),
        (b"one\ntwo\n", "line"),
    ],
)
def test_a_password_file_is_read_as_the_configuration_reads_one(
    content: bytes, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same limits, and no word of what it holds."""
    file = tmp_path / "password"
    file.write_bytes(content)
    line = _refused(capsys, "a.example.com", "--username", "u", "--password-file", str(file))
    assert line.startswith("check: --password-file: ")
    assert words in line


def test_a_password_may_come_through_a_pipe(tmp_path: Path, asked: list[Subject]) -> None:
    """As from `--password-file <(pass show mail)`."""
    reading, writing = os.pipe()
    os.write(writing, b"secret\n")
    os.close(writing)
    try:
        given = ("--username", "u", "--password-file", f"/dev/fd/{reading}")
        assert main(["check", "a.example.com", *given]) == 0
    finally:
        os.close(reading)
    auth = asked[0].endpoint.auth
    assert auth is not None
    assert auth.password == Secret("secret")


@pytest.mark.parametrize("typed", ["", None])
def test_a_password_that_is_not_typed(
    typed: str | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Return or Ctrl-D at the prompt is no password."""

    def answer(_prompt: str) -> str:
        if typed is None:
            raise EOFError
        return typed

    monkeypatch.setattr("getpass.getpass", answer)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    assert "no password was given" in _refused(capsys, "a.example.com", "--username", "u")


@pytest.mark.parametrize("until", ["mail", "rcpt", "data"])
def test_an_envelope_stands_in_a_file(until: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The remedy is one of the command line."""
    line = _refused(capsys, "a.example.com", "--until", until)
    assert f"--until {until} needs" in line
    assert "--config.file" in line


def test_an_option_is_written_whole(capsys: pytest.CaptureFixture[str]) -> None:
    """In sub-commands as before them: a later option must not change what a script means."""
    with pytest.raises(SystemExit) as ended:
        main(["check", "a.example.com", "--unt", "ehlo"])
    assert ended.value.code == 2
    assert "--unt" in capsys.readouterr().err


def test_a_file_without_end_is_not_read_to_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    """A device instead of a configuration is told by its size."""
    assert "larger than 64 MiB" in _refused(capsys, "--config.file", "/dev/zero")


def test_a_health_check_of_no_port(capsys: pytest.CaptureFixture[str]) -> None:
    """A port that cannot be is a usage error, and a file is told without Python's numbers."""
    assert main(["healthcheck", "--web.listen-address", "127.0.0.1:99999"]) == 2
    assert main(["healthcheck", "--web.config.file", "/nowhere"]) == 2
    assert capsys.readouterr().err.splitlines()[1] == "healthcheck: /nowhere: No such file or directory"
