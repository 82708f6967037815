"""A folder with everything that a configuration can name: secrets, certificates, endpoint files."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives import serialization

from exporter.settings import Settings
from tests.servers.certificates import Workshop

BAD = Path(__file__).with_name("bad")
Loader = Callable[[str], Settings]
"""Loads a configuration that is given as text."""


def furnish(folder: Path, workshop: Workshop) -> Path:
    """Copies the bad files into `folder`, which must not exist, and puts beside them what they name."""
    shutil.copytree(BAD, folder)
    _write_secrets(folder / "secrets")
    _write_certificates(folder / "certs", workshop)
    return folder


def _write_secrets(folder: Path) -> None:
    """One that is right, and each way to be wrong."""
    folder.mkdir()
    (folder / "password").write_text("correct horse\n", encoding="utf-8")
    (folder / "token").write_text("a-token\n", encoding="utf-8")
    (folder / "empty").write_text("\n", encoding="utf-8")
    (folder / "two-lines").write_text("first\nsecond\n", encoding="utf-8")
    (folder / "tab").write_text("a\tb\n", encoding="utf-8")
    (folder / "latin1").write_bytes(b"caf\xe9\n")
    (folder / "large").write_bytes(b"x" * 70_000)
    (folder / "folder").mkdir()


def _write_certificates(folder: Path, workshop: Workshop) -> None:
    """A root, a client's certificate with its key, and keys that do not go with it."""
    folder.mkdir()
    client = workshop.client()
    shutil.copy(workshop.ca_file, folder / "ca.pem")
    shutil.copy(client.certificate_file, folder / "client.pem")
    shutil.copy(client.key_file, folder / "client.key")
    shutil.copy(workshop.valid().key_file, folder / "other.key")
    (folder / "text.pem").write_text("not a certificate\n", encoding="utf-8")
    encrypted = client.identity.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"passphrase"),
    )
    (folder / "encrypted.key").write_bytes(encrypted)
