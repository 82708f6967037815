"""TLS contexts built from files: rebuilt when a file changes, kept while a file is bad.

Certificates are renewed while probes run: a file may be missing for a moment, half written, or belong to
the other key.  None of that says anything about a mail server, so the last good context goes on being used.
"""

from __future__ import annotations

import logging
import os
import ssl
import warnings
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from cryptography.hazmat.bindings.openssl.binding import Binding
from OpenSSL import SSL

from exporter import log
from exporter.model import OurFault, TlsConfig, TlsVersion
from exporter.probe.evidence import PhaseFailed

_VERSIONS = {
    TlsVersion.TLS10: ssl.TLSVersion.TLSv1,
    TlsVersion.TLS11: ssl.TLSVersion.TLSv1_1,
    TlsVersion.TLS12: ssl.TLSVersion.TLSv1_2,
    TlsVersion.TLS13: ssl.TLSVersion.TLSv1_3,
}
# Set outright because the default differs: Python 3.13 adds STRICT, which refuses private CAs
# that every mail client accepts.
_VERIFY_FLAGS = ssl.VerifyFlags.VERIFY_X509_TRUSTED_FIRST | ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
# What the replay needs (see tls.py), whatever policy OpenSSL reads at its start; no level of security forbids
# these.  The level itself is left as it is: it says which keys are too weak, and that is the user's to say.
_REPLAY_CIPHERS = "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES256-GCM-SHA384"
_GROUPS = b"X25519:P-256:X448:P-521:P-384:ffdhe2048:ffdhe3072:ffdhe4096:ffdhe6144:ffdhe8192"
_MAX_CONTEXTS = 1_000


_AnyContext = TypeVar("_AnyContext", ssl.SSLContext, SSL.Context)

_State = tuple[int, ...]
"""What `os.stat` says that changes with a file; the error number alone where there is none."""


class UnusableFileError(PhaseFailed):
    """A file of `tls_config` is of no use and never was: a fault of ours, of which the log has the rest."""

    def __init__(self) -> None:
        super().__init__(OurFault(type(self).__name__))


@dataclass(slots=True)
class Kept(Generic[_AnyContext]):
    """A context, and the state of its files when it was made."""

    context: _AnyContext
    made_of: tuple[_State, ...]
    tried: tuple[_State, ...]
    """The state of the files that was looked at last; it differs from `made_of` while they are bad."""


class Contexts:
    """Contexts by what they are built from; files count by size, inode and time of change."""

    def __init__(self) -> None:
        self._kept: OrderedDict[object, Kept[Any]] = OrderedDict()
        self._bad: set[tuple[str, ...]] = set()
        self._system_trust = _system_trust()

    def handshake(self, config: TlsConfig) -> Kept[SSL.Context]:
        """Return the client context that verifies nothing.  UnusableFileError: there is none yet."""
        files = (config.cert_file, config.key_file)
        key = ("handshake", config.min_version, config.max_version, *files)
        return self._current(key, files, lambda: handshake_context(config))

    def verifying(self, config: TlsConfig) -> Kept[ssl.SSLContext]:
        """Return the client context that verifies.  UnusableFileError: there is none yet."""
        key = ("verify", config.ca_file, config.strict)
        files = (config.ca_file,) if config.ca_file is not None else self._system_trust
        return self._current(key, files, lambda: verify_context(config))

    def _current(
        self, key: object, names: tuple[str | None, ...], build: Callable[[], _AnyContext]
    ) -> Kept[_AnyContext]:
        files = tuple(name for name in names if name is not None)
        state = tuple(map(_state, files))
        kept = self._kept.get(key)
        if kept is not None and kept.tried == state:
            return kept
        try:
            if kept is not None:
                for name, before in zip(files, kept.made_of, strict=True):
                    if len(before) > 1:
                        # OpenSSL reads the system's bundle without saying that it is gone.
                        Path(name).stat()
            context = build()
        except (OSError, ssl.SSLError, SSL.Error) as error:
            self._complain(files, error, kept)
            if kept is None:
                raise UnusableFileError from None
            kept.tried = state
            return kept
        if files in self._bad:
            self._bad.discard(files)
            log.event(logging.INFO, "the TLS files are good again", files=", ".join(files))
        kept = self._kept[key] = Kept(context, made_of=state, tried=state)
        while len(self._kept) > _MAX_CONTEXTS:
            self._kept.popitem(last=False)
        return kept

    def _complain(self, files: tuple[str, ...], error: Exception, kept: Kept[Any] | None) -> None:
        """Say once that `files` are bad, until they are good again."""
        if files in self._bad:
            return
        if len(self._bad) >= _MAX_CONTEXTS:
            self._bad.clear()
        self._bad.add(files)
        log.event(
            logging.ERROR,
            "the TLS files cannot be used"
            + ("" if kept is None else "; what they held before is used until they are mended"),
            files=", ".join(files),
            reason=_reason(error),
        )


def _system_trust() -> tuple[str, ...]:
    """Return the file and the directories that OpenSSL trusts by default, whether they are there or not."""
    paths = ssl.get_default_verify_paths()
    file = os.environ.get(paths.openssl_cafile_env, paths.openssl_cafile)
    directories = os.environ.get(paths.openssl_capath_env, paths.openssl_capath)
    return tuple(filter(None, (file, *directories.split(os.pathsep))))


def _state(name: str) -> _State:
    """Return the state of a file, or of a directory: it changes with the names in it."""
    try:
        status = os.stat(name)  # noqa: PTH116 - a few times a probe; a Path costs more than the call
    except (OSError, ValueError) as error:
        return (getattr(error, "errno", 0) or 0,)
    return (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLError | SSL.Error):
        mismatch = getattr(error, "reason", "") == "KEY_VALUES_MISMATCH"
        return "the key belongs to another certificate" if mismatch else "this is not what PEM looks like"
    return (isinstance(error, OSError) and error.strerror) or type(error).__name__


def handshake_context(config: TlsConfig) -> SSL.Context:
    """Return a client context without verification.  OSError, ssl.SSLError, SSL.Error: a file is unusable."""
    model = _handshake_model(config)
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_min_proto_version(model.minimum_version)
    if model.maximum_version is not ssl.TLSVersion.MAXIMUM_SUPPORTED:
        context.set_max_proto_version(model.maximum_version)
    context.set_options(model.options)
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)
    ciphers = model.get_ciphers()
    suites = [cipher["name"] for cipher in ciphers if cipher["protocol"] == "TLSv1.3"]
    names = [cipher["name"] for cipher in ciphers if cipher["name"] not in suites]
    context.set_cipher_list(":".join((*names, f"@SECLEVEL={model.security_level}")).encode())
    context.set_tls13_ciphersuites(":".join(suites).encode())
    _choose_groups(context)
    if config.cert_file is not None:
        context.use_certificate_chain_file(config.cert_file)
        context.use_privatekey_file(config.key_file or config.cert_file)
        context.check_privatekey()
    return context


def _choose_groups(context: SSL.Context) -> None:
    """Offer the groups of OpenSSL 3.0.

    A post-quantum key share costs 0.2 ms and makes a ClientHello of two packets, which some servers do not
    put together.  pyOpenSSL has no method for it; where there is no such function any more, or an OpenSSL
    without one of the groups, its own choice is as good.
    """
    choose = getattr(Binding.lib, "SSL_CTX_set1_curves_list", None)
    if choose is not None and choose(context._context, _GROUPS) != 1:  # noqa: SLF001 - contract test
        Binding.lib.ERR_clear_error()


def _handshake_model(config: TlsConfig) -> ssl.SSLContext:
    """Return a context of Python's `ssl` with the ciphers, options and policy that ours shall have."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if config.min_version in {TlsVersion.TLS10, TlsVersion.TLS11}:
        # OpenSSL 3 has no cipher for these versions at the default security level.
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with warnings.catch_warnings():
        # Python warns of the old versions; whoever configures one knows, and a log line each is no help.
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = _VERSIONS[config.min_version]
        if config.max_version is not None:
            context.maximum_version = _VERSIONS[config.max_version]
    if config.cert_file is not None:
        # A passphrase is asked for on the terminal unless somebody answers.
        context.load_cert_chain(config.cert_file, config.key_file, password="")
    return context


def verify_context(config: TlsConfig) -> ssl.SSLContext:
    """Return a verifying client context of TLS 1.2.  OSError, ssl.SSLError: the CA file is unusable."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_flags = _VERIFY_FLAGS
    if config.strict:
        context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT
    # The Certificate message of TLS 1.2 travels in the clear, which is what makes the replay possible.
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_REPLAY_CIPHERS)
    if config.ca_file is not None:
        context.load_verify_locations(config.ca_file)
    else:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    return context
