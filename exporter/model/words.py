"""The closed sets: each word means one thing in metrics, JSON, rules and pages alike."""

from __future__ import annotations

from enum import StrEnum


class ClosedSet(StrEnum):
    """A closed set of words."""

    __hash__ = str.__hash__  # Enum's own is written in Python, and a probe looks up some hundred of these


class Phase(ClosedSet):
    """A stage of one submission, in the order of a STARTTLS session (RFC 5321, 3207, 4954)."""

    DNS = "dns"
    CONNECT = "connect"
    GREETING = "greeting"
    EHLO = "ehlo"
    STARTTLS = "starttls"
    TLS = "tls"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    QUIT = "quit"


class TlsMode(ClosedSet):
    """How the connection is encrypted: after STARTTLS, from the first byte (RFC 8314), or never."""

    STARTTLS = "starttls"
    IMPLICIT = "implicit"
    NONE = "none"


class TlsVersion(ClosedSet):
    """A protocol version, spelt as Prometheus spells it in `tls_config.min_version`."""

    TLS10 = "TLS10"
    TLS11 = "TLS11"
    TLS12 = "TLS12"
    TLS13 = "TLS13"


class IpProtocol(ClosedSet):
    """Which address families may be tried, and which first."""

    ANY = "any"
    IP4 = "ip4"
    IP6 = "ip6"
    PREFER_IP4 = "prefer_ip4"
    PREFER_IP6 = "prefer_ip6"


class Mechanism(ClosedSet):
    """A SASL mechanism that this program can speak."""

    PLAIN = "PLAIN"
    LOGIN = "LOGIN"
    CRAM_MD5 = "CRAM-MD5"
    SCRAM_SHA_1 = "SCRAM-SHA-1"
    SCRAM_SHA_256 = "SCRAM-SHA-256"
    XOAUTH2 = "XOAUTH2"
    OAUTHBEARER = "OAUTHBEARER"
    EXTERNAL = "EXTERNAL"


class FaultDomain(ClosedSet):
    """Whose problem it is."""

    NONE = "none"
    LOCAL = "local"
    NETWORK = "network"
    SETTINGS = "settings"
    CREDENTIALS = "credentials"
    SERVER = "server"


class Confidence(ClosedSet):
    """How far a diagnosis can be relied on.

    `certain`: the evidence has one reading.  `likely`: another reading exists and is rarer.
    `guess`: the evidence is too thin to choose; `runner_up` names the next reading.
    """

    CERTAIN = "certain"
    LIKELY = "likely"
    GUESS = "guess"


class ErrorClass(ClosedSet):
    """The closed list of what can be wrong; `none` is health."""

    NONE = "none"
    # name resolution and TCP
    DNS_NOT_FOUND = "dns_not_found"
    DNS_UNAVAILABLE = "dns_unavailable"
    CONNECT_REFUSED = "connect_refused"
    CONNECT_TIMEOUT = "connect_timeout"
    HOST_UNREACHABLE = "host_unreachable"
    CONNECTION_RESET = "connection_reset"
    # greeting
    GREETING_TIMEOUT = "greeting_timeout"
    SERVICE_UNAVAILABLE = "service_unavailable"
    CLIENT_BLOCKED = "client_blocked"
    CONNECTION_LIMIT = "connection_limit"
    NOT_SMTP = "not_smtp"
    HELO_REJECTED = "helo_rejected"
    # TLS
    ENCRYPTION_MISMATCH = "encryption_mismatch"
    STARTTLS_NOT_OFFERED = "starttls_not_offered"
    STARTTLS_STRIPPED = "starttls_stripped"
    STARTTLS_REFUSED = "starttls_refused"
    STARTTLS_INJECTION = "starttls_injection"
    TLS_VERSION_UNSUPPORTED = "tls_version_unsupported"
    TLS_HANDSHAKE_FAILED = "tls_handshake_failed"
    CLIENT_CERTIFICATE_REQUIRED = "client_certificate_required"
    CERT_EXPIRED = "cert_expired"
    CERT_NOT_YET_VALID = "cert_not_yet_valid"
    CERT_HOSTNAME_MISMATCH = "cert_hostname_mismatch"
    CERT_UNTRUSTED = "cert_untrusted"
    TLS_INTERCEPTED = "tls_intercepted"
    # policy before and during login
    ENCRYPTION_REQUIRED = "encryption_required"
    AUTH_REQUIRED = "auth_required"
    AUTH_NOT_OFFERED = "auth_not_offered"
    AUTH_MECHANISM_UNSUPPORTED = "auth_mechanism_unsupported"
    CREDENTIALS_REJECTED = "credentials_rejected"
    APP_PASSWORD_REQUIRED = "app_password_required"
    AUTH_DISABLED = "auth_disabled"
    OAUTH_TOKEN_REJECTED = "oauth_token_rejected"
    OAUTH_TOKEN_UNAVAILABLE = "oauth_token_unavailable"
    ACCOUNT_LOCKED = "account_locked"
    AUTH_RATE_LIMITED = "auth_rate_limited"
    AUTH_TEMPORARY_FAILURE = "auth_temporary_failure"
    # envelope and message
    SENDER_REJECTED = "sender_rejected"
    RELAY_DENIED = "relay_denied"
    RECIPIENT_REJECTED = "recipient_rejected"
    TOO_MANY_RECIPIENTS = "too_many_recipients"
    GREYLISTED = "greylisted"
    RATE_LIMITED = "rate_limited"
    QUOTA_EXCEEDED = "quota_exceeded"
    MESSAGE_TOO_LARGE = "message_too_large"
    MESSAGE_REJECTED = "message_rejected"
    MAILBOX_FULL = "mailbox_full"
    SERVER_STORAGE_FULL = "server_storage_full"
    SERVER_ERROR = "server_error"
    RESPONSE_TIMEOUT = "response_timeout"
    SESSION_TIMEOUT = "session_timeout"
    CONNECTION_LOST = "connection_lost"
    PROTOCOL_ERROR = "protocol_error"
    # decided by a follow-up experiment only
    PORT_BLOCKED = "port_blocked"
    WRONG_PORT = "wrong_port"
    EXPORTER_OFFLINE = "exporter_offline"
    # ours
    EXPORTER_ERROR = "exporter_error"
    UNCLASSIFIED = "unclassified"
