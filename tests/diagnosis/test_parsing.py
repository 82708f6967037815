"""Pasted errors: from any client's words to a symptom."""

from __future__ import annotations

import pytest

from exporter.diagnosis import diagnose, parse
from exporter.model import (
    Confidence,
    ConnectFailure,
    DropKind,
    Dropped,
    ErrorClass,
    FaultDomain,
    Garbled,
    NameFailure,
    NameFailureKind,
    NotOffered,
    Phase,
    Reply,
    TimedOut,
    TlsFailure,
    TlsMode,
    Words,
)
from tests.diagnosis.rows import rows


def test_lines_of_many_clients_are_understood():
    """Python, Node, Go, Java, PHP, .NET, Ruby, Rust, curl, Postfix, Exim, Outlook, Thunderbird, a bounce."""
    pasted = rows("pasted.jsonl")
    assert len(pasted) > 100
    wrong = [
        (row["text"][:80], row["error_class"], found.error_class.value)
        for row in pasted
        if (found := diagnose(parse(row["text"]))).error_class != row["error_class"]
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("text", "phase", "code", "enhanced"),
    [
        ("535 5.7.8 Authentication failed", Phase.AUTH, 535, "5.7.8"),
        ("535-5.7.8 Username and Password not accepted.\n535 5.7.8  https://x", Phase.AUTH, 535, "5.7.8"),
        ("smtplib.SMTPDataError: (554, b'5.7.1 Spam')", Phase.DATA, 554, "5.7.1"),
        (
            "SMTP error from remote mail server after RCPT TO:<x@example.com>: 550 5.1.1 User unknown",
            Phase.RCPT,
            550,
            "5.1.1",
        ),
        ("host mx[192.0.2.1] said: 454 4.7.1 no (in reply to end of DATA command)", Phase.DATA, 454, "4.7.1"),
        ("mx[192.0.2.1] refused to talk to me: 554 no", Phase.GREETING, 554, None),
        ("553 bad sender (#5.7.1)", None, 553, "5.7.1"),
        ("550 5.1.1 unknown", Phase.RCPT, 550, "5.1.1"),
        ("mx.example.cc:550 user unknown", None, 550, None),
        ("501 5.1.7 bad", Phase.MAIL, 501, "5.1.7"),
        ("C: AUTH PLAIN x\nS: 454 later\nC: QUIT\nS: 221 bye", Phase.AUTH, 454, None),
        ("> C: send smtp command, AUTH LOGIN\n< S: 535 no\n> E: set failed", Phase.AUTH, 535, None),
        ("NOQUEUE: reject: RCPT from x[192.0.2.1]: 550 5.1.1 no", Phase.RCPT, 550, "5.1.1"),
        ("milter-reject: END-OF-MESSAGE from x[192.0.2.1]: 451 4.7.1 no", Phase.DATA, 451, "4.7.1"),
        ("failed to issue MAIL command: 555 5.5.2 no", Phase.MAIL, 555, "5.5.2"),
        ("STARTTLS: got 502, expected 220, permanent: 502 5.5.1 no", Phase.STARTTLS, 502, "5.5.1"),
        ("Error SMTP: [550] no such box", None, 550, None),
        ("[AuthError: Invalid login - 502 unimplemented (#5.5.1)]", Phase.AUTH, 502, "5.5.1"),
        ("Max attempts exceeded - 535 5.7.3 no", Phase.AUTH, 535, "5.7.3"),
        ("Mail command failed: 250 OK", None, 250, None),
        ('Expected response code "250" but got code "550", with message "550 5.7.1 no"', None, 550, "5.7.1"),
        ("{'responseCode': 421, 'command': 'RCPT TO'}", Phase.RCPT, 421, None),
        ("Diagnostic-Code: smtp; 552 5.2.2 mailbox full", None, 552, "5.2.2"),
        ("535", None, 535, None),
        ("250 hello", None, 250, None),
    ],
)
def test_the_reply_and_its_phase_are_found(text, phase, code, enhanced):
    """Wherever a reply stands, its code, enhanced code and phase are read."""
    symptom = parse(text)
    assert isinstance(symptom.evidence, Reply)
    assert (symptom.phase, symptom.evidence.code, symptom.evidence.enhanced) == (phase, code, enhanced)


@pytest.mark.parametrize(
    "text",
    [
        "port 587 is closed",
        "smtp.example.com:465",
        "587",
        "HTTP/1.1 503 no",
        "line 550, in send",
        "took 500 ms",
        "443",
        "at com.sun.mail.smtp.SMTPTransport.protocolConnect(SMTPTransport.java:534)",
        "postfix/smtp[450]: connect to mail.example.com",
        "mailer.lua:451 gave up",
        "mailer.py:451 gave up",
        "Account.php(521): SmtpClient->Login()",
    ],
)
def test_ports_and_other_numbers_are_not_replies(text):
    """A number in the range of reply codes is not a reply by itself."""
    assert not isinstance(parse(text).evidence, Reply)


@pytest.mark.parametrize(
    ("text", "evidence"),
    [
        ("ECONNREFUSED", ConnectFailure("ECONNREFUSED")),
        ("10060", ConnectFailure("ETIMEDOUT")),
        ("[Errno 61] Verbindung abgelehnt", ConnectFailure("ECONNREFUSED")),
        ("WSAEHOSTUNREACH", ConnectFailure("EHOSTUNREACH")),
        ("SocketException: ConnectionRefused", ConnectFailure("ECONNREFUSED")),
        ("(os error 113)", ConnectFailure("EHOSTUNREACH")),
        ("errno: -4078", ConnectFailure("ECONNREFUSED")),
        ("EAI_AGAIN", NameFailure(NameFailureKind.TIMEOUT)),
        ("getaddrinfo ENOTFOUND smtp.example.com", NameFailure(NameFailureKind.NOT_FOUND)),
        ("11004", NameFailure(NameFailureKind.NO_DATA)),
        ("read ECONNRESET", Dropped(DropKind.RESET, errno="ECONNRESET")),
        ("write EPIPE", Dropped(DropKind.RESET, errno="EPIPE")),
        ("ECONNABORTED", Dropped(DropKind.ABORTED, errno="ECONNABORTED")),
        ("socket.timeout: timed out", TimedOut(0.0)),
        ("No suitable authentication method found.", NotOffered("AUTH *")),
        ("STARTTLS is required but host does not support STARTTLS", NotOffered("STARTTLS")),
        ("+OK POP3 ready", Garbled(b"+OK POP3 ready")),
        ("gibberish", Words("gibberish")),
        ("99999", Words("99999")),
    ],
)
def test_errors_are_read_by_number_and_name(text, evidence):
    """Numbers and symbols of every platform become the same evidence."""
    assert parse(text).evidence == evidence


@pytest.mark.parametrize(
    ("text", "reason", "alert", "verify_code"),
    [
        (
            "error:1408F10B:SSL routines:ssl3_get_record:wrong version number",
            "WRONG_VERSION_NUMBER",
            None,
            None,
        ),
        ("error:0A00010B:SSL routines::x", "WRONG_VERSION_NUMBER", None, None),
        ("error:14094410:SSL routines:x:sslv3 alert handshake failure", None, 40, None),
        ("ERR_SSL_DH_KEY_TOO_SMALL", "DH_KEY_TOO_SMALL", None, None),
        ("SSL alert number 70", None, 70, None),
        ("verify error:num=21:unable to verify the first certificate", None, None, 21),
        ("DEPTH_ZERO_SELF_SIGNED_CERT", None, None, 18),
        (
            "x509: certificate has expired or is not yet valid: current time 1970 is before 2024",
            None,
            None,
            9,
        ),
        ("issuer: CN=Avast Web/Mail Shield Root", "CERTIFICATE_VERIFY_FAILED", None, None),
        ("In state hello received SERVER ALERT: Fatal - Protocol Version", None, 70, None),
        ("generated CLIENT ALERT: Fatal - Bad Certificate", "CERTIFICATE_VERIFY_FAILED", None, None),
        ("generated CLIENT ALERT: Fatal - Protocol Version", "UNSUPPORTED_PROTOCOL", None, None),
        ("Fatal - Unexpected Message - {:unsupported_record_type, 50}", "WRONG_VERSION_NUMBER", None, None),
    ],
)
def test_tls_errors_are_read_by_number_and_name(text, reason, alert, verify_code):
    """OpenSSL's numbers, its names and those of other libraries become the same evidence."""
    failure = parse(text).evidence
    assert isinstance(failure, TlsFailure)
    assert (failure.reason, failure.alert, failure.verify_code) == (reason, alert, verify_code)


def test_an_outlook_dialog_is_read_whole():
    """Server, port, encryption and socket error of Outlook's dialog are all used."""
    symptom = parse(
        "Account: 'x', Server: 'smtp.example.com', Protocol: SMTP, Port: 465, Secure(SSL): Yes, "
        "Socket Error: 10061, Error Number: 0x800CCC0E"
    )
    assert (symptom.host, symptom.port, symptom.tls_mode) == ("smtp.example.com", 465, TlsMode.IMPLICIT)
    assert symptom.evidence == ConnectFailure("ECONNREFUSED")
    plain = parse(
        "Server: 'mail.example.com', Protocol: SMTP, Port: 25, Secure(SSL): No, Error Number: 0x800CCC19"
    )
    assert plain.tls_mode is TlsMode.NONE
    assert diagnose(plain).confidence is Confidence.GUESS
    assert diagnose(plain).outlook_code == "0x800CCC19"


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("connect ECONNREFUSED 192.0.2.1:587", "192.0.2.1", 587),
        ("connect to mail.example.com[192.0.2.1]:25: Connection timed out", "mail.example.com", 25),
        ("Couldn't connect to host, port: smtp.example.com, 587; timeout 5000", "smtp.example.com", 587),
        ("Timed out connecting to smtp.example.com on port 465", "smtp.example.com", 465),
        ("lookup smtp.example.org on 127.0.0.53:53: no such host", "smtp.example.org", None),
        ("dial tcp [2001:db8::1]:587: connect: connection refused", "2001:db8::1", 587),
        ("Could not resolve host: smtp.example.com", "smtp.example.com", None),
        ("certificate with subject CN=outlook.com, O=Microsoft", "outlook.com", None),
        ("something about smtp.gmail.com here", "smtp.gmail.com", None),
        ("mail.example.com:99999 refused", None, None),
        ('caller=notify.go:332 err="dial smtp.example.com:587"', "smtp.example.com", 587),
        ("at SMTPTransport.startTLS(SMTPTransport.java:1652)", None, None),
        ("{cps.worker:531} Error sending email", None, None),
        ("relay.rs:214 gave up", None, None),
        ("mail.example.rs:587 gave up", "mail.example.rs", 587),
        ("nothing here", None, None),
    ],
)
def test_host_and_port_are_found(text, host, port):
    """The server that a text speaks of is found, the resolver's address aside."""
    symptom = parse(text)
    assert (symptom.host, symptom.port) == (host, port)


def test_the_mechanism_and_scheme_are_found():
    """What was tried is read from the text around the error."""
    assert parse("AUTH XOAUTH2 failed: 535 5.7.8 no").mechanism == "XOAUTH2"
    assert parse("msmtp: authentication failed (method CRAM-MD5)").mechanism == "CRAM-MD5"
    assert parse('host "ssl://smtp.example.com:587": wrong version number').tls_mode is TlsMode.IMPLICIT
    assert parse('host "tls://smtp.example.com:587": refused').tls_mode is None


def test_a_given_phase_goes_before_the_text():
    """What the caller knows is not guessed again."""
    assert parse("Connection unexpectedly closed", phase=Phase.GREETING).phase is Phase.GREETING
    assert parse("timed out", phase=Phase.CONNECT).evidence == ConnectFailure("ETIMEDOUT")
    assert parse("timed out", phase=Phase.DNS).evidence == NameFailure(NameFailureKind.TIMEOUT)
    assert parse("ETIMEDOUT", phase=Phase.DNS).evidence == NameFailure(NameFailureKind.TIMEOUT)
    assert parse("ETIMEDOUT", phase=Phase.DATA).evidence == TimedOut(0.0)
    assert parse("connection timed out", phase=Phase.DATA).evidence == TimedOut(0.0)
    assert parse("ECONNRESET", phase=Phase.CONNECT).evidence == ConnectFailure("ECONNRESET")


def test_escape_sequences_and_line_ends_of_logs_are_undone():
    """Colours and escaped newlines of a log do not hide the reply."""
    symptom = parse("\x1b[31mERROR\x1b[0m 535-5.7.8 no\\r\\n535 5.7.8 really no")
    assert isinstance(symptom.evidence, Reply)
    assert symptom.evidence.lines == (b"5.7.8 no", b"5.7.8 really no")


def test_escaped_bytes_are_read_in_the_servers_character_set():
    """Python shows a Chinese server's words as numbers of bytes; the answer shows the words."""
    symptom = parse(r"(535, b'Error: \xc7\xeb\xca\xb9\xd3\xc3\xca\xda\xc8\xa8\xc2\xeb\xb5\xc7\xc2\xbc')")
    assert isinstance(symptom.evidence, Reply)
    assert symptom.evidence.text == "Error: 请使用授权码登录"
    assert diagnose(symptom).error_class is ErrorClass.APP_PASSWORD_REQUIRED


def test_lines_that_a_client_does_not_mark_as_the_servers_are_its_own():
    """A client that marks each line of the server says what it makes of the reply in lines without the mark."""
    dialog = "< S: 550-5.7.1 first\n< S: 550 5.7.1 second\nError, set recipient failed\n> E: closing"
    evidence = parse(dialog).evidence
    assert isinstance(evidence, Reply)
    assert evidence.lines == (b"5.7.1 first", b"5.7.1 second")
    unmarked = parse("SERVER -> CLIENT: 550-first\n550 second\nSMTP Error: data not accepted.").evidence
    assert isinstance(unmarked, Reply)
    assert unmarked.lines == (b"first", b"second")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("530 5.5.1 Invalid command: Must issue a STARTTLS command first", None),
        ("{ response: '535 no', command: 'AUTH PLAIN' }", "no"),
        ('with message "530 no " Log data: ++ Starting Swift_SmtpTransport << 235 Granted', "no"),
    ],
)
def test_the_servers_words_end_where_the_clients_begin(text, said):
    """A colon behind `command` is the client's only where its own members begin."""
    evidence = parse(text).evidence
    assert isinstance(evidence, Reply)
    assert evidence.text == (said or "5.5.1 Invalid command: Must issue a STARTTLS command first")


@pytest.mark.parametrize(
    "text",
    [
        "451 4.7.1 Try again later",
        "451 4.3.0 Temporary failure, please try again later.",
        "450 4.3.2 Please wait to send more emails",
        "550 Ip frequency limited.",
        "421 4.4.1 Upstream server temporarily unreachable",
    ],
)
def test_a_reply_that_nobody_says_was_to_the_login_is_not_about_it(text):
    """`Later` and `too often` are said to any command: without a phase they are no fault of the credentials."""
    found = diagnose(parse(text))
    assert found.error_class not in {ErrorClass.AUTH_TEMPORARY_FAILURE, ErrorClass.AUTH_RATE_LIMITED}
    assert diagnose(parse(text, phase=Phase.AUTH)).error_class in {
        ErrorClass.AUTH_TEMPORARY_FAILURE,
        ErrorClass.AUTH_RATE_LIMITED,
    }


def test_a_ruby_trace_that_waits_inside_start_waits_for_the_greeting():
    """`Net::SMTP#do_start` reads the greeting itself; what stands in `tcp_socket` has not connected."""
    waiting = "net/smtp.rb:955:in `recv_response'\nnet/smtp.rb:556:in `block in do_start'\nNet::ReadTimeout"
    assert diagnose(parse(waiting)).error_class is ErrorClass.GREETING_TIMEOUT
    opening = "execution expired\n from net/smtp.rb:539:in `tcp_socket'\n from net/smtp.rb:548:in `do_start'"
    assert diagnose(parse(opening)).error_class is ErrorClass.CONNECT_TIMEOUT


def test_a_clients_stack_trace_is_no_part_of_the_reply():
    """What the client adds behind the server's words is left out."""
    symptom = parse("Error: Invalid login: 535 no\n    at SMTPConnection._formatError (x.js:1)")
    assert isinstance(symptom.evidence, Reply)
    assert symptom.evidence.text == "no"


@pytest.mark.parametrize("text", ["", " ", "\n", "0", "-", "'", "💥", "\x00", "5.7.139"])
def test_next_to_nothing_is_still_answered(text):
    """The shortest inputs have an answer too."""
    assert diagnose(parse(text)).confidence in {Confidence.GUESS, Confidence.LIKELY}


def test_a_bare_enhanced_code_is_a_guess():
    """5.7.139 alone names the likeliest class and the next one."""
    found = diagnose(parse("5.7.139"))
    assert (found.error_class, found.confidence) == (ErrorClass.AUTH_DISABLED, Confidence.GUESS)
    assert found.runner_up is ErrorClass.CREDENTIALS_REJECTED


DIALOG = "{0}: 'mail.example.com', {1}: SMTP, {2}: '{reply}', {3}: 25, {4} (SSL): {no}, {5}: {code}, {6}: 0x800CCC79"
LABELS = [
    ("Server", "Protocol", "Server Response", "Port", "Secure", "Server Error", "Error Number", "No"),
    ("Server", "Protokoll", "Serverantwort", "Port", "Sicher", "Serverfehler", "Fehlernummer", "Nein"),
    (
        "Serveur ",
        "Protocole ",
        "Réponse du serveur ",
        "Port ",
        "Sécurisé",
        "Erreur du serveur ",
        "Numéro d'erreur ",
        "Non",
    ),
    (
        "Servidor",
        "Protocolo",
        "Respuesta del servidor",
        "Puerto",
        "Seguridad",
        "Error del servidor",
        "Número de error",
        "No",
    ),
    (
        "Server",
        "Protocollo",
        "Risposta del server",
        "Porta",
        "Protezione",
        "Errore del server",
        "Numero di errore",
        "No",
    ),
    (
        "Servidor",
        "Protocolo",
        "Resposta do servidor",
        "Porta",
        "Seguro",
        "Erro do servidor",
        "Número do erro",
        "Não",
    ),
    ("Server", "Protocol", "Antwoord van server", "Poort", "Beveiligd", "Serverfout", "Foutnummer", "Nee"),
    (
        "Serwer",
        "Protokół",
        "Odpowiedź serwera",
        "Port",
        "Zabezpieczenia",
        "Błąd serwera",
        "Numer błędu",
        "Nie",
    ),
    ("Сервер", "протокол", "ответ сервера", "порт", "защита", "ошибка сервера", "код ошибки", "нет"),
    (
        "サーバー",
        "プロトコル",
        "サーバーの応答",
        "ポート",
        "セキュリティ",
        "サーバー エラー",
        "エラー番号",
        "なし",
    ),
]


@pytest.mark.parametrize(
    "reply",
    [
        "550 not here",
        "553 sorry, that domain is't in my list of allowed rcpthosts (#5.7.1)",
        "554 5.7.1 <a@b>: no",
        "450 later",
    ],
)
def test_a_dialog_means_the_same_in_every_language(reply):
    """Labels are nobody's words: the quoted reply alone is judged, whatever language stands around it."""
    found = set()
    for *labels, no in LABELS:
        symptom = parse(DIALOG.format(*labels, reply=reply, code=reply[:3], no=no))
        assert (symptom.host, symptom.port, symptom.tls_mode) == ("mail.example.com", 25, TlsMode.NONE)
        assert isinstance(symptom.evidence, Reply)
        assert symptom.evidence.text == reply[4:]
        found.add(diagnose(symptom))
    assert len(found) == 1


@pytest.mark.parametrize("labels", LABELS)
def test_a_dialog_without_a_reply_is_read_by_its_numbers(labels):
    """A socket error under a label of any language is one; without it the HRESULT decides."""
    *names, no = labels
    text = DIALOG.format(*names, reply="", code=10061, no=no)
    assert parse(text).evidence == ConnectFailure("ECONNREFUSED")
    alone = diagnose(parse(text.replace(f", {names[5]}: 10061", "")))
    assert alone.error_class is ErrorClass.RELAY_DENIED


@pytest.mark.parametrize(
    "text",
    [
        "The server responded: 5.7.1 no relaying here.",
        "Der Mail-Server antwortete: no relaying here",
        "le serveur de courrier a répondu : no relaying here",
        "サーバーの応答\uff1ano relaying here",
        "MailKit.Net.Smtp.SmtpCommandException: no relaying here\n   at MailKit.Net.Smtp",
    ],
)
def test_what_the_server_said_without_a_code_is_judged_alone(text):
    """Behind the client's announcement, in any language, stand the server's words."""
    evidence = parse(text).evidence
    assert isinstance(evidence, Words)
    assert evidence.text.removeprefix("5.7.1 ").rstrip(".") == "no relaying here"


@pytest.mark.parametrize("text", ["10060", "110", "Error 10061", "-4077", "ECONNRESET", "11001", "errno 13"])
def test_a_bare_error_number_is_a_guess(text):
    """A number and nothing else has its likeliest class and the next one."""
    found = diagnose(parse(text))
    assert found.confidence is Confidence.GUESS
    assert found.runner_up is not None
    assert "The code alone" in found.summary


@pytest.mark.parametrize("text", ["535", "Error 535", "SMTP error code: 535", "535."])
def test_a_bare_reply_code_is_a_guess(text):
    """A word that only says that it is a code adds nothing to it."""
    found = diagnose(parse(text))
    assert (found.error_class, found.confidence) == (ErrorClass.CREDENTIALS_REJECTED, Confidence.GUESS)


@pytest.mark.parametrize("text", ["1", "13", "8", "-2"])
def test_a_small_number_is_no_error(text):
    """A line that holds a count says nothing."""
    assert diagnose(parse(text)).error_class is ErrorClass.UNCLASSIFIED


def test_an_end_of_the_connection_at_an_unknown_moment_is_a_guess():
    """Before the greeting it would be a reset of the path, after it the server's."""
    reset = diagnose(parse("read ECONNRESET"))
    assert (reset.error_class, reset.runner_up) == (ErrorClass.CONNECTION_RESET, ErrorClass.CONNECTION_LOST)
    closed = diagnose(parse("SMTPServerDisconnected: Connection unexpectedly closed"))
    assert (closed.error_class, closed.runner_up) == (ErrorClass.CONNECTION_LOST, ErrorClass.CONNECTION_RESET)
    assert reset.confidence is closed.confidence is Confidence.GUESS


def test_a_read_that_timed_out_is_no_failed_connection():
    """The connection stood: the greeting or a later reply did not come."""
    text = "SMTPServerDisconnected: Connection unexpectedly closed: The read operation timed out"
    found = diagnose(parse(text))
    assert (found.error_class, found.runner_up) == (ErrorClass.RESPONSE_TIMEOUT, ErrorClass.GREETING_TIMEOUT)
    assert found.confidence is Confidence.GUESS
    assert parse(text, phase=Phase.DATA).evidence == TimedOut(0.0)
    greeting = parse("Connection unexpectedly closed: timed out")
    assert greeting.phase is Phase.GREETING
    assert greeting.evidence == TimedOut(0.0)


@pytest.mark.parametrize(
    "text",
    [
        '{"level":50,"time":1,"pid":535,"hostname":"web1","err":{"message":"Invalid login: 535 5.7.8 no"},"msg":"x"}',
        '2026-01-02T03:04:05Z ERROR {"message": "535 5.7.8 no"}',
        '{"error": {"code": "EAUTH", "response": "535 5.7.8 no", "responseCode": 535, "command": "AUTH PLAIN"}}',
        '[app] {"a": {"b": [{"c": "550"}, {"err": "(535, b\'5.7.8 no\')"}]}}',
    ],
)
def test_a_structured_log_line_is_read_by_its_members(text):
    """What an object holds, however deep, is the text; what describes the log line itself is not."""
    evidence = parse(text).evidence
    assert isinstance(evidence, Reply)
    assert (evidence.code, evidence.enhanced) == (535, "5.7.8")


@pytest.mark.parametrize(
    ("frames", "phase"),
    [
        (("connect", "getreply"), Phase.GREETING),
        (("login", "auth", "docmd", "getreply"), Phase.AUTH),
        (("sendmail", "mail", "getreply"), Phase.MAIL),
        (("sendmail", "data", "getreply"), Phase.DATA),
        (("quit", "docmd", "send"), Phase.QUIT),
        (("connect", "_get_socket"), None),
    ],
)
def test_a_stack_trace_names_the_phase(frames, phase):
    """The function of smtplib that waited for a reply says which one it was."""
    trace = "\n".join(
        f'  File "/usr/lib/python3.12/smtplib.py", line {n}, in {name}' for n, name in enumerate(frames)
    )
    assert parse(f"{trace}\nsmtplib.SMTPServerDisconnected: Connection unexpectedly closed").phase is phase


@pytest.mark.parametrize(
    ("text", "error_class"),
    [
        ("no response from server: timed out", ErrorClass.RESPONSE_TIMEOUT),
        ("error waiting for server response: timed out", ErrorClass.RESPONSE_TIMEOUT),
        ("Invalid server reply: garbage in line", ErrorClass.PROTOCOL_ERROR),
    ],
)
def test_what_the_server_did_not_say_is_not_judged_as_its_words(text, error_class):
    """Behind `no response from server:` stands the client's own reason."""
    assert diagnose(parse(text)).error_class is error_class


@pytest.mark.parametrize(
    "text", ["dial tcp :587: connect: connection refused", "Unable to connect to :587 (Connection refused)"]
)
def test_an_empty_server_name_is_this_machine(text):
    """Go and PHP connect to the host itself where no name was set: the settings are at fault, not a server."""
    symptom = parse(text)
    assert (symptom.host, symptom.port) == ("localhost", 587)
    assert diagnose(symptom).fault_domain is FaultDomain.SETTINGS


def test_the_number_of_swift_mailer_is_read():
    """It stands behind the sentence of the system, which is in the system's language."""
    told = "Connection could not be established with host x.example.com [Verbindung abgelehnt #111]"
    assert parse(told).evidence == ConnectFailure("ECONNREFUSED")
    assert parse(told.replace("#111", "#0")).evidence == ConnectFailure(None)
    assert isinstance(parse("Re: [Ticket #111] no mail since Monday").evidence, Words)


def test_a_console_that_breaks_lines_hides_no_reply():
    """PowerShell wraps what .NET says at the width of its window."""
    told = "Service not available, closing transmission channel. The server\nresponse was: 4.7.0 Slow down"
    assert parse(told).evidence == Reply(421, (b"4.7.0 Slow down",), enhanced="4.7.0")
