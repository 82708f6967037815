"""Whatever a file holds, `load` returns Settings or raises ConfigError."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.model import Endpoint
from exporter.settings import ConfigError, load
from exporter.settings.document import (
    AuthSection,
    BackoffSection,
    Document,
    EndpointSection,
    FollowUpSection,
    GlobalSection,
    MessageSection,
    ModuleSection,
    OAuth2Section,
    ResolverSection,
    TlsConfigSection,
)
from exporter.settings.problems import printable
from exporter.settings.wording import keys_of


def outcome(content: bytes) -> tuple[Endpoint, ...] | None:
    """The endpoints in `content`; None when it was refused in printable words."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "my.yml"
        file.write_bytes(content)
        try:
            return load(file).endpoints
        except ConfigError as error:
            problems = error.problems
    assert problems
    for problem in problems:
        assert problem.message
        assert problem.remedy
        assert str(problem).isprintable()
    return None


LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(min_value=-10, max_value=70_000),
    st.floats(),
    st.text(alphabet="ab:@.-[]{}0 é\n\x1b", max_size=8),
    st.sampled_from(
        [
            *("30s", "5m", "1h", "0", "60", "1.5m"),
            *(
                "starttls",
                "implicit",
                "none",
                "auth",
                "data",
                "rcpt",
                "tls",
                "ip4",
                "TLS12",
                "TLS13",
                "PLAIN",
                "auto",
            ),
            *("smtp.example.com:587", "192.0.2.1:25", "[::1]:25", "smtp.example.com", "192.0.2.1", "::1"),
            *("a@example.com", "https://login.example.com/", "HOME", "my.yml", "[b-a]", "m", "submission"),
        ]
    ),
)


def section(shape: Any, **inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A section with some of its keys, sometimes one too many, sometimes none at all."""
    known = {key: inner.get(key, st.one_of(LEAVES, st.lists(LEAVES, max_size=2))) for key in keys_of(shape)}
    return st.one_of(
        st.fixed_dictionaries({}, optional=known),
        st.fixed_dictionaries({}, optional={**known, "tpyo": LEAVES}),
        LEAVES,
    )


OAUTH2 = section(OAuth2Section)
WAYS = {
    "auth": section(AuthSection, oauth2=OAUTH2),
    "tls_config": section(TlsConfigSection),
    "message": section(MessageSection),
}
DOCUMENTS = section(
    Document,
    **{
        "global": section(
            GlobalSection,
            labels=st.dictionaries(st.text(max_size=4), LEAVES, max_size=2),
            follow_up=section(FollowUpSection),
            backoff=section(BackoffSection),
            resolver=section(ResolverSection),
        )
    },
    modules=st.dictionaries(
        st.sampled_from(["m", "sub\x1bmission", "auth"]), section(ModuleSection, **WAYS), max_size=2
    ),
    endpoints=st.lists(section(EndpointSection, **WAYS), max_size=3),
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(DOCUMENTS)
def test_any_document_of_known_keys_is_taken_or_refused(document: Any):
    """Whatever the values are, and whatever is missing."""
    outcome(yaml.safe_dump(document, allow_unicode=True).encode())


@given(st.text())
def test_any_text_is_taken_or_refused(text: str):
    """YAML or not."""
    outcome(text.encode("utf-8", "surrogatepass"))


@given(st.text(alphabet=" \n\t-:{}[]*&!|>'\"%@`#,?<ab1.~\\", max_size=40))
def test_any_punctuation_is_taken_or_refused(text: str):
    """The characters that mean something in YAML, in any order."""
    outcome(b"endpoints:" + text.encode())


@given(st.binary())
def test_any_bytes_are_taken_or_refused(content: bytes):
    """Text or not."""
    outcome(content)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "{a: " * 100_000,
        "a: " + "[" * 5_000 + "]" * 5_000,
        "- " * 5_000,
        "a: &a [*a]",
        "&a {<<: *a}",
        "endpoints: " + "9" * 10_000,
        "global: {history: " + "9" * 10_000 + "}",
        "global: {history: 0x" + "f" * 90 + ", max_concurrent: 0o777, interval: 1e400}",
        "? {a: b}\n: c",
        "%YAML 3.0\n---\na: b",
        '"\\ud83d"',
        "!!binary aGk=",
        "!!int five",
        "!!str",
        "! x",
        "a: !!str 5\nb: !!null x",
        "\ufeff",
        "---\n...\n",
    ],
)
def test_odd_yaml_is_refused(text: str):
    """Depth, numbers without end, tags, directives and recursion included."""
    assert outcome(text.encode()) is None


def test_aliases_of_aliases_cost_no_memory():
    """A short text cannot unfold into a long one."""
    levels = "".join(f"    l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]\n" for n in range(1, 25))
    text = "global:\n  labels:\n    l0: &l0 [x]\n" + levels + "endpoints: [*l24]\n"
    assert outcome(text.encode()) is None


def test_escapes_are_told_apart_by_length():
    """Characters that do not print are written as YAML and JSON write them."""
    assert printable("a\x1b\U000e0001") == "a\\u001b\\U000e0001"
