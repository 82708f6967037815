"""A certificate workshop: one good chain, and one certificate for each way to be wrong."""

from __future__ import annotations

import ssl
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography.x509.oid import ExtendedKeyUsageOID

from exporter.demo.certificates import (
    EXPIRED,
    FUTURE,
    Identity,
    authority,
    leaf,
    server_context,
)

NAMES = ("localhost", "127.0.0.1", "::1", "mail.test")
"""What every certificate is good for, the one with the wrong name excepted."""

OLDEST = "ALL:@SECLEVEL=0"
"""The cipher list without which OpenSSL 3 does neither TLS 1.0 nor weak keys."""


@dataclass(frozen=True, slots=True)
class Certified:
    """An identity and its files, for servers that read theirs from the disk."""

    identity: Identity
    certificate_file: str
    """The certificate and its chain, PEM."""
    key_file: str

    def context(
        self,
        *,
        client_ca_file: str | None = None,
        minimum: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2,
        maximum: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED,
    ) -> ssl.SSLContext:
        """A server's context; with `client_ca_file` it demands a certificate of that authority."""
        context = server_context(self.identity)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # TLS 1.0 is old on purpose
            context.minimum_version, context.maximum_version = minimum, maximum
        if minimum < ssl.TLSVersion.TLSv1_2:
            context.set_ciphers(OLDEST)
        if client_ca_file is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(client_ca_file)
        return context


class Workshop:
    """Certificates below one root, each made once, with their files in `directory`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.root = authority("Test Root CA", organisation="Submission Tests")
        self.intermediate = authority("Test Issuing CA", issuer=self.root, organisation="Submission Tests")
        self.ca_file = self._write("root.pem", self.root.certificate_pem)
        self._made: dict[str, Certified] = {}

    def valid(self) -> Certified:
        """Right in every respect: leaf and intermediate, as real servers send."""
        return self._once("valid", lambda: leaf(*NAMES, issuer=self.intermediate))

    def expired(self) -> Certified:
        """Past its end."""
        return self._once("expired", lambda: leaf(*NAMES, issuer=self.intermediate, validity=EXPIRED))

    def future(self) -> Certified:
        """Not begun yet."""
        return self._once("future", lambda: leaf(*NAMES, issuer=self.intermediate, validity=FUTURE))

    def wrong_name(self) -> Certified:
        """For somebody else."""
        return self._once("wrong-name", lambda: leaf("elsewhere.test", issuer=self.intermediate))

    def self_signed(self) -> Certified:
        """Its own issuer."""
        return self._once("self-signed", lambda: leaf(*NAMES, issuer=None))

    def unknown_ca(self) -> Certified:
        """From a root that nobody has."""
        return self._once("unknown-ca", lambda: leaf(*NAMES, issuer=authority("Nobody's Root CA")))

    def root_sent_along(self) -> Certified:
        """From a root that nobody has and that the server sends: X509_V_ERR 19."""
        stranger = authority("Another Root CA")
        issued = leaf(*NAMES, issuer=stranger)
        return self._once(
            "root-sent-along",
            lambda: Identity(issued.certificate, issued.key, (stranger.certificate,)),
        )

    def missing_intermediate(self) -> Certified:
        """From the good intermediate, which the server forgets to send."""
        issued = leaf(*NAMES, issuer=self.intermediate)
        return self._once("missing-intermediate", lambda: Identity(issued.certificate, issued.key))

    def expired_intermediate(self) -> Certified:
        """Good itself, below an intermediate that is past its end."""
        old = authority("Old Issuing CA", issuer=self.root, validity=EXPIRED)
        return self._once("expired-intermediate", lambda: leaf(*NAMES, issuer=old))

    def wrong_purpose(self) -> Certified:
        """Issued for clients only (extended key usage)."""
        return self._once(
            "wrong-purpose",
            lambda: leaf(*NAMES, issuer=self.intermediate, purposes=(ExtendedKeyUsageOID.CLIENT_AUTH,)),
        )

    def antivirus(self, issuer: str = "Avast Web/Mail Shield Root") -> Certified:
        """As an inspecting mail guard presents it: from a root of its own by that name."""
        return self._once(
            f"antivirus-{issuer.replace('/', '-')}",
            lambda: leaf(*NAMES, issuer=authority(issuer, organisation=issuer)),
        )

    def client(self, name: str = "probe@mail.test") -> Certified:
        """A client's certificate, below the same root."""
        return self._once(
            f"client-{name}",
            lambda: leaf(
                issuer=self.intermediate, common_name=name, purposes=(ExtendedKeyUsageOID.CLIENT_AUTH,)
            ),
        )

    def certified(self, name: str, identity: Identity) -> Certified:
        """Any other identity, with its files called `name`."""
        return Certified(
            identity,
            self._write(f"{name}.pem", identity.certificate_pem),
            self._write(f"{name}.key", identity.key_pem),
        )

    def _once(self, name: str, make: Callable[[], Identity]) -> Certified:
        if name not in self._made:
            self._made[name] = self.certified(name, make())
        return self._made[name]

    def _write(self, name: str, content: bytes) -> str:
        file = self.directory / name
        file.write_bytes(content)
        return str(file)
