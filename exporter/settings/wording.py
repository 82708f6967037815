"""What pydantic found wrong with the shape, in words for the person who wrote the file."""

from __future__ import annotations

import re
import typing
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from exporter.settings import document
from exporter.settings.problems import Place, listed, nearest, quoted

_SECTIONS: tuple[tuple[type[BaseModel], str], ...] = (
    (document.AuthSection, "auth"),
    (document.OAuth2Section, "auth.oauth2"),
    (document.TlsConfigSection, "tls_config"),
    (document.MessageSection, "message"),
    (document.EndpointSection, "an endpoint"),
    (document.ModuleSection, "a module"),
    (document.GlobalSection, "global"),
    (document.FollowUpSection, "global.follow_up"),
    (document.BackoffSection, "global.backoff"),
    (document.ResolverSection, "global.resolver"),
    (document.Document, "the top level"),
)

_OTHER_WORDS = {
    "address": "target",
    "ehlo": "helo",
    "encryption": "tls",
    "host": "target",
    "hostname": "target",
    "login": "username",
    "pass": "password",
    "port": "target",
    "scrape_interval": "interval",
    "scrape_timeout": "timeout",
    "server": "target",
    "ssl": "tls",
    "starttls": "tls",
    "user": "username",
    "verify": "insecure_skip_verify",
}
"""Keys of other programs that mean one of ours."""

_OTHER_CHOICES = {
    "1.2": "TLS12",
    "1.3": "TLS13",
    "disabled": "none",
    "false": "none",
    "ipv4": "ip4",
    "ipv6": "ip6",
    "login": "auth",
    "no": "none",
    "off": "none",
    "on": "starttls",
    "plaintext": "none",
    "smtps": "implicit",
    "ssl": "implicit",
    "ssl/tls": "implicit",
    "tls": "implicit",
    "true": "starttls",
    "yes": "starttls",
}
"""Values of other programs, folded, that mean one of ours; used only where ours is among the choices."""


def keys_of(section: type[BaseModel]) -> tuple[str, ...]:
    """The keys that `section` may hold, as they are written."""
    return tuple(field.alias or name for name, field in section.model_fields.items())


_ALL_KEYS = frozenset(key for section, _ in _SECTIONS for key in keys_of(section))
_GUARDED = frozenset({"auth", *keys_of(document.AuthSection), *keys_of(document.OAuth2Section)})
_FREE_NAMES = ("modules", "labels")
"""Keys with names below them that the writer chooses."""


class Finding(typing.NamedTuple):
    """One fault of the shape: where, what and how to mend it."""

    place: Place
    message: str
    remedy: str
    blamed: Place
    """The key that it spoils: for a misspelt key the one that was meant."""


def findings(error: ValidationError, root: type[BaseModel], data: Any) -> Iterator[Finding]:
    """The faults in `error`, which validating `data` as `root` raised; places count from `data`.

    No finding repeats a value of `data`, except a choice that stands outside of `auth`.
    """
    for detail in error.errors(include_url=False, include_input=False):
        place = detail["loc"]
        value = _value_at(data, place)
        if detail["type"] == "extra_forbidden":
            yield _unknown_key(root, place)
        else:
            message, remedy = _fault(detail, value, place, root)
            yield Finding(place=place, message=message, remedy=remedy, blamed=place)


def presentable(place: Place, *, is_doubtful: bool = False) -> Place:
    """`place`, cut where a piece of a badly quoted password may look like a key.

    That is below `auth` and what belongs there, for every key that is not known; and with `is_doubtful`,
    as for a key without a value (`{password: hun,ter2}`), for the last key of any place.
    """
    is_guarded = False
    for position, step in enumerate(place):
        if not isinstance(step, str):
            continue
        is_free = position > 0 and place[position - 1] in _FREE_NAMES
        is_last = position == len(place) - 1
        if (is_guarded or (is_doubtful and is_last and not is_free)) and not _may_be_named(step):
            return place[:position]
        is_guarded = is_guarded or step in _GUARDED
    return place


def _may_be_named(key: str) -> bool:
    """A key of ours, of another program, or one so near to ours that it tells nothing more."""
    if key in _ALL_KEYS or key in _OTHER_WORDS:
        return True
    return (
        key.isascii() and key.replace("_", "").isalpha() and nearest(key, _ALL_KEYS, cutoff=0.8) is not None
    )


def _unknown_key(root: type[BaseModel], place: Place) -> Finding:
    *around, key = place
    assert isinstance(key, str)
    section = _section_at(root, tuple(around))
    known = keys_of(section)
    meant = _OTHER_WORDS.get(key)
    if meant not in known:
        meant = nearest(key, known)
    elsewhere = [name for other, name in _SECTIONS if other is not section and key in keys_of(other)]
    blamed = place
    if elsewhere:
        remedy = f"it belongs to {listed(elsewhere)}"
        steps = elsewhere[0].split(".")
        blamed = (*around, steps[1] if around and around[-1] == steps[0] else steps[0])
    elif meant is not None:
        remedy = f"did you mean {meant}?"
        blamed = (*around, meant)
    else:
        remedy = f"known here: {listed(sorted(known), 'and')}"
    return Finding(place=place, message="this key is not known here", remedy=remedy, blamed=blamed)


def _fault(detail: ErrorDetails, value: Any, place: Place, root: type[BaseModel]) -> tuple[str, str]:
    context = detail.get("ctx", {})
    if value is None:
        return "this item of the list is empty", "write a value or remove the item"
    match detail["type"]:
        case "fault":
            return context["message"], context["remedy"]
        case "string_type" if place[-1] == "target":
            return "this is not a target", "write host:port, such as smtp.example.com:587"
        case "string_type":
            return _no_text(value)
        case "bool_type":
            return _no_boolean(value)
        case "int_type":
            return "this is not a whole number", "write digits alone, without quotes"
        case "greater_than_equal":
            return "this number is too small", f"write at least {context['ge']}"
        case "less_than_equal":
            return "this number is too large", f"write at most {context['le']}"
        case "enum" | "literal_error":
            return _no_choice(context["expected"], value, hidden="auth" in place)
        case "list_type":
            remedy = "begin each item with a hyphen and a space, or write [ ] around them"
            return f"this is {kind_of(value)} and must be a list", remedy
        case _:  # dict_type, model_type
            return _no_mapping(value, is_endpoint=root is document.EndpointSection and not place)


def _no_text(value: Any) -> tuple[str, str]:
    match value:
        case dict() | list():
            return f"this is {kind_of(value)} and must be text", "write one value after the colon"
        case _:
            return f"this is {kind_of(value)} and must be text", "put the value in quotes"


def _no_boolean(value: Any) -> tuple[str, str]:
    folded = value.casefold() if isinstance(value, str) else ""
    if folded in ("yes", "on", "true", "y"):
        return "this must be true or false", "write true, without quotes"
    if folded in ("no", "off", "false", "n"):
        return "this must be true or false", "write false, without quotes"
    return "this must be true or false", "write true or false"


def _no_choice(expected: str, value: Any, *, hidden: bool) -> tuple[str, str]:
    # "'a', 'b' or 'c'" for an enum, "<E.A: 'a'>, 'auto' or <E.B: 'b'>" for a literal of members.
    choices = re.findall(r"'([^']*)'", expected)
    if isinstance(value, dict | list):
        return f"this is {kind_of(value)} and must be one word", f"write {listed(choices)}"
    written = str(value).casefold()
    meant = _OTHER_CHOICES.get(written.removeprefix("tlsv").removeprefix("tls"), _OTHER_CHOICES.get(written))
    if meant not in choices:
        meant = nearest(written, choices)
    shown = str(value).lower() if isinstance(value, bool) else str(value)
    message = "this value is not known here" if hidden else f"{quoted(shown)} is not known here"
    remedy = f"write {listed(choices)}"
    return message, f"{remedy}; did you mean {meant}?" if meant is not None else remedy


def _no_mapping(value: Any, *, is_endpoint: bool) -> tuple[str, str]:
    message = f"this is {kind_of(value)} and must be a mapping of keys"
    if is_endpoint:
        return message, "begin each endpoint with its target: - target: host:port"
    return message, "write key: value lines, indented below the key"


def kind_of(value: Any) -> str:
    """What sort of value was written, in words."""
    match value:
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case str():
            return "text"
        case bool():
            return "true or false"
        case _:
            return "a number"


def _value_at(data: Any, place: Place) -> Any:
    for step in place:
        data = data[step]
    return data


def _section_at(section: type[BaseModel], place: Place) -> type[BaseModel]:
    """The section that the keys at `place` belong to."""
    steps = iter(place)
    for step in steps:
        fields: dict[str | int, FieldInfo] = {
            field.alias or name: field for name, field in section.model_fields.items()
        }
        inner, by_name = _inner(fields[step].annotation)
        assert inner is not None, "only sections have unknown keys"
        section = inner
        if by_name:
            next(steps, None)
    return section


def _inner(annotation: Any) -> tuple[type[BaseModel] | None, bool]:
    """The section inside of an annotation, and whether it is found there by a free name."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, False
    by_name = typing.get_origin(annotation) is dict
    for argument in typing.get_args(annotation):
        inner, below = _inner(argument)
        if inner is not None:
            return inner, by_name or below
    return None, False
