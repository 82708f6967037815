"""The client's side of the SASL mechanisms."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.model import Auth, Mechanism, NotOffered, OAuth2, Secret
from exporter.probe.octets import octets
from exporter.probe.sasl import ChallengeError, Conversation, choose, converse
from exporter.probe.sasl.conversation import LONGEST_COMMAND
from exporter.probe.sasl.saslprep import saslprep
from exporter.probe.sasl.scram import MOST_ITERATIONS, Scram

AUTH = Auth(username="tim", password=Secret("tanstaaftanstaaf"))
TOKEN = Secret("vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==")


def b64(text: str | bytes) -> bytes:
    """Base64, as challenges and responses travel."""
    return base64.b64encode(text.encode() if isinstance(text, str) else text)


def opened(conversation: Conversation) -> Conversation:
    """The conversation after its AUTH command."""
    conversation.command()
    return conversation


# ------------------------------------------------------------------ passwords


def test_plain_says_everything_at_once() -> None:
    """RFC 4616: an empty authorisation identity, the user and the password, NUL-separated."""
    conversation = converse(Mechanism.PLAIN, AUTH)
    assert conversation.command() == (b"AUTH", b"PLAIN", b64(b"\0tim\0tanstaaftanstaaf"))
    with pytest.raises(ChallengeError):
        conversation.answer(b"")


@pytest.mark.parametrize("prompts", [("VXNlcm5hbWU6", "UGFzc3dvcmQ6"), ("Benutzer?", ""), ("", "=== !")])
def test_login_answers_two_prompts_whatever_they_say(prompts: tuple[str, str]) -> None:
    """The prompts of LOGIN are not read: servers word and encode them as they like."""
    conversation = converse(Mechanism.LOGIN, AUTH)
    assert conversation.command() == (b"AUTH", b"LOGIN")
    assert conversation.answer(prompts[0].encode()) == b64("tim")
    assert conversation.answer(prompts[1].encode()) == b64("tanstaaftanstaaf")
    with pytest.raises(ChallengeError):
        conversation.answer(b"")


def test_cram_md5_signs_the_challenge() -> None:
    """The example of RFC 2195 2."""
    challenge = b"<1896.697170952@postoffice.reston.mci.net>"
    conversation = converse(Mechanism.CRAM_MD5, AUTH)
    assert conversation.command() == (b"AUTH", b"CRAM-MD5")
    digest = hmac.new(b"tanstaaftanstaaf", challenge, hashlib.md5).hexdigest().encode()
    assert digest == b"b913a602c7eda7a495b4e6e7334d3890"
    assert conversation.answer(b64(challenge)) == b64(b"tim " + digest)


@pytest.mark.parametrize("challenge", [b"not base64!", b"", b"abc"])
def test_cram_md5_signs_nothing_else(challenge: bytes) -> None:
    """What is not base64, and an empty challenge, have no answer."""
    with pytest.raises(ChallengeError):
        opened(converse(Mechanism.CRAM_MD5, AUTH)).answer(challenge)


@pytest.mark.parametrize(("username", "response"), [("", b"="), ("me", b64("me"))])
def test_external_gives_a_name_or_an_empty_response(username: str, response: bytes) -> None:
    """RFC 4954 4: an equals sign stands for a response that is there and empty."""
    conversation = converse(Mechanism.EXTERNAL, Auth(username=username))
    assert conversation.command() == (b"AUTH", b"EXTERNAL", response)


def test_a_response_too_long_for_a_command_waits_for_a_challenge() -> None:
    """RFC 4954 4: an AUTH command keeps to 512 octets, and what is longer answers an empty 334."""
    password = "x" * 400
    conversation = converse(Mechanism.PLAIN, Auth(username="tim", password=Secret(password)))
    assert conversation.command() == (b"AUTH", b"PLAIN")
    assert conversation.answer(b"") == b64(f"\0tim\0{password}")
    with pytest.raises(ChallengeError):
        conversation.answer(b"")


@given(st.integers(min_value=300, max_value=420))
def test_no_command_is_longer_than_allowed(length: int) -> None:
    """With the line end it has at most 512 octets, and just that many are used."""
    words = converse(Mechanism.PLAIN, Auth(username="u", password=Secret("x" * length))).command()
    whole = len(b"AUTH PLAIN ") + len(b64(f"\0u\0{'x' * length}")) + 2
    assert (len(words) == 3) == (whole <= LONGEST_COMMAND)


def test_passwords_are_sent_in_utf8_or_as_they_were_in_the_environment() -> None:
    """Bytes that an environment variable held beside UTF-8 go out unchanged; nothing raises."""
    assert octets("pässwörd") == "pässwörd".encode()
    assert octets(b"p\xe4ss".decode("utf-8", "surrogateescape")) == b"p\xe4ss"
    assert octets("\ud800x") == b"\xed\xa0\x80x"


# ------------------------------------------------------------------ SCRAM

SHA_1 = {
    "mechanism": Mechanism.SCRAM_SHA_1,
    "algorithm": "sha1",
    "nonce": "fyko+d2lbbFgONRv9qkxdawL",
    "first": "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
    "closing": "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
    "last": "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
}
SHA_256 = {
    "mechanism": Mechanism.SCRAM_SHA_256,
    "algorithm": "sha256",
    "nonce": "rOprNGfwEbeRWgbNEkqO",
    "first": "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
    "closing": "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
    "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
    "last": "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
}
RFC_EXAMPLES = pytest.mark.parametrize("example", [SHA_1, SHA_256], ids=["RFC 5802 5", "RFC 7677 3"])


def scram(example: dict[str, str], username: str = "user", password: str = "pencil") -> Scram:
    """The conversation of an example."""
    return Scram(
        Mechanism(example["mechanism"]), example["algorithm"], username, password, nonce=example["nonce"]
    )


def server_first(example: dict[str, str]) -> tuple[Scram, bytes]:
    """An example after its AUTH command, and the challenge that comes then."""
    conversation = scram(example)
    conversation.command()
    return conversation, b64(example["first"])


@RFC_EXAMPLES
def test_scram_as_in_the_standard(example: dict[str, str]) -> None:
    """The messages are those of the standard's example, and the server's signature is believed."""
    conversation = scram(example)
    opening = b64(f"n,,n=user,r={example['nonce']}")
    assert conversation.command() == (b"AUTH", example["mechanism"].encode(), opening)
    assert conversation.answer(b64(example["first"])) == b64(example["closing"])
    assert conversation.answer(b64(example["last"])) == b""
    conversation.confirm()


@RFC_EXAMPLES
def test_a_wrong_server_signature_is_not_believed(example: dict[str, str]) -> None:
    """A server that does not know the password cannot sign."""
    conversation, first = server_first(example)
    conversation.answer(first)
    with pytest.raises(ChallengeError, match="wrong signature"):
        conversation.answer(b64("v=" + b64(b"\0" * 32).decode()))


@pytest.mark.parametrize("said", ["", "x=1", "r=1"])
def test_a_missing_server_signature_is_not_believed(said: str) -> None:
    """Neither `v=` nor `e=` is no end of SCRAM."""
    conversation, first = server_first(SHA_1)
    conversation.answer(first)
    with pytest.raises(ChallengeError):
        conversation.answer(b64(said))


def test_an_acceptance_before_the_signature_does_not_count() -> None:
    """RFC 5802 3: the server proves itself, or the login is not one."""
    conversation, first = server_first(SHA_1)
    with pytest.raises(ChallengeError):
        conversation.confirm()
    conversation.answer(first)
    with pytest.raises(ChallengeError):
        conversation.confirm()


@pytest.mark.parametrize("early", [True, False])
def test_an_error_of_the_server_is_kept_and_acknowledged(early: bool) -> None:
    """`e=` explains the refusal that comes after one more line of ours."""
    conversation, first = server_first(SHA_1)
    if not early:
        conversation.answer(first)
    assert conversation.answer(b64("e=invalid-proof")) == b""
    assert conversation.explanation == b"e=invalid-proof"
    with pytest.raises(ChallengeError):
        conversation.confirm()  # an acceptance after all proves nothing of the server


@pytest.mark.parametrize(
    "message",
    [
        "",
        "m=ext,r=fyko+d2lbbFgONRv9qkxdawLx,s=QSXCR+Q6sek8bf92,i=4096",
        "r=fyko+d2lbbFgONRv9qkxdawL,s=QSXCR+Q6sek8bf92,i=4096",
        "r=somebody-else's,s=QSXCR+Q6sek8bf92,i=4096",
        "r=fyko+d2lbbFgONRv9qkxdawLx,s=,i=4096",
        "r=fyko+d2lbbFgONRv9qkxdawLx,s=!!,i=4096",
        "r=fyko+d2lbbFgONRv9qkxdawLx,s=QSXCR+Q6sek8bf92,i=0",
        "r=fyko+d2lbbFgONRv9qkxdawLx,s=QSXCR+Q6sek8bf92,i=-1",
        "r=fyko+d2lbbFgONRv9qkxdawLx,s=QSXCR+Q6sek8bf92,i=many",
        f"r=fyko+d2lbbFgONRv9qkxdawLx,s=QSXCR+Q6sek8bf92,i={MOST_ITERATIONS + 1}",
        "r=fyko+d2lbbFgONRv9qkxdawLx,s=QSXCR+Q6sek8bf92,i=" + "9" * 5000,
        "s=QSXCR+Q6sek8bf92,r=fyko+d2lbbFgONRv9qkxdawLx,i=4096",
        "r=fyko+d2lbbFgONRv9qkxdawLx,s=QSXCR+Q6sek8bf92",
    ],
)
def test_a_malformed_scram_challenge_has_no_answer(message: str) -> None:
    """Nothing is computed from it, however many iterations it asks for."""
    conversation = opened(scram(SHA_1))
    with pytest.raises(ChallengeError):
        conversation.answer(b64(message))


def test_scram_messages_are_utf8_in_base64() -> None:
    """Other bytes have no answer."""
    for challenge in (b"r=...", b64(b"\xff\xfe")):
        with pytest.raises(ChallengeError):
            opened(scram(SHA_1)).answer(challenge)


@given(st.binary(max_size=80))
def test_no_challenge_makes_scram_raise_anything_else(challenge: bytes) -> None:
    """An answer or a ChallengeError, whatever comes."""
    conversation = opened(scram(SHA_1))
    for said in (challenge, b64(challenge), b64(b"r=fyko+d2lbbFgONRv9qkxdawL" + challenge)):
        try:
            conversation.answer(said)
        except ChallengeError:
            return


def test_a_short_salt_and_few_iterations_are_answered() -> None:
    """Mail clients log in to such servers, so a probe does."""
    conversation = opened(scram(SHA_1))
    answer = conversation.answer(b64("r=fyko+d2lbbFgONRv9qkxdawLx,s=QUJD,i=1"))
    assert base64.b64decode(answer).startswith(b"c=biws,r=fyko+d2lbbFgONRv9qkxdawLx,p=")


def test_scram_escapes_the_user_name() -> None:
    """RFC 5802 5.1: equals sign and comma have a meaning of their own."""
    command = scram(SHA_1, username="a=b,c").command()
    assert command[2] == b64(f"n,,n=a=3Db=2Cc,r={SHA_1['nonce']}")


def test_every_scram_nonce_is_new() -> None:
    """Two logins never share one."""
    auth = Auth(username="u", password=Secret("p"))
    assert converse(Mechanism.SCRAM_SHA_1, auth).command() != converse(Mechanism.SCRAM_SHA_1, auth).command()


@pytest.mark.parametrize(
    ("text", "prepared"),
    [
        ("I\u00adX", "IX"),
        ("user", "user"),
        ("USER", "USER"),
        ("\u00aa", "a"),
        ("\u2168", "IX"),
        ("a\u00a0b", "a b"),
        ("pa\u0308ss", "p\u00e4ss"),
        ("\u0007\u00e9", "\u0007\u00e9"),  # a control character: prohibited
        ("\u0627\u0031", "\u0627\u0031"),  # right-to-left that does not end so: prohibited
        ("\u0627a\u0628", "\u0627a\u0628"),
        ("\u0627\u0628", "\u0627\u0628"),
        ("\U0001f511key", "\U0001f511key"),  # younger than Unicode 3.2
        ("\u00ad", "\u00ad"),  # nothing would be left
    ],
)
def test_saslprep(text: str, prepared: str) -> None:
    """The examples of RFC 4013 3; what it prohibits is sent as it is."""
    assert saslprep(text) == prepared


@given(st.text())
def test_saslprep_is_total(text: str) -> None:
    """Any text has a form, and that form has itself."""
    assert saslprep(saslprep(text)) == saslprep(text)


# ------------------------------------------------------------------ bearer tokens


def test_xoauth2_shows_user_and_token() -> None:
    """Google's format, fields closed by 0x01."""
    command = converse(Mechanism.XOAUTH2, Auth(username="me@example.com"), token=TOKEN).command()
    assert command[2] == b64(f"user=me@example.com\1auth=Bearer {TOKEN.reveal()}\1\1")


def test_oauthbearer_shows_user_place_and_token() -> None:
    """The example of RFC 7628 4.1, with the user name escaped where it must be."""
    auth = Auth(username="user,1@example.com")
    command = converse(
        Mechanism.OAUTHBEARER, auth, token=TOKEN, host="server.example.com", port=587
    ).command()
    assert command[2] == b64(
        f"n,a=user=2C1@example.com,\1host=server.example.com\1port=587\1auth=Bearer {TOKEN.reveal()}\1\1"
    )


def test_oauthbearer_without_a_user_name() -> None:
    """The token alone may say who it is."""
    command = converse(Mechanism.OAUTHBEARER, Auth(username=""), token=TOKEN).command()
    assert command[2] == b64(f"n,,\1auth=Bearer {TOKEN.reveal()}\1\1")


@pytest.mark.parametrize(
    ("mechanism", "acknowledgement"), [(Mechanism.XOAUTH2, b""), (Mechanism.OAUTHBEARER, b"AQ==")]
)
def test_a_refused_token_is_explained_and_the_explanation_acknowledged(
    mechanism: Mechanism, acknowledgement: bytes
) -> None:
    """RFC 7628 3.2.3 and Google's protocol: the refusal comes after one more line."""
    conversation = opened(converse(mechanism, Auth(username="me"), token=TOKEN))
    assert conversation.answer(b64('{"status":"401"}')) == acknowledgement
    assert conversation.explanation == b'{"status":"401"}'
    with pytest.raises(ChallengeError):
        conversation.answer(b"")


def test_an_explanation_that_is_not_base64_is_kept_as_it_is() -> None:
    """It is for a person, who reads it anyway."""
    conversation = opened(converse(Mechanism.XOAUTH2, Auth(username="me"), token=TOKEN))
    assert conversation.answer(b"token expired!") == b""
    assert conversation.explanation == b"token expired!"


# ------------------------------------------------------------------ the choice

BEARER = Auth(username="u", oauth2=OAuth2(token_file="t"))
EVERYTHING = tuple(m.value for m in Mechanism)


@pytest.mark.parametrize(
    ("auth", "certificate", "offered", "chosen"),
    [
        (AUTH, False, ("PLAIN", "LOGIN"), Mechanism.PLAIN),
        (AUTH, False, ("LOGIN",), Mechanism.LOGIN),
        (AUTH, False, ("GSSAPI", "PLAIN", "CRAM-MD5"), Mechanism.CRAM_MD5),
        (AUTH, False, ("PLAIN", "SCRAM-SHA-1", "CRAM-MD5"), Mechanism.SCRAM_SHA_1),
        (AUTH, False, EVERYTHING, Mechanism.SCRAM_SHA_256),
        (AUTH, True, EVERYTHING, Mechanism.SCRAM_SHA_256),
        (AUTH, True, ("EXTERNAL", "GSSAPI"), Mechanism.EXTERNAL),
        (BEARER, False, EVERYTHING, Mechanism.OAUTHBEARER),
        (BEARER, False, ("LOGIN", "XOAUTH2"), Mechanism.XOAUTH2),
        (Auth(username="", mechanism=Mechanism.EXTERNAL), False, EVERYTHING, Mechanism.EXTERNAL),
        (
            Auth(username="u", password=Secret("p"), mechanism=Mechanism.LOGIN),
            False,
            EVERYTHING,
            Mechanism.LOGIN,
        ),
    ],
)
def test_choice(auth: Auth, certificate: bool, offered: tuple[str, ...], chosen: Mechanism) -> None:
    """The configured mechanism is used; without one the strongest that both sides have."""
    assert choose(auth, offered, certificate=certificate) is chosen


def test_without_auth_line_auth_itself_is_missing() -> None:
    """No AUTH in EHLO and no common mechanism are two different findings."""
    assert choose(AUTH, ()) == NotOffered("AUTH")
    missing = choose(AUTH, ("GSSAPI", "NTLM"))
    assert isinstance(missing, NotOffered)
    assert missing.capability.startswith("AUTH ")
    assert missing.offered == ("GSSAPI", "NTLM")


@pytest.mark.parametrize(
    ("auth", "offered"),
    [
        (AUTH, ("XOAUTH2", "OAUTHBEARER", "EXTERNAL")),
        (BEARER, ("PLAIN", "LOGIN", "EXTERNAL")),
        (Auth(username="u", password=Secret("p"), mechanism=Mechanism.SCRAM_SHA_256), ("PLAIN",)),
    ],
)
def test_a_secret_is_never_put_into_a_mechanism_that_is_not_for_it(
    auth: Auth, offered: tuple[str, ...]
) -> None:
    """No token where a password is configured, no password where a token is, no other than the one named."""
    assert isinstance(choose(auth, offered), NotOffered)
