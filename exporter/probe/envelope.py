"""The message of `until: data`: small, well-formed, and marked as what it is."""

from __future__ import annotations

from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, localtime, make_msgid

from aiosmtplib.protocol import PERIOD_REGEX

from exporter.model import Endpoint


def path(address: str) -> bytes:
    """Return `address` as a reverse or forward path (RFC 5321 4.1.2)."""
    return f"<{address}>".encode()


def message_for(endpoint: Endpoint) -> bytes:
    """Return the message as it follows DATA: CRLF lines, dots doubled, closed by its own dot.

    `Auto-Submitted` (RFC 3834) keeps auto-responders quiet; `X-Submission-Probe` names the endpoint
    so that a mailbox rule can file it.
    """
    envelope = endpoint.message
    assert envelope is not None
    message = EmailMessage(policy=SMTP)
    message["Date"] = format_datetime(localtime())
    message["From"] = envelope.sender
    message["To"] = envelope.recipient
    message["Subject"] = envelope.subject
    message["Message-ID"] = make_msgid(domain=envelope.sender.rpartition("@")[2] or "localhost")
    message["Auto-Submitted"] = "auto-generated"
    message["X-Submission-Probe"] = endpoint.name
    message.set_content("This message checks that mail can be submitted. It needs no answer.\n")
    return PERIOD_REGEX.sub(b"..", message.as_bytes()) + b".\r\n"
