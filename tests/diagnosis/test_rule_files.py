"""Operators' rule files: what is checked, and how a problem is reported."""

from __future__ import annotations

import pytest

from exporter.diagnosis import RuleError, diagnose, load_rules
from exporter.diagnosis.patterns import compiled
from exporter.diagnosis.rulebook import default_rulebook
from exporter.model import ErrorClass, FaultDomain, Phase, Reply, Symptom

GOOD = """
- id: mine.moon-phase
  phase: mail
  words: wrong phase of the moon, the moon + is wrong
  class: greylisted
  domain: network
  summary: "The moon is not right for {host}."
  remedy: Wait.
  source: our own relay
  examples:
    - {phase: mail, code: 450, text: Wrong phase of the moon}
    - "450 the moon above us is wrong (in reply to MAIL FROM command)"
"""


@pytest.fixture
def write(tmp_path):
    """Write a rule file and return its path."""

    def _write(text: str, name: str = "mine.yml"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return _write


def problems(*paths) -> list[str]:
    """The problems that loading reports, one string each."""
    with pytest.raises(RuleError) as caught:
        load_rules(paths)
    return [str(problem) for problem in caught.value.problems]


def test_an_operators_rule_decides(write):
    """A rule of the operator's own is used like a built-in one."""
    book = load_rules([write(GOOD)])
    found = diagnose(
        Symptom(phase=Phase.MAIL, evidence=Reply(450, (b"Wrong phase of the moon",)), host="mx.example.com"),
        book,
    )
    assert (found.error_class, found.fault_domain) == (ErrorClass.GREYLISTED, FaultDomain.NETWORK)
    assert found.rule == "mine.moon-phase"
    assert found.summary == "The moon is not right for mx.example.com."
    assert found.remedy == ("Wait.",)


def test_without_files_the_default_book_is_shared():
    """No extra file costs nothing: the built-in book itself comes back."""
    assert load_rules() is default_rulebook()


def test_a_problem_names_file_line_rule_and_remedy(write):
    """The message is enough to mend the file."""
    path = write(GOOD.replace("class: greylisted", "class: moonstruck"))
    assert problems(path) == [
        f"{path}:5: rule mine.moon-phase: `class` holds 'moonstruck'; use a class of docs/errors.md"
    ]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("  source: our own relay\n", "", "no `source`"),
        ("id: mine.moon-phase", "id: Moon Phase", "`id` is"),
        ("phase: mail\n  words", "phases: mail\n  words", "unknown key 'phases'"),
        ("phase: mail\n  words", "phase: moon\n  words", "`phase` holds 'moon'"),
        ("domain: network", "domain: heaven", "`domain` holds 'heaven'"),
        ("domain: network", "domain: [network, local]", "`domain` holds several values"),
        ("domain: network", "confidence: guess", "a guess without `runner_up`"),
        ("domain: network", "runner_up: greylisted", "`runner_up` is the class itself"),
        ("class: greylisted", "class: port_blocked", "`class` holds 'port_blocked'"),
        ("class: greylisted", "class: none", "`class` holds 'none'"),
        ("remedy: Wait.", "remedy: [a b, c d, e f, g h]", "more than three remedies"),
        ("remedy: Wait.", "remedy: ''", "`remedy` holds ''"),
        ("remedy: Wait.", "code: 99", "`code` holds 99"),
        ("remedy: Wait.", "code: true", "`code` holds True"),
        ("remedy: Wait.", "code: []", "`code` is empty"),
        ("remedy: Wait.", "enhanced: 5.7", "`enhanced` holds 5.7"),
        ("remedy: Wait.", "enhanced: moon", "`enhanced` holds 'moon'"),
        ("remedy: Wait.", "marker: abc", "`marker` holds 'abc'"),
        ("remedy: Wait.", "marker: 12345", "`marker` holds 12345"),
        ("remedy: Wait.", "evidence: moonlight", "`evidence` holds 'moonlight'"),
        ("remedy: Wait.", "errno: 111", "`errno` holds 111"),
        ("remedy: Wait.", "reason: 3", "`reason` holds 3"),
        ("remedy: Wait.", "capability: MOON", "`capability` holds 'MOON'"),
        ("remedy: Wait.", "given: moonlight", "`given` holds 'moonlight'"),
        ("remedy: Wait.", "name_kind: moon", "`name_kind` holds 'moon'"),
        ("remedy: Wait.", "unless: ['', {a: b}]", "`unless` holds ''"),
        ("remedy: Wait.", "hints: a", "`hints` holds 'a'"),
        ("remedy: Wait.", "pattern: '(a+)+$'", "`pattern` holds"),
        ("remedy: Wait.", "pattern: '(a*)*b'", "`pattern` holds"),
        ("remedy: Wait.", "pattern: '.*.*moon'", "`pattern` holds"),
        ("remedy: Wait.", r"pattern: '(moon) \1'", "`pattern` holds"),
        ("remedy: Wait.", "pattern: '('", "`pattern` holds '(', which is no regular expression (missing )"),
        ("remedy: Wait.", "pattern: 3", "`pattern` holds 3"),
        ("remedy: Wait.", "examples2: x", "unknown key 'examples2'"),
    ],
)
def test_bad_fields_are_reported(write, old, new, said):
    """Every field is checked, and what is wrong with it is said."""
    assert old in GOOD
    assert any(said in problem for problem in problems(write(GOOD.replace(old, new, 1))))


def test_a_rule_without_examples_or_conditions_is_refused(write):
    """Each rule shows at least one failure that it is for, and asks for something."""
    bare = "- {id: mine.bare, class: greylisted, source: none at all}"
    said = problems(write(bare))
    assert any("no example" in problem for problem in said)
    assert any("no condition" in problem for problem in said)


def test_an_example_that_lands_elsewhere_is_refused(write):
    """An example that another rule explains shows that the rule does not say what it means."""
    path = write(GOOD.replace("text: Wrong phase of the moon", "text: Greylisted by the moon"))
    assert any("example 1 lands on greylist.words" in problem for problem in problems(path))


@pytest.mark.parametrize(
    "example", ["{moon: full}", "{evidence: moonlight}", "{evidence: timed_out, moon: 1}", "[]"]
)
def test_an_example_that_cannot_be_read_is_refused(write, example):
    """An example is a text, a record, or a symptom spelt out."""
    path = write(GOOD.replace("{phase: mail, code: 450, text: Wrong phase of the moon}", example))
    assert any("cannot be read" in p or "`examples` holds" in p for p in problems(path))


def test_two_rules_with_the_same_conditions_are_a_tie(write):
    """What no failure can tell apart may not conclude differently; the order of files decides nothing."""
    other = GOOD.replace("mine.moon-phase", "mine.tide").replace("class: greylisted", "class: rate_limited")
    said = problems(write(GOOD + other))
    assert any("ties with mine.moon-phase" in problem for problem in said)


def test_a_tie_on_an_example_is_reported(write):
    """Two rules of equal weight that both match an example are a tie, whatever their phrases."""
    other = """
- id: mine.stars
  phase: mail
  words: phase of the moon wrong
  class: rate_limited
  source: our own relay
  examples:
    - {phase: mail, code: 450, text: "phase of the moon wrong, wrong phase of the moon"}
"""
    assert any("is a tie with" in problem for problem in problems(write(GOOD + other)))


def test_a_tie_is_reported_once(write):
    """However many examples and phrases two rules share, one message says that they tie."""
    other = GOOD.replace("mine.moon-phase", "mine.tide").replace("class: greylisted", "class: rate_limited")
    assert len([problem for problem in problems(write(GOOD + other)) if "tie" in problem.split("; ")[0]]) == 1


def test_a_taken_id_is_refused(write):
    """An operator's rule cannot take the name of a built-in one."""
    path = write(GOOD.replace("mine.moon-phase", "greylist.words"))
    assert any("the id is taken" in problem for problem in problems(path))


def test_a_name_given_twice_is_reported_whatever_else_is_wrong(write):
    """The second rule of a name is told so at its own line, in another file and with a bad field too."""
    broken = GOOD.replace("class: greylisted", "class: moonstruck")
    second = write(broken, "second.yml")
    said = problems(write(GOOD), second)
    assert f"{second}:2: rule mine.moon-phase: the id is taken; choose another id" in said
    assert len(said) == 2


@pytest.mark.parametrize(
    "pattern",
    [
        "(?:a|aa|a?a){1,60}z",
        "(?:a|aa){1,60}z",
        "(a{1,5}b?){2,9}",
        "(?:moon|moons)*x",
        "x{0,99}y{0,99}",
        "a?b?c?d?e?f?g?h?i?j?k?l?m?n?",
        "(?=(a+)+)b",
        "(a)?(?(1)b|c)",
        "[a-z]*[a-z]*",
    ],
)
def test_a_pattern_that_could_take_long_is_refused(write, pattern):
    """Repetitions of something of several lengths, and too many ways to match, are not accepted."""
    path = write(GOOD.replace("remedy: Wait.", f"pattern: '{pattern}'"))
    assert [problem.partition(" `")[0] for problem in problems(path)] == [f"{path}:8: rule mine.moon-phase:"]


@pytest.mark.parametrize(
    "pattern", ["moon .{0,80}wrong", "moon [^ ]*", r"(?:new|full) moon", r"\bmoon(?:light|s)?\b", "a{3}b++"]
)
def test_a_pattern_of_few_ways_is_accepted(pattern):
    """What a person writes to find two words near each other has few ways to match."""
    assert compiled(pattern).pattern == pattern


@pytest.mark.parametrize(
    "text", ["- " * 20_000, "[" * 100_000 + "]" * 100_000, "- id: mine.a\n  class: " + "[" * 900 + "]" * 900]
)
def test_a_deeply_nested_file_is_reported(write, text):
    """Nesting without end is a problem of the file, not of the program."""
    assert problems(write(text))


@pytest.mark.parametrize(
    "value", ["2024-99-99", "0b_", "9" * 5000, "!!timestamp x", "!!int x", "!!bool x", "!!float x"]
)
def test_a_value_that_is_not_what_it_looks_like_is_reported(write, value):
    """A date that is none, and its like, are problems of the file, not of the program."""
    assert problems(write(f"- id: mine.a\n  code: {value}"))


def test_a_file_that_is_no_list_is_refused(write):
    """A rule file is a list of mappings."""
    assert "a rule file is a list of rules" in problems(write("rules: {}"))[0]
    assert "is not a rule" in problems(write("- just text"))[0]


def test_broken_yaml_is_reported_with_its_line(write):
    """The place of a syntax error is named."""
    path = write("- id: [unclosed\n- id: b")
    assert problems(path)[0].startswith(f"{path}:2: not readable as YAML")


def test_problems_of_all_files_come_at_once(write, tmp_path):
    """A missing file does not hide what is wrong with the next one."""
    missing = tmp_path / "missing.yml"
    said = problems(missing, write("rules: {}"), write("[]\n...\n{}", "third.yml"))
    assert (
        said[0]
        == f"{missing}: not readable: No such file or directory; name a file that exists and may be read"
    )
    assert len(said) == 3


def test_a_rule_may_refine_a_class(write):
    """A refinement looks again at a class, and may change the owner alone."""
    text = """
- id: mine.our-own-blocklist
  refines: client_blocked
  words: blocklist.example.org
  domain: local
  source: our own list
  examples:
    - {phase: rcpt, code: 554, text: "5.7.1 Client host [192.0.2.1] blocked using blocklist.example.org"}
"""
    book = load_rules([write(text)])
    reply = Reply(554, (b"5.7.1 Client host [192.0.2.9] blocked using blocklist.example.org",))
    found = diagnose(Symptom(phase=Phase.RCPT, evidence=reply), book)
    assert (found.error_class, found.fault_domain) == (ErrorClass.CLIENT_BLOCKED, FaultDomain.LOCAL)
