"""Secrets are taken out of bytes here: in plain, encoded or escaped, and as the very lines that carried them."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from exporter.model import Auth, Secret
from exporter.probe.escapes import decoded_words, unescaped
from exporter.probe.octets import octets
from exporter.probe.vocabulary import is_common

HIDDEN = b"<secret>"

_WORD = re.compile(rb"[A-Za-z0-9+/=_-]*")
_IN_WORD = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=_-")
_URL_SAFE = bytes.maketrans(b"+/", b"-_")

# Fewer characters would match half of all base64 there is.
_SHORTEST_CORE = 4
_SHORTEST_LINE = 8
_SHORTEST_TAIL = 4
_SHORTEST_SECRET = 4
_SHORTEST_INSIDE = 3
# Base64 of base64, or of JSON; nobody has seen a server go further.
_DEEPEST = 2
# A secret may come back cut off.  A piece counts when it is most of the secret, or longer than any word
# that a reply could have in common with a password: a reply that lost its words cannot be diagnosed.
_WHOLE_BELOW = 16
_SHORTEST_PIECE = 12
_LONG_PIECE = 24
# Some mechanisms make a new response for every login.
_MEMORIES = 4


def secrets_of(auth: Auth | None, token: Secret | None = None) -> tuple[str, ...]:
    """Return every secret that `auth` holds, and the access token that was fetched for it, in plain."""
    if auth is None:
        return ()
    held = [auth.password, token]
    if auth.oauth2 is not None:
        held += [auth.oauth2.client_secret, auth.oauth2.refresh_token]
    return tuple(secret.reveal() for secret in held if secret is not None and secret.reveal())


class _Form:
    """One way in which a secret may be written.

    In base64 (`encoded`) it stands inside a word, which goes as a whole.
    """

    __slots__ = ("_pieces", "_search", "blocks", "encoded", "piece", "text")

    def __init__(self, text: bytes, *, encoded: bool) -> None:
        self.text = text
        self.encoded = encoded
        length = len(text)
        self.piece = length
        """How many bytes in a row give it away."""
        if length >= _WHOLE_BELOW:
            self.piece = max(_SHORTEST_PIECE, min(length * 3 // 4, _LONG_PIECE))
        # Every such piece contains one of these whole.
        size = length if self.piece == length else (self.piece + 1) // 2
        self.blocks = tuple(dict.fromkeys(text[at : at + size] for at in range(0, length - size + 1, size)))
        """No piece without one of them."""
        self._pieces: frozenset[bytes] = frozenset()  # until they are wanted
        self._search: Callable[[bytes, int], re.Match[bytes] | None] | None = None  # the same

    def spans(self, data: bytes) -> Iterator[tuple[int, int]]:
        """Yield what has to go from `data`, in order and apart from each other."""
        size = self.piece
        if self._search is None:
            self._pieces = frozenset(self.text[at : at + size] for at in range(len(self.text) - size + 1))
            self._search = re.compile(b"|".join(map(re.escape, self.blocks))).search
        reach = size - len(self.blocks[0])
        at = end = 0
        while (block := self._search(data, at)) is not None:
            for start in range(max(at, block.start() - reach), block.start() + 1):
                if data[start : start + size] not in self._pieces:
                    continue
                stop = start + size
                while data[stop - size + 1 : stop + 1] in self._pieces:
                    stop += 1
                if self.encoded:
                    start, stop = _whole_word(data, start, stop, end)  # noqa: PLW2901 - and the search goes on
                yield start, stop
                at = end = stop
                break
            else:
                at = block.start() + 1


class _Forms:
    """Ways of writing secrets, and how to tell fast that some bytes hold none of them."""

    __slots__ = ("_blocks", "_encoded_blocks", "_word", "forms", "shortest")

    def __init__(self, forms: Iterable[_Form]) -> None:
        self.forms = tuple(forms)
        self.shortest = min((form.piece for form in self.forms), default=_WHOLE_BELOW)
        """The fewest bytes in a row that give one away."""
        self._blocks = _blocks_of(form for form in self.forms if not form.encoded)
        encoded = [form for form in self.forms if form.encoded]
        self._encoded_blocks = _blocks_of(encoded)
        # A token has hundreds of blocks; almost no line has as many such characters in a row as the shortest.
        self._word = _long_word(min((form.piece for form in encoded), default=0))

    def may_be_in(self, data: bytes) -> bool:
        """Say whether `data` may hold a piece of one of them."""
        for block in self._blocks:  # every line of every probe comes by here
            if block in data:
                return True
        if self._encoded_blocks and self._word.search(data):
            for block in self._encoded_blocks:
                if block in data:
                    return True
        return False


class Redactor:
    """Takes secrets out of bytes, in plain and inside any base64 text that contains them.

    A server may echo what it was sent, and some log lines do; base64 shifts with the bytes that
    stand before the secret, so all three alignments are looked for and the whole base64 word goes.
    Escaped text is looked at as it was before.  A secret of few characters, or one that is a word of
    every server's own, is hidden only once a server was `told`, where it stands as a word by itself;
    such a word moreover only beside the name of the `user`.
    """

    __slots__ = ("_known", "_memories", "_own", "_recased", "_told", "_weak")

    def __init__(self, secrets: tuple[str, ...], *, user: str | None = None, told: bool = False) -> None:
        self._known, self._recased, self._weak, self._memories = _forms_of(secrets, user)
        self._own = _NO_FORMS
        self._told = told

    def also(self, line: bytes) -> None:
        """From now on hide `line` too, a response of ours: it answers for a secret without holding it.

        A digest of CRAM-MD5 or a proof of SCRAM lets whoever reads it try passwords at leisure.
        """
        self._told = True
        if len(line) >= _SHORTEST_LINE:
            self._own = _own_forms((*(form.text for form in self._own.forms), line))

    @property
    def memory(self) -> dict[bytes, Any]:
        """What is worth remembering of bytes that hold no secret, shared by all redactors that hide the same.

        Whoever adds to it bounds it.
        """
        hidden = tuple(form.text for form in self._own.forms) if self._told else None
        memory = self._memories.get(hidden)
        if memory is None:
            if len(self._memories) >= _MEMORIES:
                self._memories.clear()
            memory = self._memories[hidden] = {}
        return memory

    def __call__(self, data: bytes) -> bytes:
        """Return `data` with every secret, and most of one, replaced by `<secret>`; `data` itself if none is in it."""
        found = self._spans(data, _DEEPEST if self._told else 0)
        if not found:
            return data
        kept: list[bytes] = []
        end = 0
        for start, stop in sorted(found):
            if start > end or not kept:
                kept += (data[end:start], HIDDEN)
            end = max(end, stop)
        return b"".join((*kept, data[end:]))

    def unfinished(self, data: bytes) -> bytes:
        """Do the same for text that was cut off: the beginning of a secret at its end goes as well."""
        clean = self(data)
        longest = max((_overlap(clean, form.text) for form in self._forms), default=0)
        return clean[:-longest] + HIDDEN if longest else clean

    @property
    def _shortest(self) -> int:
        return 1 if self._weak else min(self._known.shortest, self._own.shortest)

    @property
    def _forms(self) -> tuple[_Form, ...]:
        return (*self._known.forms, *self._own.forms)

    def _spans(self, data: bytes, depth: int) -> list[tuple[int, int]]:
        """Return what has to go from `data`; what is encoded in it is looked into `depth` times."""
        if not (self._known.forms or self._own.forms or self._weak):
            return []
        found = self._plain_spans(data)
        for plain, origin in unescaped(data):
            if hidden := self._plain_spans(plain):
                place = origin()
                found += ((place[start], place[stop]) for start, stop in hidden)
        if depth:
            size = len(data)
            found += ((size - stop, size - start) for start, stop in self._plain_spans(data[::-1]))
            words = list(decoded_words(data, self._shortest))
            # All at once first: many words of which none holds a secret are the rule.
            if words and self._is_in(b"\n".join(inner for _, inner in words), depth - 1):
                found += (span for span, inner in words if self._is_in(inner, depth - 1))
        return found

    def _is_in(self, inner: bytes, depth: int) -> bool:
        """Say whether an encoded word holds a secret, by what it says."""
        return bool(self._spans(inner, depth)) or any(
            raw in inner for weak in self._weak for raw in weak.inside
        )

    def _plain_spans(self, data: bytes) -> list[tuple[int, int]]:
        found: list[tuple[int, int]] = []
        if self._known.may_be_in(data) or self._own.may_be_in(data):
            found += (span for form in self._forms for span in form.spans(data))
        if self._told:
            if self._recased.may_be_in(data):
                found += (span for form in self._recased.forms for span in form.spans(data))
            for weak in self._weak:
                if weak.beside is None or weak.beside in data:
                    found += (match.span() for match in weak.pattern.finditer(data))
        return found


class _Weak(NamedTuple):
    """A secret that cannot be hidden wherever its characters stand."""

    pattern: re.Pattern[bytes]
    beside: bytes | None
    inside: tuple[bytes, ...]
    """What gives it away in an encoded word, whatever it touches there."""


class _Ways(NamedTuple):
    """What has to be looked for on behalf of some secrets."""

    forms: _Forms
    recased: _Forms
    """The same with the case of the letters changed."""
    weak: tuple[_Weak, ...]
    memories: dict[tuple[bytes, ...] | None, dict[bytes, Any]]
    """By the responses of ours that are hidden as well; None for as long as no server was told."""


@lru_cache(maxsize=256)
def _own_forms(lines: tuple[bytes, ...]) -> _Forms:
    """Return what is looked for on behalf of our responses: with PLAIN the same in every probe."""
    return _Forms(_Form(line, encoded=True) for line in lines)


@lru_cache(maxsize=2048)
def _forms_of(secrets: tuple[str, ...], user: str | None) -> _Ways:
    """Return every way of writing `secrets`: endpoints are probed with the same ones again and again."""
    forms: list[_Form] = []
    recased: list[_Form] = []
    weak: list[_Weak] = []
    for secret in secrets:
        common = is_common(secret)
        raws = _in_bytes(secret)
        if common or len(secret) < _SHORTEST_SECRET:
            beside = octets(user) if common and user else None
            inside = () if common or len(secret) < _SHORTEST_INSIDE else raws
            weak.append(_Weak(_word_of(raws), beside, inside))
            continue
        for raw in raws:
            forms.append(_Form(raw, encoded=False))
            recased += (_Form(other, encoded=False) for other in {raw.lower(), raw.upper()} - {raw})
            for core in (_base64_core(raw, shift) for shift in range(3)):
                words = dict.fromkeys((core, core.translate(_URL_SAFE))) if core else ()
                forms += (_Form(word, encoded=True) for word in words)
    return _Ways(_Forms(forms), _Forms(recased), tuple(weak), {})


def _in_bytes(secret: str) -> tuple[bytes, ...]:
    """Return `secret` as we send it, in Latin-1, and as UTF-8 that somebody took for Latin-1."""
    raw = octets(secret)
    return tuple(dict.fromkeys((raw, secret.encode("latin-1", "replace"), raw.decode("latin-1").encode())))


def _word_of(raws: tuple[bytes, ...]) -> re.Pattern[bytes]:
    """Return what finds one of `raws` or its base64 where no letter, digit or inner full stop touches it."""
    ways = {way for raw in raws for way in (raw, base64.b64encode(raw), base64.b64encode(raw).rstrip(b"="))}
    either = b"|".join(map(re.escape, sorted(ways, key=len, reverse=True)))
    return re.compile(rb"(?<![\w\x80-\xff])(?<!\w\.)(?:" + either + rb")(?![\w\x80-\xff])(?!\.\w)")


def _blocks_of(forms: Iterable[_Form]) -> tuple[bytes, ...]:
    return tuple(dict.fromkeys(block for form in forms for block in form.blocks))


@lru_cache
def _long_word(length: int) -> re.Pattern[bytes]:
    return re.compile(rb"[A-Za-z0-9+/=_-]{%d}" % length)


def _base64_core(raw: bytes, shift: int) -> bytes:
    """Return the base64 characters that depend on `raw` alone when `shift` bytes stand before it."""
    text = base64.b64encode(b"\0" * shift + raw).rstrip(b"=")
    first = (shift * 8 + 5) // 6  # characters that also carry bits of what stands before
    last = ((shift + len(raw)) * 8) // 6  # and those that also carry bits of what follows
    core = text[first:last]
    return core if len(core) >= _SHORTEST_CORE else b""


def _whole_word(data: bytes, start: int, stop: int, limit: int) -> tuple[int, int]:
    """Return the bounds of the base64 word around a match, not before `limit`."""
    while start > limit and data[start - 1] in _IN_WORD:
        start -= 1
    word = _WORD.match(data, stop)
    return start, word.end() if word is not None else stop


def _overlap(data: bytes, form: bytes) -> int:
    """Return how many bytes at the end of `data` are the beginning of `form`; 0 for a few, by chance."""
    for length in range(min(len(data), len(form)), _SHORTEST_TAIL - 1, -1):
        if data.endswith(form[:length]):
            return length
    return 0


_NO_FORMS = _Forms(())
