"""`check`: against real mail servers, in JSON, in words, on a terminal and in a pipe."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from exporter.cli import main
from tests.cli.commands import on_terminal
from tests.servers.background import in_background
from tests.servers.exim import Exim
from tests.servers.postfix import Postfix
from tests.servers.scripted import drop, hear, scripted

KEYS = [
    "endpoint",
    "target",
    "labels",
    "started",
    "success",
    "phase",
    "error_class",
    "fault_domain",
    "rule",
    "confidence",
    "runner_up",
    "summary",
    "remedy",
    "outlook_code",
    "duration_seconds",
    "steps",
    "attempts",
    "reply",
    "tls",
    "auth",
    "follow_up",
    "transcript",
]
TLS_KEYS = [
    "version",
    "cipher",
    "verified",
    "verify_error",
    "verify_code",
    "subject",
    "issuer",
    "serial",
    "sans",
    "not_before",
    "not_after",
    "chain_length",
]


def configuration(folder: Path, *endpoints: dict[str, Any], **top: Any) -> str:
    """Write a configuration (JSON is YAML) and return its path."""
    file = folder / "exporter.yml"
    file.write_text(json.dumps({"endpoints": list(endpoints), **top}))
    return str(file)


def of_postfix(postfix: Postfix, password: str | None = None, **more: Any) -> dict[str, Any]:
    """An endpoint on the test Postfix, with the right password unless told otherwise."""
    return {
        "name": "postfix",
        "target": f"localhost:{postfix.ports.submission}",
        "ip_protocol": "ip4",
        "tls_config": {"ca_file": postfix.ca_file},
        "auth": {"username": postfix.user, "password": password or postfix.password},
        **more,
    }


def checked(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[dict[str, Any]]]:
    """Run `check --output json` and return exit code and objects."""
    code = main(["check", "--output", "json", *arguments])
    return code, json.loads(capsys.readouterr().out)


def test_a_login_at_postfix_is_healthy_and_every_phase_is_timed(
    postfix: Postfix, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The JSON has exactly the keys of the contract, and each planned phase its seconds."""
    code, (found,) = checked(capsys, "--config.file", configuration(tmp_path, of_postfix(postfix)))
    assert code == 0
    assert list(found) == KEYS
    assert list(found["tls"]) == TLS_KEYS
    assert found["success"] is True
    assert (found["phase"], found["error_class"], found["fault_domain"]) == (None, "none", "none")
    phases = ["dns", "connect", "greeting", "ehlo", "starttls", "tls", "ehlo", "auth", "quit"]
    assert [step["phase"] for step in found["steps"]] == phases
    assert all(step["status"] == "passed" and step["seconds"] >= 0 for step in found["steps"])
    assert found["auth"]["mechanism"] in found["auth"]["offered"]
    assert found["tls"]["verified"] is True
    assert found["reply"]["code"] == 235


def test_a_wrong_password_at_postfix(
    postfix: Postfix, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Phase auth, credentials_rejected, credentials: and the server saw one AUTH and a QUIT."""
    log = postfix.log()
    file = configuration(tmp_path, of_postfix(postfix, password="not the password"))
    code, (found,) = checked(capsys, "--config.file", file)
    assert code == 1
    assert (found["phase"], found["error_class"], found["fault_domain"]) == (
        "auth",
        "credentials_rejected",
        "credentials",
    )
    (session,) = log.sessions(1)
    assert session.tried["auth"] == 1
    assert session.accepted["quit"] == 1


@pytest.mark.parametrize(
    ("recipient", "expected"),
    [
        ("somebody@example.org", ("none", None)),
        ("greylisted@example.org", ("greylisted", "rcpt")),
        ("over-quota@example.org", ("mailbox_full", "rcpt")),
        ("nobody@example.org", ("recipient_rejected", "rcpt")),
    ],
)
def test_recipients_at_postfix(
    recipient: str,
    expected: tuple[str, str | None],
    postfix: Postfix,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The real 250, 450, 452 and 550 to RCPT are told apart."""
    message = {"from": postfix.user, "to": recipient}
    file = configuration(tmp_path, of_postfix(postfix, until="rcpt", message=message))
    _, (found,) = checked(capsys, "--config.file", file)
    assert (found["error_class"], found["phase"]) == expected


def test_a_message_through_postfix(
    postfix: Postfix, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`until: data` hands one message over for real."""
    message = {"from": postfix.user, "to": "somebody@example.org"}
    endpoint = of_postfix(postfix, until="data", message=message, interval="15m")
    code, (found,) = checked(capsys, "--config.file", configuration(tmp_path, endpoint))
    assert code == 0, found
    assert "queued as" in found["reply"]["text"]


def test_too_many_connections_at_postfix(
    postfix: Postfix, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The real 421 of a connection limit is our host's doing, not an outage."""
    postfix.exhaust_limit()
    endpoint = of_postfix(postfix, target=f"localhost:{postfix.ports.limited}")
    _, (found,) = checked(capsys, "--config.file", configuration(tmp_path, endpoint))
    assert (found["phase"], found["error_class"]) == ("greeting", "connection_limit")


def test_postfix_without_its_login_backend(
    postfix: Postfix, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Dovecot gone: the session closes after TLS, or AUTH gets 454; never the credentials' fault."""
    file = configuration(
        tmp_path,
        of_postfix(postfix),
        of_postfix(postfix, name="single", target=f"localhost:{postfix.ports.single}"),
    )
    with postfix.without_auth():
        _, (gone,) = checked(capsys, "--config.file", file, "postfix")
    with postfix.losing_auth():
        _, (lost,) = checked(capsys, "--config.file", file, "single")
    assert (gone["phase"], gone["error_class"], gone["fault_domain"]) == ("ehlo", "connection_lost", "server")
    assert (lost["phase"], lost["error_class"]) == ("auth", "auth_temporary_failure")
    code, _ = checked(capsys, "--config.file", file)
    assert code == 0


@pytest.mark.parametrize("port", ["submission", "submissions"])
@pytest.mark.parametrize(("password", "expected"), [(None, "none"), ("wrong", "credentials_rejected")])
def test_exim(  # noqa: PLR0917 - pytest gives them by name
    port: str,
    password: str | None,
    expected: str,
    exim: Exim,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Exim is judged as Postfix is, with STARTTLS and with implicit TLS."""
    endpoint = {
        "target": f"localhost:{getattr(exim.ports, port)}",
        "tls": "implicit" if port == "submissions" else "starttls",
        "ip_protocol": "ip4",
        "tls_config": {"ca_file": exim.ca_file},
        "auth": {"username": exim.user, "password": password or exim.password},
    }
    _, (found,) = checked(capsys, "--config.file", configuration(tmp_path, endpoint))
    assert found["error_class"] == expected, found


def test_words_in_a_pipe_are_plain(
    postfix: Postfix, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each phase with its time, then verdict, owner and remedy; no colour."""
    file = configuration(tmp_path, of_postfix(postfix, password="not the password"))
    assert main(["check", "--config.file", file]) == 1
    text = capsys.readouterr().out
    assert "\033" not in text
    for pattern in (
        r"^postfix  localhost:\d+, STARTTLS, until auth$",
        r"^  ok    tls +\d+\.\d ms  TLSv1\.3$",
        r"^  FAIL  auth +\d+\.\d ms  535 5\.7\.8 ",
        r"^  credentials_rejected",
        r"^  Whose problem: the credentials",
        r"^    1\. ",
    ):
        assert re.search(pattern, text, re.MULTILINE), pattern


def test_a_person_is_asked_for_the_password_without_echo(postfix: Postfix) -> None:
    """On a terminal the password is asked for, is not shown, and the steps come in colour."""
    code, screen = on_terminal(
        "check",
        f"localhost:{postfix.ports.submission}",
        *("--username", postfix.user, "--ca-file", postfix.ca_file),
        answer=postfix.password,
    )
    assert code == 0, screen
    assert f"Password of {postfix.user}:" in screen
    assert postfix.password not in screen
    assert "\033[32mok" in screen
    assert "healthy" in screen


def test_a_password_file_serves_without_a_terminal(
    postfix: Postfix, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--password-file` gives the password without a question."""
    secret = tmp_path / "password"
    secret.write_text(postfix.password + "\n")
    code, (found,) = checked(
        capsys,
        f"localhost:{postfix.ports.submission}",
        *("--username", postfix.user, "--password-file", str(secret), "--ca-file", postfix.ca_file),
    )
    assert code == 0, found
    assert postfix.password not in json.dumps(found)


def test_many_endpoints_come_out_in_order(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], postfix: Postfix
) -> None:
    """They are probed together and printed in the order of the file, one block each."""
    names = [f"e{number}" for number in range(12)]
    file = configuration(tmp_path, *(of_postfix(postfix, name=name) for name in names))
    assert main(["check", "--config.file", file]) == 0
    heads = re.findall(r"^(e\d+)  ", capsys.readouterr().out, re.MULTILINE)
    assert heads == names
    code, found = checked(capsys, "--config.file", file, "e3", "e1")
    assert [one["endpoint"] for one in found] == ["e3", "e1"]
    assert code == 0


def test_a_host_without_a_port_is_told_what_was_assumed(capsys: pytest.CaptureFixture[str]) -> None:
    """587 with STARTTLS is assumed, and it is said."""
    main(["check", "127.0.0.1", "--timeout", "1s"])
    text = capsys.readouterr().out
    assert "127.0.0.1:587" in text
    assert "587 with STARTTLS was assumed" in text


def test_a_known_provider_is_shown_its_right_settings(capsys: pytest.CaptureFixture[str]) -> None:
    """What was tried stands beside what the provider documents, whatever became of the probe."""
    main(["check", "smtp.gmail.com:587", "--tls", "implicit", "--timeout", "1s"])
    text = capsys.readouterr().out
    assert "465 with implicit TLS" in text


def test_a_follow_up_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """The extra connection and what it showed stand below the verdict."""
    with in_background(lambda: scripted([drop()], [hear()])) as server:
        main(["check", f"127.0.0.1:{server.port}", "--timeout", "2s"])
    assert f"Also tried: offer TLS at once at 127.0.0.1:{server.port}" in capsys.readouterr().out


WRONG = {
    "nothing to check": ([], "name a server"),
    "an unknown file": (["--config.file", "/nowhere.yml"], "/nowhere.yml"),
    "a password without a user": (["h", "--password-file", "/etc/hostname"], "--password-file needs"),
    "a password file that is not there": (
        ["h", "--username", "u", "--password-file", "/nowhere"],
        "--password-file: cannot read /nowhere",
    ),
    "no terminal": (["h", "--username", "u"], "give --password-file"),
    "a bad duration": (["h", "--timeout", "10"], "--timeout 10"),
    "no time at all": (["h", "--timeout", "0s"], "--timeout 0s"),
    "a login without one": (["h", "--until", "auth"], "auth"),
    "a port that is none": (["h:99999"], "99999"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_question_is_answered_with_2(
    case: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Usage errors say what is wrong and what to do, on standard error, and exit with 2."""
    with Path("/dev/null").open() as nothing:
        monkeypatch.setattr("sys.stdin", nothing)
        arguments, words = WRONG[case]
        assert main(["check", *arguments]) == 2
    captured = capsys.readouterr()
    assert words in captured.err
    assert captured.out == ""


OVERRIDES = {
    "--until auth": (["--until", "auth"], "needs a login"),
    "--until data": (["--until", "data"], "needs a message"),
    "--tls none": (["--tls", "none", "--username", "u", "--password-file"], "in clear"),
    "--tls none --until tls": (["--tls", "none", "--until", "tls"], "exclude each other"),
}


@pytest.mark.parametrize("case", OVERRIDES)
def test_overrides_that_make_no_sense(case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What the command line changes on an endpoint of the file is checked like the file."""
    secret = tmp_path / "password"
    secret.write_text("secret")
    arguments, words = OVERRIDES[case]
    if arguments[-1] == "--password-file":
        arguments = [*arguments, str(secret)]
    file = configuration(tmp_path, {"name": "e", "target": "localhost:587"})
    assert main(["check", "--config.file", file, "e", *arguments]) == 2
    assert words in capsys.readouterr().err


def test_overrides_reach_an_endpoint_of_the_file(
    postfix: Postfix, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Depth, login, trust and deadline can be changed for one check."""
    secret = tmp_path / "password"
    secret.write_text(postfix.password)
    endpoint = {"name": "e", "target": f"localhost:{postfix.ports.submission}", "ip_protocol": "ip4"}
    file = configuration(tmp_path, endpoint)
    login = ("--username", postfix.user, "--password-file", str(secret), "--ca-file", postfix.ca_file)
    code, (found,) = checked(capsys, "--config.file", file, "e", "--timeout", "9s", *login)
    assert code == 0, found
    assert found["steps"][-2]["phase"] == "auth"
    _, (short,) = checked(capsys, "--config.file", file, "e", "--until", "greeting")
    assert [step["phase"] for step in short["steps"]] == ["dns", "connect", "greeting", "quit"]


def test_one_refusal_does_not_answer_for_the_next_endpoint(
    postfix: Postfix, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Endpoints of one host and one login are each tried: `check` was asked about every one of them."""
    log = postfix.log()
    names = ["a", "b", "c"]
    file = configuration(tmp_path, *(of_postfix(postfix, password="wrong", name=name) for name in names))
    _, found = checked(capsys, "--config.file", file)
    assert [one["error_class"] for one in found] == ["credentials_rejected"] * 3
    assert [session.tried.get("auth") for session in log.sessions(3)] == [1, 1, 1]
