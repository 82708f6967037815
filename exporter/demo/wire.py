"""One accepted TCP connection, in the clear or under TLS, of which every byte is ours to place.

asyncio's streams hide what a test server has to control: bytes that arrive before the handshake,
a FIN that is not a reset, a handshake that never comes.  So TLS runs over two memory buffers here,
and the socket is read and written directly.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct

CHUNK = 65536
LINGER_SECONDS = 2.0


class Wire:
    """A connection with a client; `OSError` (of which `ssl.SSLError` is one) says that it broke."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        # Each write is a packet of its own, when it is made: Nagle would join or delay them.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._loop = asyncio.get_running_loop()
        self._sock = sock
        self._buffer = bytearray()
        self._ended = False
        self._tls: ssl.SSLObject | None = None
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()

    @property
    def encrypted(self) -> bool:
        """The handshake is done."""
        return self._tls is not None

    @property
    def pending(self) -> bytes:
        """What the client has sent and nobody has taken yet."""
        return bytes(self._buffer)

    @property
    def closed(self) -> bool:
        """The socket is given back."""
        return self._sock.fileno() < 0

    async def read(self) -> bytes:
        """The next bytes, as they come; empty once the client has ended its side."""
        if not self._buffer:
            await self._fill()
        data = bytes(self._buffer)
        self._buffer.clear()
        return data

    async def read_line(self, limit: int = 4096) -> bytes:
        """One line with its line feed; without one at `limit` or at the end; empty at the end."""
        while (end := self._buffer.find(b"\n", 0, limit) + 1) == 0:
            if len(self._buffer) >= limit or self._ended:
                break
            await self._fill()
        cut = end or limit
        line = bytes(self._buffer[:cut])
        del self._buffer[:cut]
        return line

    async def write(self, data: bytes) -> None:
        """Send `data`; it is handed to the kernel when this returns."""
        if self._tls is None:
            await self._loop.sock_sendall(self._sock, data)
        else:
            self._tls.write(data)
            await self._flush()

    async def start_tls(self, context: ssl.SSLContext) -> None:
        """Do the server's part of a handshake; plaintext that is still pending is dropped (RFC 3207 4.2)."""
        self._buffer.clear()
        tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                await self._flush()
                await self._receive()
            except ssl.SSLError:
                await self._flush()  # the alert that tells the client why
                raise
        await self._flush()
        self._tls = tls

    async def finish(self) -> None:
        """End our side in good order, and wait a moment for the client to end its own."""
        if self._tls is not None:
            with contextlib.suppress(ssl.SSLError):  # close_notify is written; the client's may never come
                self._tls.unwrap()
            await self._flush()
        await self.end()

    async def end(self) -> None:
        """Send FIN, without TLS's close_notify, and wait a moment for the client's."""
        self._sock.shutdown(socket.SHUT_WR)
        # close() with unread bytes would send a reset after the FIN and spoil what is under way.
        try:
            async with asyncio.timeout(LINGER_SECONDS):
                while await self._loop.sock_recv(self._sock, CHUNK):
                    pass
        except TimeoutError:
            pass
        self.close()

    def reset(self) -> None:
        """Send RST: what was under way is lost."""
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self) -> None:
        """Give the socket back; harmless when done twice."""
        self._sock.close()

    async def _fill(self) -> None:
        """Wait for more plaintext, or for the end."""
        if self._tls is None:
            data = await self._loop.sock_recv(self._sock, CHUNK)
        else:
            data = await self._decrypted(self._tls)
        self._ended = not data
        self._buffer += data

    async def _decrypted(self, tls: ssl.SSLObject) -> bytes:
        while True:
            try:
                return tls.read(CHUNK)
            except ssl.SSLWantReadError:
                await self._flush()  # a key update may have to be answered
                await self._receive()

    async def _receive(self) -> None:
        data = await self._loop.sock_recv(self._sock, CHUNK)
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    async def _flush(self) -> None:
        if data := self._outgoing.read():
            await self._loop.sock_sendall(self._sock, data)
