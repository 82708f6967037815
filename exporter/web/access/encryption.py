"""`tls_server_config`: from names of files, versions and ciphers to an `ssl.SSLContext`."""

from __future__ import annotations

import os
import ssl
import stat
import warnings as python_warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import assert_never

from exporter.settings.problems import listed, printable, quoted
from exporter.web.access.reading import Section
from exporter.web.access.values import ClientAuth, Encryption

_FILE_KEYS = ("cert_file", "key_file", "client_ca_file")
TLS_KEYS = frozenset(
    (
        *_FILE_KEYS,
        *("client_auth_type", "client_allowed_sans", "cipher_suites", "curve_preferences"),
        *("min_version", "max_version", "prefer_server_cipher_suites"),
    )
)

_VERSIONS = {
    "TLS13": ssl.TLSVersion.TLSv1_3,
    "TLS12": ssl.TLSVersion.TLSv1_2,
    "TLS11": ssl.TLSVersion.TLSv1_1,
    "TLS10": ssl.TLSVersion.TLSv1,
}

_CIPHERS = {
    "TLS_RSA_WITH_AES_128_CBC_SHA": "AES128-SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA": "AES256-SHA",
    "TLS_RSA_WITH_AES_128_GCM_SHA256": "AES128-GCM-SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384": "AES256-GCM-SHA384",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA": "ECDHE-ECDSA-AES128-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA": "ECDHE-ECDSA-AES256-SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA": "ECDHE-RSA-AES128-SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA": "ECDHE-RSA-AES256-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": "ECDHE-ECDSA-AES128-GCM-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": "ECDHE-ECDSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": "ECDHE-RSA-AES128-GCM-SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": "ECDHE-RSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-RSA-CHACHA20-POLY1305",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-ECDSA-CHACHA20-POLY1305",
}
"""Go's names for what it calls secure, up to TLS 1.2, and OpenSSL's."""
_CIPHERS_13 = frozenset(("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"))
"""Go lets nobody choose among these, and neither does this program."""

_CURVES_TO_CHOOSE = {"CurveP256": "prime256v1", "CurveP384": "secp384r1", "CurveP521": "secp521r1"}
_CURVES = frozenset((*_CURVES_TO_CHOOSE, "X25519"))


@dataclass(slots=True)
class Files:
    """The files that a web configuration names, relative to its own folder."""

    folder: Path
    watched: dict[Path, None] = field(default_factory=dict)

    def path(self, name: str) -> Path:
        """The full name of a file, which counts as watched from now on."""
        # As Go joins them: `..` takes the folder before it away, whether it is there or not.
        path = Path(name) if Path(name).is_absolute() else Path(os.path.normpath(self.folder / name))
        self.watched[path] = None
        return path


def read_encryption(section: Section, files: Files, warnings: list[str]) -> Encryption | None:
    """How to do TLS; None when the section asks for none, or holds a fault, which was noted."""
    named = {key: section.text(key) for key in _FILE_KEYS}
    auth_text = section.text("client_auth_type")
    sans = section.texts("client_allowed_sans")
    versions = _choice(section, "min_version"), _choice(section, "max_version")
    ciphers = _choices(section, "cipher_suites", frozenset(_CIPHERS) | _CIPHERS_13, "a cipher suite of Go's")
    curves = _choices(section, "curve_preferences", _CURVES, "a curve of Go's")
    section.flag("prefer_server_cipher_suites", default=True)  # Go pays it no heed any more
    if not auth_text and not any(named.values()):
        return None
    auth = _client_auth(section, auth_text)
    for key in ("cert_file", "key_file"):
        if not named[key]:
            section.complain(key, f"{key} is missing", "name the file; TLS needs certificate and key")
    if named["client_ca_file"] and auth is ClientAuth.NONE:
        section.complain(
            "client_ca_file",
            "there is an authority for client certificates, and none are asked for",
            "write client_auth_type: RequireAndVerifyClientCert",
        )
    if sans is not None and auth not in (None, ClientAuth.REQUIRE_ANY, ClientAuth.REQUIRE_AND_VERIFY):
        section.complain(
            "client_allowed_sans",
            "names of client certificates are listed, and no certificate is required",
            "write client_auth_type: RequireAndVerifyClientCert",
        )
    context = _context(section, files, named)
    if context is None or auth is None or section.sheet.problems:
        return None
    _limit(context, versions, ciphers, curves, warnings)
    ca_file = files.path(named["client_ca_file"]) if named["client_ca_file"] else None
    _ask_clients(context, auth, ca_file, warnings)
    return Encryption(
        context=context, client_auth=auth, allowed_sans=frozenset(sans) if sans is not None else None
    )


def _choice(section: Section, key: str) -> ssl.TLSVersion | None:
    if not section.gives(key):
        return None
    text = section.text(key)
    if text not in _VERSIONS:
        section.complain(key, f"{quoted(text)} is not a TLS version", f"write {listed(_VERSIONS)}")
        return None
    return _VERSIONS[text]


def _choices(section: Section, key: str, known: frozenset[str], what: str) -> tuple[str, ...]:
    chosen = section.texts(key) or ()
    for name in chosen:
        if name not in known:
            section.complain(key, f"{quoted(name)} is not {what}", f"use names such as {min(known)}")
    return tuple(name for name in chosen if name in known)


def _client_auth(section: Section, text: str) -> ClientAuth | None:
    text = {"": ClientAuth.NONE.value, "RequireClientCert": ClientAuth.REQUIRE_ANY.value}.get(text, text)
    if text not in set(ClientAuth):
        section.complain("client_auth_type", f"{quoted(text)} is not known", f"write {listed(ClientAuth)}")
        return None
    return ClientAuth(text)


def _context(section: Section, files: Files, named: dict[str, str]) -> ssl.SSLContext | None:
    """A server's context with certificate and key; None when they, or the authorities, cannot be used."""
    readable = [_is_readable(section, key, files.path(name)) for key, name in named.items() if name]
    if not (named["cert_file"] and named["key_file"] and all(readable)):
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    asked: list[str] = []

    def passphrase() -> str:
        asked.append("")
        return ""

    try:
        context.load_cert_chain(files.path(named["cert_file"]), files.path(named["key_file"]), passphrase)
    except (ssl.SSLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", None)
        if asked:
            section.complain("key_file", "the key is encrypted", "decrypt it with openssl pkey")
        elif reason == "KEY_VALUES_MISMATCH":
            section.complain(
                "key_file",
                "the key does not belong to the certificate",
                "name the two files that were issued together",
            )
        else:
            why = f" ({printable(reason)})" if reason else ""
            section.complain(
                "cert_file", f"this is not a PEM certificate with its key{why}", "convert both files to PEM"
            )
        return None
    return context


def _is_readable(section: Section, key: str, path: Path) -> bool:
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe would be waited for without end
            section.complain(key, f"{printable(str(path))} is not a regular file", "name a regular file")
            return False
        with path.open("rb") as stream:
            stream.read(1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = error.strerror if isinstance(error, OSError) else "this is no name of a file"
        section.complain(
            key, f"{printable(str(path))} cannot be read: {reason}", "create it, or correct the path"
        )
        return False
    return True


def _limit(
    context: ssl.SSLContext,
    versions: tuple[ssl.TLSVersion | None, ssl.TLSVersion | None],
    ciphers: tuple[str, ...],
    curves: tuple[str, ...],
    warnings: list[str],
) -> None:
    """Keep `context` to the versions, ciphers and curves that were chosen."""
    with python_warnings.catch_warnings():
        python_warnings.simplefilter("ignore", DeprecationWarning)  # old versions were asked for
        context.minimum_version = versions[0] or ssl.TLSVersion.TLSv1_2
        if versions[1] is not None:
            context.maximum_version = versions[1]
    names = [_CIPHERS[name] for name in ciphers if name in _CIPHERS]
    old = context.minimum_version < ssl.TLSVersion.TLSv1_2
    if names or old:
        # OpenSSL 3 has no cipher for the old versions at its usual security level.
        context.set_ciphers(":".join(names or ["DEFAULT"]) + (":@SECLEVEL=0" if old else ""))
    elif ciphers:
        context.minimum_version = ssl.TLSVersion.TLSv1_3  # nothing was left for the versions before
    if curves:
        warnings.append(_choose_curve(context, curves))


def _choose_curve(context: ssl.SSLContext, curves: tuple[str, ...]) -> str:
    """Choose a curve as far as Python lets one, and return what became of it.

    `set_ecdh_curve` takes one curve, and none of the Montgomery kind.
    """
    chosen = next((curve for curve in curves if curve in _CURVES_TO_CHOOSE), None)
    if chosen is None:
        return "curve_preferences: OpenSSL's own list is offered, of which X25519 is the first"
    context.set_ecdh_curve(_CURVES_TO_CHOOSE[chosen])
    return f"curve_preferences: only {chosen} is offered"


def _ask_clients(
    context: ssl.SSLContext, auth: ClientAuth, ca_file: Path | None, warnings: list[str]
) -> None:
    match auth:
        case ClientAuth.NONE:
            return
        case ClientAuth.REQUEST:
            # Nobody would look at the certificate, so it is not asked for.
            return
        case ClientAuth.VERIFY_IF_GIVEN:
            context.verify_mode = ssl.CERT_OPTIONAL
        case ClientAuth.REQUIRE_AND_VERIFY:
            context.verify_mode = ssl.CERT_REQUIRED
        case ClientAuth.REQUIRE_ANY:
            context.verify_mode = ssl.CERT_REQUIRED
            warnings.append(
                "client_auth_type: RequireAnyClientCert is kept as RequireAndVerifyClientCert; "
                "a certificate that nobody verifies proves nothing"
            )
        case _:
            assert_never(auth)
    # The default of Python 3.13 refuses private authorities that Go accepts.
    context.verify_flags = ssl.VerifyFlags.VERIFY_X509_TRUSTED_FIRST
    if ca_file is None:
        context.load_default_certs(ssl.Purpose.CLIENT_AUTH)
        return
    try:
        context.load_verify_locations(ca_file)
    except ssl.SSLError:
        warnings.append(
            f"client_ca_file: {printable(str(ca_file))} holds no PEM certificate; no client passes"
        )
