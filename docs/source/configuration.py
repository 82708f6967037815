"""The reference of the configuration, from the JSON Schema that the settings are read by."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from docs.source.markdown import code, document, table
from exporter.settings import json_schema

_INTRODUCTION = """\
The configuration is YAML; JSON is YAML too. [config/submission-exporter.yml](../../config/submission-exporter.yml) shows
every key at work, [config/submission-exporter.schema.json](../../config/submission-exporter.schema.json) lets an editor
complete and check the file, and `submission-exporter validate --config.file FILE` names every problem at once.

Unknown keys, duplicate names, files that cannot be read and keys that contradict each other are problems. A file with a
problem is refused as a whole; a running exporter goes on with what it had."""

_RULES = """\
**Durations** are whole numbers with units, the larger unit first: `500ms`, `30s`, `1h30m`.

**Booleans** are `true` and `false`. `yes`, `no`, `on` and `off` are text, as in YAML 1.2, and therefore refused.

**File names** count from the folder of the file that names them.

**Secrets** and user names are given in one of three ways: `KEY` itself, `KEY_file`, the name of a file that holds nothing
else, or `KEY_env`, the name of an environment variable. A changed file is noticed like a changed configuration.

**Layers.** `global` lies under a module, a module under an endpoint that names it. Key by key the upper layer wins,
inside of `tls_config` and `message` too. Two things stay together: an `auth` that names credentials replaces the one
below it whole, and `cert_file` with `key_file` replaces both below.

**Labels** of `global` and of an endpoint go on every series of the endpoint; the endpoint's own win. The names `job`,
`instance`, `namespace`, `service`, `pod`, `container`, `endpoint`, `node`, `le`, all that begin with `__`, and the
labels of the [metrics](metrics.md) are taken.

**Reload.** An endpoint keeps its counters and history as long as its name, host, port and labels stay what they were,
however it is probed from then on; any other begins at 0. Nobody who did not change is moved in time."""

_OWN_RULES = """\
`global.rules_files` names files of rules that come before the built-in ones. A rule says what it must see, what that
means, where that is documented, and at least one example that it must explain; a rule whose example lands elsewhere is
refused with the file.

```yaml
- id: ours.maintenance-window
  phase: auth
  words: scheduled maintenance
  class: auth_temporary_failure
  remedy: Wait for the end of the window that is announced on the intranet.
  source: Our Dovecot's answer during upgrades
  examples:
    - {phase: auth, code: 535, text: "5.7.0 Scheduled maintenance, no logins until 06:00"}
```

Conditions: `phase`, `evidence`, `code`, `family`, `enhanced`, `marker`, `words`, `hints`, `unless`, `pattern`, `errno`,
`name_kind`, `reason`, `alert`, `verify_code`, `capability`, `given`, `not_given`. [How the diagnosis
decides](../explanation/diagnosis.md) says which wins."""

_SECTIONS = (
    ("global", "GlobalSection", "global"),
    ("global.follow_up", "FollowUpSection", "globalfollow_up"),
    ("global.backoff", "BackoffSection", "globalbackoff"),
    ("global.resolver", "ResolverSection", "globalresolver"),
    ("modules.NAME", "ModuleSection", "modulesname"),
    ("endpoints[]", "EndpointSection", "endpoints"),
    ("tls_config", "TlsConfigSection", "tls_config"),
    ("auth", "AuthSection", "auth"),
    ("auth.oauth2", "OAuth2Section", "authoauth2"),
    ("message", "MessageSection", "message"),
)
"""Heading, definition in the schema, and the heading's anchor."""
_ANCHORS = {definition: (title, anchor) for title, definition, anchor in _SECTIONS}
_SEEN = re.compile(r"\s*\bDefault:? (?P<default>[^.]+(?:\.[^\s][^.]*)*)\.?")
_IN_OTHER_WORDS: Mapping[tuple[str, str], str] = {
    ("EndpointSection", "interval"): "`global.interval`",
    ("EndpointSection", "timeout"): "`global.timeout`",
    ("ModuleSection", "timeout"): "`global.timeout`",
    ("EndpointSection", "module"): "none",
    ("TlsConfigSection", "ca_file"): "the system's roots",
    ("TlsConfigSection", "server_name"): "the target's host",
    ("ResolverSection", "nameservers"): "the system's",
    ("GlobalSection", "rules_files"): "`[]`",
    ("GlobalSection", "endpoint_files"): "`[]`",
    ("FollowUpSection", "control_targets"): "`[]`",
}
"""Defaults that the description does not put behind the word."""
_DURATION = "duration"


def page() -> str:
    """The whole page."""
    schema = json_schema()
    parts = ["# Configuration", _INTRODUCTION, "## What holds everywhere", _RULES]
    parts += ["## The file", _table("", schema, schema)]
    for title, definition, _ in _SECTIONS:
        section = schema["$defs"][definition]
        parts += [f"## {title}", section["description"], _table(definition, section, schema)]
    return document(*parts, "## Rules of your own", _OWN_RULES)


def _table(definition: str, section: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    return table(("key", "type", "default", "meaning"), _rows(definition, section, schema))


def _rows(
    definition: str, section: Mapping[str, Any], schema: Mapping[str, Any]
) -> Iterator[tuple[str, ...]]:
    required = section.get("required", ())
    for key, about in section["properties"].items():
        text = about.get("description", "")
        found = _SEEN.search(text)
        default = _IN_OTHER_WORDS.get((definition, key), "-")
        if found is not None and (definition, key) not in _IN_OTHER_WORDS:
            default = _default(found["default"])
        meaning = _SEEN.sub("", text) if default != "-" else text
        if not meaning:
            meaning = _meaning_of(about, schema)
        yield (
            code(key),
            _type(about, schema),
            "required" if key in required else default,
            meaning.strip() or "-",
        )


def _meaning_of(about: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """What the definition says, where the key's own description was its default alone."""
    return str(_resolved(about, schema).get("description", ""))


def _default(text: str) -> str:
    return code(text) if text[0] == "[" or " " not in text else text


def _resolved(about: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = about.get("$ref", "")
    resolved: Mapping[str, Any] = schema["$defs"][reference.rpartition("/")[2]] if reference else about
    return resolved


def _type(about: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    name = about.get("$ref", "").rpartition("/")[2]
    if name in _ANCHORS:
        title, anchor = _ANCHORS[name]
        return f"[{title}](#{anchor})"
    about = _resolved(about, schema)
    if "anyOf" in about:
        return _type(about["anyOf"][0], schema) + " or `0`"
    if "enum" in about:
        return ", ".join(code(value) for value in about["enum"])
    if "ms)?" in about.get("pattern", ""):
        return _DURATION
    match about.get("type"):
        case "array":
            return f"list of {_type(about['items'], schema)}"
        case "object":
            return f"mapping of names to {_type(about['additionalProperties'], schema)}"
        case "integer":
            return f"{about['minimum']} to {about['maximum']}"
        case "boolean":
            return "`true`, `false`"
        case _:
            return "text"
