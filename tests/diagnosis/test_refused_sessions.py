"""What a server says before a reply names the reason: an EHLO answer that gives the session up, a version alert."""

from __future__ import annotations

import pytest

from exporter.diagnosis import diagnose
from exporter.diagnosis.examples import symptom_of
from exporter.model import ErrorClass, FaultDomain


@pytest.mark.parametrize(
    ("offered", "error_class"),
    [
        (["ENHANCEDSTATUSCODES"], ErrorClass.CLIENT_BLOCKED),
        (["ENHANCEDSTATUSCODES", "PIPELINING"], ErrorClass.STARTTLS_NOT_OFFERED),
        (["SIZE 300"], ErrorClass.STARTTLS_NOT_OFFERED),
        ([], ErrorClass.STARTTLS_NOT_OFFERED),
    ],
)
def test_an_ehlo_answer_without_any_extension_of_mail_gives_the_session_up(offered, error_class):
    """Sendmail offers ENHANCEDSTATUSCODES alone to a client whose every command it will refuse."""
    example = {"evidence": "not_offered", "capability": "STARTTLS", "phase": "starttls", "offered": offered}
    assert diagnose(symptom_of(example)).error_class is error_class


@pytest.mark.parametrize(
    ("capabilities", "error_class"),
    [
        (["ENHANCEDSTATUSCODES"], ErrorClass.CLIENT_BLOCKED),
        (["ENHANCEDSTATUSCODES", "SIZE 300"], ErrorClass.SENDER_REJECTED),
    ],
)
def test_access_denied_at_mail_is_about_the_client_where_the_session_was_given_up(capabilities, error_class):
    """The same words speak of the sender in a session that was alive."""
    example = {
        "evidence": "reply",
        "phase": "mail",
        "code": 550,
        "enhanced": "5.7.1",
        "text": "5.7.1 Access denied",
        "capabilities": capabilities,
    }
    assert diagnose(symptom_of(example)).error_class is error_class


@pytest.mark.parametrize(
    ("max_version", "domain"), [("TLS12", FaultDomain.LOCAL), ("TLS13", FaultDomain.SERVER)]
)
def test_a_version_alert_to_a_client_without_tls_1_3_is_our_own_doing(max_version, domain):
    """A server that knows nothing newer than TLS 1.2 would have answered with what it has."""
    example = {"evidence": "tls_failure", "phase": "tls", "alert": 70, "max_version": max_version}
    assert diagnose(symptom_of(example)).fault_domain is domain
