"""Finding the SMTP reply in a pasted text: a bare reply, a log line, an exception, a dump, a bounce."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import takewhile

from exporter.diagnosis.parsing.context import PROGRAM_FILES
from exporter.diagnosis.text import enhanced_in
from exporter.model import Reply
from exporter.pattern import pattern

# ports and HTTP statuses look like replies
_NOT_CODES = frozenset({443, 465, 587})
_I = re.IGNORECASE

_LINE = pattern(
    r"^[ \t]*(?:(?:S|server|recv|reply|response|<{1,3}|<[-~*]{1,3}|<-+|\*+|-+|"
    r"SERVER -> CLIENT|SMTP<|R|<=)[ :>]{1,3}|b?['\"]|'?reply: b?['\"]retcode \()?"
    r"([2-5]\d\d)(?:[ -](?!\d{1,2}:\d)|$)",
    re.MULTILINE | _I,
)
_TUPLE = pattern(r"\(\s{0,3}([45]\d\d)\s{0,3},\s{0,3}b?['\"]")
_FIELD = pattern(
    r"(?:response_?code|status_?code|smtp_?code|reply_?code|code|status|retcode|\berror|errcode)['\"]?\s{0,2}[:=(]\s{0,2}['\"]?([45]\d\d)\b",
    _I,
)
_RESPONSE_FIELD = pattern(
    r"\b(?:response|lastResponse|message|reply|text)['\"]?\s{0,2}[:=]\s{0,2}(['\"`])\s?([45]\d\d)[ -]", _I
)
_GOT = pattern(
    r"\b(?:got (?:code |response |reply )?|command failed: )['\"]?([2-5]\d\d)\b(?:['\"]?,? with (?:message|text) ['\"]?|"
    r", (?:expected|wanted|want) \d{3}\b(?:, (?:permanent|temporary|transient): (?:\d{3}[ -])?)?)?",
    _I,
)
_DIAGNOSTIC = pattern(r"Diagnostic-Code:\s{0,3}smtp;\s{0,3}([45]\d\d)[ -]?", _I)
_INTRODUCED = pattern(
    r"(?:[:<>;'\"(=\]]|\b(?:said|was|error|code|reply|response|responded|responded with|returned|status|"
    r"failed|rejected|smtp|answered|got|command|with|me|server|exception|login)(?: -)?)(?:[ \t]{0,2}['\"(<]{0,2}|[ \t]\[)"
    r"([45]\d\d)(?:[ \-]|[)\]]?[:.]? ?|$)(?=[#<\"'(\[]?[^\W\d]|[45]\.\d{1,3}\.\d|$|[^\x00-\x7f])",
    _I | re.MULTILINE,
)
# a printer's `31-535`: its own number of the kind, then the server's
_DEVICE = pattern(r"\b(?:error|code)\b[^\d\n]{0,12}\d{1,2}-([45]\d\d)\b", _I)
# a code and its like in enhanced form, wherever they stand
_PAIR = pattern(r"(?<![\d.])(?:(4\d\d)[ -](?=4\.\d{1,3}\.\d{1,3}\b)|(5\d\d)[ -](?=5\.\d{1,3}\.\d{1,3}\b))")
# Thunderbird's `Cannot resolve your domain 450 4.1.8`
_TRAILING = pattern(r"(?<![\d.])([45]\d\d) [45]\.\d{1,3}\.\d{1,3}\W{0,3}$")
# .NET and lettre show a word for each code: SmtpStatusCode, and the three digits of RFC 5321 4.2.1
_DOTNET = pattern(r"([A-Z][^.\n]{10,120})\. The\s{1,3}server\s{1,3}response\s{1,3}was: ?", _I)
_DOTNET_CODES = (
    ("service not available", 421),
    ("mailbox busy", 450),
    ("error in processing", 451),
    ("insufficient system storage", 452),
    ("does not have permission to submit", 454),
    ("command unrecognized", 500),
    ("syntax error in parameters", 501),
    ("command not implemented", 502),
    ("bad sequence of commands", 503),
    ("command parameter not implemented", 504),
    ("requires a secure connection", 530),
    ("mailbox unavailable", 550),
    ("user not local", 551),
    ("exceeded storage allocation", 552),
    ("mailbox name not allowed", 553),
    ("transaction failed", 554),
)
# PHPMailer puts the code behind the words
_DETAIL = pattern(r"Detail: (?=.{1,1000}?SMTP code: ([45]\d\d))", re.DOTALL)
_LETTRE = pattern(r"severity: (Transient|Permanent)\w{0,30}, category: (\w{1,20}), detail: (\w{1,6})", _I)
_LETTRE_CATEGORIES = ("syntax", "information", "connections", "unspecified3", "unspecified4", "mailsystem")
_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
# what a client hears that goes on after a refusal: `503 Need RCPT`, or its message read as commands
_OUT_OF_STEP = frozenset({500, 502, 503})
# what no refusal from before reaches beyond: a greeting or TLS, a farewell, a login
_ANEW = frozenset({220, 221, 235})
_BARE = pattern(r"\s*[\"'(<]?([2-5]\d\d)[\"')>.]?\s*")
# what may also end the name of a host ends a file's behind a folder, or without a second dot: `mx.example.pl:550 …`
# is a reply
_NOISE = pattern(
    rf"\bHTTP/?[\d.]*[ :(]{{0,2}}$|\.(?:{PROGRAM_FILES})[:(]$|"
    r"(?:(?<!/)[/\\][\w.-]{1,60}|(?<![\w.-])[\w-]{1,60})\.(?:pl|pm|py|rs)[:(]$|"
    r"\b(?:line|port|at|after|within|in|took|uid|pid|id|size|lmtp) $|"
    r"(?:\[|\b[0-9a-f]{1,4}:)[0-9a-f]{0,4}:$",  # an address of IPv6
    _I,
)
_NOISE_BEFORE = 64
# where the client's own words begin again after the server's
_TAIL = pattern(
    r"\n[ \t]{1,40}at [\w.$<]|\n[ \t]{0,40}Traceback |\n[ \t]{1,40}File \"|"
    r"['\"]?(?:,|[ \t]{0,40}\n)\s{1,40}(?:code|responseCode|command|errno|syscall): |"
    r"(?<!error)['\"]?[ \t]{1,40}(?:code|responseCode|errno|syscall): |['\"] Log data: |"
    r"\s\(in reply to | ?SMTP code: [45]\d\d|\n--|\nOriginal-|\nReporting-MTA|\nFinal-Recipient|\nRemote-MTA|\nLast-Attempt|\nArrival-Date",
)
# by the mark that opens a quotation, where it ends: before a separator, a bracket or the end of a line
_CLOSING = {
    opened: pattern(rf"{closed}(?=\s{{0,2}}(?:[,、;。)\]}}]|$|\n)|\.\s|\.$)", re.MULTILINE)
    for opened, closed in (("'", "'"), ('"', '"'), ("«", "»"), ("<", ">"))
}
# between the code and the words: `(code: 421, response: 4.7.0 Try again later)`
_NAMED_WORDS = pattern(
    r"[,;\n]\s{0,3}['\"]?(?:smtp_?)?(?:response|message|msg|text|reply|description|error)['\"]?\s?(?:[:=]|=>)\s?"
    r"b?['\"]?",
    _I,
)
# what clients write before each line of the server
_SERVER_MARK = pattern(r"[ \t]{0,8}(< S: |SERVER -> CLIENT: ?|<<? |<- |S: )[2-5]\d\d[ -]?", _I)
# a line of a transcript that is not the server's
_OTHER_SIDE = pattern(
    r"[ \t]{0,40}(?:\*{3}|> [CE]: |[-~=]{1,2}>|>{3}|C: |CLIENT|client:|send: |=== |\d{4}-\d\d-\d\d[ T]\d\d:)"
)


def up_to_the_cause(text: str) -> str:
    """The text without its end, where that holds no refusal but those that follow from one before.

    Who sends DATA after the only recipient was refused hears `503 Need RCPT`: not the reason.
    """
    if not any(code in text for code in ("500", "502", "503")):
        return text
    lines = [(int(hit[1]), hit.start(1)) for hit in _LINE.finditer(text) if int(hit[1]) not in _NOT_CODES]
    refused = [line for line in lines if line[0] >= 400]
    if not refused or refused[-1][0] not in _OUT_OF_STEP:
        return text
    reasons = [start for code, start in refused if code not in _OUT_OF_STEP]
    start = reasons[-1] if reasons else _introduced_reason(text, refused[-1][1])
    if start is None or any(code in _ANEW and at > start for code, at in lines):
        return text
    end = text.find("\n", start)
    return text[:end] if end >= 0 else text


def _introduced_reason(text: str, end: int) -> int | None:
    """Where the first refusal stands behind words of the client, that is not about the order of commands."""
    for hit in _INTRODUCED.finditer(text, 0, end):
        if int(hit[1]) not in _OUT_OF_STEP | _NOT_CODES and not _is_noise(text, hit.start(1)):
            return hit.start(1)
    return None


def reply_in(text: str) -> Reply | None:
    """The reply that decided, or None when the text holds none.

    Of a transcript that is the last refusal; of a bounce the diagnostic code; else the first reply.
    """
    if bare := _BARE.fullmatch(text):
        code = int(bare[1])
        return None if code in _NOT_CODES else Reply(code, ())
    found = _position(text)
    return _reply(text, *found) if found is not None else None


def _position(text: str) -> tuple[int, int] | None:
    """The code of the reply that decides, and where its words begin."""
    if "iagnostic-" in text and (bounced := _DIAGNOSTIC.search(text)):
        return int(bounced[1]), bounced.end()
    if spelled := _spelled_out(text):
        return spelled
    if line := _refusals(text):
        # its first line may stand behind words of the client: `ERROR 535-5.7.8 …`
        return _introduced(text[: line[1]], line[0]) or line
    for form in (_TUPLE, _RESPONSE_FIELD, _GOT):
        if hit := form.search(text):
            code = int(hit[form.groups])
            if code not in _NOT_CODES:
                return code, hit.end()
    if found := _introduced(text):
        return found
    if (field := _FIELD.search(text)) and int(field[1]) not in _NOT_CODES:
        return int(field[1]), field.end()
    if pair := _PAIR.search(text, 1):
        return int(pair[1] or pair[2]), pair.end()
    if device := _DEVICE.search(text):
        return int(device[1]), device.end()
    if trailing := _TRAILING.search(text):
        return int(trailing[1]), 0
    return None


def _spelled_out(text: str) -> tuple[int, int] | None:
    """The code of a client that gives it in words, and where the server's own words begin."""
    if "response" in text and "was:" in text and (hit := _DOTNET.search(text)):
        said = hit[1].lower()
        code = next((number for words, number in _DOTNET_CODES if words in said), None)
        return (code, hit.end()) if code else None
    if "SMTP code: " in text and (hit := _DETAIL.search(text)):
        return int(hit[1]), hit.end()
    if "category" in text and (hit := _LETTRE.search(text)):
        category, detail = hit[2].lower(), hit[3].lower()
        if category in _LETTRE_CATEGORIES and detail in _DIGITS:
            first = 4 if hit[1].lower() == "transient" else 5
            digits = _LETTRE_CATEGORIES.index(category), _DIGITS.index(detail)
            return first * 100 + digits[0] * 10 + digits[1], len(text)
    return None


def _introduced(text: str, wanted: int | None = None) -> tuple[int, int] | None:
    """The first reply behind a colon, a quotation mark, or a word such as `said`."""
    for hit in _INTRODUCED.finditer(text):
        code = int(hit[1])
        if code not in _NOT_CODES and not _is_noise(text, hit.start(1)) and wanted in {None, code}:
            return code, hit.end()
    return None


def _is_noise(text: str, start: int) -> bool:
    """Whether the number there is a line of a program, a port, a size or the like."""
    return bool(_NOISE.search(text, max(0, start - _NOISE_BEFORE), start))


def _refusals(text: str) -> tuple[int, int] | None:
    """Of the lines that begin like a reply, the first of the last refusal; a lone 2xx only for itself."""
    lines = [(int(hit[1]), hit.start(1) + 4) for hit in _LINE.finditer(text) if int(hit[1]) not in _NOT_CODES]
    refused = [line for line in lines if line[0] >= 400]
    if refused:
        last = refused[-1][0]
        start = len(refused) - 1
        while start > 0 and refused[start - 1][0] == last:
            start -= 1
        return refused[start]
    starts = text.lstrip()[:3]
    return lines[0] if lines and starts == str(lines[0][0]) else None


def closing_quote(text: str, start: int, opened: str) -> int | None:
    """Where a quotation that was opened with this mark ends: at one that no word follows; None if nowhere.

    An apostrophe inside the quotation (`that domain is't in my list`) has a word on its other side.
    """
    found = _CLOSING[opened].search(text, start)
    return found.start() if found else None


def _within_quotes(text: str, start: int) -> str:
    """The words from there on; only those up to the closing mark where one opens right before the code."""
    before = (text[start - 1 : start], text[start - 5 : start - 4] if start >= 5 else "")
    opened = next((mark for mark in before if mark in _CLOSING), None)
    return text[start : closing_quote(text, start, opened)] if opened else text[start:]


def _continues(text: str, code: int, start: int) -> Callable[[str], bool]:
    """Whether a line goes on with the reply whose words begin there: not the other side's, nor the client's own.

    Where a client marks each line of the server (`< S: 550 …`), one without the mark and the code is its own.
    """
    line = text[text.rfind("\n", 0, start) + 1 : start]
    if not (marked := _SERVER_MARK.fullmatch(line)):
        return lambda line: not _OTHER_SIDE.match(line)
    marks = (marked[1].strip(), str(code))
    first = text[start:].partition("\n")[0].strip()
    return lambda line: line == first or line.strip().startswith(marks)


def _reply(text: str, code: int, start: int) -> Reply:
    if named := _NAMED_WORDS.match(text, start):
        start = named.end()
    words = _within_quotes(text, start)
    if tail := _TAIL.search(words):
        words = words[: tail.start()]
    again = re.compile(rf"(?:^|(?<=\s))[ \t]{{0,8}}(?:[<>SC:*~-]{{1,4}} ?){{0,2}}{code}[ -]")
    said_lines = takewhile(_continues(text, code, start), words.strip().splitlines())
    lines = [again.sub("", line).strip(" \t'\"") for line in said_lines]
    kept = tuple(line.encode("utf-8", "surrogateescape") for line in lines if line)
    said = "\n".join(lines)
    return Reply(code, kept, enhanced_in(said))
