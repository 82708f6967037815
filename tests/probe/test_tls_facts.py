"""Facts of certificates that are strange, and what becomes of files that change."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from exporter.demo.certificates import CURRENT, Identity, authority, leaf, server_context
from exporter.model import TlsConfig, TlsVersion
from exporter.probe import contexts, tls
from exporter.probe.contexts import verify_context
from exporter.probe.tls import TlsStore, verify_chain
from tests.probe.test_verdict import handshake, pem

_root = authority("Facts Root")


@pytest.fixture
def trusted(tmp_path: Path) -> TlsConfig:
    """Settings that trust the root of this module."""
    file = tmp_path / "ca.pem"
    file.write_bytes(pem(_root))
    return TlsConfig(ca_file=str(file))


def test_bytes_that_are_no_certificate_give_a_verdict_and_no_facts(trusted: TlsConfig) -> None:
    """What neither parser can read is refused; nothing is made up and nothing raises."""
    context = verify_context(trusted)
    judged = tls._judge((b"rubbish",), verify_chain(context, (b"rubbish",), "h"), ("", ""))
    assert not judged.facts.verified
    assert judged.facts.verify_error
    assert (judged.facts.subject, judged.facts.sans, judged.facts.not_after) == ("", (), None)
    assert judged.facts.issuers == ("",)
    empty = tls._judge((), verify_chain(context, (), "h"), ("", ""))
    assert not empty.facts.verified
    assert empty.facts.chain_length == 0


def test_a_key_that_is_of_no_use_for_tls_is_no_health() -> None:
    """A chain that verifies and whose key fits no cipher suite is not called verified."""
    assert not tls._is_rsa(b"")


def test_names_are_bounded_and_printable(trusted: TlsConfig) -> None:
    """A thousand names become twenty, an absurd one is cut, and control characters are escaped."""
    names = tuple(f"host-{n}.example.test" for n in range(300))
    identity = leaf(*names, issuer=_root, common_name="a\nb\x1b[31m" + "c" * 40)
    store = TlsStore()
    session = handshake(store.context(trusted), server_context(identity), names[0])
    facts = store.facts(trusted, names[0], session)
    assert facts.verified
    assert facts.sans == names[:20]
    assert facts.subject.isprintable()


def test_other_kinds_of_names_are_left_out(trusted: TlsConfig) -> None:
    """Mail addresses and URIs are no host names."""
    identity = leaf("mail.example.test", issuer=_root)
    other = x509.SubjectAlternativeName(
        [
            x509.RFC822Name("a@example.test"),
            x509.DNSName("mail.example.test"),
            x509.UniformResourceIdentifier("x:y"),
        ]
    )
    bare = leaf(
        issuer=_root,
        common_name="x",
        extensions=[x509.Extension(x509.SubjectAlternativeName.oid, False, other)],
    )
    store = TlsStore()
    facts = store.facts(
        trusted,
        "mail.example.test",
        handshake(store.context(trusted), server_context(bare), "mail.example.test"),
    )
    assert facts.verified
    assert facts.sans == ("mail.example.test",)
    assert identity.certificate.issuer.rfc4514_string() == facts.issuer


def test_the_memory_of_verdicts_and_contexts_is_bounded(
    trusted: TlsConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oldest is forgotten first."""
    monkeypatch.setattr(tls, "_MAX_VERDICTS", 2)
    monkeypatch.setattr(contexts, "_MAX_CONTEXTS", 2)
    store = TlsStore()
    server = server_context(leaf("a.test", issuer=_root))
    for name in ("a.test", "b.test", "c.test"):
        store.facts(trusted, name, handshake(store.context(trusted), server, name))
    for version in (TlsVersion.TLS12, TlsVersion.TLS13, TlsVersion.TLS11):
        store.context(TlsConfig(min_version=version))
    assert len(store._judged) == 2
    assert len(store._contexts._kept) == 2


def test_a_verdict_ends_with_the_certificate(trusted: TlsConfig) -> None:
    """What was judged is judged again once a certificate of the chain begins or ends."""
    soon = (timedelta(days=-1), timedelta(seconds=3600))
    identity = leaf("a.test", issuer=_root, validity=soon)
    store = TlsStore()
    facts = store.facts(
        trusted, "a.test", handshake(store.context(trusted), server_context(identity), "a.test")
    )
    (judged,) = store._judged.values()
    assert facts.not_after == judged.good_until


def test_a_clock_that_is_put_back_brings_a_new_verdict(
    trusted: TlsConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was expired by a clock that ran ahead is judged again as soon as the clock is right."""
    server = server_context(leaf("a.test", issuer=_root))
    now = time.time()
    expired = tls.Verdict(10, "certificate has expired", ())
    monkeypatch.setattr(time, "time", lambda: now + 20 * 365 * 86400)
    with monkeypatch.context() as ahead:
        ahead.setattr(tls, "verify_chain", lambda *_: expired)  # OpenSSL asks the kernel for the time
        store = TlsStore()
        session = handshake(store.context(trusted), server, "a.test")
        assert not store.facts(trusted, "a.test", session).verified
    monkeypatch.setattr(time, "time", lambda: now)
    assert store.facts(trusted, "a.test", session).verified


def test_a_root_that_is_out_of_its_time_is_looked_at_again(tmp_path: Path) -> None:
    """The server does not send it, so no date in what it sends says when the verdict ends."""
    old = authority("Old Root", validity=(timedelta(days=-10), timedelta(days=-1)))
    (tmp_path / "ca.pem").write_bytes(pem(old))
    trusted = TlsConfig(ca_file=str(tmp_path / "ca.pem"))
    store = TlsStore()
    session = handshake(store.context(trusted), server_context(leaf("a.test", issuer=old)), "a.test")
    assert store.facts(trusted, "a.test", session).verify_code == 10
    (judged,) = store._judged.values()
    assert judged.good_until - judged.judged_at == 60


def test_versions_and_client_certificates_are_part_of_the_context(tmp_path: Path) -> None:
    """`max_version` and a client certificate each make a context of their own."""
    client = leaf("probe", issuer=_root, validity=CURRENT)
    file = tmp_path / "client.pem"
    file.write_bytes(client.key_pem + client.certificate_pem)
    store = TlsStore()
    old = store.context(TlsConfig(min_version=TlsVersion.TLS10, max_version=TlsVersion.TLS11))
    with_certificate = store.context(TlsConfig(cert_file=str(file), key_file=str(file)))
    assert len({id(old), id(with_certificate), id(store.context(TlsConfig()))}) == 3


def test_system_trust_is_the_default() -> None:
    """Without `ca_file` a private root is not trusted."""
    identity = Identity(leaf("a.test", issuer=_root).certificate, _root.key)
    der = identity.certificate.public_bytes(serialization.Encoding.DER)
    verdict = verify_chain(verify_context(TlsConfig()), (der,), "a.test")
    assert verdict.code == 20
