"""`promtool check web-config` and we agree on hundreds of odd files: tags, words, numbers, hashes, merges, names."""

from __future__ import annotations

import itertools
import re
import subprocess
from pathlib import Path

import pytest

from exporter.settings import ConfigError
from exporter.web.access.load import load_access
from exporter.web.access.passwords import Passwords
from tests.servers.certificates import Workshop
from tests.servers.prometheus import PROMTOOL
from tests.web.exporting import run
from tests.web.test_access import hashed
from tests.web.web_configurations import HASH, TLS

SCALARS = (
    *("true", "True", "tRue", "y", "Y", "yes", "on", "n", "NO", "off", "~", "null", "Null", "NULL", "nuLL"),
    *("", '""', "''", '"true"', "'yes'", '"null"', '"~"', "|\n   true\n", ">\n   true\n", "x"),
    *("1", "0", "1.0", "1e3", "0x1f", "0o7", "017", "08", "0b1", "1_000", "+1", "-1", ".5", ".inf", ".nan"),
    *("<<", "=", "2001-01-01", "2001-13-01", "12:30", "9" * 30, "[]", "{}", "[a]", "{a: b}", "[~]", "- a"),
    *(f"!!bool {value}" for value in ("true", '"true"', "'yes'", "y", "1", '""', "", "~", "x")),
    *(f"!!str {value}" for value in ("true", "1", "~", "", "[a]")),
    *(f"!!int {value}" for value in ("1", '"1"', "1.0", "true", "x", "~", "0b11", "9" * 30)),
    *(f"!!float {value}" for value in ("1", '"1.5"', "true", "x", "~", ".inf", "1e999")),
    *(f"!!null {value}" for value in ("~", '""', "x", "")),
    *(f"!!binary {value}" for value in ("dHJ1ZQ==", "dHJ1ZQ", "x", "VExTMTI=")),
    *(f"!!timestamp {value}" for value in ("2001-01-01", '"2001-1-1"', "x", "2001-13-01")),
    *("!!map {}", "!!map []", "!!seq {}", "!!set {}", "!!foo true", "!foo true", "! true", '! "true"', "! ~"),
    *("!<tag:yaml.org,2002:bool> true", "!<!x> true", "!e!x true", "&a true", "&a", "*a", "&a ! true"),
    *(r'"\x74rue"', r'"\/"', r'"\\/"', r'"a\\\/"', r'"\z"', '"é"', "é", "a#b", "a #b", "a: b", "@x", "%x"),
)
FIELDS = (
    "http_server_config: {{http2: {}}}\n",
    "http_server_config: {}\n",
    "http_server_config:\n  headers:\n    X-XSS-Protection: {}\n",
    f"basic_auth_users:\n  {{}}: {HASH}\n",
    "{}\n",
    "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n  min_version: {}\n",
    "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n  cipher_suites:\n  - {}\n",
    "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n  client_auth_type: {}\n",
)
VERSIONS = (
    *("$2b$+9$", "$2b$-9$", "$2b$1_$", "$2b$010$", "$2b#10$", "$2b$10#", "$ b$10$", "$3b$10$", "$2$10$"),
    *("$2$$10$", "$2##10$", "$!a$10$", "$2ab$10$", "$2a$04$", "$2a$+4$", "$2a$03$", "$2a$31$", "$2a$32$"),
    *("$2a$ 9$", "$2a$9 $", "$2a$1.$", "x2a$10$", "$2é10$"),
)
HASHES = [
    f"basic_auth_users: {{a: '{version}{rest}'}}\n"
    for version, rest in itertools.product(VERSIONS, (HASH[7:], HASH[7:-1], HASH[7:] + "x", "!" * 53))
]
WHOLE = (
    *(f"%YAML {version}\n---\n{{}}\n" for version in ("1.0", "1.1", "1.2", "2.0")),
    *("%FOO bar\n---\n{}\n", "%YAML 1.1\n%YAML 1.1\n---\n{}\n", "{}\n---\n%YAML 1.2\n---\n{}\n"),
    '%TAG !e! tag:yaml.org,2002:\n---\nhttp_server_config: {http2: !e!bool "true"}\n',
    "http_server_config:\n  <<: [{http2: true}, {http2: false}]\n  http2: on\n",
    "http_server_config:\n  http2: on\n  <<: {http2: off}\n",
    "http_server_config: {<<: {http2: true}, <<: {http2: true}}\n",
    'http_server_config: {"<<": {http2: true}}\n',
    'http_server_config: {!!merge "<<": {http2: true}}\n',
    "http_server_config: {<<: [http2]}\n",
    "http_server_config: {<<: ~}\n",
    "http_server_config: {<<: {other: 1}}\n",
    f"basic_auth_users: {{<<: {{a: {HASH}}}, a: {HASH}}}\n",
    f"basic_auth_users: {{a: {HASH}, <<: {{a: {HASH}}}}}\n",
    f"basic_auth_users: {{<<: [{{a: {HASH}}}, {{a: {HASH}}}]}}\n",
    f"basic_auth_users: {{a: &h {HASH}, b: *h}}\n",
    "tls_server_config: {cert_file: ./server.pem, key_file: nowhere/../server.key}\n",
    "tls_server_config: {cert_file: server.pem/, key_file: server.key}\n",
    *(TLS + f", min_version: {text}}}\n" for text in ("!!binary VExTMTI=", "!x TLS12", "771", "!!null x")),
    *(
        TLS + f', cipher_suites: ["{name}"]}}\n'
        for name in ("TLS_RSA_WITH_RC4_128_SHA", "tls_aes_128_gcm_sha256", "4865", " TLS_AES_128_GCM_SHA256")
    ),
    *(TLS + f', curve_preferences: ["{name}"]}}\n' for name in ("x25519", "CurveP224", "X25519", "29")),
)
TEXTS = (*(field.format(scalar) for field in FIELDS for scalar in SCALARS), *HASHES, *WHOLE)


@pytest.mark.servers
def test_odd_files_get_the_verdict_of_promtool(tmp_path: Path, workshop: Workshop) -> None:
    """Whatever a value looks like, where a tag or a merge changes what it is, and in every kind of place."""
    certified = workshop.valid()
    (tmp_path / "server.pem").write_bytes(Path(certified.certificate_file).read_bytes())
    (tmp_path / "server.key").write_bytes(Path(certified.key_file).read_bytes())
    for number, text in enumerate(TEXTS):
        (tmp_path / f"{number}.yml").write_text(text, encoding="utf-8")
    checked = subprocess.run(
        [PROMTOOL, "check", "web-config", *(f"{number}.yml" for number in range(len(TEXTS)))],
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    found = re.findall(r"^(\d+)\.yml (SUCCESS|FAILED)", checked.stdout + checked.stderr, re.MULTILINE)
    theirs = {int(number): verdict == "SUCCESS" for number, verdict in found}
    assert len(theirs) == len(TEXTS)
    assert {True, False} == set(theirs.values())
    differ = [
        f"{text!r}: promtool says {theirs[number]}"
        for number, text in enumerate(TEXTS)
        if _accepts(tmp_path / f"{number}.yml") is not theirs[number]
    ]
    assert differ == []


def test_odd_hashes_let_the_right_password_in(tmp_path: Path) -> None:
    """A hash that Go reads in its own way is checked as Go does."""
    usual = hashed("correct horse")
    file = tmp_path / "web.yml"

    async def fits(users: dict[str, bytes]) -> list[bool]:
        passwords = Passwords()
        try:
            return [await passwords.are_right(users, "a", word) for word in (b"correct horse", b"wrong")]
        finally:
            passwords.close()

    for version in ("$2$04$", "$2b$+4$", "$2b#04$", "$ b$04$", "$2z$04#", "$2y$04$"):
        file.write_text(f"basic_auth_users: {{a: '{version}{usual[7:]}x'}}\n")
        assert run(fits(dict(load_access(file).users))) == [True, False]


def test_lists_of_merges_that_multiply_are_refused(tmp_path: Path) -> None:
    """Neither time nor memory grow with the product of their lengths."""
    levels = [f"&m{n} {{<<: [{', '.join([f'*m{n - 1}'] * 9)}]}}" for n in range(1, 12)]
    text = "http_server_config:\n  <<: [&m0 {http2: true}, " + ", ".join(levels) + "]\n"
    (tmp_path / "web.yml").write_text(text)
    assert not _accepts(tmp_path / "web.yml")


def _accepts(file: Path) -> bool:
    try:
        load_access(file)
    except ConfigError:
        return False
    return True
