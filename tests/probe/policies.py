"""Says, in a process whose OpenSSL follows a policy, how our verdicts and Python's own come out."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from OpenSSL import SSL

from exporter.demo.certificates import EXPIRED, authority, leaf
from exporter.model import TlsConfig
from exporter.probe.tls import TlsStore, verify_chain
from exporter.probe.tls_session import presented_chain
from tests.probe.test_verdict import NAME, careless_server, handshake, oracle, pem


def main() -> None:
    """Print a list of pairs: our verify code, and that of a verifying handshake or why there is none."""
    root = authority("Policy Root")
    identities = (
        leaf(NAME, issuer=root),
        leaf(NAME, issuer=root, key=rsa.generate_private_key(public_exponent=65537, key_size=2048)),
        leaf(NAME, issuer=root, key=rsa.generate_private_key(public_exponent=65537, key_size=1024)),
        leaf(NAME, issuer=root, validity=EXPIRED),
        leaf("other.test", issuer=root),
    )
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "ca.pem"
        file.write_bytes(pem(root))
        config = TlsConfig(ca_file=str(file))
        store = TlsStore()
        outcomes = []
        for identity in identities:
            server = careless_server(identity)
            # A policy may leave no cipher for a handshake; the certificate is the same whatever is spoken.
            plain = SSL.Context(SSL.TLS_CLIENT_METHOD)
            chain = presented_chain(handshake(plain, server, NAME))
            trust = store._contexts.verifying(config).context
            outcomes.append((verify_chain(trust, chain, NAME).code, oracle(file, server, NAME)[0]))
    json.dump(outcomes, sys.stdout)


if __name__ == "__main__":
    main()
