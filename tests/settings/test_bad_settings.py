"""Each file of `bad/` has one fault; the lines that begin with `#!` are the exact text of the error."""

from __future__ import annotations

from pathlib import Path

import pytest

from exporter.settings import ConfigError, load
from tests.settings.settings_folder import BAD

BAD_FILES = sorted(BAD.glob("*.yml"))


@pytest.mark.parametrize("file", BAD_FILES, ids=lambda file: file.stem)
def test_each_bad_file_is_refused_in_exactly_these_words(
    file: Path, bad_folder: Path, monkeypatch: pytest.MonkeyPatch
):
    """The whole text of the error is what the file's first lines say."""
    monkeypatch.chdir(bad_folder)
    lines = file.read_bytes().decode("utf-8", errors="replace").splitlines()
    expected = [line.removeprefix("#! ") for line in lines if line.startswith("#! ")]

    with pytest.raises(ConfigError) as raised:
        load(Path(file.name))

    assert str(raised.value).split("\n") == expected


def test_there_are_enough_bad_files():
    """Nearly every mistake that a person is likely to make has its file."""
    assert len(BAD_FILES) >= 150


def test_a_missing_file_is_told_with_its_name(tmp_path: Path):
    """There is no line, and the remedy says what to do."""
    file = tmp_path / "nothing.yml"
    with pytest.raises(ConfigError) as raised:
        load(file)
    assert str(raised.value) == (
        f"{file}: cannot read {file}: No such file or directory; create it, or correct the path"
    )
    assert raised.value.watched_files == (file,)


def test_a_folder_is_no_configuration(tmp_path: Path):
    """The remedy names a file in it."""
    with pytest.raises(ConfigError, match="Is a directory; name a file in it"):
        load(tmp_path)


def test_utf16_is_told_without_a_line(tmp_path: Path):
    """What some editors save as Unicode is not UTF-8."""
    file = tmp_path / "my.yml"
    file.write_bytes("endpoints: []\n".encode("utf-16"))
    with pytest.raises(ConfigError) as raised:
        load(file)
    assert str(raised.value) == f"{file}: this is not UTF-8 text; save the file as UTF-8"


def test_all_problems_come_at_once_and_in_order(bad_folder: Path, monkeypatch: pytest.MonkeyPatch):
    """Faults of shape, of values, of files and of combinations stand in one list, by file and line."""
    monkeypatch.chdir(bad_folder)
    Path("many.yml").write_text(
        """\
global:
  interval: 60
  labels: {job: mail, site: fra1}
  endpoint_files: ["endpoints.d/fault*.yml"]
endpoints:
  - target: mail.example.com:587
    tsl: none
    until: mail
    auth: {username: probe, password_file: secrets/empty}
    labels: {rack: 12}
  - target: smtp.example.com
    tls_config: {min_version: TLS13, max_version: TLS12, ca_file: certs/text.pem}
    interval: 5s
    timeout: 10s
""",
        encoding="utf-8",
    )
    with pytest.raises(ConfigError) as raised:
        load(Path("many.yml"))
    places = [(problem.file, problem.line, problem.path) for problem in raised.value.problems]
    assert places == [
        ("many.yml", 2, "global.interval"),
        ("many.yml", 3, "global.labels.job"),
        ("many.yml", 7, "endpoints[0].tsl"),
        ("many.yml", 8, "endpoints[0].until"),
        ("many.yml", 9, "endpoints[0].auth.password_file"),
        ("many.yml", 10, "endpoints[0].labels.rack"),
        ("many.yml", 11, "endpoints[1].target"),
        ("many.yml", 12, "endpoints[1].tls_config.ca_file"),
        ("many.yml", 12, "endpoints[1].tls_config.min_version"),
        ("many.yml", 14, "endpoints[1].timeout"),
        ("endpoints.d/fault.yml", 2, "[1].target"),
    ]


def test_the_fault_of_a_module_is_told_once(bad_folder: Path):
    """A hundred endpoints that use a faulty module add nothing to it."""
    file = bad_folder / "module-fault.yml"
    lines = [
        "modules:",
        "  m: {until: auth, auth: {username: probe, password_file: secrets/none}}",
        "endpoints:",
    ]
    lines += [f"  - {{target: 'smtp{number}.example.com:587', module: m}}" for number in range(100)]
    file.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(ConfigError) as raised:
        load(file)
    assert [problem.path for problem in raised.value.problems] == ["modules.m.auth.password_file"]


def test_a_module_that_does_not_fit_is_not_unknown_too(bad_folder: Path):
    """An endpoint of a module that is no mapping is not blamed for it."""
    file = bad_folder / "module-shape.yml"
    file.write_text("modules: {m: 5}\nendpoints: [{target: 'a.example:25', module: m}]\n", encoding="utf-8")
    with pytest.raises(ConfigError) as raised:
        load(file)
    assert [problem.path for problem in raised.value.problems] == ["modules.m"]


def test_modules_that_do_not_fit_make_no_module_unknown(bad_folder: Path):
    """A list of modules is one fault, whatever the endpoints name."""
    file = bad_folder / "modules-shape.yml"
    file.write_text("modules: [m]\nendpoints: [{target: 'a.example:25', module: m}]\n", encoding="utf-8")
    with pytest.raises(ConfigError) as raised:
        load(file)
    assert [problem.path for problem in raised.value.problems] == ["modules"]


def test_the_files_that_could_mend_it_are_named(bad_folder: Path):
    """A reload can wait for the missing secret to appear."""
    file = bad_folder / "password-file-missing.yml"
    with pytest.raises(ConfigError) as raised:
        load(file)
    assert raised.value.watched_files == (file, Path("/nowhere/password"))
