"""No secret comes through a redactor, in any form in which a server could send it back."""

from __future__ import annotations

import base64
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.model import Auth, OAuth2, Secret
from exporter.probe.redaction import HIDDEN, Redactor, secrets_of

SECRET = "c4n4ry/p+ssw?rd~~~>>>"
LONG_ENOUGH = st.text(st.characters(exclude_categories=("C", "Z")), min_size=6, max_size=40)


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
    assert (
        Redactor(("password1", "authentication failed is what I chose", "invalid"))(line).count(HIDDEN) == 1
    )


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
    began = time.perf_counter()
    for line in (b"A" * 8192, hostile, hostile * 8):
        redact(line)
        redact.unfinished(line)
    assert time.perf_counter() - began < 0.5


def test_every_secret_of_a_login_is_known() -> None:
    """The token that was fetched as well; an empty secret is none."""
    auth = Auth(
        username="u",
        password=Secret(""),
        oauth2=OAuth2(client_secret=Secret("two"), refresh_token=Secret("three")),
    )
    assert secrets_of(auth, Secret("token")) == ("token", "two", "three")
