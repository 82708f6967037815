"""The client's side of the SASL mechanisms."""

from __future__ import annotations

import hashlib
import hmac

import pytest

from exporter.model import Auth, Mechanism, NotOffered, Secret
from exporter.probe.sasl import choose, converse, decode_challenge, encode

AUTH = Auth(username="tim", password=Secret("tanstaaftanstaaf"))


def test_plain_says_everything_at_once() -> None:
    """RFC 4616: an empty authorisation identity, the user and the password, NUL-separated."""
    conversation = converse(Mechanism.PLAIN, AUTH)
    assert next(conversation) == b"\0tim\0tanstaaftanstaaf"
    with pytest.raises(StopIteration):
        conversation.send(b"more?")


def test_login_answers_two_prompts_whatever_they_say() -> None:
    """The prompts of LOGIN are not read: servers word and encode them as they like."""
    conversation = converse(Mechanism.LOGIN, AUTH)
    assert next(conversation) is None
    assert conversation.send(b"Benutzer?") == b"tim"
    assert conversation.send(b"") == b"tanstaaftanstaaf"


def test_cram_md5_signs_the_challenge() -> None:
    """The example of RFC 2195 2."""
    challenge = b"<1896.697170952@postoffice.reston.mci.net>"
    conversation = converse(Mechanism.CRAM_MD5, AUTH)
    assert next(conversation) is None
    digest = hmac.new(b"tanstaaftanstaaf", challenge, hashlib.md5).hexdigest().encode()
    assert digest == b"b913a602c7eda7a495b4e6e7334d3890"
    assert conversation.send(challenge) == b"tim " + digest


@pytest.mark.parametrize(
    ("wanted", "offered", "chosen"),
    [
        (None, ("PLAIN", "LOGIN"), Mechanism.PLAIN),
        (None, ("LOGIN",), Mechanism.LOGIN),
        (None, ("GSSAPI", "PLAIN", "CRAM-MD5"), Mechanism.CRAM_MD5),
        (Mechanism.LOGIN, ("PLAIN", "LOGIN"), Mechanism.LOGIN),
    ],
)
def test_choice(wanted: Mechanism | None, offered: tuple[str, ...], chosen: Mechanism) -> None:
    """The configured mechanism is used; without one the strongest that both sides have."""
    assert choose(Auth(username="u", password=Secret("p"), mechanism=wanted), offered) is chosen


def test_without_auth_line_auth_itself_is_missing() -> None:
    """No AUTH in EHLO and no common mechanism are two different findings."""
    assert choose(AUTH, ()) == NotOffered("AUTH")
    missing = choose(AUTH, ("GSSAPI", "NTLM"))
    assert isinstance(missing, NotOffered)
    assert missing.capability.startswith("AUTH ")
    assert missing.offered == ("GSSAPI", "NTLM")


def test_challenges_that_are_not_base64_are_kept_as_they_are() -> None:
    """Some servers write the prompt of LOGIN in plain."""
    assert decode_challenge(b"VXNlcm5hbWU6") == b"Username:"
    assert decode_challenge(b"Username:") == b"Username:"
    assert encode(b"tim") == b"dGlt"
