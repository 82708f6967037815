"""What a configuration comes to: frozen values for the rest of the program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from exporter.model import Auth, Endpoint, IpProtocol, Message, Phase, TlsConfig, TlsMode
from exporter.settings.target_pattern import TargetPattern

DEFAULT_INTERVAL = 60.0
DEFAULT_TIMEOUT = 10.0
DEFAULT_MAX_CONCURRENT = 200
DEFAULT_HISTORY = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """A reusable way to probe; what is None is decided by the target."""

    name: str = ""
    tls: TlsMode | None = None
    until: Phase | None = None
    timeout: float = DEFAULT_TIMEOUT
    """Seconds; the global default where the module gives none."""
    ip_protocol: IpProtocol = IpProtocol.ANY
    source_address: str | None = None
    helo: str | None = None
    tls_config: TlsConfig = field(default_factory=TlsConfig)
    auth: Auth | None = field(default=None, repr=False)
    message: Message | None = None
    allowed_targets: tuple[TargetPattern, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUpSettings:
    """What may be tried after a failure to find its cause."""

    enabled: bool = True
    pause: float = 300.0
    """Least seconds between two experiments with the same host."""
    ports: tuple[int, ...] = (587, 465)
    control_targets: tuple[tuple[str, int], ...] = ()
    """Host and port of what answers whenever this host is online."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackoffSettings:
    """How long to wait after a rejected login, in seconds: `initial`, doubled each time up to `max`."""

    initial: float = 300.0
    max: float = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Settings:
    """One valid configuration, as a whole."""

    file: Path
    endpoints: tuple[Endpoint, ...] = ()
    """In the order of the files; names are unique."""
    modules: Mapping[str, Module] = field(default_factory=lambda: MappingProxyType({}))
    default_module: Module = Module()
    """For a target without a module: the global defaults alone."""
    max_concurrent: int = DEFAULT_MAX_CONCURRENT
    history: int = DEFAULT_HISTORY
    """Observations kept for each endpoint."""
    phase_latency: bool = False
    """A latency histogram of every phase, beside those of connecting and of the whole."""
    follow_up: FollowUpSettings = FollowUpSettings()
    backoff: BackoffSettings = BackoffSettings()
    nameservers: tuple[str, ...] = ()
    """`address`, `address:port` or `[address]:port`; empty means the system's."""
    rules_files: tuple[Path, ...] = ()
    watched_files: tuple[Path, ...] = ()
    """Every file whose change may change these settings."""
    watched_globs: tuple[str, ...] = ()
    """Full patterns of `endpoint_files`: a new match changes these settings too."""
    effective: str = ""
    """The whole as YAML with every default filled in and every secret left out."""

    def __repr__(self) -> str:
        return f"Settings({str(self.file)!r}, {len(self.endpoints)} endpoints, {len(self.modules)} modules)"
