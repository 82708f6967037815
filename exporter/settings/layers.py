"""The keys of one module or endpoint, read, and how an endpoint's lie over its module's.

Key by key the upper layer wins, inside of `tls_config` and `message` too.  Two exceptions keep together
what belongs together: an `auth` that names credentials replaces the one below it whole, and `cert_file`
with `key_file` replaces both below.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from exporter.model import Auth, Mechanism, Message, TlsConfig
from exporter.settings.credentials import names_credentials, read_auth
from exporter.settings.document import AuthSection, MessageSection, TlsConfigSection, WaysSection
from exporter.settings.effective import auth_as_written
from exporter.settings.files import Files
from exporter.settings.problems import ConfigError, fault
from exporter.settings.report import Spot
from exporter.settings.target_pattern import TargetPattern
from exporter.settings.values import Module

_PLAIN_KEYS = ("tls", "until", "timeout", "ip_protocol", "source_address", "helo")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """What one place says about how to probe: arguments for the values of the model."""

    plain: Mapping[str, Any]
    tls_config: Mapping[str, Any]
    message: Mapping[str, str]
    auth: Mapping[str, Any]
    auth_written: Mapping[str, Any]
    """For the reader of the effective configuration, without secrets."""
    replaces_auth: bool = False

    def over(self, below: Layer) -> Layer:
        """Both together, this one on top."""
        tls_below = below.tls_config
        if "cert_file" in self.tls_config:
            tls_below = {
                key: value for key, value in tls_below.items() if key not in ("cert_file", "key_file")
            }
        return Layer(
            plain={**below.plain, **self.plain},
            tls_config={**tls_below, **self.tls_config},
            message={**below.message, **self.message},
            auth=self.auth if self.replaces_auth else {**below.auth, **self.auth},
            auth_written=self.auth_written
            if self.replaces_auth
            else {**below.auth_written, **self.auth_written},
            replaces_auth=self.replaces_auth or below.replaces_auth,
        )

    def way(self, name: str, *, timeout: float, allowed_targets: tuple[TargetPattern, ...] = ()) -> Module:
        """The layer as a value; `timeout` counts where the layer names none."""
        return Module(
            name=name,
            **{"timeout": timeout, **self.plain},
            tls_config=TlsConfig(**self.tls_config),
            auth=self._auth(),
            message=Message(**self.message) if {"sender", "recipient"} <= self.message.keys() else None,
            allowed_targets=allowed_targets,
        )

    def _auth(self) -> Auth | None:
        is_external = self.auth.get("mechanism") is Mechanism.EXTERNAL
        return Auth(**{"username": "", **self.auth}) if "username" in self.auth or is_external else None


NOTHING = Layer(plain={}, tls_config={}, message={}, auth={}, auth_written={})


def read_layer(section: WaysSection, files: Files, spot: Spot) -> Layer:
    """Reads `section`, which stands at `spot`, and the files that it names."""
    values = ((key, getattr(section, key)) for key in _PLAIN_KEYS)
    plain = {key: value for key, value in values if value is not None}
    auth = section.auth or AuthSection()
    return Layer(
        plain=plain,
        tls_config=_tls_arguments(section.tls_config, files, spot.inside("tls_config")),
        message=_written(section.message),
        auth=read_auth(auth, files, spot.inside("auth")),
        auth_written=auth_as_written(auth),
        replaces_auth=names_credentials(auth),
    )


def _tls_arguments(section: TlsConfigSection | None, files: Files, spot: Spot) -> dict[str, Any]:
    arguments = _written(section)
    folder = spot.source.folder
    certificate, key = arguments.get("cert_file"), arguments.get("key_file")
    try:
        if "ca_file" in arguments:
            arguments["ca_file"] = files.trusted_roots(folder, arguments["ca_file"])
    except ConfigError as error:
        spot.complain(("ca_file",), error)
    try:
        if certificate is not None and key is not None:
            arguments["cert_file"], arguments["key_file"] = files.key_pair(folder, certificate, key)
        elif certificate is not None and not spot.is_spoilt("key_file"):
            raise fault("cert_file is given without key_file", "add key_file; it may be the same file")
        elif key is not None and not spot.is_spoilt("cert_file"):
            raise fault("key_file is given without cert_file", "add cert_file")
    except ConfigError as error:
        spot.complain(("cert_file" if certificate is not None else "key_file",), error)
    return arguments


def _written(section: TlsConfigSection | MessageSection | None) -> dict[str, Any]:
    return {key: getattr(section, key) for key in section.model_fields_set} if section is not None else {}
