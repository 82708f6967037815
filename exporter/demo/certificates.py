"""Certificates made on the spot: an authority, an intermediate, and leaves good or faulty.

Nothing here is fit for real use: keys are young, unprotected and thrown away with the process.
"""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from exporter.demo.scratch import scratch_folder

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
Validity = tuple[timedelta, timedelta]
"""Both ends of the validity, counted from now."""

CURRENT: Validity = (timedelta(days=-1), timedelta(days=90))
EXPIRED: Validity = (timedelta(days=-100), timedelta(days=-10))
FUTURE: Validity = (timedelta(days=10), timedelta(days=100))


@dataclass(frozen=True, slots=True, eq=False)
class Identity:
    """A certificate, its private key, and what a server sends behind it."""

    certificate: x509.Certificate
    key: PrivateKey
    chain: tuple[x509.Certificate, ...] = ()
    """The issuers to send along, nearest first; the root is not among them."""

    @property
    def certificate_pem(self) -> bytes:
        """The certificate and its chain, leaf first (RFC 8446 4.4.2)."""
        return b"".join(c.public_bytes(serialization.Encoding.PEM) for c in (self.certificate, *self.chain))

    @property
    def key_pem(self) -> bytes:
        """The private key, PKCS #8, without a passphrase."""
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


def subject_name(common_name: str, organisation: str | None = None) -> x509.Name:
    """A distinguished name of a common name and, when given, an organisation."""
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    if organisation is not None:
        attributes.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation))
    return x509.Name(attributes)


def general_name(name: str) -> x509.GeneralName:
    """An IP address as an IP name, anything else as a DNS name (RFC 5280 4.2.1.6)."""
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def authority(
    common_name: str,
    *,
    issuer: Identity | None = None,
    organisation: str | None = None,
    validity: Validity = CURRENT,
    key: PrivateKey | None = None,
    ca: bool = True,
    extensions: Iterable[x509.Extension[x509.ExtensionType]] = (),
) -> Identity:
    """A certificate that may sign others: a root of its own, or an intermediate of `issuer`.

    `ca=False` makes the faulty kind whose signatures no verifier may accept (RFC 5280 4.2.1.9).
    """
    return _signed(
        subject_name(common_name, organisation),
        issuer=issuer,
        validity=validity,
        key=key,
        extensions=(
            x509.Extension(x509.BasicConstraints.oid, True, x509.BasicConstraints(ca=ca, path_length=None)),
            x509.Extension(x509.KeyUsage.oid, True, _usage(signs_certificates=True)),
            *extensions,
        ),
    )


def leaf(
    *names: str,
    issuer: Identity | None,
    common_name: str | None = None,
    validity: Validity = CURRENT,
    key: PrivateKey | None = None,
    purposes: tuple[x509.ObjectIdentifier, ...] = (ExtendedKeyUsageOID.SERVER_AUTH,),
    extensions: Iterable[x509.Extension[x509.ExtensionType]] = (),
) -> Identity:
    """An end-entity certificate for `names` (DNS names and IP addresses); no issuer: self-signed.

    Without `names` there is no subject alternative name; without `purposes` no extended key usage.
    """
    own: list[x509.Extension[x509.ExtensionType]] = [
        x509.Extension(x509.BasicConstraints.oid, True, x509.BasicConstraints(ca=False, path_length=None)),
        x509.Extension(x509.KeyUsage.oid, True, _usage(signs_certificates=False)),
    ]
    if names:
        alternatives = x509.SubjectAlternativeName(general_name(n) for n in names)
        own.append(x509.Extension(x509.SubjectAlternativeName.oid, False, alternatives))
    if purposes:
        own.append(x509.Extension(x509.ExtendedKeyUsage.oid, False, x509.ExtendedKeyUsage(purposes)))
    return _signed(
        subject_name(common_name or (names[0] if names else "unnamed")),
        issuer=issuer,
        validity=validity,
        key=key,
        extensions=(*own, *extensions),
    )


def server_context(identity: Identity) -> ssl.SSLContext:
    """A server's TLS context for `identity`, TLS 1.2 and newer, without a client certificate.

    NoFolderError: OpenSSL cannot be handed the certificate.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # OpenSSL reads certificates from files only; the file is gone when this returns.
    with scratch_folder() as directory:
        file = Path(directory, "identity.pem")
        file.touch(mode=0o600)
        file.write_bytes(identity.key_pem + identity.certificate_pem)
        context.load_cert_chain(file)
    return context


def _signed(
    subject: x509.Name,
    *,
    issuer: Identity | None,
    validity: Validity,
    key: PrivateKey | None,
    extensions: Iterable[x509.Extension[x509.ExtensionType]],
) -> Identity:
    own_key = key or ec.generate_private_key(ec.SECP256R1())
    signing_key = issuer.key if issuer else own_key
    now = datetime.now(UTC).replace(microsecond=0)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(own_key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + validity[0])
        .not_valid_after(now + validity[1])
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(own_key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signing_key.public_key()), critical=False
        )
    )
    for extension in extensions:
        builder = builder.add_extension(extension.value, critical=extension.critical)
    digest = None if isinstance(signing_key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    certificate = builder.sign(signing_key, digest)
    # An issuer that signed itself is a root, which the other side has to know already.
    is_root = issuer is None or issuer.certificate.issuer == issuer.certificate.subject
    return Identity(
        certificate, own_key, () if issuer is None or is_root else (issuer.certificate, *issuer.chain)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
