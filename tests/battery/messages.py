"""MAIL, RCPT and DATA: what is said to the envelope and to the message."""

from __future__ import annotations

from exporter.model import ErrorClass as Is
from exporter.model import FaultDomain as Of
from exporter.model import Phase
from tests.battery.case import DEEP, Case
from tests.battery.refusal import ENVELOPE, LOGIN, refusal
from tests.battery.stands import under_tls
from tests.servers.scripted import Step, answer, drop, ehlo, expect, reset, say, stall

MAIL, RCPT, DATA = Phase.MAIL, Phase.RCPT, Phase.DATA

SENDERS = (
    refusal(
        "mail: not our address (Postfix)",
        MAIL,
        "553 5.7.1 <probe@mail.test>: Sender address rejected: not owned by user probe",
        Is.SENDER_REJECTED,
        Of.SETTINGS,
    ),
    refusal(
        "rcpt: not our address (Postfix)",
        RCPT,
        "553 5.7.1 <probe@mail.test>: Sender address rejected: not owned by user probe",
        Is.SENDER_REJECTED,
        Of.SETTINGS,
    ),
    refusal(
        "mail: must be the login (163)",
        MAIL,
        "553 Mail from must equal authorized user",
        Is.SENDER_REJECTED,
        Of.SETTINGS,
    ),
    refusal(
        "mail: the reason in the last line (GMX)",
        MAIL,
        "550-Requested action not taken: mailbox unavailable\n550 Sender address is not allowed.",
        Is.SENDER_REJECTED,
        Of.SETTINGS,
    ),
    refusal(
        "data: send-as denied (Exchange Online)",
        DATA,
        "554 5.2.252 SendAsDenied; probe@mail.test not allowed to send as other@mail.test; "
        "STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied",
        Is.SENDER_REJECTED,
        Of.SETTINGS,
    ),
    refusal(
        "mail: a size that is too large (RFC 1870)",
        MAIL,
        "552 5.3.4 Message size exceeds fixed limit",
        Is.MESSAGE_TOO_LARGE,
        Of.SETTINGS,
    ),
    refusal(
        "mail: storage (RFC 5321)",
        MAIL,
        "452 4.3.1 Insufficient system storage",
        Is.SERVER_STORAGE_FULL,
        Of.SERVER,
    ),
    refusal(
        "mail: wrong order",
        MAIL,
        "503 5.5.1 Bad sequence of commands",
        Is.PROTOCOL_ERROR,
        Of.SERVER,
    ),
)

RECIPIENTS = (
    refusal(
        "rcpt: relay denied (Postfix)",
        RCPT,
        "554 5.7.1 <postmaster@mail.test>: Relay access denied",
        Is.RELAY_DENIED,
        Of.SETTINGS,
    ),
    refusal(
        "rcpt: relay denied, by a 4xx (Postfix)",
        RCPT,
        "454 4.7.1 <postmaster@mail.test>: Relay access denied",
        Is.RELAY_DENIED,
        Of.SETTINGS,
    ),
    refusal("rcpt: relay denied (Exim)", RCPT, "550 relay not permitted", Is.RELAY_DENIED, Of.SETTINGS),
    refusal(
        "rcpt: nobody (Postfix)",
        RCPT,
        "550 5.1.1 <postmaster@mail.test>: Recipient address rejected: User unknown in virtual mailbox table",
        Is.RECIPIENT_REJECTED,
        Of.SETTINGS,
    ),
    refusal(
        "rcpt: nobody (qmail)",
        RCPT,
        "550 sorry, no mailbox here by that name. (#5.1.1)",
        Is.RECIPIENT_REJECTED,
        Of.SETTINGS,
    ),
    refusal(
        "rcpt: too many",
        RCPT,
        "452 4.5.3 Error: too many recipients",
        Is.TOO_MANY_RECIPIENTS,
        Of.SETTINGS,
    ),
    refusal(
        "rcpt: greylisted (Postgrey)",
        RCPT,
        "450 4.2.0 <postmaster@mail.test>: Recipient address rejected: Greylisted, "
        "see http://postgrey.schweikert.ch/help/mail.test.html",
        Is.GREYLISTED,
        Of.SERVER,
    ),
    refusal(
        "rcpt: too much mail (Postfix)",
        RCPT,
        "450 4.7.1 Error: too much mail from localhost[127.0.0.1]",
        Is.RATE_LIMITED,
        Of.SERVER,
    ),
    refusal(
        "rcpt: the mailbox is full (Dovecot)",
        RCPT,
        "452 4.2.2 <postmaster@mail.test> Quota exceeded (mailbox for user is full)",
        Is.MAILBOX_FULL,
        Of.SERVER,
    ),
    refusal(
        "rcpt: a look-up fails (Postfix)",
        RCPT,
        "451 4.3.0 <postmaster@mail.test>: Temporary lookup failure",
        Is.SERVER_ERROR,
        Of.SERVER,
    ),
    refusal(
        "rcpt: on a block list",
        RCPT,
        "554 5.7.1 Service unavailable; Client host [127.0.0.1] blocked using zen.spamhaus.org; "
        "https://www.spamhaus.org/query/ip/127.0.0.1",
        Is.CLIENT_BLOCKED,
        Of.SERVER,
    ),
)

CONTENTS = (
    refusal(
        "data: the day's quota (Gmail)",
        DATA,
        "550-5.4.5 Daily user sending limit exceeded. For more information on Gmail\n"
        "550 5.4.5 sending limits go to https://support.google.com/a/answer/166852 a1sm123 - gsmtp",
        Is.QUOTA_EXCEEDED,
        Of.CREDENTIALS,
    ),
    refusal(
        "data: the day's quota (SES)",
        DATA,
        "454 Throttling failure: Daily message quota exceeded.",
        Is.QUOTA_EXCEEDED,
        Of.CREDENTIALS,
    ),
    refusal(
        "data: too fast (SES)",
        DATA,
        "454 Throttling failure: Maximum sending rate exceeded.",
        Is.RATE_LIMITED,
        Of.SERVER,
    ),
    refusal(
        "data: too large (Postfix)",
        DATA,
        "552 5.3.4 Error: message file too big",
        Is.MESSAGE_TOO_LARGE,
        Of.SETTINGS,
    ),
    refusal(
        "data: spam",
        DATA,
        "554 5.7.1 This message has been blocked because it looks like spam",
        Is.MESSAGE_REJECTED,
        Of.SERVER,
    ),
    refusal(
        "data: DMARC (Gmail)",
        DATA,
        "550-5.7.26 Unauthenticated email from mail.test is not accepted due to domain's DMARC policy.\n"
        "550 5.7.26 https://support.google.com/mail/answer/2451690 a1sm123 - gsmtp",
        Is.MESSAGE_REJECTED,
        Of.SERVER,
    ),
    refusal(
        "data: the disk is full (Exim)",
        DATA,
        "452 space shortage, please try later",
        Is.SERVER_STORAGE_FULL,
        Of.SERVER,
    ),
    refusal(
        "data: the queue cannot be written (Postfix)",
        DATA,
        "451 4.3.0 Error: queue file write error",
        Is.SERVER_ERROR,
        Of.SERVER,
    ),
    refusal(
        "data: the server gave up waiting (Postfix)",
        DATA,
        "421 4.4.2 mail.test Error: timeout exceeded",
        Is.SESSION_TIMEOUT,
        Of.NETWORK,
    ),
    refusal(
        "data: no valid recipients",
        DATA,
        "554 5.5.1 Error: no valid recipients",
        Is.RECIPIENT_REJECTED,
        Of.SETTINGS,
        word="DATA",
    ),
)


def _breaks(phase: Phase, name: str, steps: list[Step], expected: Is, timeout: str = "10s") -> Case:
    before = {
        MAIL: (),
        RCPT: (answer("MAIL", "250 2.1.0 ok"),),
        DATA: (answer("MAIL", "250 2.1.0 ok"), answer("RCPT", "250 2.1.5 ok"), answer("DATA", "354 go on")),
    }[phase]
    return Case(
        name=name,
        opens=under_tls(ehlo("AUTH PLAIN"), answer("AUTH", "235 2.7.0 ok"), *before, *steps),
        expected=expected,
        domain=Of.SERVER,
        phase=phase,
        endpoint={**LOGIN, **ENVELOPE, "until": str(phase)},
        timeout=timeout,
    )


BROKEN = (
    _breaks(MAIL, "mail: reset", [expect("MAIL"), reset()], Is.CONNECTION_LOST),
    _breaks(RCPT, "rcpt: silence", [expect("RCPT"), stall()], Is.RESPONSE_TIMEOUT, DEEP),
    _breaks(RCPT, "rcpt: a success of another kind", [expect("RCPT"), say("354 go on")], Is.PROTOCOL_ERROR),
    _breaks(DATA, "data: silence", [stall()], Is.RESPONSE_TIMEOUT, DEEP),
    _breaks(DATA, "data: closed", [expect("Date"), drop()], Is.CONNECTION_LOST),
)

CASES = (*SENDERS, *RECIPIENTS, *CONTENTS, *BROKEN)
