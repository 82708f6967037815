"""TLS for one probe: the facts of the presented chain, and the verdict on it.

The handshake itself runs without verification (CERT_NONE), so that certificate, version and cipher
are known from one connection even when the certificate is bad.  The verdict is OpenSSL's own:
the presented chain is shown once more, over memory buffers, to a verifying client of this process
(a TLS 1.2 ServerHello and Certificate message, nothing else), which accepts or refuses it with the
X509_V_ERR code that a verifying handshake gives.  Purpose, key strength, name and flags are
therefore judged by the same code as in any Python client.  Verdicts are remembered by chain, name
and trust store until the next moment at which a certificate of the chain begins or ends, or until the
clock of this host is put back.
"""

from __future__ import annotations

import hashlib
import logging
import ssl
import struct
import time
import warnings
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.utils import CryptographyDeprecationWarning
from OpenSSL import SSL

from exporter import log
from exporter.model import OurFault, TlsConfig, TlsFacts
from exporter.probe.contexts import Contexts
from exporter.probe.evidence import PhaseFailed
from exporter.probe.tls_session import presented_chain
from exporter.probe.transcript import printable
from exporter.probe.turnstile import Turnstile

_MAX_SANS = 20
_MAX_TEXT = 256
_MAX_VERDICTS = 20_000
# A certificate of the trust store that begins or ends is not in the chain: whether it has is asked again.
_TRUST_STORE_PATIENCE = 60.0
_OUT_OF_TIME = {9, 10}  # X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED


class ReplayError(PhaseFailed):
    """OpenSSL would not even begin to look at the chain: that says nothing about the server."""

    def __init__(self) -> None:
        super().__init__(OurFault(type(self).__name__))


@dataclass(frozen=True, slots=True)
class Verdict:
    """OpenSSL's judgement of a chain; `code` 0 is acceptance."""

    code: int
    message: str | None
    chain: tuple[bytes, ...]
    """The verified chain, root included; the presented one when it was refused."""


@dataclass(frozen=True, slots=True)
class _Judged:
    facts: TlsFacts
    judged_at: float
    good_until: float


class TlsStore:
    """Contexts and verdicts, built once and reused: a memo of pure functions, never a decision."""

    def __init__(self) -> None:
        self.turnstile = Turnstile()
        """For the handshakes of all probes."""
        self._contexts = Contexts()
        self._judged: OrderedDict[object, _Judged] = OrderedDict()

    def context(self, config: TlsConfig) -> SSL.Context:
        """Return the client context of the handshake.  UnusableFileError: the client certificate is bad."""
        return self._contexts.handshake(config).context

    def facts(self, config: TlsConfig, name: str, session: SSL.Connection) -> TlsFacts:
        """Return what the handshake showed, which may be under way, and whether the chain verifies for `name`.

        UnusableFileError: `ca_file` is bad and never was good.  ReplayError: there can be no verdict.
        """
        chain = presented_chain(session)
        trust = self._contexts.verifying(config)
        digest = hashlib.sha256(b"".join(chain)).digest()
        spoken = (session.get_protocol_version_name(), session.get_cipher_name() or "")
        key = (digest, name, trust.made_of, config.strict, spoken)
        judged = self._judged.get(key)
        if judged is None or not judged.judged_at <= time.time() < judged.good_until:
            with warnings.catch_warnings():
                # What is odd about a certificate is OpenSSL's to judge; a serial number below one is no news.
                warnings.simplefilter("ignore", CryptographyDeprecationWarning)
                judged = _judge(chain, verify_chain(trust.context, chain, name), spoken)
            self._judged[key] = judged
            while len(self._judged) > _MAX_VERDICTS:
                self._judged.popitem(last=False)
        return judged.facts


def _verified_chain(client: ssl.SSLObject) -> tuple[bytes, ...]:
    """Return the chain that was built, as DER.

    Public from Python 3.13 on; before that the same method stands on the object underneath.
    """
    if hasattr(client, "get_verified_chain"):
        return tuple(bytes(der) for der in client.get_verified_chain())
    inner = client._sslobj.get_verified_chain()  # type: ignore[attr-defined]  # noqa: SLF001 - contract test
    encoding_der = 2
    return tuple(bytes(certificate.public_bytes(encoding_der)) for certificate in inner)


def verify_chain(context: ssl.SSLContext, chain: Sequence[bytes], name: str) -> Verdict:
    """Return OpenSSL's verdict on `chain` for `name`, by the rules of `context`."""
    incoming = ssl.MemoryBIO()
    try:
        client = context.wrap_bio(incoming, ssl.MemoryBIO(), server_hostname=name)
        _go_on(client)  # the ClientHello is out; it goes nowhere
        incoming.write(_server_hello(chain))
        _go_on(client)
    except ssl.SSLError as exc:
        log.event(logging.ERROR, "OpenSSL cannot be asked about certificates", reason=exc.reason or str(exc))
        raise ReplayError from None
    incoming.write(_records(b"\x0b", _u24(b"".join(map(_u24, chain)))))
    try:
        _go_on(client)
    except ssl.SSLCertVerificationError as exc:
        return Verdict(exc.verify_code, exc.verify_message, tuple(chain))
    except ssl.SSLError as exc:
        # Accepted by X.509 but of no use for TLS: a key type that no cipher suite has.
        return Verdict(1, exc.reason or "unusable certificate", tuple(chain))
    return Verdict(0, None, _verified_chain(client))


def _go_on(client: ssl.SSLObject) -> None:
    """Let `client` take what has come in: a complaint is raised, and there never is enough to finish."""
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        return


def _server_hello(chain: Sequence[bytes]) -> bytes:
    """Return the record of a TLS 1.2 ServerHello (RFC 5246 7.4.1.3)."""
    # ECDHE with AES-256-GCM, in the flavour that fits the key of the leaf; the context offers both.
    cipher = b"\xc0\x30" if _is_rsa(chain[0] if chain else b"") else b"\xc0\x2c"
    no_renegotiation = b"\xff\x01\x00\x01\x00"  # RFC 5746: OpenSSL 3 insists on it
    hello = b"\x03\x03" + bytes(32) + b"\x00" + cipher + b"\x00"
    return _records(b"\x02", hello + struct.pack(">H", len(no_renegotiation)) + no_renegotiation)


def _records(kind: bytes, body: bytes) -> bytes:
    """Return the records of one handshake message (RFC 5246 7.4)."""
    message = kind + _u24(body)
    limit = 16384
    return b"".join(
        b"\x16\x03\x03" + struct.pack(">H", len(part)) + part
        for part in (message[i : i + limit] for i in range(0, len(message), limit))
    )


def _u24(data: bytes) -> bytes:
    return len(data).to_bytes(3, "big") + data


def _is_rsa(der: bytes) -> bool:
    try:
        return isinstance(x509.load_der_x509_certificate(der).public_key(), rsa.RSAPublicKey)
    except (ValueError, UnsupportedAlgorithm):
        return False


def _judge(chain: tuple[bytes, ...], verdict: Verdict, spoken: tuple[str, str]) -> _Judged:
    now = time.time()
    validity = [span for span in map(_validity, verdict.chain) if span is not None]
    earliest = min(validity, key=lambda span: span[1], default=None)
    presented = [span for span in map(_validity, chain) if span is not None]
    edges = [edge for span in (*validity, *presented) for edge in span if edge > now]
    if verdict.code in _OUT_OF_TIME and all(start <= now <= end for start, end in presented):
        edges.append(now + _TRUST_STORE_PATIENCE)
    facts = replace(
        _leaf_facts(chain),
        version=spoken[0],
        cipher=spoken[1],
        verified=verdict.code == 0,
        verify_code=verdict.code or None,
        verify_error=verdict.message and printable(verdict.message.encode())[:_MAX_TEXT],
        chain_length=len(chain),
        earliest_not_before=earliest and earliest[0],
        earliest_not_after=earliest and earliest[1],
        issuers=tuple(_issuer(der) for der in chain[:10]),
    )
    return _Judged(facts, now, min(edges, default=float("inf")))


def _validity(der: bytes) -> tuple[float, float] | None:
    try:
        certificate = x509.load_der_x509_certificate(der)
        return (
            certificate.not_valid_before_utc.timestamp(),
            certificate.not_valid_after_utc.timestamp(),
        )
    except (ValueError, OverflowError):
        return None


def _issuer(der: bytes) -> str:
    try:
        return _text(x509.load_der_x509_certificate(der).issuer.rfc4514_string())
    except ValueError:
        return ""


def _text(value: str) -> str:
    return printable(value.encode("utf-8", "replace"))[:_MAX_TEXT]


def _leaf_facts(chain: tuple[bytes, ...]) -> TlsFacts:
    facts = TlsFacts(version="", cipher="", verified=False)
    if not chain:
        return facts
    leaf = chain[0]
    facts = replace(facts, fingerprint_sha256=hashlib.sha256(leaf).hexdigest())
    validity = _validity(leaf)
    try:
        certificate = x509.load_der_x509_certificate(leaf)
        return replace(
            facts,
            subject=_text(certificate.subject.rfc4514_string()),
            issuer=_text(certificate.issuer.rfc4514_string()),
            serial=f"{certificate.serial_number:x}"[:_MAX_TEXT],
            sans=_sans(certificate),
            not_before=validity and validity[0],
            not_after=validity and validity[1],
        )
    except ValueError:
        return facts  # OpenSSL read it and this parser is stricter; the verdict stands


def _sans(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return ()
    texts = []
    for name in names:
        if isinstance(name, x509.DNSName | x509.IPAddress):
            texts.append(_text(str(name.value)))
        if len(texts) == _MAX_SANS:
            break
    return tuple(texts)
