"""What the server said, where a client hands it on without a reply code: `The server responded: no relaying`."""

from __future__ import annotations

import re

_RESPONDED = re.compile(
    r"(?:\b(?:server|host|system|serv[ei]\w{2,4}|сервер\w{0,2})[^:\n]{0,40}\b(?:responded|replied|answered|said)"
    r"(?: with)?|\bserver(?:'s)? (?:response|reply|message|answer)|\bresponse from (?:the )?server|"
    r"\bserverantwort|\bantwort(?:ete)?(?: des servers)?|\ba r[ée]pondu|\br[ée]ponse du serveur|\brespondi[óo]|"
    r"\bha respondido|\brespuesta del servidor|\bha risposto|\brisposta (?:del )?server|\brespondeu|"
    r"\bresposta do servidor|\bantwoord(?:de)?(?: van (?:de )?server)?|\bsvarade|\bsvarte|\bsvarede|"
    r"\bodpowiedzia\w{1,2}|\bodpowied[zź] serwera|\bответил\w?|\bответ сервера|\bodpov[ěe]d[ěe]l|"  # noqa: RUF001
    r"サーバーの応答|サーバからの応答|响应|回應|返回)[ \t]{0,2}:[ \t]{0,2}[\"'«]?|"
    # exceptions whose message is the reply's text
    r"(?:SmtpCommandException|EIdSMTPReplyError)(?: with message)?[: ]{1,2}'?",
    re.IGNORECASE,
)
# one of these is in every text that has an announcement, and is found much faster
_STEMS = [
    "respon",
    "repl",
    "answer",
    "said",
    "antwo",
    "répon",
    "rispo",
    "svar",
    "odpow",
    "odpov",
    "ответ",
    "応答",
    "响应",
    "回應",
    "返回",
    "server message",
    "server's message",
    "smtpcommandexception",
    "eidsmtpreplyerror",
]
_WORDS = re.compile(r"(?!EOF\b|null\b|none\b|undefined\b)[^\W_][^\n]{3,}|<[^\n]{3,}", re.IGNORECASE)


def said_in(text: str) -> str:
    """The server's words behind the client's last announcement of them, or an empty string."""
    lowered = text.lower()
    if not any(stem in lowered for stem in _STEMS):
        return ""
    ends = [announced.end() for announced in _RESPONDED.finditer(text)]
    found = _WORDS.match(text, ends[-1]) if ends else None
    return found[0].strip(" '\"»") if found else ""
