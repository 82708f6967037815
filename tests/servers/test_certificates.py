"""Every certificate of the workshop fails verification in its own way, and in no other."""

from __future__ import annotations

import ssl
import warnings
from collections.abc import Callable

import pytest

from tests.servers.certificates import OLDEST, Certified, Workshop


def shake_hands(server: ssl.SSLContext, client: ssl.SSLContext, name: str = "localhost") -> ssl.SSLObject:
    """The client's side of a finished handshake, without a network."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(to_client, to_server, server_hostname=name)
    theirs = server.wrap_bio(to_server, to_client, server_side=True)
    waiting = [ours, theirs]
    while waiting:
        side = waiting.pop(0)
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            waiting.append(side)
    return ours


def trusting(workshop: Workshop) -> ssl.SSLContext:
    """A client's context that trusts the workshop's root alone."""
    return ssl.create_default_context(cafile=workshop.ca_file)


def test_the_valid_one_verifies_under_each_of_its_names(workshop: Workshop) -> None:
    """Name, IPv4 and IPv6 address are all good, with leaf and intermediate sent."""
    for name in ("localhost", "mail.test", "127.0.0.1", "::1"):
        shake_hands(workshop.valid().context(), trusting(workshop), name)
    assert workshop.valid().identity.certificate_pem.count(b"BEGIN CERTIFICATE") == 2


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (Workshop.expired, 10),
        (Workshop.future, 9),
        (Workshop.wrong_name, 62),
        (Workshop.self_signed, 18),
        (Workshop.unknown_ca, 20),
        (Workshop.root_sent_along, 19),
        (Workshop.missing_intermediate, 20),
        (Workshop.expired_intermediate, 10),
        (Workshop.wrong_purpose, 26),
        (Workshop.antivirus, 20),
    ],
)
def test_each_fault_has_its_verify_code(
    workshop: Workshop, make: Callable[[Workshop], Certified], code: int
) -> None:
    """OpenSSL's X509_V_ERR number is the one of the fault."""
    with pytest.raises(ssl.SSLCertVerificationError) as refused:
        shake_hands(make(workshop).context(), trusting(workshop))
    assert refused.value.verify_code == code


def test_the_antivirus_issuer_is_named(workshop: Workshop) -> None:
    """The issuer is the product that is supposed to have opened the connection."""
    certificate = workshop.antivirus("Kaspersky Anti-Virus Personal Root Certificate").identity.certificate
    assert "Kaspersky" in certificate.issuer.rfc4514_string()


def test_a_certificate_is_made_once(workshop: Workshop) -> None:
    """Asking twice gives the same files."""
    assert workshop.expired() is workshop.expired()


def test_a_client_certificate_can_be_demanded(workshop: Workshop) -> None:
    """TLS 1.2: without a certificate the handshake fails, with one of our authority it succeeds."""
    server = workshop.valid().context(client_ca_file=workshop.ca_file, maximum=ssl.TLSVersion.TLSv1_2)
    client = trusting(workshop)
    with pytest.raises(ssl.SSLError):
        shake_hands(server, client)
    certified = workshop.client()
    client.load_cert_chain(certified.certificate_file, certified.key_file)
    shake_hands(server, client)


def test_an_old_server_speaks_tls_1_0_only(workshop: Workshop) -> None:
    """A client that wants TLS 1.2 finds no common version with it; one that is as old does."""
    server = workshop.valid().context(minimum=ssl.TLSVersion.TLSv1, maximum=ssl.TLSVersion.TLSv1)
    client = trusting(workshop)
    client.minimum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError) as refused:
        shake_hands(server, client)
    assert refused.value.reason == "UNSUPPORTED_PROTOCOL"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        client.minimum_version = ssl.TLSVersion.TLSv1
    client.set_ciphers(OLDEST)
    assert shake_hands(server, client).version() == "TLSv1"
