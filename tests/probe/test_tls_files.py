"""What becomes of TLS files that go bad while probes run."""

from __future__ import annotations

import logging
import os
import ssl
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from exporter.demo.certificates import authority, leaf, server_context
from exporter.model import OurFault, TlsConfig
from exporter.probe import contexts
from exporter.probe.contexts import UnusableFileError
from exporter.probe.tls import TlsStore
from tests.probe.test_verdict import handshake, pem

NAME = "mail.example.test"
_root = authority("Kept Root")
_other_root = authority("Another Root")
_server = server_context(leaf(NAME, issuer=_root))


def _verified(store: TlsStore, config: TlsConfig) -> bool:
    return store.facts(config, NAME, handshake(store.context(config), _server, NAME)).verified


def _told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.levelname for record in caplog.records if record.name == "exporter"]


@pytest.mark.parametrize("content", [None, b"", b"no PEM", b"-----BEGIN CERTIFICATE-----\nMIIB"])
@pytest.mark.parametrize("strict", [False, True])
def test_the_last_good_trust_store_is_used_while_the_ca_file_is_bad(
    content: bytes | None, strict: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Gone, empty, garbage or half written: verdicts stay, one line says so, and one says that it is mended."""
    caplog.set_level(logging.INFO)
    file = tmp_path / "ca.pem"
    file.write_bytes(pem(_root))
    store, config = TlsStore(), TlsConfig(ca_file=str(file), strict=strict)
    other = TlsConfig(ca_file=str(file), strict=not strict)
    assert _verified(store, config)
    assert _verified(store, other)
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)
    for _ in range(3):
        assert _verified(store, config)
        assert _verified(store, other)
    assert _told(caplog) == ["ERROR"]
    assert str(file) in str(caplog.records[0].__dict__["fields"])
    file.write_bytes(pem(_other_root))
    assert not _verified(store, config)
    assert not _verified(store, other)
    assert _told(caplog) == ["ERROR", "INFO"]


def test_a_ca_file_that_never_was_good_fails_the_phase_and_not_the_program(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is a fault of ours that the log explains once, and it ends when the file is there."""
    file = tmp_path / "ca.pem"
    store, config = TlsStore(), TlsConfig(ca_file=str(file))
    for _ in range(2):
        with pytest.raises(UnusableFileError) as caught:
            _verified(store, config)
        assert caught.value.evidence == OurFault("UnusableFileError")
    assert _told(caplog) == ["ERROR"]
    file.write_bytes(pem(_root))
    assert _verified(store, config)


def test_a_client_certificate_is_kept_until_its_new_key_is_there(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Between the writing of a certificate and that of its key the old pair is shown."""
    caplog.set_level(logging.INFO)
    old, new = leaf("old", issuer=_root), leaf("new", issuer=_root)
    certificate, key = tmp_path / "client.pem", tmp_path / "client.key"
    certificate.write_bytes(old.certificate_pem)
    key.write_bytes(old.key_pem)
    store, config = TlsStore(), TlsConfig(cert_file=str(certificate), key_file=str(key))
    before = store.context(config)
    certificate.write_bytes(new.certificate_pem)
    assert store.context(config) is before
    assert "another certificate" in str(caplog.records[0].__dict__["fields"])
    key.unlink()
    assert store.context(config) is before
    key.write_bytes(new.key_pem)
    assert store.context(config) is not before
    assert _told(caplog) == ["ERROR", "INFO"]


def test_an_encrypted_key_asks_nobody(tmp_path: Path) -> None:
    """A key with a passphrase is a bad file; the event loop does not wait at the terminal."""
    identity = leaf("client", issuer=_root)
    file = tmp_path / "client.pem"
    encrypted = identity.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )
    file.write_bytes(encrypted + identity.certificate_pem)
    with pytest.raises(UnusableFileError):
        TlsStore().context(TlsConfig(cert_file=str(file), key_file=str(file)))


def test_the_systems_bundle_is_kept_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bundle that is being replaced is not an empty one."""
    file = tmp_path / "bundle.pem"
    file.write_bytes(pem(_root))
    monkeypatch.setenv(ssl.get_default_verify_paths().openssl_cafile_env, str(file))
    store, config = TlsStore(), TlsConfig()
    assert _verified(store, config)
    file.replace(tmp_path / "aside")
    assert _verified(store, config)


def test_a_bundle_that_comes_later_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system had no trusted certificates at the start it may have some now."""
    file = tmp_path / "bundle.pem"
    paths = ssl.get_default_verify_paths()
    monkeypatch.setenv(paths.openssl_cafile_env, str(file))
    monkeypatch.setenv(paths.openssl_capath_env, str(tmp_path / "none"))
    store, config = TlsStore(), TlsConfig()
    assert not _verified(store, config)
    file.write_bytes(pem(_root))
    assert _verified(store, config)


def test_a_changed_trust_directory_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A root that is added to a hashed directory counts at once, and one that is taken away no more."""
    paths = ssl.get_default_verify_paths()
    directories = [tmp_path / "first", tmp_path / "second"]
    monkeypatch.setenv(paths.openssl_cafile_env, str(tmp_path / "none"))
    monkeypatch.setenv(paths.openssl_capath_env, os.pathsep.join(map(str, directories)))
    for directory in directories:
        directory.mkdir()
    store, config = TlsStore(), TlsConfig()
    assert not _verified(store, config)
    for directory in directories:
        (directory / "root.pem").write_bytes(pem(_root))
        subprocess.run(["openssl", "rehash", str(directory)], check=True)
        assert _verified(store, config)
        for file in directory.iterdir():
            file.unlink()
        assert not _verified(store, config)


def test_the_memory_of_bad_files_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many files go bad, no more are remembered than there may be contexts."""
    monkeypatch.setattr(contexts, "_MAX_CONTEXTS", 2)
    store = contexts.Contexts()
    for number in range(5):
        with pytest.raises(UnusableFileError):
            store.verifying(TlsConfig(ca_file=str(tmp_path / f"{number}.pem")))
    assert len(store._bad) <= 2
