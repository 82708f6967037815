"""What the server said, where a client hands it on without a reply code: `The server responded: no relaying`."""

from __future__ import annotations

import re

from exporter.diagnosis.text import lowered
from exporter.pattern import pattern

# by what every text with an announcement of that kind holds, which is found much faster
_BEFORE_A_COLON = tuple(
    (stem, pattern(rf"(?:{words})[ \t]{{0,2}}:[ \t]{{0,2}}[\"'«]?"))
    for stem, words in (
        ("respond", r"\b(?:server|host|system|servi\w{2,4})[^:\n]{0,40}\bresponded(?: with)?|\brespondi[óo]"),
        ("respondi", r"\bha respondido"),
        ("respondeu", r"\brespondeu"),
        ("replied", r"\b(?:server|host|system)[^:\n]{0,40}\breplied(?: with)?"),
        ("answered", r"\b(?:server|host|system)[^:\n]{0,40}\banswered(?: with)?"),
        ("said", r"\b(?:server|host|system)[^:\n]{0,40}\bsaid"),
        ("response", r"\bserver(?:'s)? response|\bresponse from (?:the )?server|\bgot wrong response"),
        ("server", r"\bserver(?:'s)? (?:reply|message|answer)"),
        ("antwort", r"\bserverantwort|\bantwort(?:ete)?(?: des servers)?"),
        ("antwoord", r"\bantwoord(?:de)?(?: van (?:de )?server)?"),
        ("pon", r"\ba r[ée]pondu|\br[ée]ponse du serveur"),
        ("respuesta", r"\brespuesta del servidor"),
        ("resposta", r"\bresposta do servidor"),
        ("risposto", r"\bha risposto"),
        ("risposta", r"\brisposta (?:del )?server"),
        ("svar", r"\bsvar(?:ade|te|ede)"),
        ("odpowied", r"\bodpowiedzia\w{1,2}|\bodpowied[zź] serwera"),
        ("odpov", r"\bodpov[ěe]d[ěe]l"),
        ("ответ", r"\bответил\w?|\bответ сервера"),  # noqa: RUF001
        ("応答", "サーバーの応答|サーバからの応答|サーバーが応答しました"),
        ("响应", "响应"),
        ("回應", "回應"),
        ("返回", "返回"),
    )
)
_ANNOUNCEMENTS = (
    *_BEFORE_A_COLON,
    # exceptions whose message is the reply's text
    ("smtpcommandexception", pattern(r"smtpcommandexception: ?'?")),
    ("eidsmtpreplyerror", pattern(r"eidsmtpreplyerror(?: with message)?[: ]{1,2}'?")),
)
# `no response from server: …` is the client's own sentence
_NONE_CAME = pattern(
    r"\b(?:no|not|invalid|bad|unexpected|malformed|unknown|empty|missing|for|without|parse|parsing|reading) (?:the |a )?$"
)
_WORDS = pattern(r"(?!EOF\b|null\b|none\b|undefined\b)[^\W_][^\n]{3,}|<[^\n]{3,}", re.IGNORECASE)


def said_in(text: str) -> str:
    """The server's words behind the client's last announcement of them, or an empty string."""
    small = lowered(text)
    ends = [
        announced.end()
        for stem, form in _ANNOUNCEMENTS
        if stem in small
        for announced in form.finditer(small)
        if not _NONE_CAME.search(small, max(0, announced.start() - 24), announced.start())
    ]
    found = _WORDS.match(text, max(ends)) if ends else None
    return found[0].strip(" '\"»") if found else ""
