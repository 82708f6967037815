"""Text, phrases and symbols: the small parts that the rules stand on."""

from __future__ import annotations

import pytest

from exporter.diagnosis import errnos, openssl, text
from exporter.diagnosis.phrases import phrase, phrases, word_keys
from exporter.model import NameFailureKind


@pytest.mark.parametrize(
    ("written", "said", "found"),
    [
        ("too many connection", "Too many CONNECTIONS from you", True),
        ("too many connection.", "too many connections", False),
        ("rbl.", "listed in RBL!", True),
        ("rbl.", "rblsmtpd", False),
        ("many connections", "too-many connections", True),
        ("any connections", "too many connections", False),
        ("concurrent + from this ip", "From this IP: too many concurrent", True),
        ("concurrent + from this ip", "too many concurrent", False),
        ("autenticacion fall", "Autenticación fallida", True),
        ("weiß", "WEISS", True),
        ("polaczenie zamkniete", "Połączenie zamknięte", True),
        ("sifre + hatali", "HATALI ŞIFRE", True),
        ("密码错误", "您的密码错误 请重试", True),
        ("비밀번호", "잘못된 비밀번호입니다", True),
        ("can't relay", "can\u2019t relay", True),
    ],
)
def test_phrases_are_found_at_word_beginnings(written, said, found):
    """Case, accents and punctuation do not matter; the beginning of a word does."""
    squashed = text.squash(said)
    assert phrase(written).found(squashed) is found
    assert (phrases(f"{written}, zzz").longest(squashed, word_keys(squashed)) > 0) is found


def test_the_longest_phrase_counts():
    """Of several alternatives the longest that occurs tells how specific the match is."""
    squashed = text.squash("authentication failed: maximum credits exceeded")
    found = phrases("authentication failed, maximum credits exceeded, credits")
    assert found.longest(squashed, word_keys(squashed)) == len("maximum credits exceeded")
    assert not phrases("nothing").longest(squashed, word_keys(squashed))


@pytest.mark.parametrize("written", ["", " + ", "a", "a + ", "!!", "+"])
def test_a_phrase_without_words_is_refused(written):
    """A phrase that would match everything or nothing is an error."""
    with pytest.raises(ValueError, match=r"word|short"):
        phrase(written)


def test_addresses_of_help_pages_are_not_words():
    """The path of a URL says nothing about the cause; the page itself is a marker."""
    assert (
        text.squash("see https://example.com/too-many-errors and www.example.com/blocked now")
        == " see and now "
    )


@pytest.mark.parametrize(
    ("said", "enhanced"),
    [
        ("5.7.8 no", "5.7.8"),
        ("first\n5.1.1 no", "5.1.1"),
        ("sorry (#5.7.1)", "5.7.1"),
        ("[4.7.1] no", "4.7.1"),
        ("version 5.7.1 of it", None),
        ("5.7.1.2", None),
        ("6.7.1 no", None),
    ],
)
def test_enhanced_codes_stand_in_three_places(said, enhanced):
    """In front of a line, in qmail's form, or not at all."""
    assert text.enhanced_in(said) == enhanced


def test_enhanced_codes_anywhere():
    """A pasted line without structure may hold the code in the middle."""
    assert text.enhanced_in("it said 5.7.139 to me", anywhere=True) == "5.7.139"
    for version in ("at perl/5.18.2/Net/SMTP.pm", "spring-context-5.1.2", "Perl 5.18.2"):
        assert text.enhanced_in(version, anywhere=True) is None


@pytest.mark.parametrize(
    ("said", "outer", "quoted"),
    [
        ("5.7.57 no. Error: 535 5.7.139 disabled", 530, (535, "5.7.139", "5.7.139 disabled")),
        ("remote host said: 454 later", 451, (454, None, "later")),
        ("5.1.1 a\n550 5.1.1 b", 550, None),
        ("535 5.7.8 no", 535, None),
        ("nothing quoted, 450 items", 550, None),
    ],
)
def test_quoted_replies(said, outer, quoted):
    """A reply inside a reply is found, its own repetition is not."""
    assert text.quoted_reply(said, outer) == quoted


def test_text_is_bounded_at_both_ends():
    """Of a long text the beginning and the end are kept."""
    clipped = text.clip("a" * 10_000 + "b" * 10_000)
    assert len(clipped) == text.LIMIT
    assert clipped.startswith("aaa")
    assert clipped.endswith("bbb")
    assert text.clip("short") == "short"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("plain", "plain"),
        ("  two  blanks ", "two blanks"),
        ("line\r\nbreak\tand\x1b[31m colour\x1b[0m", "line break and colour"),
        ("right\u202eleft\u200b\ufeff", "rightleft"),
        ("\u2028sep", "sep"),
        ("größe 密码", "größe 密码"),
        ("\ud800", ""),
        ("x" * 300, "x" * 159 + "…"),
    ],
)
def test_printable(said, shown):
    """One line without control characters, direction marks or surprises."""
    assert text.printable(said) == shown


def test_repair_leaves_words_with_an_accent_alone():
    """A text is read in other charsets only when it looks like mojibake."""
    assert text.repaired("motdepasse erroné") == ""
    assert "授权码" in text.repaired("授权码".encode("gbk").decode("latin-1"))
    assert "Неверный" in text.repaired("Неверный".encode("koi8-r").decode("latin-1"))
    assert "é" in text.repaired("éééé".encode().decode("latin-1") + "\u4e2d")


@pytest.mark.parametrize(
    ("value", "symbol"),
    [
        (111, "ECONNREFUSED"),
        (61, "ECONNREFUSED"),
        (146, "ECONNREFUSED"),
        (10061, "ECONNREFUSED"),
        (-4078, "ECONNREFUSED"),
        ("-111", "ECONNREFUSED"),
        (-2, "EAI_NONAME"),
        (11002, "EAI_AGAIN"),
        ("WSAETIMEDOUT", "ETIMEDOUT"),
        ("wsahost_not_found", "EAI_NONAME"),
        ("ConnectionReset", "ECONNRESET"),
        ("EWHATEVER", "EWHATEVER"),
        ("some words", None),
        (424242, None),
        (True, None),
        (None, None),
        (1.5, None),
    ],
)
def test_error_numbers_of_all_systems(value, symbol):
    """Linux, BSD, Solaris, Windows and libuv number the same errors differently."""
    assert errnos.symbol_of(value) == symbol


def test_resolver_symbols_say_what_became_of_the_name():
    """The errors of getaddrinfo are kinds of name failure; a socket's are not."""
    assert errnos.name_kind("EAI_AGAIN") is NameFailureKind.TIMEOUT
    assert errnos.name_kind("ECONNREFUSED") is None


@pytest.mark.parametrize(
    ("said", "reason", "alert"),
    [
        ("[SSL: WRONG_VERSION_NUMBER] wrong version number", "WRONG_VERSION_NUMBER", None),
        ("alert protocol version", None, 70),
        ("tlsv1 alert unknown ca", None, 48),
        ("alert: bad_certificate", None, 42),
        ("alert nonsense here", None, None),
        ("unsafe legacy renegotiation disabled", "UNSAFE_LEGACY_RENEGOTIATION_DISABLED", None),
        ("error:0A000FFF:x", None, None),
        ("nothing", None, None),
    ],
)
def test_openssl_reasons_and_alerts(said, reason, alert):
    """Numbers go before names, and what is neither is nothing."""
    assert openssl.reason_in(said) == (reason, alert)


def test_alerts_hide_in_reason_names():
    """OpenSSL names an alert of the peer as a reason."""
    assert openssl.alert_of("TLSV1_ALERT_PROTOCOL_VERSION") == 70
    assert openssl.alert_of("WRONG_VERSION_NUMBER") is None
    assert openssl.alert_of(None) is None
    assert openssl.verify_error_in("verify return code: 0 (ok)") is None


@pytest.mark.parametrize(
    "said",
    [
        "5.7.1 rejected, see ticket 421 4.7.0-xyz",
        "5.1.1 user unknown; your message of 450 4.2.0 days ago",
        "5.7.1 no, 451 4.3.0 times",
    ],
)
def test_a_number_that_nothing_announces_is_no_quoted_reply(said):
    """A reply inside a reply stands behind a colon, a bracket, a quotation mark or a word such as `said`."""
    assert text.quoted_reply(said, 550) is None
