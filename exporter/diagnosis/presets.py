"""Known mail providers: what their hosts want, from `presets.yml`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache, lru_cache

from exporter.diagnosis.shipped import shipped
from exporter.model import TlsMode
from exporter.pattern import pattern

# where a server names itself in a reply: the page that it refers to, and its own name in brackets (Exchange)
_SELF = pattern(
    r"https?://([a-z0-9.-]{4,253})|\[([a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){2,8})[\]\s]", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Preset:
    """What one provider documents for submission."""

    name: str
    hosts: tuple[str, ...]
    """Names, some with `*` for anything, the recommended host first."""
    domains: tuple[str, ...]
    """Names under which the provider's hosts live."""
    settings: tuple[tuple[int, TlsMode], ...]
    """Port and encryption, the recommended pair first."""
    mechanisms: tuple[str, ...]
    secret: str
    """What the login needs, one imperative sentence."""
    source: str


@cache
def presets() -> tuple[Preset, ...]:
    """Every known provider, read once."""
    raw = shipped("presets")
    return tuple(
        Preset(
            name=entry["name"],
            hosts=tuple(entry["hosts"]),
            domains=tuple(entry["domains"]),
            settings=tuple((port, TlsMode(mode)) for port, mode in entry["settings"]),
            mechanisms=tuple(entry["mechanisms"]),
            secret=entry["secret"],
            source=entry["source"],
        )
        for entry in raw
    )


@lru_cache(maxsize=4096)
def preset_for(host: str) -> Preset | None:
    """The provider whose submission host this is; None for a host of nobody we know."""
    name = _plain(host)
    if not name:
        return None
    return next((p for p in presets() if any(_is_host(name, host) for host in p.hosts)), None)


@lru_cache(maxsize=4096)
def provider_of(host: str) -> Preset | None:
    """The provider to whom this name belongs: one of its submission hosts, or any name in its domains."""
    name = _plain(host)
    if exact := preset_for(host):
        return exact
    owners = [
        (len(domain), p)
        for p in presets()
        for domain in p.domains
        if name == domain or name.endswith(f".{domain}")
    ]
    return max(owners, key=lambda owner: owner[0])[1] if owners else None


def provider_in_reply(words: str) -> Preset | None:
    """The provider whose page or server a reply names."""
    return next((known for page, own in _SELF.findall(words) if (known := provider_of(page or own))), None)


def is_provider_name(host: str) -> bool:
    """The name lies in a domain whose certificates are known to come from a public authority."""
    return provider_of(host) is not None


def settings_advice(host: str, port: int | None, tls_mode: TlsMode | None) -> str | None:
    """One sentence with the provider's right settings, or None where ours are right or nobody is known.

    `smtp.gmail.com with implicit TLS on 587: use 465 with implicit TLS, or 587 with STARTTLS`.
    """
    known = provider_of(host)
    if known is None:
        return None
    right = _either([f"{p} with {_MODE[m]}" for p, m in known.settings])
    if preset_for(host) is None:
        return f"{known.name} takes submissions at {known.hosts[0]}: use {right}"
    if port is None or (tls_mode is None and any(port == p for p, _ in known.settings)):
        return None
    if (port, tls_mode) in known.settings:
        return None
    how = f" with {_MODE[tls_mode]}" if tls_mode else ""
    return f"{_plain(host)}{how} on {port}: use {right}"


_MODE = {TlsMode.IMPLICIT: "implicit TLS", TlsMode.STARTTLS: "STARTTLS", TlsMode.NONE: "no encryption"}


def _is_host(name: str, host: str) -> bool:
    # fnmatch compiles a regular expression for each of a hundred names, too
    return fnmatchcase(name, host) if "*" in host else name == host


def _plain(host: str) -> str:
    return host[:255].strip().rstrip(".").lower()


def _either(choices: list[str]) -> str:
    return choices[0] if len(choices) == 1 else f"{', '.join(choices[:-1])}, or {choices[-1]}"
