"""How text that is a secret or a name becomes the bytes that go on the wire."""

from __future__ import annotations


def octets(text: str) -> bytes:
    """Return `text` in UTF-8; what an environment variable held beside UTF-8 goes out as it was there.

    Total: a lone surrogate, which only an escape in a configuration file can make, is written as if it
    were a character.
    """
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
