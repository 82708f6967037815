"""The files and variables that a configuration is made of."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from exporter.model import (
    Auth,
    Mechanism,
    OAuth2,
    Phase,
    Secret,
)
from exporter.settings import load
from tests.settings.settings_folder import Loader


def test_json_loads_too(tmp_path: Path):
    """Tabs, escaped slashes and characters beyond the basic plane included."""
    document = {
        "endpoints": [{"name": "😀 / \\ud83d", "target": "smtp.example.com:587", "labels": {"a": "é"}}]
    }
    file = tmp_path / "my.json"
    file.write_text(json.dumps(document, indent="\t").replace("/", "\\/"), encoding="utf-8")
    (endpoint,) = load(file).endpoints
    assert endpoint.name == "😀 / \\ud83d"
    assert endpoint.labels == (("a", "é"),)


def test_a_byte_order_mark_is_no_fault(tmp_path: Path):
    """Some editors put one before UTF-8."""
    file = tmp_path / "my.yml"
    file.write_bytes(b"\xef\xbb\xbfendpoints: [{target: 'a.example:25'}]\n")
    assert len(load(file).endpoints) == 1


def test_endpoint_files_are_found_once_and_in_order(tmp_path: Path):
    """Lists and mappings, relative to the main file; folders do not count."""
    (tmp_path / "endpoints.d" / "folder.yml").mkdir(parents=True)
    (tmp_path / "endpoints.d" / "b.yml").write_text("- target: b.example:25\n", encoding="utf-8")
    (tmp_path / "endpoints.d" / "a.yml").write_text(
        "endpoints: [{target: 'a.example:25'}]\n", encoding="utf-8"
    )
    (tmp_path / "endpoints.d" / "c.yml").write_text("endpoints:\n", encoding="utf-8")
    file = tmp_path / "my.yml"
    file.write_text(
        """\
global: {endpoint_files: [endpoints.d/b.yml, "endpoints.d/*.yml", "none.d/*.yml"]}
endpoints: [{target: "main.example:25"}]
""",
        encoding="utf-8",
    )
    settings = load(file)
    assert [endpoint.host for endpoint in settings.endpoints] == ["main.example", "b.example", "a.example"]
    assert [path.name for path in settings.watched_files] == ["my.yml", "b.yml", "a.yml", "c.yml"]
    assert settings.watched_globs == (f"{tmp_path}/endpoints.d/*.yml", f"{tmp_path}/none.d/*.yml")


def test_a_relative_file_counts_from_the_file_that_names_it(tmp_path: Path):
    """An endpoint file in a folder of its own has its secrets beside it."""
    folder = tmp_path / "endpoints.d"
    folder.mkdir()
    (folder / "password").write_text("beside", encoding="utf-8")
    (folder / "a.yml").write_text(
        "- {target: 'a.example:587', auth: {username: probe, password_file: password}}\n", encoding="utf-8"
    )
    file = tmp_path / "my.yml"
    file.write_text("global: {endpoint_files: [endpoints.d/a.yml]}\n", encoding="utf-8")
    settings = load(file)
    assert settings.endpoints[0].auth == Auth(username="probe", password=Secret("beside"))
    assert folder / "password" in settings.watched_files


def test_secrets_come_from_files_and_the_environment(
    load_text: Loader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The line end behind a secret is not part of it, spaces are."""
    (tmp_path / "user").write_bytes(b"probe\r\n")
    monkeypatch.setenv("TEST_PASSWORD", " pass word ")
    settings = load_text(
        "endpoints: [{target: 'a.example:587', auth: {username_file: user, password_env: TEST_PASSWORD}}]"
    )
    assert settings.endpoints[0].auth == Auth(username="probe", password=Secret(" pass word "))


def test_tokens_come_three_ways(load_text: Loader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """From a file that is read later, a refresh token, or client credentials."""
    (tmp_path / "token").write_text("not read now", encoding="utf-8")
    (tmp_path / "refresh").write_text("refresh me\n", encoding="utf-8")
    monkeypatch.setenv("TEST_CLIENT_SECRET", "client secret")
    settings = load_text(
        """\
endpoints:
  - target: one.example.com:587
    auth: {username: a, oauth2: {token_file: token}, mechanism: XOAUTH2}
  - target: two.example.com:587
    auth:
      username: b
      oauth2: {token_url: "https://login.example.com/token", client_id: me, refresh_token_file: refresh}
  - target: three.example.com:587
    auth:
      username: c
      oauth2:
        token_url: http://127.0.0.1:8080/token
        client_id: me
        client_secret_env: TEST_CLIENT_SECRET
        scopes: [one, two]
"""
    )
    one, two, three = (endpoint.auth and endpoint.auth.oauth2 for endpoint in settings.endpoints)
    assert one == OAuth2(token_file=str(tmp_path / "token"))
    assert two == OAuth2(
        token_url="https://login.example.com/token", client_id="me", refresh_token=Secret("refresh me")
    )
    assert three == OAuth2(
        token_url="http://127.0.0.1:8080/token",
        client_id="me",
        client_secret=Secret("client secret"),
        scopes=("one", "two"),
    )
    assert tmp_path / "refresh" in settings.watched_files
    assert tmp_path / "token" not in settings.watched_files


def test_external_needs_no_user_name(bad_folder: Path):
    """The certificate says who it is."""
    file = bad_folder / "external.yml"
    file.write_text(
        """\
endpoints:
  - target: a.example:587
    tls_config: {cert_file: certs/client.pem, key_file: certs/client.key}
    auth: {mechanism: EXTERNAL}
""",
        encoding="utf-8",
    )
    (endpoint,) = load(file).endpoints
    assert endpoint.auth == Auth(username="", mechanism=Mechanism.EXTERNAL)
    assert endpoint.until is Phase.AUTH
