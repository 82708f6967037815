"""What may be written in a configuration file: the shape, from which the JSON Schema is made too.

What is absent is None here, so that defaults can be laid under it; what depends on more than one key
is checked where layers meet.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError, PydanticKnownError

from exporter.model import IpProtocol, Mechanism, Phase, TlsMode, TlsVersion
from exporter.settings import durations, texts
from exporter.settings.problems import ConfigError, fault
from exporter.settings.target_pattern import TargetPattern, parse_target_pattern
from exporter.settings.targets import (
    parse_address,
    parse_endpoint_target,
    parse_helo,
    parse_host,
    parse_name_server,
)

T = TypeVar("T")


def _text(parse: Callable[[str], T]) -> PlainValidator:
    """A validator for text that `parse` accepts; pydantic is given the words of its complaint."""

    def validate(value: object) -> T:
        if not isinstance(value, str):
            raise PydanticKnownError("string_type")
        try:
            return parse(value)
        except ConfigError as error:
            raise _for_pydantic(error) from None

    return PlainValidator(validate)


def _duration(parse: Callable[[str], float]) -> PlainValidator:
    """The same for a duration; of a bare number `parse` can say that its unit is missing."""

    def validate(value: object) -> float:
        try:
            if isinstance(value, str | int | float) and not isinstance(value, bool):
                return parse(str(value))
            raise fault("this is not a duration", "write one such as 30s, 5m or 1h30m")
        except ConfigError as error:
            raise _for_pydantic(error) from None

    return PlainValidator(validate)


def _for_pydantic(error: ConfigError) -> PydanticCustomError:
    problem = error.problems[0]
    return PydanticCustomError("fault", "{message}", {"message": problem.message, "remedy": problem.remedy})


def _positive(text: str) -> float:
    seconds = durations.parse_duration(text)
    if seconds == 0:
        raise fault("the duration is zero", "write a duration above 0, such as 30s")
    return seconds


def _pace(text: str) -> float:
    seconds = durations.parse_duration(text)
    if seconds < SHORTEST_INTERVAL:
        raise fault("the interval is shorter than 100ms", "write at least 100ms; 30s to 5m is usual")
    return seconds


SHORTEST_INTERVAL = 0.1

_DURATION_SCHEMA = {"type": "string", "pattern": durations.PATTERN, "examples": ["30s", "5m", "1h30m"]}
_TEXT_SCHEMA = {"type": "string", "minLength": 1}

Duration = Annotated[
    float,
    _duration(durations.parse_duration),
    WithJsonSchema({"anyOf": [_DURATION_SCHEMA, {"const": 0}]}),
]
PositiveDuration = Annotated[float, _duration(_positive), WithJsonSchema(_DURATION_SCHEMA)]
Interval = Annotated[float, _duration(_pace), WithJsonSchema(_DURATION_SCHEMA)]
Name = Annotated[str, _text(texts.check_name), WithJsonSchema({**_TEXT_SCHEMA, "maxLength": 200})]
Line = Annotated[str, _text(texts.check_line), WithJsonSchema({"type": "string"})]
User = Annotated[str, _text(texts.check_user), WithJsonSchema(_TEXT_SCHEMA)]
SecretText = Annotated[str, _text(texts.check_secret), WithJsonSchema(_TEXT_SCHEMA)]
FileName = Annotated[str, _text(texts.check_file_name), WithJsonSchema(_TEXT_SCHEMA)]
Variable = Annotated[
    str,
    _text(texts.check_variable),
    WithJsonSchema({"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$"}),
]
Mailbox = Annotated[str, _text(texts.check_mailbox), WithJsonSchema({"type": "string", "pattern": "@"})]
TokenUrl = Annotated[
    str, _text(texts.check_token_url), WithJsonSchema({"type": "string", "pattern": "^https?://"})
]
Scope = Annotated[str, _text(texts.check_scope), WithJsonSchema(_TEXT_SCHEMA)]
Host = Annotated[str, _text(parse_host), WithJsonSchema(_TEXT_SCHEMA)]
Helo = Annotated[str, _text(parse_helo), WithJsonSchema(_TEXT_SCHEMA)]
Address = Annotated[str, _text(parse_address), WithJsonSchema(_TEXT_SCHEMA)]
NameServer = Annotated[str, _text(parse_name_server), WithJsonSchema(_TEXT_SCHEMA)]
Target = Annotated[
    tuple[str, int],
    _text(parse_endpoint_target),
    WithJsonSchema({"type": "string", "pattern": ":[0-9]{1,5}$", "examples": ["smtp.example.com:587"]}),
]
Pattern = Annotated[TargetPattern, _text(parse_target_pattern), WithJsonSchema(_TEXT_SCHEMA)]
Port = Annotated[int, Field(ge=1, le=65535)]
Labels = dict[str, Line]
_Choice = Field(strict=False)  # text becomes a member of an enum

Until = Literal[
    Phase.CONNECT, Phase.GREETING, Phase.TLS, Phase.EHLO, Phase.AUTH, Phase.MAIL, Phase.RCPT, Phase.DATA
]


MechanismChoice = Literal[
    "auto",
    Mechanism.PLAIN,
    Mechanism.LOGIN,
    Mechanism.CRAM_MD5,
    Mechanism.SCRAM_SHA_1,
    Mechanism.SCRAM_SHA_256,
    Mechanism.XOAUTH2,
    Mechanism.OAUTHBEARER,
    Mechanism.EXTERNAL,
]


class Section(BaseModel):
    """A mapping whose keys are all known; its errors never show what was written."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class TlsConfigSection(Section):
    """TLS as in Prometheus' tls_config."""

    ca_file: FileName | None = Field(
        default=None, description="PEM file of trusted roots; the system's when absent."
    )
    cert_file: FileName | None = Field(
        default=None, description="PEM file of our client certificate; needs key_file."
    )
    key_file: FileName | None = Field(default=None, description="PEM file of its unencrypted key.")
    server_name: Host | None = Field(
        default=None, description="Name for SNI and verification; the target's when absent."
    )
    insecure_skip_verify: bool | None = Field(
        default=None,
        description="Go on after a certificate that does not verify, login included. Default false.",
    )
    min_version: Annotated[TlsVersion, _Choice] | None = Field(
        default=None, description="Oldest protocol version to agree on. Default TLS12."
    )
    max_version: Annotated[TlsVersion, _Choice] | None = Field(
        default=None, description="Newest protocol version to agree on. Default: no limit."
    )
    strict: bool | None = Field(
        default=None,
        description="Refuse certificates that break RFC 5280 in ways that mail clients accept. Default false.",
    )


class OAuth2Section(Section):
    """Where a bearer token comes from: token_file, a refresh token, or client credentials."""

    token_url: TokenUrl | None = Field(default=None, description="Token endpoint of the identity provider.")
    client_id: User | None = Field(default=None, description="As registered with the identity provider.")
    client_secret: SecretText | None = Field(default=None, description="Better in a file or variable.")
    client_secret_file: FileName | None = Field(
        default=None, description="File that holds the client secret."
    )
    client_secret_env: Variable | None = Field(
        default=None, description="Variable that holds the client secret."
    )
    refresh_token: SecretText | None = Field(default=None, description="Better in a file or variable.")
    refresh_token_file: FileName | None = Field(
        default=None, description="File that holds the refresh token."
    )
    refresh_token_env: Variable | None = Field(
        default=None, description="Variable that holds the refresh token."
    )
    scopes: list[Scope] | None = Field(default=None, description="Scopes to ask for.")
    token_file: FileName | None = Field(
        default=None,
        description="File that holds an access token, kept fresh by something else and read at each login.",
    )


class AuthSection(Section):
    """Who logs in, and with what."""

    mechanism: MechanismChoice | None = Field(
        default=None, description="SASL mechanism. Default auto: the strongest that both sides have."
    )
    username: User | None = Field(default=None, description="Login name.")
    username_file: FileName | None = Field(default=None, description="File that holds the login name.")
    username_env: Variable | None = Field(default=None, description="Variable that holds the login name.")
    password: SecretText | None = Field(default=None, description="Better in a file or variable.")
    password_file: FileName | None = Field(default=None, description="File that holds the password.")
    password_env: Variable | None = Field(default=None, description="Variable that holds the password.")
    allow_plaintext: bool | None = Field(
        default=None,
        description="Send the password with tls: none, for everybody on the path to read. Default false.",
    )
    every: PositiveDuration | None = Field(
        default=None,
        description="Pause between two logins, because providers throttle them. Default: the interval.",
    )
    oauth2: OAuth2Section | None = Field(default=None, description="A bearer token instead of a password.")


class MessageSection(Section):
    """The envelope, and for `until: data` the message."""

    sender: Mailbox | None = Field(default=None, alias="from", description="MAIL FROM.")
    recipient: Mailbox | None = Field(default=None, alias="to", description="RCPT TO: a mailbox of yours.")
    subject: Line | None = Field(
        default=None, description="Subject of the message. Default: Submission probe."
    )


class WaysSection(Section):
    """How to probe."""

    tls: Annotated[TlsMode, _Choice] | None = Field(
        default=None, description="How to encrypt. Default by port: implicit on 465 and 2465, else starttls."
    )
    until: Until | None = Field(
        default=None, description="How deep to go. Default: auth with credentials, else ehlo."
    )
    timeout: PositiveDuration | None = Field(default=None, description="One deadline around the whole probe.")
    ip_protocol: Annotated[IpProtocol, _Choice] | None = Field(
        default=None, description="Address families to try, and which first. Default any."
    )
    source_address: Address | None = Field(default=None, description="Local address to connect from.")
    helo: Helo | None = Field(
        default=None, description="Name given at EHLO. Default: the socket's address in brackets."
    )
    tls_config: TlsConfigSection | None = Field(default=None, description="TLS as in Prometheus' tls_config.")
    auth: AuthSection | None = Field(default=None, description="Who logs in, and with what.")
    message: MessageSection | None = Field(
        default=None, description="Envelope and subject, from until: mail on."
    )


class ModuleSection(WaysSection):
    """A reusable way to probe, for endpoints and for /probe?module=."""

    allowed_targets: list[Pattern] | None = Field(
        default=None,
        description="Targets that /probe may use a module with credentials against: host:port, *.example.com:587, "
        "192.0.2.0/24:587.",
    )


class EndpointSection(WaysSection):
    """One server to probe; every key of a module but allowed_targets may stand here too."""

    model_config = ConfigDict(json_schema_extra={"required": ["target"]})

    name: Name | None = Field(default=None, description="Default: the target. Must be unique.")
    target: Target | None = Field(default=None, description="host:port, or [address]:port for IPv6.")
    module: str | None = Field(default=None, description="Module whose keys lie under this endpoint's own.")
    interval: Interval | None = Field(
        default=None, description="From the start of a probe to the start of the next."
    )
    labels: Labels | None = Field(default=None, description="Labels on every series of this endpoint.")


class FollowUpSection(Section):
    """Extra connections that tell two causes of a failure apart."""

    enabled: bool | None = Field(default=None, description="Make such experiments. Default true.")
    pause: Duration | None = Field(
        default=None, description="Least time between two for the same host. Default 5m."
    )
    ports: list[Port] | None = Field(default=None, description="Ports that may be tried. Default [587, 465].")
    control_targets: list[Target] | None = Field(
        default=None,
        description="Reliable host:port targets; when all fail, it is this host that is offline.",
    )


class BackoffSection(Section):
    """How long to wait after a rejected login."""

    initial: PositiveDuration | None = Field(
        default=None, description="The first wait, doubled each time. Default 5m."
    )
    max: PositiveDuration | None = Field(default=None, description="The longest wait. Default 1h.")


class ResolverSection(Section):
    """Name resolution."""

    nameservers: list[NameServer] | None = Field(
        default=None, description="Addresses; default: those of the system."
    )


class GlobalSection(Section):
    """Defaults for all endpoints, and what concerns the whole process."""

    interval: Interval | None = Field(
        default=None, description="From the start of a probe to the start of the next. Default 60s."
    )
    timeout: PositiveDuration | None = Field(
        default=None, description="One deadline around a whole probe. Default 10s."
    )
    helo: Helo | None = Field(
        default=None, description="Name given at EHLO. Default: the socket's address in brackets."
    )
    labels: Labels | None = Field(default=None, description="Labels on every series of every endpoint.")
    max_concurrent: Annotated[int, Field(ge=1, le=10_000)] | None = Field(
        default=None,
        description="Probes at work at the same time; one that waits for a name, or for somebody who has been silent for a second, does not count. Default 200.",
    )
    history: Annotated[int, Field(ge=1, le=10_000)] | None = Field(
        default=None, description="Observations kept for each endpoint. Default 100."
    )
    phase_latency: bool | None = Field(
        default=None,
        description="Expose a latency histogram of every phase too, ten series each. Default false.",
    )
    rules_files: list[FileName] | None = Field(
        default=None, description="Files with diagnosis rules of your own."
    )
    endpoint_files: list[FileName] | None = Field(
        default=None, description='Files with more endpoints; wildcards allowed: "endpoints.d/*.yml".'
    )
    follow_up: FollowUpSection | None = Field(default=None, description="Experiments after a failure.")
    backoff: BackoffSection | None = Field(default=None, description="Waits after rejected logins.")
    resolver: ResolverSection | None = Field(default=None, description="Name resolution.")


class Document(Section):
    """Configuration of submission-exporter."""

    global_: GlobalSection | None = Field(
        default=None, alias="global", description="Defaults, and the whole process."
    )
    modules: dict[str, ModuleSection] | None = Field(
        default=None, description="Reusable ways to probe, by name."
    )
    endpoints: list[EndpointSection] | None = Field(default=None, description="The servers to probe.")
