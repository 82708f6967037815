"""Dialogs in the logs of mail servers: commands and replies, each behind the head of a line of the log.

Postfix writes `…: > host[192.0.2.1]:587: AUTH PLAIN`, OpenSMTPD `mta: 0xea67: >>> MAIL FROM:<…>`, Exim `SMTP>> EHLO`,
Exchange `…,>,RCPT TO:<…>,`, hMailServer `"SENT: DATA"`.  The marks mean one thing to who sends and another to who
receives, so that a line is known by what it holds: a command, or a reply code.
"""

from __future__ import annotations

import re

from exporter.diagnosis.parsing.context import phase_in
from exporter.model import Phase
from exporter.pattern import pattern

_TALK = pattern(
    r"(?:[^\n]{1,160}?(?<=[\s,\":\]]))?(?:>{1,3}|<{1,3}|-{1,2}>|<-{1,2}|[CS]:|SMTP(?:>>|<<)|"
    r"SENT:|RECEIVED:|CLIENT -> SERVER:|SERVER -> CLIENT:)[ \t,]{1,2}"
    r"(?:[\w.-]{1,80}\[[^\]\n]{1,45}\](?::\d{1,5})?: )?"
    r"(?:((?:EHLO|HELO|LHLO|STARTTLS|AUTH|MAIL FROM|RCPT TO|DATA|BDAT|RSET|QUIT)\b[^\n]*)|([2-5]\d\d(?:[ -][^\n]*|$)))",
    re.IGNORECASE,
)
_END = ' \t",'  # of a field of a table
_REFUSED = ("S: 4", "S: 5")
_FIRST = ("C: EHLO", "C: HELO")  # what is sent after the greeting


def dialog_of_log(text: str) -> tuple[str, Phase | None] | None:
    """The dialog alone as a client's transcript, up to its last refusal, and the phase of that.

    None where the text holds no refusal, or one line that may be anything.  The text may have been made a client's
    transcript before.
    """
    if "\n" not in text:
        return None
    said: list[str] = []
    ends = 0
    for line in text.splitlines():
        if hit := _TALK.match(line):
            if hit[1]:
                said.append(f"C: {hit[1].rstrip(_END)}")
                continue
            said += (f"S: {part}" for part in hit[2].rstrip(_END).split("[nl]"))
        elif said and said[-1].startswith("S: ") and line.lstrip().startswith(said[-1][3:6]):
            said.append(f"S: {line.strip()}")  # the rest of a reply, without a head
        else:
            continue
        if said[-1].startswith(_REFUSED):
            ends = len(said)
    if ends == 0 or len(said) == 1:
        return None
    talk = "\n".join(said[:ends])
    greeted = len(said) > ends and "C: " not in talk and said[ends].upper().startswith(_FIRST)
    return talk, Phase.GREETING if greeted else phase_in(talk)
