"""`--web.config.file`: the same verdicts as Prometheus' own tools, in better words."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from exporter.settings import ConfigError, Problem
from exporter.web.access import ClientAuth, RateLimit
from exporter.web.access.load import load_access
from tests.servers.certificates import Workshop
from tests.servers.prometheus import PROMTOOL
from tests.web.web_configurations import HASH, NEWER, SHARED_WITH_PROMETHEUS, TLS


@pytest.fixture(scope="module")
def folder(workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the certificates that the configurations name."""
    folder = tmp_path_factory.mktemp("web")
    server, other = workshop.valid(), workshop.self_signed()
    (folder / "server.pem").write_bytes(Path(server.certificate_file).read_bytes())
    (folder / "server.key").write_bytes(Path(server.key_file).read_bytes())
    (folder / "other.key").write_bytes(Path(other.key_file).read_bytes())
    (folder / "ca.pem").write_bytes(Path(workshop.ca_file).read_bytes())
    (folder / "junk.pem").write_text("this is no certificate\n")
    key = load_pem_private_key(Path(server.key_file).read_bytes(), None)
    (folder / "encrypted.key").write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, BestAvailableEncryption(b"x"))
    )
    return folder


def written(folder: Path, text: str, name: str = "web.yml") -> Path:
    """The text as a file beside the certificates."""
    file = folder / name
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    return file


def accepts(file: Path) -> bool:
    """Whether the file is accepted; a refusal names the file, and for each problem a remedy."""
    problems = problems_of(file)
    for problem in problems:
        assert problem.file == str(file)
        assert problem.remedy
        assert str(problem).isprintable()
        assert HASH[:20] not in str(problem)
    return not problems


def problems_of(file: Path) -> tuple[Problem, ...]:
    """What is wrong with a file; nothing when it is accepted."""
    try:
        load_access(file)
    except ConfigError as error:
        return error.problems
    return ()


@pytest.mark.servers
def test_verdicts_are_those_of_promtool(folder: Path) -> None:
    """On every configuration that both know, `promtool check web-config` and we agree."""
    files = [
        written(folder, text, f"{number}.yml") for number, text in enumerate(SHARED_WITH_PROMETHEUS.values())
    ]
    checked = subprocess.run(
        [PROMTOOL, "check", "web-config", *map(str, files)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    output = checked.stdout + checked.stderr
    theirs = {
        Path(name).name: verdict == "SUCCESS"
        for name, verdict in re.findall(r"^(\S+\.yml) (SUCCESS|FAILED)", output, re.MULTILINE)
    }
    verdicts = {
        name: (theirs[file.name], accepts(file))
        for name, file in zip(SHARED_WITH_PROMETHEUS, files, strict=True)
    }
    assert len(verdicts) >= 30
    assert {True, False} == {good for good, _ in verdicts.values()}
    assert {name: both for name, both in verdicts.items() if both[0] is not both[1]} == {}


@pytest.mark.parametrize("text", NEWER)
def test_later_keys_are_known_too(text: str, folder: Path) -> None:
    """Keys that came after Debian's version are read as their documentation says."""
    assert accepts(written(folder, text)) is NEWER[text]


def test_every_problem_is_told_with_its_place(folder: Path) -> None:
    """Several faults are one list: line, path, what is wrong and what to do."""
    text = (
        "tls_server_config:\n  cert_file: nowhere.pem\n  min_version: TLS1\n"
        "http_server_config:\n  headers:\n    X-Frame-Option: deny\n"
        "basic_auth_users:\n  alice: secret\nbasic_auth_user: {}\n"
    )
    problems = problems_of(written(folder, text))
    found = {(problem.line, problem.path) for problem in problems}
    assert found == {
        (9, ""),
        (2, "tls_server_config.cert_file"),
        (None, "tls_server_config.key_file"),
        (3, "tls_server_config.min_version"),
        (6, "http_server_config.headers.X-Frame-Option"),
        (8, "basic_auth_users.alice"),
    }
    told = "\n".join(map(str, problems))
    assert "did you mean basic_auth_users?" in told
    assert "use TLS13" not in told
    assert "write TLS13, TLS12, TLS11 or TLS10" in told
    assert "secret" not in told


def test_everything_is_read(folder: Path) -> None:
    """What a file grants comes back as it stands there."""
    text = TLS + (
        ", client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.pem, client_allowed_sans: [a, b]}\n"
        f"basic_auth_users: {{alice: {HASH}}}\n"
        "http_server_config: {headers: {X-Frame-Options: deny, X-XSS-Protection: 0}}\n"
        "rate_limit: {interval: 1m30s, burst: 5}\n"
    )
    access = load_access(written(folder, text))
    assert access.encryption is not None
    assert access.encryption.client_auth is ClientAuth.REQUIRE_AND_VERIFY
    assert access.encryption.allowed_sans == {"a", "b"}  # type: ignore[comparison-overlap]
    assert access.users == {"alice": HASH.replace("$2y", "$2b").encode()}
    assert access.headers == (("X-Frame-Options", "deny"), ("X-XSS-Protection", "0"))
    assert access.rate_limit == RateLimit(90.0, 5)
    assert access.asks_who
    assert HASH not in repr(access)
    assert [path.name for path in access.watched_files] == ["web.yml", "server.pem", "server.key", "ca.pem"]


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("", False),
        (TLS + "}\n", False),
        (TLS + ", client_auth_type: VerifyClientCertIfGiven, client_ca_file: ca.pem}\n", False),
        (TLS + ", client_auth_type: RequireAnyClientCert}\n", True),
        (f"basic_auth_users: {{alice: {HASH}}}\n", True),
    ],
)
def test_who_asks_for_a_login(text: str, asks: bool, folder: Path) -> None:
    """Only a password or a required certificate keeps strangers out."""
    assert load_access(written(folder, text)).asks_who is asks


@pytest.mark.parametrize(
    ("interval", "seconds"),
    [
        ("1s", 1.0),
        ("1h2m", 3720.0),
        ("1.5s", 1.5),
        ("250ms", 0.25),
        ("1000000000", 1.0),
        ("0", None),
        ("-1s", None),
    ],
)
def test_durations_are_gos(interval: str, seconds: float | None, folder: Path) -> None:
    """Intervals are written as Go writes them; nothing and less is no limit."""
    limit = load_access(written(folder, f"rate_limit: {{interval: {interval}, burst: 1}}\n")).rate_limit
    assert (limit and limit.interval) == (seconds and pytest.approx(seconds))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (", client_auth_type: RequireAnyClientCert}", "RequireAndVerifyClientCert"),
        (", curve_preferences: [X25519]}", "X25519"),
        (", curve_preferences: [CurveP384, CurveP256]}", "only CurveP384"),
        (", client_auth_type: RequireAndVerifyClientCert, client_ca_file: junk.pem}", "no client passes"),
    ],
)
def test_what_is_done_in_another_way_is_told(text: str, words: str, folder: Path) -> None:
    """Where Python cannot do what Go does, a warning says what is done instead, and it is never less safe."""
    (warning,) = load_access(written(folder, TLS + text + "\n")).warnings
    assert words in warning


def test_very_deep_and_very_wide_files_are_refused(folder: Path) -> None:
    """Neither nesting nor aliases that multiply take time or memory."""
    deep = "a: " + "[" * 900 + "]" * 900
    wide = "a: &a [x]\n" + "\n".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 9)}]" for n in range(20)
    )
    itself = "tls_server_config: &a {cert_file: *a}\n"
    for text in (deep, wide, itself, "[" * 100_000):
        assert not accepts(written(folder, text))


def test_a_file_that_is_not_one_is_refused(folder: Path) -> None:
    """A missing file, a folder and a very large file are told without being read whole."""
    large = folder / "large.yml"
    large.write_bytes(b"# " + b"x" * 2_000_000)
    for file, words in (
        (folder / "no.yml", "No such file"),
        (folder, "directory"),
        (large, "larger than 1 MiB"),
    ):
        (problem,) = problems_of(file)
        assert words in problem.message


@pytest.mark.parametrize(
    "text",
    [
        "tls_server_config: {cert_file: pipe, key_file: pipe}\n",
        'tls_server_config: {cert_file: "a\\0b", key_file: "a\\0b"}\n',
        "rate_limit: {interval: " + "9" * 400 + ", burst: 1}\n",
    ],
    ids=["pipe", "NUL", "digits"],
)
def test_what_would_block_or_overflow_is_refused(tmp_path: Path, text: str) -> None:
    """A pipe is not waited for; no name and no number is too odd for a message."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "web.yml").write_text(text)
    with pytest.raises(ConfigError):
        load_access(tmp_path / "web.yml")
