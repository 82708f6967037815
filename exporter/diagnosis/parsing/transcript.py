r"""Sessions that a client or a mail server wrote down: commands and replies, each behind marks and the head of a line.

`2019-12-30 13:14:30 CLIENT -> SERVER: DATA`, `SMTP >>> DATA`, `[tx] DATA`, `Wrote: DATA<CRLF>`, Ruby's `<- "DATA\r\n"`,
ssmtp's `[->] DATA`, Postfix's `…: > host[192.0.2.1]:587: DATA`, Exchange's `…,>,DATA,` and hMailServer's
`"SENT: DATA"` all become `C: DATA`.
The marks mean one thing to who sends and another to who receives, so that what stands behind one says which side it is:
a command, or the code of a reply.
"""

from __future__ import annotations

import re

from exporter.diagnosis.parsing.context import phase_in
from exporter.model import Phase
from exporter.pattern import pattern

_MARK = (
    r"(?:C: send(?: smtp command,)?|[CS]:|(?:client|server|send|reply): b?|Wrote:|SENT:|RECEIVED:|"
    r"(?:CLIENT|SERVER) -(?:>|&gt;) (?:SERVER|CLIENT):|\[[rt]x\]|\[(?:<-|->)\]|<[rt]x>|SMTP[<>]{2}|\d[<>]|"
    r"[-~=]{0,3}(?:>|&gt;){1,3}|(?:<|&lt;){1,3}[-~=*]{0,3})[ \t,]{0,4}['\"]?"
    r"(?:[\w.-]{1,80}\[[^\]\n]{1,45}\](?::\d{1,5})?: )?"  # Postfix's name of the server
)
# what a list of capabilities cannot hold
_OPENING = r"(?i:(?:EHLO|HELO|LHLO) [^\s,;]{1,255}|(?:MAIL FROM|RCPT TO):[^\n]*)"
_COMMAND = (
    rf"(?:{_OPENING}|AUTH [A-Z0-9-]{{3,20}}(?: [\w+/=]{{1,999}})?|BDAT \d{{1,9}}[^\n]*|"
    r"MAIL FROM|RCPT TO|EHLO|HELO|STARTTLS|DATA|RSET|QUIT|(?:data|quit)$)"
)
# behind a bracket one is quoted; its further lines may stand without a head
_REPLY = (
    r"(?<!<)(?P<reply>(?P<code>[2-5]\d\d)(?:[ -][^\n]*|$)(?:\n[ \t]{0,40}(?P=code)(?:[ -][^\n]*|$)){0,99})"
)
_MARKED = pattern(
    rf"^(?:[^\n]{{0,160}}?[ \t\])|:,\"])?{_MARK}(?:(?P<command>{_COMMAND}(?![\w@.])[^\n]*)|{_REPLY})",
    re.MULTILINE,
)
# a session typed by hand, or the debug output of Jakarta Mail: nothing stands before a command
_TYPED = pattern(rf"^{_OPENING}$", re.MULTILINE)
_UNMARKED = pattern(rf"^(?:(?P<command>{_COMMAND}$)|{_REPLY})", re.MULTILINE)
# PHPMailer's, as a browser's window or a form has left it: all in one line
_RUN_TOGETHER = pattern(
    r"(?:[ \t]|<br ?/?>){1,4}(?=(?:\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\s{1,3})?"
    r"(?:(?:CLIENT|SERVER) -(?:>|&gt;) (?:SERVER|CLIENT):|SMTP (?:ERROR|NOTICE|Error|connect)|Connection:))"
)
_BREAK = pattern(r"\n|<CRLF>|\[nl\]")  # lettre and hMailServer keep several lines in one
_END = " \t,'\""  # of a string, or of a field of a table
_REFUSED = ("S: 4", "S: 5")
_FIRST = ("C: EHLO", "C: HELO")  # what is sent after the greeting


def plain_transcript(text: str) -> str:
    """The text with each line of a session behind `C: ` or `S: ` alone; as it is where it may be anything."""
    if "CLIENT -" in text:
        text = _RUN_TOGETHER.sub("\n", text)
    marked = list(_MARKED.finditer(text))
    if len(marked) > 1 or any(line["command"] for line in marked):
        return _MARKED.sub(_plain, text)
    return _UNMARKED.sub(_plain, text) if _TYPED.search(text) else text


def ended_in_handshake(transcript: str) -> bool:
    """The last that was agreed on is to begin TLS: what went wrong then, the handshake or its end, is of TLS."""
    said = [line for line in _said(transcript) if line != "C: QUIT"]
    asked = max((number for number, line in enumerate(said) if line.startswith("C: ")), default=-1)
    return (
        asked >= 0
        and said[asked].upper() == "C: STARTTLS"
        and "".join(said[asked + 1 : asked + 2]).startswith("S: 220")
    )


def _said(transcript: str) -> list[str]:
    return [line for line in transcript.splitlines() if line.startswith(("C: ", "S: "))]


def _plain(said: re.Match[str]) -> str:
    side = "C" if said["command"] else "S"
    parts = (part.strip(_END) for part in _BREAK.split(said["command"] or said["reply"]))
    return "\n".join(f"{side}: {part}" for part in parts if part)


def up_to_the_refusal(transcript: str) -> tuple[str, Phase | None] | None:
    """The lines of the session alone, up to the last refusal, and the phase of that; None where there is none."""
    said = _said(transcript)
    ends = max((number for number, line in enumerate(said, 1) if line.startswith(_REFUSED)), default=0)
    if ends == 0 or len(said) == 1:
        return None
    talk = "\n".join(said[:ends])
    greeted = len(said) > ends and "C: " not in talk and said[ends].upper().startswith(_FIRST)
    return talk, Phase.GREETING if greeted else phase_in(talk)
