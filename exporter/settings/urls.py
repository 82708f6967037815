"""URLs as they may be shown: without what may be a secret in them."""

from __future__ import annotations

import re

SHOWN_SECRET = "<secret>"  # noqa: S105 - what stands in place of one

_URL = re.compile(r"(?P<before>(?:[^/?#]*//)?)(?P<authority>[^/?#]*)(?P<path>[^?#]*)(?P<rest>.*)", re.DOTALL)
"""RFC 3986, appendix B, for anything that somebody took for a URL."""
_PIECE = re.compile(r"[^?#&;]+")


def shown_url(text: str) -> str:
    """`text` with user, password, and all values of query and fragment replaced; their names stay."""
    parts = _URL.fullmatch(text)
    assert parts is not None  # it matches every text
    _, at, host = parts["authority"].rpartition("@")
    authority = f"{SHOWN_SECRET}@{host}" if at else host
    rest = _PIECE.sub(lambda piece: _shown_piece(piece[0]), parts["rest"])
    return f"{parts['before']}{authority}{parts['path']}{rest}"


def _shown_piece(piece: str) -> str:
    name, _, value = piece.partition("=")
    # Without a value it is one itself, perhaps in base64.
    return f"{name}={SHOWN_SECRET}" if value.strip("=") else SHOWN_SECRET
