r"""Transcripts of sessions: every client has marks of its own for the two sides, and its log writes before them.

`2019-12-30 13:14:30 CLIENT -> SERVER: DATA`, `SMTP >>> DATA`, `[tx] DATA`, `Wrote: DATA<CRLF>` and Ruby's
`<- "DATA\r\n"` all become `C: DATA`.  What stands behind a mark says which side it is: a command or a code.
"""

from __future__ import annotations

import re

from exporter.pattern import pattern

_MARK = (
    r"(?:[CS]:|(?:CLIENT|SERVER) -(?:>|&gt;) (?:SERVER|CLIENT):|Wrote:|\[[rt]x\]|<[rt]x>|SMTP[<>]{2}|\d[<>]|"
    r"[-~=]{0,3}(?:>|&gt;){1,3}|(?:<|&lt;){1,3}[-~=*]{0,3})[ \t]{0,4}['\"]?"
)
_ENVELOPE = r"(?:MAIL FROM|mail from|Mail From|RCPT TO|rcpt to|Rcpt To):"
_COMMAND = (
    rf"(?:(?:EHLO|HELO|LHLO) [^\s,;]{{1,255}}|AUTH [A-Z0-9-]{{3,20}}\b|{_ENVELOPE}|BDAT \d|"
    r"(?:STARTTLS|DATA|QUIT)(?![\w@.]))"
)
_LINE = r"^(?:[^\n]{{0,160}}?[ \t\])|:])?{mark}(?P<said>{said}[^\n]*)$"
_SENT = pattern(_LINE.format(mark=_MARK, said=_COMMAND), re.MULTILINE)
_RECEIVED = pattern(_LINE.format(mark=_MARK, said=r"[2-5]\d\d(?:[ -]|$)"), re.MULTILINE)
# PHPMailer's, as a browser's window or a form has left it: all in one line
_RUN_TOGETHER = pattern(
    r"(?:[ \t]|<br ?/?>){1,4}(?=(?:\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\s{1,3})?"
    r"(?:(?:CLIENT|SERVER) -(?:>|&gt;) (?:SERVER|CLIENT):|SMTP (?:ERROR|NOTICE|Error|connect)|Connection:))"
)
_END = pattern(r"(?:<CRLF>|['\"])\s{0,4}$")
# a session typed by hand, or the debug output of Jakarta Mail: nothing stands before a command
_UNMARKED = pattern(rf"^(?:(?:EHLO|HELO|ehlo|helo) [^\s,;]{{1,255}}|{_ENVELOPE}[^\n]*)$", re.MULTILINE)
_COMMANDS = pattern(
    rf"^(?P<said>(?:EHLO|HELO|ehlo|helo) [^\s,;]{{1,255}}|STARTTLS|AUTH [A-Z0-9-]{{3,20}}(?: [\w+/=]{{1,999}})?|"
    rf"{_ENVELOPE}[^\n]*|DATA|data|QUIT|quit)$",
    re.MULTILINE,
)
_HINTS = ("FROM:", "from:", "From:", "HLO ", "ehlo ", "helo ", "TO:", "to:", "AUTH ", "DATA", "STARTTLS")


def plain_transcript(text: str) -> str:
    """The text with each line of a transcript behind `C: ` or `S: ` alone; as it is where no command was sent."""
    if not any(hint in text for hint in _HINTS):
        return text
    if "CLIENT -" in text:
        text = _RUN_TOGETHER.sub("\n", text)
    if _SENT.search(text):
        sent = _SENT.sub(lambda line: f"C: {_END.sub('', line['said'])}", text)
        return _RECEIVED.sub(lambda line: f"S: {_END.sub('', line['said'])}", sent).replace("<CRLF>", "\n")
    if _UNMARKED.search(text):
        return _COMMANDS.sub(lambda line: f"C: {line['said']}", text)
    return text
