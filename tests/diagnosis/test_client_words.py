"""What clients say themselves, in the words of many of them."""

from __future__ import annotations

import pytest

from exporter.diagnosis import diagnose, parse
from exporter.model import ErrorClass


@pytest.mark.parametrize(
    "text",
    [
        "This message could not be sent. Contact your network administrator.",
        "Please contact your hosting provider.",
        "Bitte überprüfen Sie die Einstellungen.",
        "the recipients because of the mail server failure",
        "Need MIMEText",
    ],
)
def test_a_phrase_is_not_found_inside_other_words(text):
    """`your network`, `your host`, `ube` and `server failure` are evidence only where they are said."""
    assert diagnose(parse(text)).error_class is ErrorClass.UNCLASSIFIED
