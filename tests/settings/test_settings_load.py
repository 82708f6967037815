"""What a good configuration comes to."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from exporter.model import (
    Auth,
    Endpoint,
    IpProtocol,
    Mechanism,
    Message,
    Phase,
    Secret,
    TlsConfig,
    TlsMode,
    TlsVersion,
)
from exporter.settings import BackoffSettings, ConfigError, FollowUpSettings, Module, load
from tests.settings.settings_folder import Loader


def test_an_endpoint_needs_no_more_than_a_target(load_text: Loader):
    """Everything else has a default."""
    settings = load_text("endpoints: [{target: 'smtp.example.com:587'}]")
    assert settings.endpoints == (
        Endpoint(
            name="smtp.example.com:587",
            host="smtp.example.com",
            port=587,
            tls=TlsMode.STARTTLS,
            until=Phase.EHLO,
            interval=60.0,
            timeout=10.0,
        ),
    )
    assert settings.max_concurrent == 200
    assert settings.history == 100
    assert not settings.phase_latency
    assert settings.follow_up == FollowUpSettings(
        enabled=True, pause=300.0, ports=(587, 465), control_targets=()
    )
    assert settings.backoff == BackoffSettings(initial=300.0, max=3600.0)
    assert settings.nameservers == ()
    assert settings.rules_files == ()
    assert settings.default_module == Module(name="", timeout=10.0)


@pytest.mark.parametrize(
    ("port", "mode"),
    [(465, TlsMode.IMPLICIT), (2465, TlsMode.IMPLICIT), (587, TlsMode.STARTTLS), (25, TlsMode.STARTTLS)],
)
def test_the_port_decides_the_encryption(load_text: Loader, port: int, mode: TlsMode):
    """465 and 2465 speak TLS from the first byte."""
    assert load_text(f"endpoints: [{{target: 'smtp.example.com:{port}'}}]").endpoints[0].tls is mode


def test_credentials_make_the_probe_log_in(load_text: Loader):
    """The default depth is auth with credentials, and ehlo without."""
    (endpoint,) = load_text(
        "endpoints: [{target: 'a.example:587', auth: {username: u, password: p}}]"
    ).endpoints
    assert endpoint.until is Phase.AUTH
    assert endpoint.auth == Auth(username="u", password=Secret("p"))


def test_every_key_of_an_endpoint_arrives(bad_folder: Path):
    """Nothing that may be written is forgotten on the way to the value."""
    file = bad_folder / "whole.yml"
    file.write_text(
        """\
global:
  interval: 2m
  timeout: 20s
  helo: global.example.com
  labels: {site: fra1, team: nobody}
  max_concurrent: 7
  history: 9
  phase_latency: true
  rules_files: [endpoints.d/empty.yml]
  follow_up: {enabled: false, pause: 0, ports: [2525], control_targets: ["[2001:db8::1]:25"]}
  backoff: {initial: 1m, max: 2m}
  resolver: {nameservers: [192.0.2.53, "192.0.2.54:5353", "2001:DB8::53", "[2001:db8::54]:5353"]}
modules:
  whole:
    tls: implicit
    until: rcpt
    timeout: 5s
    ip_protocol: prefer_ip6
    source_address: 2001:db8::7
    helo: "[192.0.2.7]"
    tls_config:
      ca_file: certs/ca.pem
      cert_file: certs/client.pem
      key_file: certs/client.key
      server_name: SMTP.example.com.
      insecure_skip_verify: true
      min_version: TLS10
      max_version: TLS13
      strict: true
    auth:
      mechanism: SCRAM-SHA-256
      username: probe
      password_file: secrets/password
      allow_plaintext: true
      every: 5m
    message: {from: probe@example.com, to: sink@Example.COM, subject: Hello}
    allowed_targets: ["*.example.com:587"]
endpoints:
  - name: all
    target: "SMTP.Example.com.:2525"
    module: whole
    interval: 90s
    labels: {team: mail}
""",
        encoding="utf-8",
    )
    settings = load(file)
    tls_config = TlsConfig(
        ca_file=str(bad_folder / "certs/ca.pem"),
        cert_file=str(bad_folder / "certs/client.pem"),
        key_file=str(bad_folder / "certs/client.key"),
        server_name="smtp.example.com",
        insecure_skip_verify=True,
        min_version=TlsVersion.TLS10,
        max_version=TlsVersion.TLS13,
        strict=True,
    )
    auth = Auth(
        username="probe",
        password=Secret("correct horse"),
        mechanism=Mechanism.SCRAM_SHA_256,
        allow_plaintext=True,
        every=300.0,
    )
    message = Message(sender="probe@example.com", recipient="sink@example.com", subject="Hello")
    assert settings.endpoints == (
        Endpoint(
            name="all",
            host="smtp.example.com",
            port=2525,
            tls=TlsMode.IMPLICIT,
            until=Phase.RCPT,
            interval=90.0,
            timeout=5.0,
            ip_protocol=IpProtocol.PREFER_IP6,
            source_address="2001:db8::7",
            helo="[192.0.2.7]",
            tls_config=tls_config,
            auth=auth,
            message=message,
            labels=(("site", "fra1"), ("team", "mail")),
            module="whole",
        ),
    )
    module = settings.modules["whole"]
    assert (module.tls_config, module.auth, module.message) == (tls_config, auth, message)
    assert [str(pattern) for pattern in module.allowed_targets] == ["*.example.com:587"]
    assert settings.default_module == Module(timeout=20.0, helo="global.example.com")
    assert settings.follow_up == FollowUpSettings(
        enabled=False, pause=0.0, ports=(2525,), control_targets=(("2001:db8::1", 25),)
    )
    assert settings.backoff == BackoffSettings(initial=60.0, max=120.0)
    assert settings.nameservers == ("192.0.2.53", "192.0.2.54:5353", "2001:db8::53", "[2001:db8::54]:5353")
    assert (settings.max_concurrent, settings.history, settings.phase_latency) == (7, 9, True)
    assert settings.rules_files == (bad_folder / "endpoints.d/empty.yml",)
    assert set(settings.watched_files) == {
        file,
        bad_folder / "endpoints.d/empty.yml",
        bad_folder / "certs/ca.pem",
        bad_folder / "certs/client.pem",
        bad_folder / "certs/client.key",
        bad_folder / "secrets/password",
    }


def test_yaml_words_of_old_are_text(load_text: Loader):
    """`no`, a clock and a date are what they look like, as in YAML 1.2."""
    settings = load_text(
        "endpoints: [{target: 'a.example:25', labels: {country: no, at: 12:30, since: 2001-01-01, v: 1.2.3}}]"
    )
    assert dict(settings.endpoints[0].labels) == {
        "country": "no",
        "at": "12:30",
        "since": "2001-01-01",
        "v": "1.2.3",
    }


def test_empty_sections_are_no_fault(load_text: Loader):
    """As when everything below a key is commented out."""
    settings = load_text(
        """\
global:
  labels:
  follow_up:
  resolver: {nameservers: }
modules:
endpoints:
"""
    )
    assert settings.endpoints == ()


def test_a_plain_login_is_possible_when_somebody_means_it(load_text: Loader):
    """`allow_plaintext`, or a depth above the login."""
    settings = load_text(
        """\
endpoints:
  - {target: "a.example:25", tls: none, auth: {username: a, password: b, allow_plaintext: true}}
  - {target: "b.example:25", tls: none, auth: {username: a, password: b}, until: ehlo}
"""
    )
    assert [endpoint.until for endpoint in settings.endpoints] == [Phase.AUTH, Phase.EHLO]


def test_a_message_goes_out_every_fifteen_minutes_at_most(load_text: Loader):
    """The limit itself is allowed."""
    (endpoint,) = load_text(
        "endpoints: [{target: 'a.example:25', until: data, interval: 15m, message: {from: a@b.example, to: 'c@[192.0.2.1]'}}]"
    ).endpoints
    assert endpoint.until is Phase.DATA
    assert endpoint.message == Message(sender="a@b.example", recipient="c@[192.0.2.1]")


def test_equal_files_make_equal_settings(load_text: Loader):
    """So a reload can tell what has changed."""
    text = (
        "modules: {m: {auth: {username: a, password: b}}}\nendpoints: [{target: 'a.example:25', module: m}]"
    )
    assert load_text(text) == load_text(text)
    assert load_text(text) != load_text(text.replace("password: b", "password: c"))


def test_settings_are_frozen(load_text: Loader):
    """Neither the value nor its modules can be changed."""
    settings = load_text("modules: {m: {}}")
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.history = 1  # type: ignore[misc]
    with pytest.raises(TypeError):
        settings.modules["n"] = Module()  # type: ignore[index]
    assert repr(settings).endswith("my.yml', 0 endpoints, 1 modules)")


def test_thousands_of_endpoints_load_in_little_time(tmp_path: Path):
    """The password file that they share is read once; nothing is quadratic in their number."""
    (tmp_path / "password").write_text("x", encoding="utf-8")
    entry = "  - target: smtp{0}.example.com:587\n    labels: {{team: mail}}\n    auth: {{username: u{0}, password_file: password}}\n"
    file = tmp_path / "my.yml"
    file.write_text("endpoints:\n" + "".join(entry.format(n) for n in range(3000)), encoding="utf-8")
    settings = load(file)
    assert len(settings.endpoints) == 3000
    assert settings.watched_files == (file, tmp_path / "password")


def test_thousands_of_faults_are_all_told(tmp_path: Path):
    """One line each, in the order of the file."""
    file = tmp_path / "my.yml"
    entries = "".join(f"  - target: smtp{n}.example.com\n    intervall: 5s\n" for n in range(1000))
    file.write_text("endpoints:\n" + entries, encoding="utf-8")
    with pytest.raises(ConfigError) as raised:
        load(file)
    assert [problem.line for problem in raised.value.problems] == list(range(2, 2002))
