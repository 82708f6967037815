"""What each kind of text in a configuration has to be.

A check returns the text as it is used, or raises ConfigError.  Those that may be handed a secret never
repeat what they were given.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from exporter.settings.problems import ConfigError, fault, quoted
from exporter.settings.targets import parse_host

_LONGEST_NAME = 200
_LONGEST_LOCAL_PART = 64  # RFC 5321, 4.5.3.1.1
_LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+")
_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BREAKS = re.compile(r"[\0\r\n]")

SCRAPE_LABELS = frozenset(
    {"job", "instance", "namespace", "service", "pod", "container", "endpoint", "node", "le"}
)
"""Set by Prometheus, its Operator or a histogram."""

METRIC_LABELS = frozenset(
    {
        "smtp_endpoint",
        "phase",
        "error_class",
        "fault_domain",
        "certificate",
        "version",
        "cipher",
        "subject",
        "issuer",
        "serial",
        "fingerprint_sha256",
        "host",
        "port",
        "tls",
        "module",
        "until",
        "capability",
        "mechanism",
        "scope",
        "result",
        "reason",
    }
)
"""Set by this program on one metric or another."""


def check_name(text: str) -> str:
    """The name of an endpoint or module: one printable line."""
    if not text:
        raise fault("a name is empty", "write a name, or leave the key out")
    if not text.isprintable() or text != text.strip():
        raise fault(
            f"{quoted(text)} has a line break, a control character or a space at its edge",
            "write a name of one printable line",
        )
    if len(text) > _LONGEST_NAME:
        raise fault(f"{quoted(text)} is longer than {_LONGEST_NAME} characters", "write a shorter name")
    return text


def check_line(text: str) -> str:
    """Text that goes into one header or label: no line break, no control character."""
    if text.isprintable():
        return text
    raise fault(f"{quoted(text)} has a line break or a control character", "write one printable line")


def check_label_name(name: str) -> None:
    """A label that a metric may carry and that neither Prometheus nor this program sets."""
    if not _LABEL_NAME.fullmatch(name):
        raise fault(
            f"{quoted(name)} is not a label name",
            "use letters, digits and underscores, and no digit in front",
        )
    if name.startswith("__"):
        raise fault("labels that begin with __ belong to Prometheus", "choose another name")
    if name in SCRAPE_LABELS:
        raise fault(
            f"the label {name} is set when metrics are scraped", f"choose another name, such as my_{name}"
        )
    if name in METRIC_LABELS:
        raise fault(
            f"the label {name} is one of this program's own", f"choose another name, such as my_{name}"
        )


def check_user(text: str) -> str:
    """A user name: not empty, no control character."""
    if text and text.isprintable():
        return text
    raise fault("a user name is empty or has a control character", "write the user name on one line")


def check_secret(text: str) -> str:
    """A secret: not empty, and none of the octets that end a line or a SASL field (RFC 4616, 2)."""
    if not text:
        raise fault("a secret is empty", "write the secret")
    if _BREAKS.search(text):
        raise fault("a secret has more than one line, or a NUL", "keep the secret alone, on one line")
    return text


def check_file_name(text: str) -> str:
    """The name of a file; a relative one is meant from the folder of the file that names it."""
    if text and "\0" not in text:
        return text
    raise fault("a file name is empty or has a NUL", "write the path of a file")


def check_variable(text: str) -> str:
    """The name of an environment variable."""
    if _VARIABLE.fullmatch(text):
        return text
    raise fault(
        "this is not the name of an environment variable",
        "write the name of the variable here, such as SMTP_PASSWORD, and the secret into the variable",
    )


def check_mailbox(text: str) -> str:
    """A mail address for MAIL FROM and RCPT TO, its domain in the form for DNS (RFC 5321, 4.1.2)."""
    local, at, domain = text.rpartition("@")
    if not at or not _LOCAL_PART.fullmatch(local) or len(local) > _LONGEST_LOCAL_PART:
        raise fault(f"{quoted(text)} is not a mail address", "write one such as probe@example.com")
    if domain.startswith("[") and domain.endswith("]"):
        try:
            ipaddress.ip_address(domain[1:-1].removeprefix("IPv6:"))
        except ValueError:
            raise fault(f"{quoted(text)} is not a mail address", "write a domain after the @") from None
        return text
    try:
        return f"{local}@{parse_host(domain)}"
    except ConfigError:
        raise fault(f"{quoted(text)} is not a mail address", "write a domain after the @") from None


def check_token_url(text: str) -> str:
    """The URL of a token endpoint: https, or http on this host alone (RFC 6749, 3.2)."""
    try:
        url = urlsplit(text)
        host, _ = url.hostname or "", url.port
    except ValueError:
        url, host = urlsplit(""), ""
    if (
        url.scheme not in ("https", "http")
        or not host
        or not text.isprintable()
        or " " in text
        or "@" in url.netloc
    ):
        raise fault(
            "this is not the URL of a token endpoint", "write one such as https://login.example.com/token"
        )
    if url.scheme == "http" and host not in ("localhost", "127.0.0.1", "::1"):
        raise fault("secrets would travel unencrypted to this URL", "write https:// instead of http://")
    return text


def check_scope(text: str) -> str:
    """One OAuth2 scope (RFC 6749, 3.3): printable ASCII without space, quotation mark and backslash."""
    if text and text.isascii() and text.isprintable() and not set(' "\\').intersection(text):
        return text
    raise fault("this is not an OAuth2 scope", "write each scope as an item of the list")
