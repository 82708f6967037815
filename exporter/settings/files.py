"""The files and variables that a configuration names: read once a load, remembered for watching."""

from __future__ import annotations

import errno
import os
import ssl
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from exporter.model import Secret
from exporter.settings.problems import ConfigError, fault, printable
from exporter.settings.texts import check_secret

T = TypeVar("T")

_LARGEST_SECRET = 65_536  # bytes; tokens of identity providers reach a few thousand


class Files:
    """Reads each file at most once, so that ten thousand endpoints may share a password file.

    Every method raises ConfigError with a remedy; no message holds what a file contains.
    """

    def __init__(self) -> None:
        self._answers: dict[tuple[str, ...], object] = {}
        self._watched: dict[Path, None] = {}

    @property
    def watched(self) -> tuple[Path, ...]:
        """Every file that was asked for, readable or not, in the order of asking."""
        return tuple(self._watched)

    def watch(self, path: Path) -> None:
        """Counts `path` among the watched."""
        self._watched[path] = None

    def secret(self, folder: Path, name: str) -> Secret:
        """The text of a secret file without the line end behind it."""
        path = folder / name
        self.watch(path)
        return self._once(("secret", str(path)), lambda: _secret(path, _shown(folder, name)))

    def readable_secret(self, folder: Path, name: str) -> str:
        """The full name of a secret file that is read later, each time anew, and so is not watched."""
        path = folder / name
        self._once(("token", str(path)), lambda: _open(path, _shown(folder, name), largest=1))
        return str(path)

    def readable(self, folder: Path, name: str) -> Path:
        """The full name of a file that is not a secret, once it is known to be readable."""
        path = folder / name
        self.watch(path)
        self._once(("readable", str(path)), lambda: _open(path, str(path), largest=1))
        return path

    def trusted_roots(self, folder: Path, name: str) -> str:
        """The full name of a PEM file with at least one certificate."""
        path = folder / name
        self.watch(path)
        self._once(("roots", str(path)), lambda: _check_roots(path))
        return str(path)

    def key_pair(self, folder: Path, certificate: str, key: str) -> tuple[str, str]:
        """The full names of a certificate and of the unencrypted key that belongs to it, both PEM."""
        paths = folder / certificate, folder / key
        for path in paths:
            self.watch(path)
        self._once(("pair", *map(str, paths)), lambda: _check_pair(*paths))
        return str(paths[0]), str(paths[1])

    def _once(self, question: tuple[str, ...], ask: Callable[[], T]) -> T:
        if question not in self._answers:
            try:
                self._answers[question] = ask()
            except ConfigError as error:
                self._answers[question] = error
        answer = self._answers[question]
        if isinstance(answer, ConfigError):
            raise ConfigError(answer.problems)
        return answer  # type: ignore[return-value]  # one question has one type of answer


def trusted_roots(name: str) -> None:
    """Raise ConfigError unless `name` is a PEM file with at least one certificate."""
    _check_roots(Path(name))


def secret_from(path: Path) -> Secret:
    """The secret in a file that a person names once, a pipe included; raises ConfigError."""
    try:
        with path.open("rb") as stream:
            content = stream.read(_LARGEST_SECRET + 1)
    except OSError as error:
        raise unreadable(str(path), error) from None
    return _secret_in(content, str(path))


def secret_from_variable(name: str) -> Secret:
    """The value of an environment variable; its name is not repeated, it may be a misplaced secret."""
    value = os.environ.get(name)
    if value is None:
        raise fault("the environment variable named here is not set", "export it, or correct the name")
    return Secret(check_secret(value))


def unreadable(shown: str, error: OSError) -> ConfigError:
    """Why the file that is shown as `shown` cannot be read, and what to do."""
    match error:
        case FileNotFoundError():
            remedy = "create it, or correct the path"
        case PermissionError():
            remedy = "let the user that the exporter runs as read it"
        case IsADirectoryError():
            remedy = "name a file in it"
        case _:
            remedy = "name a readable file"
    return fault(f"cannot read {printable(shown)}: {error.strerror or type(error).__name__}", remedy)


def _shown(folder: Path, name: str) -> str:
    """How a message names a secret file: a bare word stays unsaid, it may be the secret itself."""
    return str(folder / name) if "/" in name else f"the file of that name in {folder}"


def _open(path: Path, shown: str, *, largest: int) -> bytes:
    """The first `largest` bytes of a regular file; a pipe or device could block or never end."""
    try:
        kind = path.stat().st_mode
        if stat.S_ISREG(kind):
            with path.open("rb") as stream:
                return stream.read(largest)
    except OSError as error:
        raise unreadable(shown, error) from None
    if stat.S_ISDIR(kind):
        raise unreadable(shown, IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR)))
    raise fault(f"{printable(shown)} is not a regular file", "name a regular file")


def _secret(path: Path, shown: str) -> Secret:
    return _secret_in(_open(path, shown, largest=_LARGEST_SECRET + 1), shown)


def _secret_in(content: bytes, shown: str) -> Secret:
    if len(content) > _LARGEST_SECRET:
        raise fault(f"{printable(shown)} is larger than 64 KiB", "keep the secret alone in its file")
    try:
        text = content.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError:
        raise fault(f"{printable(shown)} is not UTF-8 text", "save it as UTF-8") from None
    try:
        return Secret(check_secret(text))
    except ConfigError as error:
        problem = error.problems[0]
        raise fault(f"{problem.message}, in {printable(shown)}", problem.remedy) from None


def _check_roots(path: Path) -> None:
    _open(path, str(path), largest=1)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except ssl.SSLError:
        raise fault(
            f"{printable(str(path))} holds no PEM certificate",
            "convert it to PEM: text that begins with -----BEGIN CERTIFICATE-----",
        ) from None


def _check_pair(certificate: Path, key: Path) -> None:
    for path in (certificate, key):
        _open(path, str(path), largest=1)
    asked: list[str] = []

    def passphrase() -> str:
        asked.append("")
        return "none"

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, key, passphrase)
    except ssl.SSLError as error:
        shown_certificate, shown_key = printable(str(certificate)), printable(str(key))
        if asked:
            raise fault(f"the key in {shown_key} is encrypted", "decrypt it with openssl pkey") from None
        if error.reason == "KEY_VALUES_MISMATCH":
            raise fault(
                f"the key in {shown_key} does not belong to the certificate in {shown_certificate}",
                "name the two files that were issued together",
            ) from None
        raise fault(
            f"{shown_certificate} and {shown_key} are not a PEM certificate and its key",
            "convert both to PEM",
        ) from None
