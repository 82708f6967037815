"""Reading a pasted error: any text of any client becomes a symptom.

Errors are recognised by number and name where the text has them (reply codes, errnos, OpenSSL's
reasons, HRESULTs); the sentences that clients write without a number are data (`sentences.yml`).
"""

from __future__ import annotations

import re
from dataclasses import replace

from exporter.charset import decoded
from exporter.diagnosis import errnos, openssl
from exporter.diagnosis.parsing.context import Context, context_in
from exporter.diagnosis.parsing.dialog import Dialog, dialog_in
from exporter.diagnosis.parsing.objects import object_as_text
from exporter.diagnosis.parsing.replies import reply_in, up_to_the_cause
from exporter.diagnosis.parsing.said import said_in
from exporter.diagnosis.parsing.sentences import Sentence, sentence_in
from exporter.diagnosis.parsing.transcript import ended_in_handshake, plain_transcript, up_to_the_refusal
from exporter.diagnosis.text import clip, enhanced_in, plain_marks, squash
from exporter.model import (
    ConnectFailure,
    DropKind,
    Dropped,
    Evidence,
    Garbled,
    NameFailure,
    NameFailureKind,
    Phase,
    Reply,
    Symptom,
    TimedOut,
    TlsFailure,
    Words,
)
from exporter.pattern import pattern

__all__ = ["parse", "symptom_of_bare_errno", "symptom_of_errno"]

_ANSI = pattern(r"\x1b\[[0-9;?]{0,20}[A-Za-z]")
_ESCAPED = pattern(r"\\r\\n|\\n|\\r|\r\n|\r")
# bytes as Python's repr and some loggers write them
_ESCAPED_BYTE = pattern(rb"\\{1,2}x([89a-f][0-9a-f])", re.IGNORECASE)
_FOREIGN = pattern(
    r"(\* (?:OK|PREAUTH|BYE)\b|\+OK\b|-ERR\b|SSH-\d\.\d|HTTP/\d|RFB \d|<!doctype html|<html)", re.IGNORECASE
)
_NUMBERED = pattern(
    r"(?:\[(?:Errno|WinError) |\bsocket error(?: code)?:? #?|\berrno[:=]? ?=? ?|\bWinsock error:? |\berror code:? |"
    r"\bconnect error |\(OS error |\berror #|\bSocketError:? |\bos error |\berror:? )(-?\d{1,5})\b",
    re.IGNORECASE,
)
# Swift Mailer: `… with host smtp.example.com [Connection refused #111]`
_BRACKETED = pattern(r"\bwith host [^\s\[\]]{0,255} ?\[[^\[\]\n]{0,200} #(\d{2,5})\]")
_PARENTHESISED = pattern(r"\((\d{2,5})\)")
_BARE_NUMBER = pattern(r"\s*(errno|error|winerror|socket error)?[ :=#]{0,2}(-?\d{1,5})\s*", re.IGNORECASE)
_NO_WORDS = frozenset(
    {"error", "err", "smtp", "code", "reply", "response", "status", "fehler", "erreur", "errore"}
)
_NO_COUNT_FROM = 50  # below, a number without a word is a count more often than an error
_SYMBOL = pattern(
    r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*\b|\b(?:Connection|Host|Network|Try)[A-Z][A-Za-z]{3,20}\b|"
    r"(?<=[:{,'\" ])e(?:conn|host|net|timed|addr|pipe)[a-z]{0,12}\b"  # Erlang and Elixir write them as atoms
)
_LOOKED_UP = pattern(r"\b(?:getaddrinfo|getnameinfo|query[A-Z][A-Za-z]{0,5}) (E[A-Z_]{3,20})\b")
_OUTLOOK_OWN = pattern(r"0x800421[0-9a-f]{2}", re.IGNORECASE)
# a time limit that a client tells of itself: `timeout=300, options=array ()`, `timeout 10000, socket factory null`
_LIMIT = pattern(r"\btimeout(?: ?= ?-?\d{1,9}\b| \d{1,9}(?=,))|; timeout -?\d{1,9}\b")
# what a client thinks may be the reason: MailKit's `for one or more of the following reasons: 1. …`
_PERHAPS = pattern(r"one or more of\s{1,4}the following reasons:(?:\s{1,8}\d[.)][^\n]{1,400})+")
_LINE_OF_SESSION = pattern(r"^[CS]: [^\n]*\n?", re.MULTILINE)
_WINSOCK_FROM = 10000
_UNTRUSTED = 20  # X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY


def parse(text: str, *, phase: Phase | None = None) -> Symptom:
    """The symptom that a pasted line or block describes.  Never raises.

    `phase` is what the caller knows; without it the text is asked.
    """
    clipped = clip(text)
    plain = object_as_text(clipped) or clipped
    if "\x1b" in plain:
        plain = _ANSI.sub("", plain)
    if "\\" in plain or "\r" in plain:
        plain = _ESCAPED.sub("\n", _unescaped(plain))
    plain = up_to_the_cause(plain_transcript(plain))
    context = context_in(plain)
    if (session := up_to_the_refusal(plain)) is not None:
        plain, phase_there = session
        context = replace(context, phase=phase_there or context.phase)
    elif "STARTTLS" in plain and ended_in_handshake(plain):
        context = replace(context, phase=Phase.TLS)
    if phase is not None:
        context = replace(context, phase=phase)
    dialog = dialog_in(marked := plain_marks(plain))
    if dialog is not None:
        plain = marked
        context = replace(
            context,
            host=dialog.host or context.host,
            port=dialog.port or context.port,
            tls_mode=dialog.tls_mode or context.tls_mode,
        )
    if (reply := reply_in(plain)) is not None:
        return _with_context(_phase_of_reply(reply, context, plain), reply, context)
    if dialog is not None:
        return _of_dialog(dialog, context)
    return _of_words(plain, context)


def _unescaped(plain: str) -> str:
    """The text with a byte's number behind a backslash and an `x` read as the byte that the server sent."""
    if "\\x" not in plain or not plain.isascii():
        return plain
    data = _ESCAPED_BYTE.sub(lambda byte: bytes.fromhex(byte[1].decode("ascii")), plain.encode("ascii"))
    return decoded(data)


def _of_dialog(dialog: Dialog, context: Context) -> Symptom:
    """The symptom of a client's dialog that quotes no reply with a code."""
    if dialog.socket_error is not None and (symbol := errnos.symbol_of(dialog.socket_error)):
        return symptom_of_errno(symbol, context)
    if dialog.code is not None:
        evidence = Reply(dialog.code, (said_in(dialog.prose).encode("utf-8", "surrogateescape"),))
        return _with_context(context.phase, evidence, context)
    return _of_words(dialog.prose, context)


def _of_words(plain: str, context: Context) -> Symptom:
    """The symptom of a text that holds no reply: what a client or a TLS library says itself."""
    if "following reasons" in plain:
        plain = _PERHAPS.sub(" ", plain)
    if said := said_in(plain_marks(plain)):
        return _with_context(context.phase or _phase_of_enhanced(enhanced_in(said)), Words(said), context)
    if foreign := _FOREIGN.search(plain):
        line = plain[foreign.start(1) :].splitlines()[0]
        return _with_context(
            context.phase or Phase.GREETING, Garbled(line.encode("utf-8", "surrogateescape")[:512]), context
        )
    if _OUTLOOK_OWN.search(plain):
        # the sentence before the number is one for several causes, in the language of Windows
        return _with_context(context.phase, Words(plain), context)
    squashed = squash(_LIMIT.sub(" ", plain) if "timeout" in plain else plain)
    for recognise in (_sure, _openssl, _errno, _fallback):
        if found := recognise(plain, squashed, context):
            return found
    if context.issuers:
        evidence = TlsFailure(reason="CERTIFICATE_VERIFY_FAILED", detail=plain)
        return _with_context(context.phase or Phase.TLS, evidence, context)
    bare = squashed.replace(" ", "").isdecimal()
    phase = context.phase if bare else context.phase or _phase_of_enhanced(enhanced_in(plain))
    return _with_context(phase, Words(plain), context)


def symptom_of_errno(symbol: str, context: Context) -> Symptom:
    """The symptom of an error symbol in a phase; a symbol that belongs to one phase names it."""
    name = errnos.canonical(symbol)
    phase = context.phase
    if kind := errnos.name_kind(name):
        return _with_context(Phase.DNS, NameFailure(kind), context)
    match name:
        case "ECONNRESET" | "EPIPE" | "ENOTCONN" | "ECONNABORTED":
            if phase is Phase.CONNECT:
                return _with_context(phase, ConnectFailure(name), context)
            how = DropKind.ABORTED if name == "ECONNABORTED" else DropKind.RESET
            return _with_context(phase, Dropped(how, errno=name), context)
        case "ETIMEDOUT" if phase is Phase.DNS:
            return _with_context(phase, NameFailure(NameFailureKind.TIMEOUT), context)
        case "ETIMEDOUT" if phase not in {None, Phase.CONNECT}:
            return _with_context(phase, TimedOut(limit=0.0), context)
        case _:
            return _with_context(Phase.CONNECT, ConnectFailure(name), context)


def symptom_of_bare_errno(symbol: str, context: Context) -> Symptom:
    """The symptom of an error symbol and nothing else: its phase is what the caller knows, or not known."""
    return replace(symptom_of_errno(symbol, context), phase=context.phase)


def _sure(plain: str, squashed: str, context: Context) -> Symptom | None:
    found = sentence_in(squashed, sure=True)
    return _of_sentence(found, plain, context) if found else None


def _fallback(plain: str, squashed: str, context: Context) -> Symptom | None:
    found = sentence_in(squashed, sure=False)
    return _of_sentence(found, plain, context) if found else None


def _of_sentence(sentence: Sentence, plain: str, context: Context) -> Symptom:
    evidence: Evidence = sentence.evidence
    phase = context.phase or sentence.phase
    if phase is None and sentence.phase_matters:
        return _with_context(None, Words(plain), context)
    match evidence:
        case Words():
            return _with_context(context.phase, Words(plain), context)
        case TlsFailure():
            # a library's sentence may carry OpenSSL's numbers too
            reason, alert = openssl.reason_in(plain)
            evidence = replace(
                evidence,
                reason=evidence.reason or reason,
                alert=evidence.alert if evidence.alert is not None else alert,
                verify_code=_verify_code(evidence.verify_code, plain),
                detail=plain,
            )
            phase = phase if phase in {Phase.STARTTLS, Phase.TLS} else Phase.TLS
        case ConnectFailure(errno=None) if phase is Phase.TLS:
            # `could not connect`, said after the server had agreed to STARTTLS
            evidence = TlsFailure(detail=plain)
        case ConnectFailure(errno=None) if phase in {Phase.EHLO, Phase.AUTH} and "\nS: 2" in f"\n{plain}":
            # `connect() failed`, said of a session in which the server had answered
            evidence = Words(_LINE_OF_SESSION.sub("", plain))
        case ConnectFailure(errno="ETIMEDOUT") if phase not in {None, Phase.CONNECT}:
            return symptom_of_errno("ETIMEDOUT", context)
        case TimedOut() if phase is Phase.CONNECT:
            evidence = ConnectFailure("ETIMEDOUT")
        case TimedOut() if phase is Phase.DNS:
            evidence = NameFailure(NameFailureKind.TIMEOUT)
        case NameFailure():
            phase = Phase.DNS
        case _:
            pass
    return _with_context(phase, evidence, context)


def _verify_code(said: int | None, plain: str) -> int | None:
    """OpenSSL's number or name; a sentence that says no more than `not trusted` gives way to both."""
    if number := openssl.verify_number_in(plain):
        return number
    return openssl.verify_error_in(plain) or said if said == _UNTRUSTED else said


def _openssl(plain: str, _squashed: str, context: Context) -> Symptom | None:
    verify_code = openssl.verify_error_in(plain)
    reason, alert = openssl.reason_in(plain)
    if verify_code is None and reason is None and alert is None:
        return None
    evidence = TlsFailure(reason=reason, alert=alert, verify_code=verify_code, detail=plain)
    return _with_context(context.phase or Phase.TLS, evidence, context)


def _errno(plain: str, squashed: str, context: Context) -> Symptom | None:
    if (looked_up := _LOOKED_UP.search(plain)) and (kind := _kind_of_lookup(looked_up[1])):
        return _with_context(Phase.DNS, NameFailure(kind), context)
    symbols = [word for word in _SYMBOL.findall(plain) if errnos.canonical(word) in errnos.SYMBOLS]
    if symbols:
        bare = plain.strip() == symbols[-1]
        return (symptom_of_bare_errno if bare else symptom_of_errno)(symbols[-1], context)
    if bare := _BARE_NUMBER.fullmatch(plain):
        number = int(bare[2])
        symbol = errnos.symbol_of(number) if bare[1] or abs(number) >= _NO_COUNT_FROM else None
        return symptom_of_bare_errno(symbol, context) if symbol else None
    for found in _NUMBERED.finditer(plain) if "err" in squashed else ():
        if symbol := errnos.symbol_of(int(found[1])):
            return symptom_of_errno(symbol, context)
    for found in _BRACKETED.finditer(plain) if " #" in plain else ():
        if symbol := errnos.symbol_of(int(found[1])):
            return symptom_of_errno(symbol, context)
    for found in _PARENTHESISED.finditer(plain):
        number = int(found[1])
        if (number >= _WINSOCK_FROM or "refused" in plain or "timed out" in plain) and (
            symbol := errnos.symbol_of(number)
        ):
            return symptom_of_errno(symbol, context)
    return None


def _kind_of_lookup(symbol: str) -> NameFailureKind | None:
    """What the error of a name look-up says: whatever is not about the name is no answer."""
    name = errnos.canonical(symbol)
    return errnos.name_kind(name) or (NameFailureKind.TIMEOUT if name != "ENOTIMP" else None)


def _phase_of_reply(reply: Reply, context: Context, plain: str) -> Phase | None:
    """The phase that the text names, else the one in which alone this code or enhanced code occurs."""
    if context.phase is not None:
        return context.phase
    if not reply.lines and _NO_WORDS.issuperset(set(squash(plain).split()) - {str(reply.code)}):
        return None
    if reply.code in {534, 535, 538}:
        return Phase.AUTH
    return _phase_of_enhanced(reply.enhanced)


def _phase_of_enhanced(enhanced: str | None) -> Phase | None:
    detail = enhanced[1:] if enhanced else ""
    if detail in {".1.1", ".1.3", ".1.10", ".1.6", ".1.2"}:
        return Phase.RCPT
    if detail in {".1.7", ".1.8", ".7.60"}:
        return Phase.MAIL
    if detail in {".7.8", ".7.139", ".7.14"}:
        return Phase.AUTH
    return None


def _with_context(phase: Phase | None, evidence: Evidence, context: Context) -> Symptom:
    return Symptom(
        phase=phase,
        evidence=evidence,
        host=context.host,
        port=context.port,
        tls_mode=context.tls_mode,
        mechanism=context.mechanism,
        issuers=context.issuers,
    )
