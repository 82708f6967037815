"""`validate`, `classify`, `healthcheck` and the outer edge of the command line."""

from __future__ import annotations

import io
import json
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from exporter import __version__
from exporter.cli import main
from tests.cli.commands import COMMAND, on_terminal, running
from tests.cli.test_check import configuration
from tests.servers.certificates import Workshop

GMAIL = "535-5.7.8 Username and Password not accepted.\n535 5.7.8 https://support.google.com/mail/?p=BadCredentials"


def test_a_good_file_is_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`validate` says how many endpoints the file holds."""
    file = configuration(tmp_path, {"target": "smtp.example.com:587"})
    assert main(["validate", "--config.file", file]) == 0
    assert main(["serve", "--config.file", file, "--config.check"]) == 0
    assert capsys.readouterr().out == f"{file}: valid, 1 endpoint\n" * 2


def test_every_problem_of_a_bad_file_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All of them at once, on standard error, with file, line and path; exit code 2."""
    file = tmp_path / "bad.yml"
    file.write_text(
        "endpoints:\n  - target: smtp.example.com\n    colour: red\n  - {target: 'a:587', tls: nope}\n"
    )
    assert main(["validate", "--config.file", str(file)]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 3
    for line, number in zip(lines, (2, 3, 4), strict=True):
        assert f"bad.yml:{number}: endpoints[" in line


def test_bad_rules_are_told_as_bad_settings_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The operator's own rules are checked by `validate`, `serve` and `check` alike."""
    rules = tmp_path / "rules.yml"
    rules.write_text("- id: mine.broken\n  class: no_such_class\n")
    file = configuration(
        tmp_path, {"target": "smtp.example.com:587"}, **{"global": {"rules_files": [str(rules)]}}
    )
    for command in (["validate"], ["check"]):
        assert main([*command, "--config.file", file]) == 2
        assert "mine.broken" in capsys.readouterr().err


def test_a_pasted_error_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    """Class, owner and remedy in words."""
    assert main(["classify", "535 5.7.8 Username and Password not accepted", "--phase", "auth"]) == 0
    text = capsys.readouterr().out
    assert "credentials_rejected" in text
    assert "Whose problem: the credentials" in text


def test_standard_input_is_read(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A block of several lines can be piped in."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(GMAIL.encode())))
    assert main(["classify", "-"]) == 0
    assert "credentials_rejected" in capsys.readouterr().out


def test_json_lines_in_json_lines_out() -> None:
    """One object a line, in order, whatever the lines hold; exit code 0."""
    rows = [
        '{"phase": "auth", "code": 535, "text": "bad password"}',
        "not json",
        "",
        '{"errno": "ECONNREFUSED"}',
    ]
    done = subprocess.run(
        [*COMMAND, "classify", "--output", "json"],
        input="\n".join(rows) + "\n",
        capture_output=True,
        text=True,
        check=True,
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(rows)
    assert list(answers[0]) == [
        "error_class",
        "fault_domain",
        "rule",
        "confidence",
        "runner_up",
        "summary",
        "remedy",
        "outlook_code",
    ]
    assert answers[0]["error_class"] == "credentials_rejected"
    assert answers[3]["error_class"] == "connect_refused"


def test_a_phase_holds_for_lines_that_name_none(capsys: pytest.CaptureFixture[str]) -> None:
    """`--phase` goes with JSON as with words, and a record's own phase comes first."""
    assert main(["classify", "--output", "json", "--phase", "starttls", "454 4.7.0 not now"]) == 0
    assert json.loads(capsys.readouterr().out)["error_class"] == "starttls_refused"
    record = '{"phase": "auth", "code": 454, "text": "4.7.0 Temporary authentication failure"}'
    assert main(["classify", "--output", "json", "--phase", "starttls", record]) == 0
    assert json.loads(capsys.readouterr().out)["error_class"] == "auth_temporary_failure"


def test_any_bytes_are_answered_line_by_line() -> None:
    """Bytes that are no UTF-8, lone carriage returns and NULs neither add lines nor raise."""
    odd = b'\xff\xfe535\n{"text": "\xe4"}\nline\rwith returns\n\0\n'
    done = subprocess.run(
        [*COMMAND, "classify", "--output", "json"], input=odd, capture_output=True, check=True
    )
    assert done.stdout.count(b"\n") == 4
    assert done.stderr == b""


def test_an_unknown_phase_and_an_empty_paste_are_usage_errors(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are told apart from an error that cannot be explained."""
    assert main(["classify", "x", "--phase", "lunch"]) == 2
    assert "lunch" in capsys.readouterr().err
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"  \n")))
    assert main(["classify"]) == 2
    assert "nothing to explain" in capsys.readouterr().err


def test_a_person_is_told_to_paste() -> None:
    """On a terminal `classify` says what it waits for."""
    code, screen = on_terminal("classify", "-", answer="535 5.7.8 no\n\x04")
    assert "Paste the error message" in screen
    assert code == 0


def test_healthcheck(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """0 when a running exporter answers, 1 when nobody does, 2 for an address that is none."""
    file = configuration(tmp_path)
    with running(tmp_path, "serve", "--config.file", file) as child:
        address = child.url.removeprefix("http://").rstrip("/")
        assert main(["healthcheck", "--web.listen-address", address]) == 0
        child.stop()
    assert main(["healthcheck", "--web.listen-address", address]) == 1
    assert main(["healthcheck", "--web.listen-address", "nonsense"]) == 2
    assert "no answer" in capsys.readouterr().err


def test_healthcheck_finds_tls_out(workshop: Workshop, tmp_path: Path) -> None:
    """The check of an image is told of no web configuration, and leaves no line in the log."""
    own = workshop.valid()
    web = tmp_path / "web.yml"
    web.write_text(
        json.dumps({"tls_server_config": {"cert_file": own.certificate_file, "key_file": own.key_file}})
    )
    arguments = ("serve", "--config.file", configuration(tmp_path), "--web.config.file", str(web))
    with running(tmp_path, *arguments, scheme="https") as child:
        address = child.url.removeprefix("https://").rstrip("/")
        before = child.log
        for more in ([], ["--web.config.file", str(web)]):
            assert main(["healthcheck", "--web.listen-address", address, *more]) == 0
        assert child.log == before
        child.stop()
    assert main(["healthcheck", "--web.listen-address", address]) == 1


def test_healthcheck_of_another_service(capsys: pytest.CaptureFixture[str]) -> None:
    """What a port that speaks no HTTP says is not printed: it may be anything."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        greeter = threading.Thread(target=_greet, args=(listening,))
        greeter.start()
        code = main(["healthcheck", "--web.listen-address", f"127.0.0.1:{listening.getsockname()[1]}"])
        greeter.join()
    told = capsys.readouterr().err
    assert code == 1
    assert told.count("\n") == 1
    assert "does not speak HTTP" in told
    assert "ESMTP" not in told


def _greet(listening: socket.socket) -> None:
    connection, _ = listening.accept()
    with connection:
        connection.sendall(b"220 mail.example.com ESMTP \x1b[31m\r\n")
        connection.recv(1000)


def test_version_and_help() -> None:
    """Both commands and version are printed, and no command at all is a usage error."""
    version = subprocess.run([*COMMAND, "--version"], capture_output=True, text=True, check=True)
    assert version.stdout == f"submission-exporter {__version__}\n"
    usage = subprocess.run([*COMMAND], capture_output=True, text=True, check=False)
    assert usage.returncode == 2
    assert "COMMAND" in usage.stderr


def test_a_reader_that_leaves_is_no_error() -> None:
    """`classify … | head -1` ends quietly."""
    rows = "\n".join(["535 no"] * 20000)
    script = f"{sys.executable} -m exporter classify --output json | head -1"
    done = subprocess.run(script, shell=True, input=rows, capture_output=True, text=True, check=True)
    assert done.stdout.count("\n") == 1
    assert "Traceback" not in done.stderr
