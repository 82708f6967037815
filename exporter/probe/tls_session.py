"""One TLS session over memory buffers, by way of the functions beneath pyOpenSSL's where a probe calls them often.

A probe asks OpenSSL some thirty times whether there is anything, and half of the answers are no.  pyOpenSSL makes an
exception of each no, and room for each answer before it is asked.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

from cryptography.hazmat.bindings.openssl.binding import Binding
from OpenSSL import SSL

from exporter.probe.address import is_literal

_lib, _ffi = Binding.lib, Binding.ffi
_room_of = _ffi.new_allocator(should_clear_after_alloc=False)

_ROOM = 16 * 1024
"""Bytes that are taken out at once: a record, or nearly any flight of the handshake."""


class TlsSession(SSL.Connection):
    """The client's side of one session.  What fails raises SSL.Error, and is final."""

    def __init__(self, context: SSL.Context, server_name: str) -> None:
        super().__init__(context)
        self._room = _room_of("char[]", _ROOM)
        self.set_connect_state()
        name = _indicated(server_name)
        if name is not None:
            self.set_tlsext_host_name(name)

    def put(self, ciphertext: bytes) -> None:
        """Take what the peer sent."""
        if _lib.BIO_write(self._into_ssl, ciphertext, len(ciphertext)) != len(ciphertext):
            raise MemoryError

    def advance(self) -> bool:
        """Take the handshake as far as what was put in allows; say whether it is complete."""
        result: int = _lib.SSL_do_handshake(self._ssl)
        return result == 1 or self._lacks(result)

    def said(self) -> bytes:
        """Return plaintext of the peer's, nothing when more ciphertext is wanted.  ZeroReturnError: close_notify."""
        length: int = _lib.SSL_read(self._ssl, self._room, _ROOM)
        if length <= 0:
            self._lacks(length)
            return b""
        return bytes(_ffi.buffer(self._room, length))

    def say(self, plaintext: bytes) -> None:
        """Take plaintext of ours."""
        while plaintext:  # a record at a time
            taken: int = _lib.SSL_write(self._ssl, plaintext, len(plaintext))
            if taken <= 0:
                self._raise_ssl_error(self._ssl, taken)
            plaintext = plaintext[taken:]

    def written(self) -> bytes:
        """Return the ciphertext that is to be sent, nothing where there is none."""
        data = b""
        while (length := _lib.BIO_read(self._from_ssl, self._room, _ROOM)) > 0:
            data += _ffi.buffer(self._room, length)
            if length < _ROOM:
                break
        return data

    def _lacks(self, result: int) -> bool:
        """False when nothing is wrong but that more ciphertext is wanted."""
        if _lib.SSL_get_error(self._ssl, result) != _lib.SSL_ERROR_WANT_READ:
            self._raise_ssl_error(self._ssl, result)
        return False


def presented_chain(session: SSL.Connection) -> tuple[bytes, ...]:
    """Return the certificates that the server sent, leaf first, as DER; none before it has."""
    chain = _lib.SSL_get_peer_cert_chain(session._ssl)  # noqa: SLF001 - contract test
    if chain == _ffi.NULL:
        return ()
    buffer, content, ends = _lib.BIO_new(_lib.BIO_s_mem()), _ffi.new("char **"), [0]
    try:
        for place in range(_lib.sk_X509_num(chain)):
            _lib.i2d_X509_bio(buffer, _lib.sk_X509_value(chain, place))
            ends.append(_lib.BIO_get_mem_data(buffer, content))
        return tuple(bytes(_ffi.buffer(content[0] + start, end - start)) for start, end in pairwise(ends))
    finally:
        _lib.BIO_free(buffer)


@lru_cache(maxsize=1024)
def _indicated(server_name: str) -> bytes | None:
    """Return the name as the ClientHello has it, None for an address, which has no place there (RFC 6066 3)."""
    return None if is_literal(server_name) else server_name.encode("idna")
