"""Certificates that few authorities would make: the verdict is Python's own for them, too."""

from __future__ import annotations

import ssl
import subprocess
import warnings
from collections.abc import Callable
from datetime import timedelta
from functools import reduce
from pathlib import Path

import pytest
from cryptography import x509

from exporter.demo.certificates import EXPIRED, Identity, authority, leaf, server_context
from exporter.model import TlsConfig
from exporter.probe.tls import TlsStore
from tests.probe.test_verdict import NAME, handshake, oracle, pem

OPAQUE = x509.ObjectIdentifier("1.2.3.4.5")
P256 = "openssl ecparam -name prime256v1 -genkey -noout"
SERVER = f"subjectAltName=DNS:{NAME}\nextendedKeyUsage=serverAuth\n"

_root = authority("Odd Root")
_same_name = authority("Odd Root")
_expired_root = authority("Expired Odd Root", validity=EXPIRED)
_strange = authority("Unknown To The Store")
_trusted_intermediate = authority("Trusted Without Its Root", issuer=_strange)
_pinned = leaf(NAME, issuer=_strange)
_pinned_expired = leaf(NAME, issuer=_strange, validity=EXPIRED)


def _named(*names: x509.GeneralName) -> Identity:
    extension = x509.Extension(x509.SubjectAlternativeName.oid, False, x509.SubjectAlternativeName(names))
    return leaf(issuer=_root, common_name=NAME, extensions=[extension])


def _opaque(*, critical: bool) -> x509.Extension[x509.ExtensionType]:
    return x509.Extension(OPAQUE, critical, x509.UnrecognizedExtension(OPAQUE, b"\x05\x00"))


def _excluding(name: str) -> Identity:
    names = x509.NameConstraints(permitted_subtrees=None, excluded_subtrees=[x509.DNSName(name)])
    return authority("Excluding", issuer=_root, extensions=[x509.Extension(names.oid, True, names)])


def _deep(depth: int) -> Identity:
    return reduce(lambda issuer, at: authority(f"Depth {at}", issuer=issuer), range(depth), _root)


def _alone(identity: Identity) -> Identity:
    return Identity(identity.certificate, identity.key)


CASES: dict[str, Callable[[], Identity]] = {
    **{
        f"wildcard {pattern}": lambda pattern=pattern: _named(x509.DNSName(pattern))  # type: ignore[misc]
        for pattern in ("mail.*.test", "m*.example.test", "*", "*.*.test", "*.test", f".{NAME}", f"{NAME}.")
    },
    "a mail address only": lambda: _named(x509.RFC822Name(f"a@{NAME}")),
    "an address as DNS name": lambda: _named(x509.DNSName("127.0.0.1")),
    "the same name twice": lambda: leaf(NAME, NAME, issuer=_root),
    "an A-label": lambda: leaf("xn--mller-kva.example.test", issuer=_root),
    "3,000 names": lambda: leaf(*(f"h{n}.example.test" for n in range(3000)), NAME, issuer=_root),
    "valid for 3,000 years": lambda: leaf(
        NAME, issuer=_root, validity=(timedelta(days=-1), timedelta(days=365 * 3000))
    ),
    "critical unknown extension": lambda: leaf(NAME, issuer=_root, extensions=[_opaque(critical=True)]),
    "other unknown extension": lambda: leaf(NAME, issuer=_root, extensions=[_opaque(critical=False)]),
    "issuer with a critical unknown extension": lambda: leaf(
        NAME, issuer=authority("Odd", issuer=_root, extensions=[_opaque(critical=True)])
    ),
    "excluded by a name constraint": lambda: leaf(NAME, issuer=_excluding("example.test")),
    "not excluded by a name constraint": lambda: leaf(NAME, issuer=_excluding("other.test")),
    "thirteen deep": lambda: leaf(NAME, issuer=_deep(12)),
    "deeper than OpenSSL goes": lambda: leaf(NAME, issuer=_deep(102)),
    "expired root in the store": lambda: leaf(NAME, issuer=_expired_root),
    "root of the same name": lambda: leaf(NAME, issuer=_same_name),
    "itself in the store": lambda: _pinned,
    "itself in the store, expired": lambda: _pinned_expired,
    "intermediate in the store": lambda: _alone(leaf(NAME, issuer=_trusted_intermediate)),
    "an authority as leaf": lambda: authority(
        NAME,
        issuer=_root,
        extensions=[
            x509.Extension(
                x509.SubjectAlternativeName.oid, False, x509.SubjectAlternativeName([x509.DNSName(NAME)])
            )
        ],
    ),
}

MADE: dict[str, tuple[str, str, str]] = {
    # the command for the key, the extensions, arguments for the signature
    "EC with explicit parameters": (f"{P256} -param_enc explicit", SERVER, ""),
    "Ed448": ("openssl genpkey -algorithm ed448", SERVER, ""),
    "RSA-PSS key": ("openssl genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048", SERVER, ""),
    "serial number below zero": (P256, SERVER, "-set_serial -5"),
    "serial number of 30 bytes": (P256, SERVER, f"-set_serial 0x{'7f' * 30}"),
    "a NUL in the name": (
        P256,
        f"subjectAltName=DER:30:1c:82:1a:{(NAME.encode() + bytes(1) + b'.evil.ts').hex(':')}\n",
        "",
    ),
    "a key that may not sign": (P256, f"subjectAltName=DNS:{NAME}\nkeyUsage=keyAgreement\n", ""),
    "version 1": (P256, "", ""),
}


def _sign(folder: Path, name: str, issuer: str, key: str, extensions: str, *, how: str = "") -> None:
    """Make `name`.pem and its key with the openssl command, which refuses less than the library does."""
    (folder / f"{name}.cnf").write_text(extensions)
    subject = NAME if name == "leaf" else name
    by = f"-CA {issuer}.pem -CAkey {issuer}.key -CAcreateserial -days 20"
    extend = f"-extfile {name}.cnf" if extensions else ""
    for command in (
        f"{key} -out {name}.key",
        f"openssl req -new -key {name}.key -subj /CN={subject} -out {name}.csr",
        f"openssl x509 -req -in {name}.csr {by} {extend} {how} -out {name}.pem",
    ):
        subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)


def _served(folder: Path, *chain: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:@SECLEVEL=0")
    whole = folder / "whole.pem"
    whole.write_bytes(b"".join((folder / name).read_bytes() for name in ("leaf.key", *chain)))
    context.load_cert_chain(whole)
    return context


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the root and its key, and the trust store."""
    (tmp_path / "root.pem").write_bytes(_root.certificate_pem)
    (tmp_path / "root.key").write_bytes(_root.key_pem)
    store = pem(_root, _expired_root, _pinned, _pinned_expired, _trusted_intermediate)
    (tmp_path / "ca.pem").write_bytes(store)
    return tmp_path


def _agrees(folder: Path, server: ssl.SSLContext, name: str = NAME) -> None:
    for strict in (False, True):
        config = TlsConfig(ca_file=str(folder / "ca.pem"), strict=strict)
        store = TlsStore()
        facts = store.facts(config, name, handshake(store.context(config), server, name))
        expected = oracle(folder / "ca.pem", server, name, strict=strict)
        assert (facts.verify_code or 0, facts.verify_error) == expected
        assert facts.verified is (expected[0] == 0)
        assert facts.fingerprint_sha256


@pytest.mark.parametrize("case", CASES)
def test_odd_certificates(case: str, folder: Path) -> None:
    """Code and message are those of a verifying handshake, strict or not."""
    _agrees(folder, server_context(CASES[case]()))


@pytest.mark.parametrize("case", MADE)
def test_certificates_that_the_library_refuses_to_make(case: str, folder: Path) -> None:
    """Odd keys, serial numbers and names are judged, and no warning of a library gets out."""
    key, extensions, how = MADE[case]
    _sign(folder, "leaf", "root", key, extensions, how=how)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _agrees(folder, _served(folder, "leaf.pem"))


@pytest.mark.parametrize("extensions", ["", "keyUsage=keyCertSign\n", "basicConstraints=CA:TRUE,pathlen:0\n"])
def test_odd_authorities(extensions: str, folder: Path) -> None:
    """Version 1, without basic constraints, and with a path that is too long."""
    _sign(folder, "odd", "root", P256, extensions)
    _sign(folder, "below", "odd", P256, "basicConstraints=CA:TRUE\n")
    _sign(folder, "leaf", "below", P256, SERVER)
    _agrees(folder, _served(folder, "leaf.pem", "below.pem", "odd.pem"))
    _sign(folder, "leaf", "odd", P256, SERVER)
    _agrees(folder, _served(folder, "leaf.pem", "odd.pem"))


@pytest.mark.parametrize(
    "name", [f"{NAME}.", NAME.upper(), "127.0.0.1", "::1", "xn--mller-kva.example.test", "a_b.example.test"]
)
def test_odd_names(name: str, folder: Path) -> None:
    """A final dot, capitals, addresses and labels beyond the usual are compared as OpenSSL does."""
    for identity in (leaf(NAME, "*.example.test", issuer=_root), leaf("127.0.0.1", "::1", issuer=_root)):
        _agrees(folder, server_context(identity), name)
