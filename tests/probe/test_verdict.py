"""The verdict on a certificate equals that of Python's `ssl` in a verifying handshake."""

from __future__ import annotations

import ssl
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID
from OpenSSL import SSL

from exporter.demo.certificates import (
    CURRENT,
    EXPIRED,
    FUTURE,
    Identity,
    authority,
    leaf,
    server_context,
)
from exporter.model import TlsConfig, TlsVersion
from exporter.probe.address import is_literal
from exporter.probe.tls import TlsStore

NAME = "mail.example.test"
FLAGS = ssl.VerifyFlags.VERIFY_X509_TRUSTED_FIRST | ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
EDGE = (timedelta(days=-3), timedelta(days=1))

_root = authority("Test Root")
_other_root = authority("Root That Nobody Trusts")
_expired_root = authority("Expired Root", validity=EXPIRED)
_intermediate = authority("Test Intermediate", issuer=_root)
_expired_intermediate = authority("Expired Intermediate", issuer=_root, validity=EXPIRED)
_future_intermediate = authority("Future Intermediate", issuer=_root, validity=FUTURE)
_not_ca = authority("Not An Authority", issuer=_root, ca=False)
_cross_key = ec.generate_private_key(ec.SECP256R1())
_cross_trusted = authority("Cross Signed", issuer=_root, key=_cross_key)
_cross_strange = authority("Cross Signed", issuer=_other_root, key=_cross_key)


def _constrained(permitted: str) -> Identity:
    names = x509.NameConstraints(permitted_subtrees=[x509.DNSName(permitted)], excluded_subtrees=None)
    extension = x509.Extension(x509.NameConstraints.oid, True, names)
    return authority(f"Only {permitted}", issuer=_root, extensions=[extension])


def _with_chain(identity: Identity, *chain: Identity) -> Identity:
    return Identity(identity.certificate, identity.key, tuple(link.certificate for link in chain))


def _rsa(bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def _sha1() -> Identity:
    """A leaf signed over SHA-1; the `cryptography` package refuses to make one, openssl does not."""
    good = leaf(NAME, issuer=None, key=_rsa(2048))
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        (folder / "leaf.pem").write_bytes(good.certificate_pem)
        (folder / "root.pem").write_bytes(_root.certificate_pem)
        (folder / "root.key").write_bytes(_root.key_pem)
        command = "openssl x509 -in leaf.pem -CA root.pem -CAkey root.key -CAcreateserial -days 20 -sha1"
        made = subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    return Identity(x509.load_pem_x509_certificate(made.stdout), good.key)


_strict_only = leaf(NAME, issuer=_root, purposes=())

MATRIX: dict[str, Callable[[], Identity]] = {
    "good": lambda: leaf(NAME, issuer=_root),
    "good, RSA 2048": lambda: leaf(NAME, issuer=_root, key=_rsa(2048)),
    "good, P-384": lambda: leaf(NAME, issuer=_root, key=ec.generate_private_key(ec.SECP384R1())),
    "good, Ed25519": lambda: leaf(NAME, issuer=_root, key=ed25519.Ed25519PrivateKey.generate()),
    "good, without a purpose": lambda: _strict_only,
    "good, through an intermediate": lambda: leaf(NAME, issuer=_intermediate),
    "good, root sent along": lambda: _with_chain(leaf(NAME, issuer=_root), _root),
    "good, strangers sent along": lambda: _with_chain(leaf(NAME, issuer=_root), _other_root, _not_ca),
    "good, ends tomorrow": lambda: leaf(NAME, issuer=_root, validity=EDGE),
    "wildcard": lambda: leaf("*.example.test", issuer=_root),
    "wildcard one level too deep": lambda: leaf("*.test", issuer=_root),
    "wildcard of another domain": lambda: leaf("*.example.org", issuer=_root),
    "wrong name": lambda: leaf("imap.example.test", issuer=_root),
    "several names, ours the last": lambda: leaf("a.test", "b.test", NAME, issuer=_root),
    "our name in capitals": lambda: leaf(NAME.upper(), issuer=_root),
    "an IP name only": lambda: leaf("127.0.0.1", issuer=_root),
    "common name only": lambda: leaf(issuer=_root, common_name=NAME),
    "expired": lambda: leaf(NAME, issuer=_root, validity=EXPIRED),
    "expired and wrong name": lambda: leaf("other.test", issuer=_root, validity=EXPIRED),
    "not yet valid": lambda: leaf(NAME, issuer=_root, validity=FUTURE),
    "self-signed": lambda: leaf(NAME, issuer=None),
    "unknown authority": lambda: leaf(NAME, issuer=_other_root),
    "unknown authority, root sent along": lambda: _with_chain(leaf(NAME, issuer=_other_root), _other_root),
    "intermediate missing": lambda: _with_chain(leaf(NAME, issuer=_intermediate)),
    "intermediate expired": lambda: leaf(NAME, issuer=_expired_intermediate),
    "intermediate not yet valid": lambda: leaf(NAME, issuer=_future_intermediate),
    "issuer is no authority": lambda: _with_chain(leaf(NAME, issuer=_not_ca), _not_ca),
    "cross-signed, trusted way": lambda: _with_chain(leaf(NAME, issuer=_cross_trusted), _cross_trusted),
    "cross-signed, untrusted way": lambda: _with_chain(leaf(NAME, issuer=_cross_trusted), _cross_strange),
    "cross-signed, both ways": lambda: _with_chain(
        leaf(NAME, issuer=_cross_trusted), _cross_strange, _cross_trusted
    ),
    "client purpose only": lambda: leaf(NAME, issuer=_root, purposes=(ExtendedKeyUsageOID.CLIENT_AUTH,)),
    "mail purpose only": lambda: leaf(NAME, issuer=_root, purposes=(ExtendedKeyUsageOID.EMAIL_PROTECTION,)),
    "name constraint kept": lambda: leaf(NAME, issuer=_constrained("example.test")),
    "name constraint broken": lambda: leaf(NAME, issuer=_constrained("example.org")),
    "RSA 1024": lambda: leaf(NAME, issuer=_root, key=_rsa(1024)),
    "SHA-1 signature": _sha1,
}


def pem(*identities: Identity) -> bytes:
    """Certificates as a CA file holds them."""
    return b"".join(i.certificate.public_bytes(serialization.Encoding.PEM) for i in identities)


def handshake(client: SSL.Context, server: ssl.SSLContext, name: str) -> SSL.Connection:
    """Run a whole handshake over memory buffers and return the client's side."""
    ours = SSL.Connection(client)
    ours.set_connect_state()
    if not is_literal(name):
        ours.set_tlsext_host_name(name.encode("idna"))
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    theirs = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(10):
        try:
            ours.do_handshake()
        except SSL.WantReadError:
            to_server.write(ours.bio_read(65536))
        else:
            return ours
        with suppress(ssl.SSLWantReadError):
            theirs.do_handshake()
        ours.bio_write(to_client.read())
    raise AssertionError("the handshake did not end")


def verifying_handshake(client: ssl.SSLContext, server: ssl.SSLContext, name: str) -> None:
    """Run a whole handshake between two sides of Python's own."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(to_client, to_server, server_hostname=name)
    theirs = server.wrap_bio(to_server, to_client, server_side=True)
    waiting = {ours, theirs}
    for _ in range(10):
        for side in (ours, theirs):
            if side in waiting:
                try:
                    side.do_handshake()
                except ssl.SSLWantReadError:
                    continue
                waiting.discard(side)
        if not waiting:
            return
    raise AssertionError("the handshake did not end")


def oracle(
    ca_file: Path, server: ssl.SSLContext, name: str, *, strict: bool = False
) -> tuple[int, str | None]:
    """Return the verify code and message of Python's own verifying handshake; 0 is acceptance."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_flags = FLAGS | (ssl.VerifyFlags.VERIFY_X509_STRICT if strict else FLAGS)
    context.load_verify_locations(ca_file)
    try:
        verifying_handshake(context, server, name)
    except ssl.SSLCertVerificationError as exc:
        return exc.verify_code, exc.verify_message
    return 0, None


@pytest.fixture(scope="module")
def ca_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The trusted roots of this module."""
    file: Path = tmp_path_factory.mktemp("trust") / "ca.pem"
    file.write_bytes(pem(_root, _expired_root))
    return file


@pytest.mark.parametrize("strict", [False, True], ids=["", "strict"])
@pytest.mark.parametrize("case", MATRIX)
def test_verdict_and_reason_equal_those_of_a_verifying_handshake(
    case: str, strict: bool, ca_file: Path
) -> None:
    """Acceptance, verify code and verify message are OpenSSL's own for every certificate."""
    try:
        server = server_context(MATRIX[case]())
    except ssl.SSLError:
        # OpenSSL will not serve so weak a key at its default level; a careless server does.
        server = careless_server(MATRIX[case]())
    config = TlsConfig(ca_file=str(ca_file), strict=strict)
    store = TlsStore()
    session = handshake(store.context(config), server, NAME)
    facts = store.facts(config, NAME, session)
    code, message = oracle(ca_file, server, NAME, strict=strict)
    assert (facts.verify_code or 0, facts.verify_error) == (code, message)
    assert facts.verified is (code == 0)


def careless_server(identity: Identity) -> ssl.SSLContext:
    """A server that serves keys which OpenSSL finds too weak."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with tempfile.NamedTemporaryFile() as file:
        file.write(identity.key_pem + identity.certificate_pem)
        file.flush()
        context.load_cert_chain(file.name)
    return context


@pytest.mark.parametrize(
    ("names", "asked", "accepted"),
    [(("127.0.0.1",), "127.0.0.1", True), (("127.0.0.2",), "127.0.0.1", False), (("::1",), "::1", True)],
)
def test_an_address_is_checked_against_ip_names(
    names: tuple[str, ...], asked: str, accepted: bool, ca_file: Path
) -> None:
    """An IP literal is looked for among the IP names of the certificate alone."""
    server = server_context(leaf(*names, issuer=_root))
    store = TlsStore()
    config = TlsConfig(ca_file=str(ca_file))
    facts = store.facts(config, asked, handshake(store.context(config), server, asked))
    assert facts.verified is accepted


def test_facts_survive_a_bad_verdict(ca_file: Path) -> None:
    """Subject, issuer, dates and version are there for an expired certificate as for a good one."""
    identity = leaf(NAME, issuer=_root, validity=EXPIRED)
    store = TlsStore()
    config = TlsConfig(ca_file=str(ca_file))
    facts = store.facts(config, NAME, handshake(store.context(config), server_context(identity), NAME))
    assert not facts.verified
    assert facts.verify_code == 10
    assert facts.subject == f"CN={NAME}"
    assert facts.issuer == "CN=Test Root"
    assert facts.sans == (NAME,)
    assert facts.not_after == identity.certificate.not_valid_after_utc.timestamp()
    assert facts.serial == f"{identity.certificate.serial_number:x}"
    assert facts.fingerprint_sha256 == identity.certificate.fingerprint(hashes.SHA256()).hex()
    assert facts.version == "TLSv1.3"
    assert facts.cipher
    assert facts.chain_length == 1


def test_earliest_expiry_is_that_of_the_chain(ca_file: Path) -> None:
    """The certificate of the verified chain that ends first gives `earliest`, root included."""
    short = authority("Short Intermediate", issuer=_root, validity=(timedelta(days=-1), timedelta(days=5)))
    identity = leaf(NAME, issuer=short, validity=CURRENT)
    store = TlsStore()
    config = TlsConfig(ca_file=str(ca_file))
    facts = store.facts(config, NAME, handshake(store.context(config), server_context(identity), NAME))
    assert facts.verified
    assert facts.earliest_not_after == short.certificate.not_valid_after_utc.timestamp()
    assert facts.chain_length == 2


def test_a_changed_ca_file_is_noticed(tmp_path: Path) -> None:
    """The same chain is judged anew once the trusted certificates have changed."""
    file = tmp_path / "ca.pem"
    file.write_bytes(pem(_other_root))
    server = server_context(leaf(NAME, issuer=_root))
    store = TlsStore()
    config = TlsConfig(ca_file=str(file))
    before = store.facts(config, NAME, handshake(store.context(config), server, NAME))
    file.write_bytes(pem(_root, _other_root))
    after = store.facts(config, NAME, handshake(store.context(config), server, NAME))
    assert (before.verified, after.verified) == (False, True)


def test_contexts_are_built_once(ca_file: Path) -> None:
    """Two endpoints with the same TLS settings share one context."""
    store = TlsStore()
    assert store.context(TlsConfig(ca_file=str(ca_file))) is store.context(TlsConfig())
    assert store.context(TlsConfig(min_version=TlsVersion.TLS13)) is not store.context(TlsConfig())
