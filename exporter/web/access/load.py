"""From a web configuration file to `Access`; every problem at once."""

from __future__ import annotations

import re
import stat
from functools import partial
from pathlib import Path
from types import MappingProxyType

from exporter.settings.problems import ConfigError, fault, listed, printable, quoted
from exporter.web.access.encryption import TLS_KEYS, Files, read_encryption
from exporter.web.access.reading import Section, Sheet, read_sheet, text_of
from exporter.web.access.values import Access, RateLimit

_SECTIONS = frozenset(("tls_server_config", "http_server_config", "basic_auth_users", "rate_limit"))
_LARGEST = 1024 * 1024  # bytes

_HEADERS: dict[str, tuple[str, ...]] = {
    "Strict-Transport-Security": (),
    "X-Content-Type-Options": ("nosniff",),
    "X-Frame-Options": ("deny", "sameorigin"),
    "X-XSS-Protection": (),
    "Content-Security-Policy": (),
}
"""The headers that may be set, with the values that are allowed; none stands for every value."""

_SHORTEST_HASH = 59

_GO_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_GO_DURATION = re.compile(r"[-+]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h))+")
_GO_PART = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)")


def load_access(path: Path) -> Access:
    """The access that the file grants.  Blocking.  Raises ConfigError with every problem found."""
    sheet = Sheet(str(path))
    files = Files(path.parent)
    files.watched[path] = None
    root = Section(sheet, "", {})
    try:
        root = read_sheet(sheet, _text(path), _SECTIONS)
    except ConfigError as error:
        sheet.complain(None, "", error)
    warnings: list[str] = []
    encryption = read_encryption(root.section("tls_server_config", TLS_KEYS), files, warnings)
    http = root.section("http_server_config", frozenset(("http2", "headers")))
    http.flag("http2", default=True)  # there is only HTTP/1.1 here, which every client speaks
    access = Access(
        encryption=encryption,
        users=MappingProxyType(_users(root.section("basic_auth_users", None))),
        headers=_headers(http.section("headers", None)),
        rate_limit=_rate_limit(root.section("rate_limit", frozenset(("interval", "burst")))),
        watched_files=tuple(files.watched),
        warnings=tuple(warnings),
    )
    if sheet.problems:
        raise ConfigError(sheet.problems, watched=files.watched)
    return access


def _text(path: Path) -> str:
    try:
        if stat.S_ISFIFO(path.stat().st_mode):  # it would be waited for without end
            raise fault("this is not a regular file", "name a regular file")
        with path.open("rb") as stream:
            content = stream.read(_LARGEST + 1)
    except OSError as error:
        raise fault(
            f"this file cannot be read: {error.strerror}", "create it, or correct --web.config.file"
        ) from None
    if len(content) > _LARGEST:
        raise fault("this file is larger than 1 MiB", "name the web configuration alone")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise fault("this file is not UTF-8 text", "save it as UTF-8") from None


def _users(section: Section) -> dict[str, bytes]:
    users = {}
    for name, node in section.nodes.items():
        text = section.sheet.attempt(section.line(name), section.place(name), partial(text_of, node))
        if text is None:
            continue
        hashed = _bcrypt(text.encode("utf-8", "surrogateescape"))
        if hashed is None:
            section.complain(
                name,
                "this is not a bcrypt hash of a password",
                "make one with htpasswd -nBC 10 NAME, and write what stands behind the colon",
            )
        else:
            users[name] = hashed
    return users


def _bcrypt(text: bytes) -> bytes | None:
    """The hash in the one form that every library knows; None when Go takes it for none.

    Go looks at the first character of the version, takes any second one, two characters as a number for the
    cost, and what follows in its places, whatever stands between them.
    """
    if len(text) < _SHORTEST_HASH or text[:1] != b"$" or text[1:2] > b"2":
        return None
    at = 3 if text[2:3] == b"$" else 4
    cost = text[at : at + 2]
    if not re.fullmatch(rb"[0-9]{2}|\+[0-9]", cost) or not 4 <= int(cost) <= 31:
        return None
    return b"$2b$%02d$%b" % (int(cost), text[at + 3 : at + 56])


def _headers(section: Section) -> tuple[tuple[str, str], ...]:
    for name in section.nodes:
        if name not in _HEADERS:
            section.complain(
                name, f"the header {quoted(name)} cannot be set", f"use {listed(_HEADERS)}, spelt that way"
            )
    found = []
    for name, allowed in _HEADERS.items():
        if name not in section.nodes:
            continue
        value = section.text(name)
        if allowed and value not in allowed:
            section.complain(
                name, f"{quoted(value)} is not a value of this header", f"write {listed(allowed)}"
            )
        elif value:
            # A line break would begin another header.
            found.append((name, printable(value)))
    return tuple(found)


def _rate_limit(section: Section) -> RateLimit | None:
    interval = 0.0
    text = section.text("interval")
    if re.fullmatch(r"[-+]?[0-9]{1,18}", text):
        interval = int(text) * 1e-9  # a bare number of Go's durations counts nanoseconds
    elif _GO_DURATION.fullmatch(text):
        interval = sum(float(number) * _GO_UNITS[unit] for number, unit in _GO_PART.findall(text))
        interval = -interval if text.startswith("-") else interval
    elif text:
        section.complain("interval", f"{quoted(text)} is not a duration", "write one such as 1s or 100ms")
    burst_text = section.text("burst")
    if burst_text and not re.fullmatch(r"[-+]?[0-9]{1,18}", burst_text):
        section.complain("burst", f"{quoted(burst_text)} is not a whole number", "write one such as 20")
        return None
    if interval <= 0:
        return None
    return RateLimit(interval, max(0, int(burst_text or 0)))
