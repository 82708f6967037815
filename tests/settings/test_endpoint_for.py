"""Endpoints for targets that stand in no file."""

from __future__ import annotations

from typing import Any

import pytest

from exporter.model import (
    Auth,
    IpProtocol,
    Mechanism,
    Message,
    Phase,
    Secret,
    TlsMode,
)
from exporter.settings import ConfigError, Module, endpoint_for

MESSAGE = Message(sender="a@example.com", recipient="b@example.com")


def test_a_target_alone_has_the_usual_defaults():
    """The name is the target as it was given."""
    endpoint = endpoint_for("SMTP.example.com:465")
    assert (endpoint.name, endpoint.host, endpoint.port) == ("SMTP.example.com:465", "smtp.example.com", 465)
    assert (endpoint.tls, endpoint.until, endpoint.timeout) == (TlsMode.IMPLICIT, Phase.EHLO, 10.0)
    assert endpoint.module == ""


def test_a_module_is_followed_and_overridden():
    """What is given wins over the module."""
    auth = Auth(username="probe", password=Secret("x"))
    module = Module(name="m", tls=TlsMode.STARTTLS, timeout=5.0, auth=auth, ip_protocol=IpProtocol.IP4)
    endpoint = endpoint_for("a.example:587", module)
    assert (endpoint.module, endpoint.auth, endpoint.until) == ("m", auth, Phase.AUTH)
    endpoint = endpoint_for(
        "a.example:587",
        module,
        name="n",
        tls=TlsMode.IMPLICIT,
        until=Phase.TLS,
        timeout=1.0,
        interval=3.0,
        ip_protocol=IpProtocol.IP6,
        helo="me.example",
        username="other",
        password=Secret("y"),
    )
    assert (endpoint.name, endpoint.tls, endpoint.until) == ("n", TlsMode.IMPLICIT, Phase.TLS)
    assert (endpoint.timeout, endpoint.interval) == (1.0, 3.0)
    assert (endpoint.ip_protocol, endpoint.helo) == (IpProtocol.IP6, "me.example")
    assert endpoint.auth == Auth(username="other", password=Secret("y"))


def test_a_missing_port_is_an_error_unless_there_is_a_default():
    """`check HOST` assumes one, `/probe` does not."""
    assert endpoint_for("a.example", default_port=587).port == 587
    assert endpoint_for("a.example:25", default_port=587).port == 25
    with pytest.raises(ConfigError) as raised:
        endpoint_for("a.example")
    assert str(raised.value) == (
        'target: "a.example" names no port; '
        "write a.example:587 for STARTTLS or a.example:465 for TLS from the first byte"
    )


def test_rules_about_intervals_do_not_apply():
    """There is no schedule: a long timeout and a message are both possible."""
    assert endpoint_for("a.example:25", timeout=600.0).timeout == 600.0
    assert endpoint_for("a.example:25", Module(until=Phase.DATA, message=MESSAGE)).until is Phase.DATA
    assert endpoint_for("a.example:25", Module(message=MESSAGE), until=Phase.DATA).until is Phase.DATA


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        ({"target": "a b:25"}, "target"),
        ({"until": Phase.AUTH}, "auth"),
        ({"until": Phase.QUIT}, "until"),
        ({"until": Phase.RCPT}, "message"),
        ({"tls": TlsMode.NONE, "until": Phase.TLS}, "until"),
        ({"tls": TlsMode.NONE, "username": "a", "password": Secret("b")}, "auth"),
        ({"username": "a"}, "password"),
        ({"username": "", "password": Secret("b")}, "username"),
        ({"password": Secret("b")}, "username"),
        ({"timeout": 0.0}, "timeout"),
        ({"timeout": float("nan")}, "timeout"),
        ({"interval": 0.0, "timeout": 0.01}, "interval"),
        ({"interval": 5.0}, "timeout"),
        ({"target": "192.0.2.1:25", "ip_protocol": IpProtocol.IP6}, "ip_protocol"),
        ({"module": Module(auth=Auth(username="a", mechanism=Mechanism.XOAUTH2))}, "auth.mechanism"),
    ],
)
def test_what_cannot_be_is_refused(arguments: dict[str, Any], path: str):
    """With the argument that is to blame, and without file and line."""
    with pytest.raises(ConfigError) as raised:
        endpoint_for(**{"target": "a.example:587", **arguments})
    assert path in {problem.path for problem in raised.value.problems}
    assert {(problem.file, problem.line) for problem in raised.value.problems} == {("", None)}
