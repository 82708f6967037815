"""Who logs in and with what, from values, files and environment variables."""

from __future__ import annotations

from typing import Any

from exporter.model import Mechanism, OAuth2, Secret
from exporter.settings.document import AuthSection, OAuth2Section
from exporter.settings.files import Files, secret_from_variable
from exporter.settings.problems import ConfigError, fault, listed
from exporter.settings.report import Spot
from exporter.settings.texts import check_user

_CREDENTIALS = (
    "username",
    "username_file",
    "username_env",
    "password",
    "password_file",
    "password_env",
    "oauth2",
)


def names_credentials(section: AuthSection) -> bool:
    """The section says who logs in, and so replaces the one below it instead of adding to it."""
    return section.mechanism is Mechanism.EXTERNAL or any(
        getattr(section, key) is not None for key in _CREDENTIALS
    )


def read_auth(section: AuthSection, files: Files, spot: Spot) -> dict[str, Any]:
    """The keys of `section`, which stands at `spot`, as arguments of model.Auth."""
    arguments: dict[str, Any] = {}
    if section.mechanism is not None:
        arguments["mechanism"] = section.mechanism if isinstance(section.mechanism, Mechanism) else None
    if section.allow_plaintext is not None:
        arguments["allow_plaintext"] = section.allow_plaintext
    if section.every is not None:
        arguments["every"] = section.every
    if not names_credentials(section):
        return arguments
    username = _secret(section, "username", files, spot)
    if username is not None:
        arguments["username"] = _user_name(section, username, spot)
    arguments["password"] = _secret(section, "password", files, spot)
    if section.oauth2 is not None:
        arguments["oauth2"] = _oauth2(section.oauth2, files, spot.inside("oauth2"))
    _check_complete(section, spot)
    return arguments


def _check_complete(section: AuthSection, spot: Spot) -> None:
    """What a login needs or cannot use, in a section that replaces everything below it."""
    user = _given(section, "username")
    password = _given(section, "password")
    if section.mechanism is Mechanism.EXTERNAL:
        if password or section.oauth2 is not None:
            error = fault("mechanism EXTERNAL logs in with the client certificate", "remove this key")
            spot.complain((password[0] if password else "oauth2",), error)
        return
    if not user and not spot.is_spoilt(*_forms("username")):
        spot.complain((), fault("no user name is given", "add username, username_file or username_env"))
    if password and section.oauth2 is not None:
        spot.complain(("oauth2",), fault(f"{password[0]} and oauth2 are both given", "keep one of the two"))
    if not password and section.oauth2 is None and not spot.is_spoilt(*_forms("password"), "oauth2"):
        error = fault("no password is given", "add password_file, password_env, password or oauth2")
        spot.complain((), error)


def _oauth2(section: OAuth2Section, files: Files, spot: Spot) -> OAuth2:
    token_file = section.token_file
    if token_file is not None:
        try:
            token_file = files.readable_secret(spot.source.folder, token_file)
        except ConfigError as error:
            spot.complain(("token_file",), error)
        others = section.model_fields_set - {"token_file"}
        if others:
            surplus = fault(
                f"token_file and {listed(sorted(others), 'and')} are both given",
                "keep token_file alone, or let the exporter fetch tokens without it",
            )
            spot.complain(("token_file",), surplus)
    elif not spot.is_spoilt("token_file"):
        _check_token_request(section, spot)
    return OAuth2(
        token_url=section.token_url,
        client_id=section.client_id,
        client_secret=_secret(section, "client_secret", files, spot),
        refresh_token=_secret(section, "refresh_token", files, spot),
        scopes=tuple(section.scopes or ()),
        token_file=token_file,
    )


def _check_token_request(section: OAuth2Section, spot: Spot) -> None:
    """What asking for a token needs (RFC 6749, 4.4.2 and 6)."""
    for key in ("token_url", "client_id"):
        if getattr(section, key) is None and not spot.is_spoilt(key):
            missing = fault(f"{key} is missing", f"add {key}, or token_file instead of all the others")
            spot.complain((), missing)
    keys = ("client_secret", "refresh_token")
    if not any(_given(section, key) or spot.is_spoilt(*_forms(key)) for key in keys):
        missing = fault(
            "neither a client secret nor a refresh token is given",
            "add refresh_token_file, client_secret_file or both, or token_file instead of all the others",
        )
        spot.complain((), missing)


def _forms(key: str) -> tuple[str, str, str]:
    return key, f"{key}_file", f"{key}_env"


def _given(section: AuthSection | OAuth2Section, key: str) -> list[str]:
    """Which forms of `key` the section has."""
    return [form for form in _forms(key) if getattr(section, form) is not None]


def _secret(section: AuthSection | OAuth2Section, key: str, files: Files, spot: Spot) -> Secret | None:
    """What the one form of `key` that is given holds; None when there is none, or it cannot be had."""
    given = _given(section, key)
    if not given:
        return None
    if len(given) > 1:
        error = fault(f"{listed(given, 'and')} are given", f"keep one of them: {listed(given)}")
        spot.complain((given[1],), error)
    form = given[0]
    value: str = getattr(section, form)
    try:
        if form == key:
            return Secret(value)
        if form.endswith("_env"):
            return secret_from_variable(value)
        return files.secret(spot.source.folder, value)
    except ConfigError as unreadable:
        spot.complain((form,), unreadable)
        return None


def _user_name(section: AuthSection, username: Secret, spot: Spot) -> str:
    """The user name, which stands in the clear from here on."""
    try:
        return check_user(username.reveal())
    except ConfigError as error:
        spot.complain((_given(section, "username")[0],), error)
        return ""
