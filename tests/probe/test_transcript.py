"""A transcript shows what was said, and never a secret."""

from __future__ import annotations

import base64

from hypothesis import example, given
from hypothesis import strategies as st

from exporter.model import Auth, OAuth2, Secret
from exporter.probe.redaction import HIDDEN, Redactor, secrets_of
from exporter.probe.transcript import MAX_LINES, Transcript, printable
from exporter.probe.vocabulary import is_common

LONG_ENOUGH = st.text(min_size=6, max_size=40).filter(
    # The word that stands in the place of a secret holds that word.
    lambda s: "\ud800" not in s and s.isprintable() and s.encode() not in HIDDEN and not is_common(s)
)


@given(secret=LONG_ENOUGH, before=st.binary(max_size=9), after=st.binary(max_size=9))
@example(secret="hunter2!", before=b"\0user\0", after=b"")
@example(secret="hunter2!", before=b"user=me\1auth=Bearer ", after=b"\1\1")
def test_a_secret_is_taken_out_in_plain_and_in_base64(secret: str, before: bytes, after: bytes) -> None:
    """Whatever stands before or behind the secret in a base64 word, neither form comes through."""
    raw = before + secret.encode() + after
    word = base64.b64encode(raw)
    line = b"535 rejected " + word + b" for " + secret.encode()
    clean = Redactor((secret,))(line)
    assert secret.encode() not in clean


def test_without_secrets_nothing_changes() -> None:
    """A probe without credentials pays nothing and loses nothing."""
    assert Redactor(())(b"250 hello") == b"250 hello"


def test_every_secret_of_an_auth_is_known() -> None:
    """Password, client secret and refresh token are all looked for."""
    auth = Auth(
        username="u",
        password=Secret("one-secret"),
        oauth2=OAuth2(client_secret=Secret("two-secret"), refresh_token=Secret("three-secret")),
    )
    assert secrets_of(auth) == ("one-secret", "two-secret", "three-secret")
    assert secrets_of(None) == ()


@given(st.binary(max_size=200))
def test_printable_is_printable(data: bytes) -> None:
    """No newline, escape or other control character gets through, whatever the bytes."""
    assert printable(data).isprintable()


def test_bytes_that_are_not_utf8_are_read_as_latin1() -> None:
    """An old server's umlauts are shown."""
    assert printable(b"Anmeldung f\xfcr") == "Anmeldung für"


def test_a_transcript_is_bounded() -> None:
    """A server that talks without end fills neither memory nor page."""
    transcript = Transcript(Redactor(()))
    for _ in range(3 * MAX_LINES):
        transcript.server(b"x" * 10_000)
    lines = transcript.lines()
    assert len(lines) == MAX_LINES + 1
    assert max(map(len, lines)) < 600
    assert lines[-1].startswith("*: more lines")
