"""What a pasted text says around the error: the phase, the host and port, the mechanism, the encryption."""

from __future__ import annotations

import re
from dataclasses import dataclass

from exporter.diagnosis.presets import preset_for, provider_of
from exporter.diagnosis.text import lowered
from exporter.model import Phase, TlsMode
from exporter.pattern import pattern

_I = re.IGNORECASE

# RFC 5321 verbs as clients, servers and their libraries name them
_VERBS: tuple[tuple[str, Phase], ...] = (
    ("rcpt", Phase.RCPT),
    ("mail", Phase.MAIL),
    ("auth", Phase.AUTH),
    ("starttls", Phase.STARTTLS),
    ("ehlo", Phase.EHLO),
    ("helo", Phase.EHLO),
    ("lhlo", Phase.EHLO),
    ("data", Phase.DATA),
    ("bdat", Phase.DATA),
    ("end of data", Phase.DATA),
    ("end-of-data", Phase.DATA),
    ("end of message", Phase.DATA),
    ("message content", Phase.DATA),
    ("message body", Phase.DATA),
    ("message", Phase.DATA),
    ("initial connection", Phase.GREETING),
    ("initial server greeting", Phase.GREETING),
    ("quit", Phase.QUIT),
)
_VERB = (
    r"(rcpt|mail from|mail|auth|starttls|ehlo|helo|lhlo|data|bdat|end[ -]of[ -](?:data|message)|message content|"
    r"message body|message|initial connection|initial server greeting|quit)\b"
)
# most explicit first, in small letters
_SAID = (
    pattern(rf"in reply to (?:the )?{_VERB}"),
    pattern(
        rf"(?:after|in response to|response (?:to|for)|while sending|while receiving(?: the)?|while performing the|"
        rf"waiting for|at stage|during|rejected at|error on|failed on) (?:pipelined )?(?:the )?(?:smtp )?{_VERB}"
    ),
    pattern(rf"\b(?:command|verb|cmd|stage|phase)[\"']?\s?[:=]\s?[\"']?{_VERB}"),
    pattern(
        r"\b(rcpt|mail from|mail|auth|starttls|ehlo|helo|lhlo|data|bdat)(?: from| to)?:? (?:(?:command|request)s? )?(?:was |were )?"
        r"(?:failed|rejected|refused|not accepted|error|unsuccessful)"
    ),
    pattern(rf"\b{_VERB}: got \d"),
    pattern(rf"\bcommand {_VERB}[^\n:]{{0,80}}: "),
    pattern(rf"\bcommand (?:unknown|unrecognized|not recognized|not implemented): ?['\"]?{_VERB}"),
    pattern(rf"\b(?:failed|unable) to (?:issue|send|execute) (?:the )?(?:smtp )?{_VERB} command"),
    pattern(rf"\breject: {_VERB} from \S"),  # Postfix's smtpd and cleanup
)
_SENT = pattern(rf"^C: {_VERB}", _I | re.MULTILINE)

# exceptions and codes that name the phase, in small letters; what stands alone, then what takes a pattern
_NAMES: tuple[tuple[Phase, tuple[str, ...], re.Pattern[str] | None], ...] = (
    (
        Phase.GREETING,
        (
            "refused to talk to me",
            "invalid greeting",
            "bad greeting",
            "incorrect greeting",
            "smtpconnecterror",
            "smtpconnectresponse",
            "but greeting failed",
        ),
        pattern(r"could not connect to smtp host[^\n]{0,120}response: \d"),  # JavaMail, of the greeting
    ),
    (Phase.EHLO, ("smtpheloerror", "but my name was rejected"), None),
    (
        Phase.AUTH,
        (
            "authenticationfailed",
            "authenticationexception",
            "invalid login",
            "could not authenticate",
            "failed to authenticate",
            "unable to authenticate",
            "authentication failed",
            "authentication failure",
            "authentication unsuccessful",
            "authenticator failed",
            "login denied",
            "username command failed",
            "password command failed",
            "rejected the password",
            "rejected your password",
            "rejected your login",
            "login to server",
        ),
        pattern(r"auth(?:entication)?error\b|\beauth\b|\bauth_failed\b"),
    ),
    (
        Phase.MAIL,
        (
            "smtpsenderrefused",
            "senderrefused",
            "sender refused",
            "sender address was rejected",
            "but sender was rejected",
        ),
        pattern(r"sender address \S{1,100} was rejected"),
    ),
    (
        Phase.RCPT,
        (
            "smtprecipientsrefused",
            "recipientrefused",
            "smtpaddressfailed",
            "smtpfailedrecipient",
            "rejected one of the recipients",
            "does not like recipient",
        ),
        pattern(r"recipients? (?:address \S{1,100} )?(?:were |was )?(?:refused|rejected)"),
    ),
    (
        Phase.DATA,
        (
            "smtpdataerror",
            "data not accepted",
            "message failed:",
            "failed after i sent the message",
            "daten wurden nicht akzeptiert",
            "données incorrectes",
            "datos no aceptados",
            "dati non accettati",
            "dados não aceites",
            "data niet geaccepteerd",
        ),
        pattern(r"\bemessage\b"),
    ),
    (
        Phase.STARTTLS,
        ("starttls failed", "starttls command failed", "starttls upgrade", "not support starttls"),
        None,
    ),
)
# the functions of mail libraries in a stack trace; what waits for a reply inside `connect` waits for the greeting
_FRAMES = pattern(
    r"smtplib\.py\", line \d+, in (\w+)|\bSMTPTransport(?:\$\w+)?\.(\w+)\(|\bMail\.(\w+)Command\.|"
    r"\bSmtpClient\.(?:On)?([A-Z][a-z]+)|\bnet/smtp\.rb:\d+:in [`'](?:block in )?(?:Net::SMTP#)?(\w+)"
)
_LIBRARIES = ("smtplib.py", "SMTPTransport", "Command.", "SmtpClient.", "net/smtp.rb")
_FUNCTIONS = {
    "connect": Phase.GREETING,
    "openserver": Phase.GREETING,
    "do_start": Phase.GREETING,
    "ehlo": Phase.EHLO,
    "helo": Phase.EHLO,
    "ehello": Phase.EHLO,
    "starttls": Phase.STARTTLS,
    "login": Phase.AUTH,
    "auth": Phase.AUTH,
    "authenticate": Phase.AUTH,
    "check_auth_response": Phase.AUTH,
    "mail": Phase.MAIL,
    "mailfrom": Phase.MAIL,
    "sender": Phase.MAIL,
    "rcpt": Phase.RCPT,
    "rcptto": Phase.RCPT,
    "recipient": Phase.RCPT,
    "data": Phase.DATA,
    "finishdata": Phase.DATA,
    "datastop": Phase.DATA,
    "quit": Phase.QUIT,
}
_OUTLOOK_PHASES = {
    "0x800ccc78": Phase.MAIL,
    "0x800ccc7a": Phase.MAIL,
    "0x800ccc79": Phase.RCPT,
    "0x800ccc7b": Phase.RCPT,
    "0x800ccc18": Phase.AUTH,
    "0x800ccc7d": Phase.STARTTLS,
    "0x800ccc7f": Phase.STARTTLS,
    "0x800ccc0d": Phase.DNS,
    "0x800ccc0e": Phase.CONNECT,
    "0x800ccc15": Phase.CONNECT,
}
_HRESULT = pattern(r"0x800ccc[0-9a-f]{2}", _I)
_OUTLOOK_SERVER = pattern(
    r"\b(?:Server|Account|SMTP server)\s?:\s?['\"]([A-Za-z0-9][A-Za-z0-9.-]{1,252})['\"]", _I
)
_OUTLOOK_PORT = pattern(r"\bPort['\"]?\s?[:=]\s?(\d{1,5})\b", _I)

_NAME = r"([A-Za-z0-9](?:[A-Za-z0-9-]{0,62}\.){1,8}[A-Za-z][A-Za-z0-9-]{1,62}|localhost|(?:\d{1,3}\.){3}\d{1,3}|\[[0-9A-Fa-f:]{2,45}\])"
_HOST_PORT = pattern(
    rf"(?<![@\w.<-]){_NAME}(?:\[[0-9A-Fa-f.:]{{3,45}}\])?[\"']?(?::|, ?(?:port:? )?| on port | port )(\d{{2,5}})(?![\d.]|:\d)",
    _I,
)
PROGRAM_FILES = r"cs?|cpp|erl|exs?|go|h|java|jl|jsx?|kt|lua|mjs|php|psm?1|rb|scala|swift|tsx?|vbs?"
"""How files of programs end, in a pattern, where no name of a host ends like that."""
_SOURCE = pattern(rf"\.(?:{PROGRAM_FILES})$", _I)
# these end like the names of some countries too
_SOURCE_OR_COUNTRY = pattern(r"\.(?:cc|pl|pm|py|rs|sh)$", _I)
_MAIL_PORTS = frozenset({25, 465, 587, 1025, 2465, 2525, 2587})
_HOST_WORD = pattern(
    rf"(?:smtp server|server|host|hostname|lookup|relay|addrinfo|enotfound|eai_again|unknownhostexception:?|getaddrinfo for|name=|"
    rf"connect to|connecting to|could not resolve|resolve host:?|helo from)[ :=\"'(]{{0,4}}(?:smtp://|ssl://|tls://)?{_NAME.lower()}",
)
# Go and PHP connect to this machine where the name is empty: `dial tcp :587`, `Unable to connect to :587`
_NO_HOST = pattern(r"\b(?:dial tcp|connect to) :(\d{2,5})\b")
_PLAIN_NAME = pattern(r"(?<![a-z0-9.-])[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){2,5}(?![a-z0-9-])")
_SUBJECT = pattern(r"subject[^\n]{0,20}?\bCN ?= ?([A-Za-z0-9*][A-Za-z0-9.*-]{1,252})", _I)
_SCHEME = pattern(r"\b(ssl|smtps|tls)://", _I)
_MECHANISM = pattern(
    r"\b(?:AUTH|mechanism|method|SASL)[ :=\"'(]{1,3}(PLAIN|LOGIN|CRAM-MD5|DIGEST-MD5|SCRAM-SHA-(?:1|256)|XOAUTH2|OAUTHBEARER|NTLM|GSSAPI|EXTERNAL)\b",
    _I,
)
_OAUTH = pattern(r"\b(XOAUTH2|OAUTHBEARER)\b", _I)
_ISSUER = pattern(r"\bissuer\s?[:=]\s?([^\n]{3,300})", _I)
_TLS_CHAIN = pattern(r"^[ \t]{0,8}\d{1,2} s:.{1,300}\n[ \t]{0,8}i:(.{1,300})$", re.MULTILINE)
_ADDRESS = pattern(r"(?:\d{1,3}\.){3}\d{1,3}|\[[0-9A-Fa-f:]+\]")


@dataclass(frozen=True, slots=True)
class Context:
    """What stands around an error; None and empty for what is not said."""

    phase: Phase | None = None
    host: str | None = None
    port: int | None = None
    tls_mode: TlsMode | None = None
    mechanism: str | None = None
    issuers: tuple[str, ...] = ()


def context_in(text: str) -> Context:
    """Everything around the error that the text names."""
    host, port = _host_and_port(text)
    mechanism = _MECHANISM.search(text) or _OAUTH.search(text)
    issuers = (
        (_TLS_CHAIN.findall(text) or _ISSUER.findall(text)) if "i:" in text or "ssuer" in text.lower() else []
    )
    return Context(
        phase=phase_in(text),
        host=host,
        port=port,
        tls_mode=_tls_mode(text),
        mechanism=mechanism[1].upper() if mechanism else None,
        issuers=tuple(found.strip() for found in issuers[:5]),
    )


def phase_in(text: str) -> Phase | None:
    """The phase that a text names, by a command, an exception, or an Outlook code."""
    small = lowered(text)
    for form in _SAID:
        for found in form.finditer(small):
            # `mail` in small letters is the thing, not the command
            if found[1] != "mail" or text.startswith("MAIL", found.start(1)):
                return _phase_of(found[1])
    if sent := _SENT.findall(text):
        # a transcript: the last command before the end, QUIT aside, is the one that failed
        commands = [phase for verb in sent if (phase := _phase_of(verb)) is not Phase.QUIT]
        if commands:
            return commands[-1]
    for phase, names, shape in _NAMES:
        for name in names:
            if name in small:
                return phase
        if shape is not None and shape.search(small):
            return phase
    if frames := _framed(text):
        return frames
    if code := _HRESULT.search(text):
        return _OUTLOOK_PHASES.get(code[0].lower())
    return None


def _framed(text: str) -> Phase | None:
    """The phase whose function stands nearest to where the client waited for a reply, in a stack trace."""
    if not any(library in text for library in _LIBRARIES):
        return None
    names = [next(filter(None, found)).lower() for found in _FRAMES.findall(text)]
    phases = [phase for name in names if (phase := _FUNCTIONS.get(name)) is not None]
    if not phases:
        return None
    # Python's traces end with the innermost call, those of the others begin with it
    nearest = phases[-1] if "smtplib.py" in text else phases[0]
    waited = "getreply" in names or "recv_response" in names
    return nearest if waited or nearest is not Phase.GREETING else None


def _phase_of(verb: str) -> Phase | None:
    plain = verb.lower().replace("-", " ")
    return next((phase for name, phase in _VERBS if plain.startswith(name)), None)


def _host_and_port(text: str) -> tuple[str | None, int | None]:
    small = lowered(text)
    port_named = _OUTLOOK_PORT.search(text)
    port = _port(port_named[1]) if port_named else None
    if outlook := _OUTLOOK_SERVER.search(text):
        return outlook[1], port
    if port is None and (unnamed := _NO_HOST.search(small)):
        return "localhost", _port(unnamed[1])
    pair = next((found for found in _HOST_PORT.finditer(text) if not _is_source_line(found)), None)
    if pair is not None:
        number = _port(pair[2])
        if number is not None:
            named = _HOST_WORD.search(small)
            # `lookup smtp.example.com on 127.0.0.53:53` names the resolver as well
            if named and _ADDRESS.fullmatch(pair[1]) and not _ADDRESS.fullmatch(named[1]):
                return named[1].strip("[]"), port if number == 53 else number
            return pair[1].strip("[]"), number
    if named := _HOST_WORD.search(small):
        return named[1].strip("[]"), port
    if (subject := _SUBJECT.search(text)) and provider_of(subject[1].removeprefix("*.")):
        return subject[1].removeprefix("*."), port
    names = _PLAIN_NAME.findall(text.lower())
    return next((name for name in names[:50] if preset_for(name)), None), port


def _is_source_line(found: re.Match[str]) -> bool:
    """Whether that is a place in a program, a file or a module and the line: `notify.go:332`, `{cps.worker:531}`."""
    if _SOURCE.search(found[1]):
        return True
    braces = found.string[found.start() - 1 : found.start()] + found.string[found.end() : found.end() + 1]
    return int(found[2]) not in _MAIL_PORTS and (braces == "{}" or bool(_SOURCE_OR_COUNTRY.search(found[1])))


def _port(digits: str) -> int | None:
    number = int(digits)
    return number if 0 < number < 65536 else None


def _tls_mode(text: str) -> TlsMode | None:
    if scheme := _SCHEME.search(text):
        # Symfony and PHP write tls:// for STARTTLS in older versions
        return TlsMode.IMPLICIT if scheme[1].lower() != "tls" else None
    return None
