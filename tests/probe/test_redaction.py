"""No secret comes through a redactor, in any form in which a server could send it back."""

from __future__ import annotations

import base64
import html
import json
import quopri
import re
import time
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.model import Auth, OAuth2, Secret
from exporter.probe.redaction import HIDDEN, Redactor, secrets_of
from exporter.probe.vocabulary import is_common

SECRET = "c4n4ry/p+ssw?rd~~~>>>"
LONG_ENOUGH = st.text(st.characters(exclude_categories=("C", "Z")), min_size=6, max_size=40).filter(
    lambda text: not is_common(text)
)
AWKWARD = (
    SECRET,
    "pa\"ss'wo\\rd</&>",
    "with two  spaces_and+more=",
    "%41%42zz%43-pct",
    "\\u0041x\\n-escaped",
    "naïve-café-zürich",
    "пароль-ключ-длинный",
    "emoji-😀🎉-emoji",
    "onlyletters123",
)


def _twice(data: bytes) -> bytes:
    return base64.b64encode(b"x" + base64.b64encode(b"you: " + data))


WAYS: dict[str, Callable[[str], bytes]] = {
    "JSON": lambda text: json.dumps({"you": text}).encode(),
    "JSON, not only ASCII": lambda text: json.dumps({"you": text}, ensure_ascii=False).encode(),
    "JSON of PHP": lambda text: json.dumps(text).replace("/", "\\/").encode(),
    "Python": lambda text: repr(text).encode(),
    "Python bytes": lambda text: repr(text.encode()).encode(),
    "URL": lambda text: quote(text).encode(),
    "URL, all of it": lambda text: quote(text, safe="").encode(),
    "URL in lower case": lambda text: re.sub("%..", lambda hit: hit[0].lower(), quote(text)).encode(),
    "every byte in percent": lambda text: b"".join(b"%%%02X" % byte for byte in text.encode()),
    "a form": lambda text: quote_plus(text).encode(),
    "HTML": lambda text: html.escape(text).encode(),
    "HTML in ASCII": lambda text: html.escape(text, quote=False).encode("ascii", "xmlcharrefreplace"),
    "HTML, all of it": lambda text: "".join(f"&#x{ord(character):x};" for character in text).encode(),
    "hexadecimal": lambda text: b"x " + text.encode().hex().encode(),
    "hexadecimal in upper case": lambda text: b"ab" + text.encode().hex().upper().encode(),
    "quoted-printable": lambda text: quopri.encodestring(text.encode(), quotetabs=True).replace(b"=\n", b""),
    "a header": lambda text: quopri.encodestring(text.encode(), header=True, quotetabs=True).replace(
        b"=\n", b""
    ),
    "base64 twice": lambda text: _twice(text.encode()),
    "base64 of JSON": lambda text: base64.b64encode(json.dumps({"you": text}).encode()),
    "base64 that lost its beginning": lambda text: _twice(text.encode())[3:],
    "in capitals": lambda text: text.encode().upper(),
    "in small letters": lambda text: quote(text).lower().encode(),
    "backwards": lambda text: text.encode()[::-1],
    "Latin-1 taken for UTF-8": lambda text: text.encode().decode("latin-1").encode(),
}


@given(
    secret=LONG_ENOUGH,
    before=st.binary(max_size=9),
    after=st.binary(max_size=9),
    encode=st.sampled_from([base64.b64encode, base64.urlsafe_b64encode]),
)
def test_no_base64_word_with_the_secret_comes_through(
    secret: str, before: bytes, after: bytes, encode: object
) -> None:
    """Whatever stands around it, in either alphabet: the whole word goes, and what it held with it."""
    assert callable(encode)
    word: bytes = encode(before + secret.encode() + after)
    clean = Redactor((secret,))(b"334 " + word + b" x")
    assert word.rstrip(b"=") not in clean
    for piece in clean.split():
        if len(piece) >= 8:
            assert piece not in word


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le"])
def test_a_secret_between_nuls_goes(encoding: str) -> None:
    """As a server writes it whose strings are wide."""
    clean = Redactor((SECRET,))(b"535 no: " + SECRET.encode(encoding) + " for you".encode(encoding))
    assert SECRET not in clean.replace(b"\0", b"").decode()
    assert HIDDEN in clean
    assert b"f\0" in clean


def test_every_occurrence_goes() -> None:
    """Plain and encoded, side by side, several times."""
    word = base64.b64encode(f"\0u\0{SECRET}".encode())
    line = b" ".join([SECRET.encode(), word, b"between", word + SECRET.encode(), SECRET.encode() * 2])
    clean = Redactor((SECRET,))(line)
    assert clean.replace(HIDDEN, b"").split() == [b"between"]


@given(st.integers(min_value=0, max_value=4), st.integers(min_value=0, max_value=4))
def test_a_secret_that_was_cut_off_goes_too(front: int, back: int) -> None:
    """A server may repeat most of it, in plain or in base64; hardly anything is left."""
    secret = SECRET.encode() + b"0123456789"
    part = secret[front : len(secret) - back]
    assert Redactor((secret.decode(),))(b"no " + part) == b"no <secret>"
    word = base64.b64encode(b"!" + part)
    assert Redactor((secret.decode(),))(b"no " + word) == b"no <secret>"


def test_words_that_a_password_has_in_common_with_a_reply_stay() -> None:
    """A reply without its words could not be diagnosed."""
    line = b"535 5.7.8 Error: authentication failed: invalid password"
    assert Redactor(("password1", "authentication failed is what I chose", "invalid"), told=True)(line) == (
        b"535 5.7.8 Error: authentication failed: <secret> password"
    )


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("secret", AWKWARD)
def test_a_secret_goes_however_it_was_written(secret: str, way: str) -> None:
    """What a server makes of it in its own language is undone, and what is left says nothing."""
    written = WAYS[way](secret)
    clean = Redactor((secret,), told=True)(b"bad: " + written + b" for you")
    assert HIDDEN in clean
    assert clean.startswith(b"bad: ")
    assert clean.endswith(b" for you")
    assert written not in clean
    longest = max(re.split(rb"<secret>|you", clean[5:-8]), key=len)
    assert len(longest) <= 8, clean


@pytest.mark.parametrize("secret", ["250", "25", "0", "5.7", "5.7.8", "PLAIN", "auth", "password", "é", "x"])
def test_a_secret_that_every_server_says_makes_no_nonsense(secret: str) -> None:
    """It is not looked for before a server was told, and afterwards only as a word of its own."""
    greeting = b"250-mx5.example.org ESMTP 250\n250-AUTH PLAIN LOGIN\nauth.example 5.7.8 x password"
    redact = Redactor((secret,), user="me@example.org")
    assert redact(greeting) is greeting
    redact.also(b"AAAA")
    said = "5.7.80 authentic passwords 2500 PLAINLY for mx10.5.7.81 éx".encode()
    assert redact(said) is said
    beside = f"no login for me@example.org with {secret}.".encode()
    assert redact(beside) == b"no login for me@example.org with <secret>."
    line = base64.b64encode(f"\0me@example.org\0{secret}".encode())
    assert redact(b"what is " + line + b" now") == b"what is <secret> now"


def test_a_common_word_stays_where_nobody_is_named() -> None:
    """To hide it there would tell what it is."""
    line = b"5.7.8 Error: invalid password"
    assert Redactor(("password",), user="me@example.org", told=True)(line) is line


def test_other_text_stays_as_it_is() -> None:
    """Words, base64 of other things and control characters are nobody's secret."""
    line = b"535 5.7.8 Error: authentication failed: UGFzc3dvcmQ6 \x00\xff"
    assert Redactor((SECRET,))(line) == line


def test_our_own_responses_are_hidden_too() -> None:
    """A digest that a server repeats would let its reader try passwords; short words are no digests."""
    redact = Redactor(())
    redact.also(b"dGltIGI5MTNhNjAyYzdl")
    redact.also(b"AQ==")
    assert redact(b"500 what is dGltIGI5MTNhNjAyYzdl and AQ==?") == b"500 what is <secret> and AQ==?"


@pytest.mark.parametrize("form", [SECRET.encode(), base64.b64encode(b"\0\0\0" + SECRET.encode())[4:]])
@given(length=st.integers(min_value=4, max_value=20))
def test_the_beginning_of_a_secret_at_the_end_goes(form: bytes, length: int) -> None:
    """What was cut off in the middle of a secret, in plain or in base64, keeps nothing of it."""
    clean = Redactor((SECRET,)).unfinished(b"500 I saw " + form[:length])
    assert form[:length] not in clean
    assert clean.startswith(b"500 I saw ")


def test_a_response_that_was_cut_off_goes() -> None:
    """The same for the line that carried the secret."""
    redact = Redactor(("abcd",))
    redact.also(b"AHVzZXIAYWJjZA==")
    assert redact.unfinished(b"500 AHVzZXIAYWJ") == b"500 <secret>"
    assert redact.unfinished(b"500 nothing") == b"500 nothing"


def test_a_line_of_any_length_is_cleaned_in_no_time() -> None:
    """A server that sends base64 without end does not hold up the event loop."""
    redact = Redactor((SECRET,))
    hostile = base64.b64encode(SECRET.encode()) + b"A" * 8192
    began = time.process_time()
    for line in (b"A" * 8192, hostile, hostile * 8):
        redact(line)
        redact.unfinished(line)
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize("told", [False, True])
def test_a_line_of_any_length_is_cleaned(told: bool) -> None:
    """However much of it there is, nothing else goes than the words that hold the secret."""
    redact = Redactor((SECRET,), told=told)
    word = base64.b64encode(SECRET.encode())
    for innocent in (b"A" * 8192, b"%41" * 9000, b"QUFBQUFB" * 4 + b" ", b"\\u0041 &amp; =41 " * 500):
        assert redact(innocent * 8) == innocent * 8
        assert redact(innocent * 8 + b" " + word) == innocent * 8 + b" <secret>"


def test_every_secret_of_a_login_is_known() -> None:
    """The token that was fetched as well; an empty secret is none."""
    auth = Auth(
        username="u",
        password=Secret(""),
        oauth2=OAuth2(client_secret=Secret("two"), refresh_token=Secret("three")),
    )
    assert secrets_of(auth, Secret("token")) == ("token", "two", "three")
