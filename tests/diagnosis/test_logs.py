"""What mail servers write into their logs and bounces about the server that they relay through."""

from __future__ import annotations

import pytest

from exporter.diagnosis import diagnose, parse
from exporter.model import ConnectFailure, ErrorClass, Reply

@pytest.mark.parametrize("host", ["mx.example.pl", "mx.example.py", "mx.example.pm", "smtp://mx.example.rs"])
def test_a_host_may_end_like_a_source_file(host):
    """The file of a program has a folder, or no second dot: a host of Poland is none."""
    evidence = parse(f"{host}:550 User unknown").evidence
    assert isinstance(evidence, Reply)
    assert evidence.code == 550


@pytest.mark.parametrize(
    "place",
    ["notify.pl:550 gave up", "/usr/lib/perl5/Net/my.smtp.pm:550 gave up", r"C:\app\a.b.py:451 gave up"],
)
def test_a_place_in_a_program_is_no_reply(place):
    """The number behind the name of a source file is a line."""
    assert not isinstance(parse(place).evidence, Reply)


@pytest.mark.parametrize(
    "address", ["[2001:db8:400e:c0b::6c]", "2001:db8:400e:c00::6c", "[2001:450:ab::1]", "[2001:db8::450:ab]"]
)
def test_a_group_of_an_ipv6_address_is_no_reply_code(address):
    """Exim names the address behind the host, and four digits may begin with 4 or 5."""
    symptom = parse(f"H=smtp.example.com {address} Network is unreachable")
    assert symptom.evidence == ConnectFailure("ENETUNREACH")


def test_a_reply_quoted_in_angle_brackets_is_the_cause():
    """Amazon SES puts the last reply into brackets behind its own words."""
    bounce = "smtp; 550 4.4.7 Message expired: unable to deliver in 840 minutes.<421 4.4.1 Failed to connect>"
    assert diagnose(parse(bounce)).error_class is ErrorClass.SERVICE_UNAVAILABLE
