"""How global keys, modules and endpoints lie over each other."""

from __future__ import annotations

from pathlib import Path

import pytest

from exporter.model import (
    Auth,
    Message,
    Secret,
    TlsConfig,
    TlsMode,
    TlsVersion,
)
from exporter.settings import BackoffSettings, ConfigError, load
from tests.settings.settings_folder import Loader


def test_an_endpoint_lies_over_its_module_key_by_key(bad_folder: Path):
    """Inside of tls_config, auth and message too, as long as auth names no credentials."""
    file = bad_folder / "layers.yml"
    file.write_text(
        """\
modules:
  m:
    tls: implicit
    timeout: 5s
    tls_config: {strict: true, cert_file: certs/client.pem, key_file: certs/client.key}
    auth: {username: probe, password_file: secrets/password, every: 5m}
    message: {from: a@example.com, to: b@example.com}
endpoints:
  - target: one.example.com:587
    module: m
    timeout: 6s
    tls_config: {min_version: TLS13}
    auth: {every: 10m}
    message: {subject: One}
""",
        encoding="utf-8",
    )
    (endpoint,) = load(file).endpoints
    assert (endpoint.tls, endpoint.timeout) == (TlsMode.IMPLICIT, 6.0)
    assert endpoint.tls_config.strict
    assert endpoint.tls_config.min_version is TlsVersion.TLS13
    assert endpoint.tls_config.key_file == str(bad_folder / "certs/client.key")
    assert endpoint.auth == Auth(username="probe", password=Secret("correct horse"), every=600.0)
    assert endpoint.message == Message(sender="a@example.com", recipient="b@example.com", subject="One")


def test_an_auth_with_credentials_replaces_the_modules_whole(load_text: Loader):
    """A password never meets the user name of another account."""
    settings = load_text(
        """\
modules:
  m: {auth: {username: probe, password: one, every: 5m, mechanism: PLAIN}}
endpoints:
  - {target: "a.example:587", module: m, auth: {username: other, password: two}}
"""
    )
    assert settings.endpoints[0].auth == Auth(username="other", password=Secret("two"))


def test_a_client_certificate_and_its_key_count_as_one(bad_folder: Path):
    """An endpoint's pair replaces the module's."""
    file = bad_folder / "pairs.yml"
    file.write_text(
        """\
modules:
  m: {tls_config: {cert_file: certs/client.pem, key_file: certs/client.key, strict: true}}
endpoints:
  - target: one.example.com:587
    module: m
    tls_config: {cert_file: certs/both.pem, key_file: certs/both.pem}
""",
        encoding="utf-8",
    )
    both = bad_folder / "certs/both.pem"
    both.write_bytes(
        (bad_folder / "certs/client.pem").read_bytes() + (bad_folder / "certs/client.key").read_bytes()
    )
    (endpoint,) = load(file).endpoints
    assert endpoint.tls_config == TlsConfig(cert_file=str(both), key_file=str(both), strict=True)


def test_a_module_may_leave_things_to_its_endpoints(load_text: Loader):
    """Depth in the module, credentials and envelope at the endpoint."""
    settings = load_text(
        """\
modules:
  m: {until: rcpt, auth: {mechanism: auto}, message: {from: a@example.com}}
endpoints:
  - target: a.example:587
    module: m
    auth: {username: probe, password: x}
    message: {to: b@example.com}
"""
    )
    assert settings.modules["m"].auth is None
    assert settings.modules["m"].message is None
    assert settings.endpoints[0].message == Message(sender="a@example.com", recipient="b@example.com")


def test_a_default_timeout_shrinks_to_the_interval(load_text: Loader):
    """As in Prometheus, only a timeout of the endpoint's own is held against its interval."""
    settings = load_text("global: {timeout: 30s}\nendpoints: [{target: 'a.example:587', interval: 2s}]")
    assert settings.endpoints[0].timeout == 2.0
    assert (
        load_text("global: {interval: 5s}\nendpoints: [{target: 'a.example:587'}]").endpoints[0].timeout
        == 5.0
    )


def test_a_shorter_longest_wait_shortens_the_first(load_text: Loader):
    """`backoff.max` alone below five minutes is no contradiction."""
    assert load_text("global: {backoff: {max: 1m}}").backoff == BackoffSettings(initial=60.0, max=60.0)
    assert load_text("global: {backoff: {initial: 2h}}").backoff == BackoffSettings(
        initial=7200.0, max=7200.0
    )


def test_labels_of_an_endpoint_win_over_global_ones(load_text: Loader):
    """Both stand on the endpoint, sorted by name."""
    settings = load_text(
        "global: {labels: {site: a, zone: z}}\nendpoints: [{target: 'a.example:25', labels: {site: b, app: c}}]"
    )
    assert settings.endpoints[0].labels == (("app", "c"), ("site", "b"), ("zone", "z"))


def test_anchors_and_merge_keys_work(load_text: Loader):
    """The own key wins over the merged, the first merged over the second."""
    settings = load_text(
        """\
modules:
  a: &a {tls: none, timeout: 1s}
  b: &b {tls: implicit, timeout: 2s, helo: b.example.com}
endpoints:
  - <<: [*a, *b]
    target: one.example.com:587
    timeout: 3s
  - {<<: *b, target: "two.example.com:587"}
"""
    )
    one, two = settings.endpoints
    assert (one.tls, one.timeout, one.helo) == (TlsMode.NONE, 3.0, "b.example.com")
    assert (two.tls, two.timeout) == (TlsMode.IMPLICIT, 2.0)


def test_a_fault_behind_a_merge_key_is_told_where_it_is_written(load_text: Loader):
    """The line is that of the anchor's mapping."""
    with pytest.raises(ConfigError) as raised:
        load_text(
            "modules:\n  a: &a\n    tls: none\n    timeout: 5\nendpoints:\n  - {<<: *a, target: 'a.example:25'}\n"
        )
    assert [(problem.line, problem.path) for problem in raised.value.problems] == [
        (4, "modules.a.timeout"),
        (4, "endpoints[0].timeout"),
    ]
