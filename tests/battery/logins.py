"""AUTH: what providers and mail servers say instead of 235."""

from __future__ import annotations

from exporter.model import ErrorClass as Is
from exporter.model import FaultDomain as Of
from exporter.model import Phase, TlsMode
from tests.battery.case import DEEP, Case
from tests.battery.refusal import ENVELOPE, LOGIN, in_clear, refusal
from tests.battery.stands import submission, under_tls
from tests.servers.scripted import Step, answer, bye, drop, ehlo, expect, reset, say, stall
from tests.servers.submission import PASSWORD


def _said(name: str, reply: str, expected: Is, domain: Of = Of.CREDENTIALS) -> Case:
    return refusal(f"auth: {name}", Phase.AUTH, reply, expected, domain)


REJECTED = (
    _said(
        "wrong password (Postfix, Dovecot)",
        "535 5.7.8 Error: authentication failed: UGFzc3dvcmQ6",
        Is.CREDENTIALS_REJECTED,
    ),
    _said("wrong password (Exim)", "535 Incorrect authentication data", Is.CREDENTIALS_REJECTED),
    _said("wrong password (Exchange)", "535 5.7.3 Authentication unsuccessful", Is.CREDENTIALS_REJECTED),
    _said(
        "wrong password (Gmail)",
        "535-5.7.8 Username and Password not accepted. For more information, go to\n"
        "535 5.7.8  https://support.google.com/mail/?p=BadCredentials a1-20020a170902sm123.45 - gsmtp",
        Is.CREDENTIALS_REJECTED,
    ),
    _said("wrong password (qmail)", "535 authorization failed (#5.7.0)", Is.CREDENTIALS_REJECTED),
    _said(
        "wrong password (Proton Bridge)", "454 4.7.0 invalid username or password", Is.CREDENTIALS_REJECTED
    ),
    _said("wrong password (in another language)", "535 Ошибка авторизации", Is.CREDENTIALS_REJECTED),
)

APP_PASSWORDS = (
    _said(
        "app password (Gmail)",
        "534-5.7.9 Application-specific password required. For more information, go to\n"
        "534 5.7.9  https://support.google.com/mail/?p=InvalidSecondFactor a1-2002sm123.45 - gsmtp",
        Is.APP_PASSWORD_REQUIRED,
    ),
    _said(
        "app password (Mail.ru)",
        "535 5.7.0 NEOBHODIM parol prilozheniya https://help.mail.ru/mail/security/protection/external",
        Is.APP_PASSWORD_REQUIRED,
    ),
    _said(
        "app password (QQ)",
        "535 Error: authentication failed, please use authorization code. "
        "https://service.mail.qq.com/detail/0/75 no=1001256",
        Is.APP_PASSWORD_REQUIRED,
    ),
    _said(
        "app password (Yahoo)", "535 5.7.0 (#AUTH005) Too many bad auth attempts.", Is.APP_PASSWORD_REQUIRED
    ),
)

SWITCHED_OFF = (
    _said(
        "switched off for the tenant (Microsoft)",
        "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. "
        "Visit https://aka.ms/smtp_auth_disabled for more information.",
        Is.AUTH_DISABLED,
    ),
    _said(
        "basic authentication is off (Microsoft)",
        "535 5.7.139 Authentication unsuccessful, basic authentication is disabled.",
        Is.AUTH_DISABLED,
    ),
    _said(
        "the password is wrong, by the same code (Microsoft)",
        "535 5.7.139 Authentication unsuccessful, the user credentials were incorrect.",
        Is.CREDENTIALS_REJECTED,
    ),
    _said(
        "no access by mail programs (Yandex)",
        "535 5.7.8 Error: authentication failed: This user does not have access rights to this service",
        Is.AUTH_DISABLED,
    ),
    _said("no permission (163)", "550 User has no permission", Is.AUTH_DISABLED),
)

HELD = (
    _said(
        "account locked (RFC 5248)",
        "525 5.7.13 User account disabled",
        Is.ACCOUNT_LOCKED,
    ),
    _said("not subscribed (SES)", "535 Account not subscribed to SES", Is.ACCOUNT_LOCKED),
    _said(
        "log in on the web page first (Gmail)",
        "534-5.7.14 <https://accounts.google.com/signin/continue?plt=AKgnsbt> Please log in\n"
        "534-5.7.14 through your web browser and then try again.\n"
        "534 5.7.14  https://support.google.com/mail/?p=WebLoginRequired a1sm123.45 - gsmtp",
        Is.ACCOUNT_LOCKED,
    ),
    _said(
        "too many logins (Gmail)",
        "454 4.7.0 Too many login attempts, please try again later. a1-2002sm123.45 - gsmtp",
        Is.AUTH_RATE_LIMITED,
    ),
    _said(
        "too many AUTH commands (Postfix)",
        "450 4.7.1 Error: too many AUTH commands from localhost[127.0.0.1]",
        Is.AUTH_RATE_LIMITED,
    ),
    _said("too many bad logins (hMailServer)", "535 Too many invalid logon attempts.", Is.AUTH_RATE_LIMITED),
    _said(
        "credits used up (SendGrid)", "451 Authentication failed: Maximum credits exceeded", Is.QUOTA_EXCEEDED
    ),
    _said(
        "the backend is down (Postfix)",
        "454 4.7.0 Temporary authentication failure: Connection lost to authentication server",
        Is.AUTH_TEMPORARY_FAILURE,
        Of.SERVER,
    ),
    _said(
        "the backend is down (Exim)",
        "435 Unable to authenticate at present",
        Is.AUTH_TEMPORARY_FAILURE,
        Of.SERVER,
    ),
)

NOT_LIKE_THIS = (
    Case(
        name="auth: not offered",
        opens=submission(mechanisms=()),
        expected=Is.AUTH_NOT_OFFERED,
        domain=Of.SETTINGS,
        phase=Phase.AUTH,
        endpoint=LOGIN,
    ),
    _said(
        "offered and not enabled (Postfix)",
        "503 5.5.1 Error: authentication not enabled",
        Is.AUTH_NOT_OFFERED,
        Of.SETTINGS,
    ),
    Case(
        name="auth: only mechanisms of Windows domains",
        opens=submission(mechanisms=("NTLM", "GSSAPI")),
        expected=Is.AUTH_MECHANISM_UNSUPPORTED,
        domain=Of.SERVER,
        phase=Phase.AUTH,
        endpoint=LOGIN,
    ),
    Case(
        name="auth: the configured mechanism is not there",
        opens=submission(mechanisms=("LOGIN",)),
        expected=Is.AUTH_MECHANISM_UNSUPPORTED,
        domain=Of.SETTINGS,
        phase=Phase.AUTH,
        endpoint={"auth": {"password": PASSWORD, "mechanism": "PLAIN"}},
    ),
    _said(
        "mechanism refused (Exchange)",
        "504 5.7.4 Unrecognized authentication type",
        Is.AUTH_MECHANISM_UNSUPPORTED,
        Of.SETTINGS,
    ),
    _said(
        "a certificate of ours is missing",
        "535 5.7.8 Error: missing client certificate",
        Is.CLIENT_CERTIFICATE_REQUIRED,
        Of.SETTINGS,
    ),
    refusal(
        "auth: not without encryption",
        Phase.AUTH,
        "538 5.7.11 Encryption required for requested authentication mechanism",
        Is.ENCRYPTION_REQUIRED,
        Of.SETTINGS,
        tls=TlsMode.NONE,
        endpoint=in_clear(),
    ),
    refusal(
        "auth: STARTTLS first",
        Phase.AUTH,
        "530 5.7.0 Must issue a STARTTLS command first",
        Is.ENCRYPTION_REQUIRED,
        Of.SETTINGS,
        tls=TlsMode.NONE,
        endpoint=in_clear(),
    ),
    refusal(
        "mail: STARTTLS first",
        Phase.MAIL,
        "530 5.7.0 Must issue a STARTTLS command first",
        Is.ENCRYPTION_REQUIRED,
        Of.SETTINGS,
        tls=TlsMode.NONE,
        login=False,
    ),
    refusal(
        "mail: log in first",
        Phase.MAIL,
        "530 5.7.0 Authentication required",
        Is.AUTH_REQUIRED,
        Of.SETTINGS,
        login=False,
    ),
    refusal(
        "mail: log in first (Exchange Online)",
        Phase.MAIL,
        "530 5.7.57 Client not authenticated to send mail. [AM0PR01CA0001.eurprd01.prod.exchangelabs.com]",
        Is.AUTH_REQUIRED,
        Of.SETTINGS,
        login=False,
    ),
    refusal(
        "rcpt: log in first (Haraka)",
        Phase.RCPT,
        "550 Authentication required",
        Is.AUTH_REQUIRED,
        Of.SETTINGS,
        login=False,
    ),
    refusal(
        "mail: a reply that quotes another (Exchange Online)",
        Phase.MAIL,
        "530 5.7.57 Client not authenticated to send mail. Error: 535 5.7.139 Authentication unsuccessful, "
        "SmtpClientAuthentication is disabled for the Mailbox.",
        Is.AUTH_DISABLED,
        Of.CREDENTIALS,
    ),
)


def _breaks(name: str, steps: list[Step], expected: Is, timeout: str = "10s") -> Case:
    return Case(
        name=name,
        opens=under_tls(ehlo("AUTH PLAIN"), expect("AUTH"), *steps),
        expected=expected,
        domain=Of.SERVER,
        phase=Phase.AUTH,
        endpoint=LOGIN,
        timeout=timeout,
    )


BROKEN = (
    _breaks("auth: silence", [stall()], Is.RESPONSE_TIMEOUT, DEEP),
    _breaks("auth: closed", [drop()], Is.CONNECTION_LOST),
    _breaks("auth: reset", [reset()], Is.CONNECTION_LOST),
    _breaks(
        "auth: a line without a code", [say("Too many invalid commands. Bye!"), drop()], Is.PROTOCOL_ERROR
    ),
    Case(
        name="ehlo: closed once encrypted",
        opens=under_tls(expect("EHLO"), drop()),
        expected=Is.CONNECTION_LOST,
        domain=Of.SERVER,
        phase=Phase.EHLO,
        endpoint=LOGIN,
    ),
    Case(
        name="mail: 421 between two commands",
        opens=under_tls(
            ehlo("AUTH PLAIN"),
            expect("AUTH"),
            say("235 2.7.0 ok", "421 4.4.2 mail.test Error: timeout exceeded"),
            stall(),
        ),
        expected=Is.SESSION_TIMEOUT,
        domain=Of.NETWORK,
        phase=Phase.MAIL,
        endpoint={**LOGIN, **ENVELOPE, "until": "mail"},
    ),
)

# {"status":"401","schemes":"Bearer","scope":"https://mail.google.com/"}, as Gmail says it before the 535.
_CHALLENGE = (
    "334 eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiQmVhcmVyIiwic2NvcGUiOiJodHRwczovL21haWwuZ29vZ2xlLmNvbS8ifQ=="
)


def _bearer(name: str, steps: list[Step], expected: Is) -> Case:
    return Case(
        name=name,
        opens=under_tls(ehlo("AUTH LOGIN PLAIN XOAUTH2"), *steps),
        expected=expected,
        domain=Of.CREDENTIALS,
        phase=Phase.AUTH,
        oauth2=lambda site: {"token_file": site.token_file()},
    )


BEARERS = (
    _bearer(
        "auth: a bad token (Gmail)",
        [
            answer("AUTH XOAUTH2", _CHALLENGE),
            answer("", "535-5.7.8 Username and Password not accepted.", "535 5.7.8 a1sm123 - gsmtp"),
            bye(),
        ],
        Is.OAUTH_TOKEN_REJECTED,
    ),
    _bearer(
        "auth: a bad token (Exchange Online)",
        [answer("AUTH XOAUTH2", "535 5.7.3 Authentication unsuccessful [AM0PR01CA0001]"), bye()],
        Is.OAUTH_TOKEN_REJECTED,
    ),
    Case(
        name="auth: no token endpoint",
        opens=submission(mechanisms=("XOAUTH2",)),
        expected=Is.OAUTH_TOKEN_UNAVAILABLE,
        domain=Of.NETWORK,
        phase=Phase.AUTH,
        oauth2=lambda _site: {
            "token_url": "https://127.0.0.6:9/token",
            "client_id": "probe",
            "client_secret": "of the client",
        },
    ),
)

CASES = (*REJECTED, *APP_PASSWORDS, *SWITCHED_OFF, *HELD, *NOT_LIKE_THIS, *BROKEN, *BEARERS)
