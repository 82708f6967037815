"""A secret leaves the configuration in no form."""

from __future__ import annotations

import base64
import tempfile
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from exporter.settings import ConfigError, load
from exporter.settings.effective import render
from exporter.settings.urls import shown_url

CANARY = "C4n4ryQx"
MARKS = st.text(alphabet="@*&!%`'\"#:,{}[]|>?-~=\\ x1\t", max_size=4)
KEYS = st.sampled_from(["password", "password_file", "password_env", "username_env", "pasword", "passwd"])
TEMPLATES = (
    "endpoints:\n  - target: smtp.example.com:587\n    auth:\n      username: probe\n      {key}: {value}\n",
    "endpoints:\n  - target: smtp.example.com:587\n    auth: {{username: probe, {key}: {value}}}\n",
    "modules:\n  m:\n    auth:\n      {key}: {value}\n      mechanism: 3\n",
    "endpoints:\n  - target: smtp.example.com:587\n    auth: {{username: a, oauth2: {{client_id: b, {key}: {value}}}}}\n",
    '{{"endpoints": [{{"target": "a.example:25", "auth": {{"username": "a", "{key}": {value}}}}}]}}\n',
    "endpoints:\n  - target: smtp.example.com:587\n    {key}: {value}\n",
    'endpoints: [{{target: "a.example:25", {key}: {value}}}]\n',
)


def texts_after_loading(text: str) -> str:
    """Everything that a person could get to see of `text`, after loading it."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "my.yml"
        file.write_text(text, encoding="utf-8")
        try:
            settings = load(file)
        except ConfigError as error:
            chain: list[BaseException] = [error]
            while (cause := chain[-1].__cause__ or chain[-1].__context__) is not None:
                chain.append(cause)
            return "\n".join(f"{link}\n{link!r}" for link in chain) + repr(error.problems)
        return f"{settings!r}{settings}{settings.endpoints!r}{settings.modules!r}{settings.effective}"


@given(template=st.sampled_from(TEMPLATES), key=KEYS, before=MARKS, after=MARKS)
@example(template=TEMPLATES[1], key="password", before="hun,", after="")
@example(template=TEMPLATES[1], key="password", before="{", after="}")
@example(template=TEMPLATES[0], key="password", before="*", after="")
@example(template=TEMPLATES[0], key="password", before="!", after="")
@example(template=TEMPLATES[0], key="password", before="x: ", after="")
@example(template=TEMPLATES[2], key="password", before="{", after="")
@example(template=TEMPLATES[5], key="password", before="{", after="")
@example(template=TEMPLATES[6], key="password", before="hun,", after="")
@example(template=TEMPLATES[6], key="password", before="hun,a,a,", after="")
@example(template=TEMPLATES[2], key="password_file", before="", after="")
@example(template=TEMPLATES[2], key="password_env", before="", after="")
def test_no_way_to_write_a_secret_shows_it(template: str, key: str, before: str, after: str):
    """Quoted or not, in the right key or beside it, whole or broken by YAML's special characters.

    In a file's name it may be shown when it has a slash, because then it is a path.
    """
    shown = texts_after_loading(template.format(key=key, value=f"{before}{CANARY}{after}"))
    assert CANARY not in shown
    assert base64.b64encode(CANARY.encode()).decode() not in shown


@pytest.mark.parametrize(
    "auth",
    [
        {"username": "probe", "password": CANARY},
        {"username": "probe", "password": CANARY, "password_file": "nothing"},
        {"username": "probe", "password": [CANARY]},
        {"username": "probe", "password": {CANARY: CANARY}},
        {"username": "probe", "password": f"{CANARY}\n{CANARY}"},
        {"username": "probe", "oauth2": CANARY},
        {
            "username": "probe",
            "oauth2": {"client_secret": CANARY, "token_url": f"http://{CANARY}/", "client_id": "x"},
        },
        {
            "username": "probe",
            "oauth2": {"refresh_token": CANARY, "client_id": "x", "scopes": [f"a {CANARY}"]},
        },
        {"username": "probe", "password": "x", "mechanism": CANARY, "allow_plaintext": CANARY},
        {"username": "probe", "password": "x", "every": "5m", CANARY: "x"},
        CANARY,
        [CANARY],
    ],
)
def test_no_shape_of_auth_shows_a_secret(auth: object):
    """Wrong types and unknown keys included."""
    document = {"modules": {"m": {"auth": auth}}, "endpoints": [{"target": "a.example:587", "auth": auth}]}
    assert CANARY not in texts_after_loading(yaml.safe_dump(document))


def test_secrets_of_files_and_variables_are_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The effective configuration names where they come from."""
    (tmp_path / "password").write_text(CANARY, encoding="utf-8")
    monkeypatch.setenv("TEST_SECRET", CANARY)
    file = tmp_path / "my.yml"
    file.write_text(
        f"""\
endpoints:
  - target: one.example.com:587
    auth: {{username_env: TEST_SECRET, password_file: password}}
  - target: two.example.com:587
    auth:
      username: probe
      oauth2: {{token_url: "https://login.example.com/", client_id: me, client_secret: {CANARY}, refresh_token_env: TEST_SECRET}}
""",
        encoding="utf-8",
    )
    effective = load(file).effective
    assert CANARY not in effective
    one, two = yaml.safe_load(effective)["endpoints"]
    assert one["auth"] == {"username_env": "TEST_SECRET", "password_file": "password"}
    assert two["auth"]["oauth2"] == {
        "token_url": "https://login.example.com/",
        "client_id": "me",
        "client_secret": "<secret>",
        "refresh_token_env": "TEST_SECRET",
    }


@pytest.mark.parametrize(
    "target",
    [
        f"smtp://probe:{CANARY}@smtp.example.com:587",
        f"smtp://smtp.example.com:587?key={CANARY}",
        f"smtp://smtp.example.com/#{CANARY}",
    ],
)
def test_a_password_in_a_target_is_not_shown(target: str):
    """A URL with credentials is refused without being repeated."""
    assert CANARY not in texts_after_loading(f"endpoints: [{{target: '{target}'}}]")


@pytest.mark.parametrize(
    "query", [f"code={CANARY}", CANARY, f"a=b&sig={CANARY}%2F;c", f"a=b?{CANARY}#{CANARY}"]
)
def test_a_secret_in_the_address_of_a_token_is_not_shown(query: str):
    """Functions of clouds are called with a key in the query; names of parameters and the path stay."""
    oauth2 = {"token_url": f"https://login.example.com/token?{query}", "client_id": "x", "client_secret": "y"}
    auth = {"username": "probe", "oauth2": oauth2}
    shown = texts_after_loading(yaml.safe_dump({"endpoints": [{"target": "a.example:587", "auth": auth}]}))
    assert CANARY not in shown
    assert "https://login.example.com/token?" in shown


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://a.example/b/c", "https://a.example/b/c"),
        ("https://a.example:8443", "https://a.example:8443"),
        ("https://u:p@a.example/b?c=d&e#f", "https://<secret>@a.example/b?c=<secret>&<secret>#<secret>"),
        ("https://u@p@a.example/", "https://<secret>@a.example/"),
        ("//u:p@a.example", "//<secret>@a.example"),
        ("https://a.example/?", "https://a.example/?"),
        ("https://a.example/?a==b&YWJj==", "https://a.example/?a=<secret>&<secret>"),
        ("https://[::1/x?y=z", "https://[::1/x?y=<secret>"),
        ("", ""),
    ],
)
def test_what_is_shown_of_a_url(url: str, shown: str):
    """Where it leads, and no user, password or value."""
    assert shown_url(url) == shown


@given(st.text(max_size=60))
def test_any_text_is_shown_in_some_way(text: str):
    """Whatever somebody takes for a URL; what is shown already stays as it is."""
    assert shown_url(shown_url(text)) == shown_url(text)


SCALARS = st.one_of(
    st.text(max_size=20), st.integers(), st.booleans(), st.sampled_from(["no", "1m", "a:b", "1e3", "~"])
)


@given(
    st.dictionaries(
        st.text(min_size=1, max_size=8), st.one_of(SCALARS, st.lists(SCALARS, max_size=3)), min_size=1
    )
)
def test_what_is_rendered_is_read_back(section: dict[str, object]):
    """Whatever stands in names, labels and paths."""
    assert yaml.safe_load(render({"a": section, "b": [section, section]})) == {
        "a": section,
        "b": [section, section],
    }
