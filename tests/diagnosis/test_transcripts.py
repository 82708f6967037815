"""Sessions as clients write them down: which line is whose, and where it ended."""

from __future__ import annotations

import pytest

from exporter.diagnosis import diagnose, parse
from exporter.diagnosis.parsing.transcript import plain_transcript
from exporter.model import Confidence, ErrorClass, Phase, Reply

# what stands before a command and before a reply
MARKS = {
    "PHPMailer": ("2019-12-30 13:14:30 CLIENT -> SERVER: {}", "2019-12-30 13:14:30 SERVER -> CLIENT: {}"),
    "PHPMailer, escaped": ("2019-12-30 13:14:30\tCLIENT -&gt; SERVER: {}", "\tSERVER -&gt; CLIENT: {}"),
    "K-9": (
        "01-15 15:44:06.136 D SmtpTransport: SMTP >>> {}",
        "01-15 15:44:06.166 V SmtpTransport: SMTP <<< {}",
    ),
    "lettre": (
        "[2023-11-21][lettre::smtp][DEBUG] Wrote: {}<CRLF>",
        "[2023-11-21][lettre::smtp][DEBUG] << {}<CRLF>",
    ),
    "Exim": ("  SMTP>> {}", "  SMTP<< {}"),
    "mutt": ("[2020-10-07 21:00:02] 4> {}", "[2020-10-07 21:00:02] 4< {}"),
    "Net::SMTP": ("Net::SMTP=GLOB(0x563be98b9390)>>> {}", "Net::SMTP=GLOB(0x563be98b9390)<<< {}"),
    "RainLoop": (
        "[14:32:53][f2254d92] SMTP[DATA]: > {}\\r\\n",
        "[14:32:53][f2254d92] SMTP[DATA]: < {}\\r\\n",
    ),
    "MailKit": ("C: {}", "S: {}"),
    "smtplib": ("send: '{}\\r\\n'", "reply: b'{}\\r\\n'"),
    "curl": ("> {}", "< {}"),
    "swaks": (" -> {}", "<** {}"),
    "nodemailer": ("[2021-01-01 10:00:00] DEBUG [abc] C: {}", "[2021-01-01 10:00:00] DEBUG [abc] S: {}"),
    "Thunderbird": ("mailnews.smtp: C: {}", "mailnews.smtp: S: {}"),
    "Ruby": ('<- "{}\\r\\n"', '-> "{}\\r\\n"'),
    "Outlook": ("2017.01.01 10:00:00 SMTP (mail): [tx] {}", "2017.01.01 10:00:00 SMTP (mail): <rx> {}"),
    "a container": ("server_1     | >>> {}", "server_1     | <<< {}"),
    "ssmtp": ("[->] {}", "[<-] {}"),
    "syslog": ("Jan 15 15:44:06 web app[12]: C: {}", "Jan 15 15:44:06 web app[12]: S: {}"),
}


@pytest.mark.parametrize("name", MARKS)
@pytest.mark.parametrize(
    ("commands", "phase"),
    [
        (["EHLO me"], Phase.EHLO),
        (["EHLO me", "STARTTLS"], Phase.STARTTLS),
        (["EHLO me", "AUTH LOGIN"], Phase.AUTH),
        (["EHLO me", "MAIL FROM:<me@example.com>"], Phase.MAIL),
        (["MAIL FROM:<me@example.com>", "RCPT TO:<you@example.net>"], Phase.RCPT),
        (["RCPT TO:<you@example.net>", "DATA"], Phase.DATA),
    ],
)
def test_the_last_command_of_a_transcript_is_the_phase(name, commands, phase):
    """Whatever a client and its log write before a line, a refusal answers the command before it."""
    sent, received = MARKS[name]
    lines: list[str] = []
    for command in commands:
        lines += (sent.format(command), received.format("250 2.0.0 fine"))
    symptom = parse("\n".join([*lines[:-1], received.format("550 5.7.1 not you")]))
    assert symptom.phase is phase
    assert isinstance(symptom.evidence, Reply)
    assert (symptom.evidence.code, symptom.evidence.text) == (550, "5.7.1 not you")


def test_a_session_without_marks_is_read_too():
    """Who types it, and Jakarta Mail's debug output, mark neither side."""
    typed = "helo me\n250 mx\nmail from:<a@example.com>\n250 ok\nrcpt to:<b@example.net>\n550 5.7.1 no\nquit\n221 bye"
    assert parse(typed).phase is Phase.RCPT
    login = "EHLO me\n250-mx\n250-AUTH PLAIN LOGIN\n250 STARTTLS\nAUTH PLAIN AGFAYg==\n535 5.7.8 bad"
    assert parse(login).phase is Phase.AUTH


@pytest.mark.parametrize("between", [" ", "<br />", "<br>"])
def test_a_transcript_that_a_browser_has_run_together_is_taken_apart(between):
    """PHPMailer prints its transcript into a page, where it becomes one line."""
    stamp = "2018-08-01 17:43:52 "
    lines = [
        f"{stamp}CLIENT -> SERVER: RCPT TO:<b@example.com>",
        f"{stamp}SERVER -> CLIENT: 550 not you",
        f"{stamp}SMTP ERROR: RCPT TO command failed: 550 not you",
    ]
    symptom = parse(between.join(lines))
    assert symptom.phase is Phase.RCPT
    assert isinstance(symptom.evidence, Reply)
    assert symptom.evidence.lines == (b"not you",)


@pytest.mark.parametrize(
    "text",
    [
        "reply: retcode (250); Msg: b'mx\nSIZE 1000\nSTARTTLS\nAUTH PLAIN LOGIN'",
        "250-mx\n250-STARTTLS\n250 AUTH PLAIN",
        "Error -> 550 no",
        "refused: RCPT TO:<DATA@example.com>",
        "relay > DATABASE",
        "you wrote:\n> Data is lost\n> quit smoking",
        "one <550 5.1.1 unknown>\ntwo <421 4.4.1 later>",
    ],
)
def test_what_nobody_sent_is_no_command(text):
    """Capabilities, addresses, quotations and words that look like commands are left alone."""
    assert plain_transcript(text) == text


@pytest.mark.parametrize(
    ("text", "error_class"),
    [
        (
            "RCPT TO:<x@example.com>\n550 5.1.1 unknown user\nDATA\n503 5.5.1 valid RCPT command must precede DATA",
            ErrorClass.RECIPIENT_REJECTED,
        ),
        (
            "C: RCPT TO:<x@a>\nS: 550 5.7.1 Relaying denied\nC: DATA\nS: 503 5.0.0 Need RCPT",
            ErrorClass.RELAY_DENIED,
        ),
        ("535 5.7.8 Error: authentication failed\n503 5.5.1 need RCPT", ErrorClass.CREDENTIALS_REJECTED),
        ("450 4.7.1 Greylisted\n500 unrecognized command\n500 unrecognized command", ErrorClass.GREYLISTED),
        (
            "hello: 250-mx\n250 AUTH LOGIN\nFailed to authenticate password. Error: 535 Incorrect data\n500 unrecognized",
            ErrorClass.CREDENTIALS_REJECTED,
        ),
    ],
)
def test_a_command_out_of_step_is_no_reason_but_what_follows_from_one(text, error_class):
    """Who goes on after a refusal hears `503 Need RCPT`, or has the message read as commands."""
    assert diagnose(parse(text)).error_class is error_class


@pytest.mark.parametrize(
    "between",
    ["AUTH PLAIN x\n235 2.7.0 ok", "220 mx.example.com ESMTP", "QUIT\n221 bye\n220 mx.example.com ESMTP"],
)
def test_a_refusal_that_was_overcome_is_not_the_reason(between):
    """A login that then succeeded, and a session before this one, explain nothing."""
    evidence = parse(
        f"EHLO me\n250 mx\nAUTH CRAM-MD5\n535 5.7.8 no\n{between}\nDATA\n503 5.5.1 need RCPT"
    ).evidence
    assert isinstance(evidence, Reply)
    assert evidence.code == 503


@pytest.mark.parametrize("name", MARKS)
@pytest.mark.parametrize(
    "told",
    [
        "SMTP Error: Could not connect to SMTP host.",
        "SMTP connect() failed.",
        "Connection closed",
        "Cannot open it",
    ],
)
def test_what_fails_once_starttls_is_agreed_is_the_handshake(name, told):
    """The server has said 220 to STARTTLS: whatever the client calls it, the connection was there."""
    sent, received = MARKS[name]
    lines = [received.format("220 ready"), sent.format("EHLO me"), received.format("250 STARTTLS")]
    lines += [sent.format("STARTTLS"), received.format("220 2.0.0 Ready to start TLS"), told]
    symptom = parse("\n".join(lines))
    assert symptom.phase is Phase.TLS
    assert diagnose(symptom).error_class is ErrorClass.TLS_HANDSHAKE_FAILED


def test_what_fails_after_the_second_ehlo_is_not_the_handshake():
    """With TLS begun the client says EHLO again."""
    told = "C: EHLO me\nS: 250 STARTTLS\nC: STARTTLS\nS: 220 go\nC: EHLO me\nSMTP connect() failed."
    assert parse(told).phase is Phase.EHLO


@pytest.mark.parametrize(
    ("asked", "error_class"),
    [("EHLO me", ErrorClass.CONNECTION_LOST), ("AUTH LOGIN", ErrorClass.CREDENTIALS_REJECTED)],
)
def test_a_session_in_which_the_server_answered_was_no_failed_connection(asked, error_class):
    """PHPMailer ends every failure before MAIL with `SMTP connect() failed`."""
    told = f"S: 220 hi\nC: EHLO me\nS: 250 fine\nC: {asked}\nSMTP connect() failed."
    answer = diagnose(parse(told))
    assert (answer.error_class, answer.confidence) == (error_class, Confidence.GUESS)
