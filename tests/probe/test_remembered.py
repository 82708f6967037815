"""A reply that was read before is not read again, and means and shows the same."""

from __future__ import annotations

from exporter.probe.redaction import HIDDEN, Redactor
from exporter.probe.replies import LONGEST_REMEMBERED, REMEMBERED, Replies, Said
from exporter.probe.transcript import MAX_LINES, Transcript

EHLO = b"250-mail.test\r\n250-SIZE 1000\r\n250 AUTH PLAIN\r\n"


class Heard:
    """What one session makes of some packets."""

    def __init__(self, *packets: bytes, secret: str = "correct horse", told: bool = False) -> None:
        self.redact = Redactor((secret,), user="someone", told=told)
        transcript = Transcript(self.redact)
        replies = Replies(transcript)
        self.said = [said for packet in packets for said in replies.take(packet)]
        self.shown = transcript.lines()

    @property
    def reply(self) -> Said:
        """The only one."""
        (said,) = self.said
        assert said is not None
        return said


def test_the_second_session_hears_the_same() -> None:
    """One object, the same lines in the transcript; cut into packets it is equal."""
    first, second = Heard(EHLO), Heard(EHLO)
    assert second.reply is first.reply
    assert second.shown == first.shown == ("S: 250-mail.test", "S: 250-SIZE 1000", "S: 250 AUTH PLAIN")
    cut = Heard(EHLO[:20], EHLO[20:])
    assert cut.reply == first.reply
    assert cut.shown == first.shown


def test_what_holds_a_secret_is_looked_at_each_time() -> None:
    """Nothing of it is kept."""
    line = b"250 you are correct horse\r\n"
    for _ in range(2):
        heard = Heard(line)
        assert heard.reply.reply.lines == (b"you are " + HIDDEN,)
        assert line not in heard.redact.memory


def test_other_secrets_have_another_memory() -> None:
    """Words that are harmless to one endpoint are the password of the next."""
    line = b"250 you are correct horse\r\n"
    assert Heard(line, secret="something else").reply.reply.lines == (b"you are correct horse",)
    assert Heard(line).reply.reply.lines == (b"you are " + HIDDEN,)


def test_what_was_harmless_before_the_login_is_looked_at_anew_after_it() -> None:
    """A secret of two letters is hidden once the server was told, and not before."""
    line = b"250 hello zq\r\n"
    assert Heard(line, secret="zq").reply.reply.lines == (b"hello zq",)
    assert Heard(line, secret="zq", told=True).reply.reply.lines == (b"hello " + HIDDEN,)
    assert Heard(line, secret="zq").reply.reply.lines == (b"hello zq",)


def test_a_response_of_ours_is_hidden_in_words_that_were_harmless() -> None:
    """Each response has a memory of its own, and they are few."""
    line = b"250 c29tZXRoaW5nIGVsc2U= it was\r\n"
    assert HIDDEN not in Heard(line).shown[0].encode()
    for number in range(20):
        redact = Redactor(("correct horse",), user="someone")
        redact.also(b"c29tZXRoaW5nIGVsc2U=" if number == 10 else b"response number %d" % number)
        transcript = Transcript(redact)
        (said,) = Replies(transcript).take(line)
        assert said is not None
        assert (HIDDEN in said.reply.lines[0]) == (number == 10)


def test_the_memory_is_bounded() -> None:
    """Greetings with the time of day, and long ones."""
    for number in range(100):
        heard = Heard(b"220 mail.test at %d\r\n" % number)
        assert len(heard.redact.memory) <= REMEMBERED
    long = b"220 " + b"x" * LONGEST_REMEMBERED + b"\r\n"
    assert long not in Heard(long).redact.memory


def test_several_replies_and_the_beginning_of_one_are_read_each_time() -> None:
    """Only one whole reply is what a server says again and again."""
    for packet in (b"220 a\r\n220 b\r\n", b"220 a\r\n220-b\r\n", b"\r\n220 a\r\n", b"220 a\r\n22"):
        heard = Heard(packet)
        assert packet not in heard.redact.memory
        assert Heard(packet).said == heard.said


def test_a_transcript_stays_bounded() -> None:
    """Also by lines that were seen before."""
    heard = Heard(*[EHLO] * MAX_LINES)
    assert len(heard.said) == MAX_LINES
    assert len(heard.shown) == MAX_LINES + 1
    assert heard.shown[-1] == "*: more lines followed; they were not kept"
