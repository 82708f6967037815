"""The reference of the command line, from the parser itself."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping

from docs.source.markdown import code, document, table
from exporter.cli import _parser

_INTRODUCTION = """\
After `make run` the program is `.venv/bin/submission-exporter`; `python -m exporter` is the same. Options have one
spelling: nothing may be shortened. Those with dots are spelt as in Prometheus.

| exit code | means |
|---|---|
| 0 | all healthy; `classify`: its input could be read |
| 1 | something failed: an endpoint of `check`, the exporter that `healthcheck` asked |
| 2 | usage or configuration; standard error says what to change |"""

_NOTES: Mapping[str, str] = {
    "serve": """\
The configuration is read again when one of its files changes, on SIGHUP and on `POST /-/reload`. One that is wrong
changes nothing: the log names every problem, `submission_exporter_config_last_reload_successful` becomes 0. SIGTERM and
SIGINT end the running probes with QUIT where there is time, and the program within seconds.""",
    "check": """\
`check NAME` takes the endpoint of that name out of the file; anything else is a server. A server without a port is tried
on 587 with STARTTLS (with `--tls implicit` on 465), and the output says so; for a known provider its documented settings stand beside. `--username`
without `--password-file` asks for the password without echo, so that it stands in no history and in no process list.

`--output json` prints one list with an object for each endpoint: `endpoint`, `target`, `labels`, `started`, `success`,
`phase`, `error_class`, `fault_domain`, `rule`, `confidence`, `runner_up`, `summary`, `remedy`, `outlook_code`,
`duration_seconds`, `steps`, `attempts`, `reply`, `tls`, `auth`, `follow_up`, `transcript`.""",
    "classify": """\
Text may be a line of a log, a bounce, an Outlook dialog or a reply of a server. With `--output json` standard input
holds one JSON object a line, with any of `phase`, `code`, `enhanced`, `text`, `errno`, `mechanism`, `port` and `tls`, and
as many lines come out, in order: `error_class`, `fault_domain`, `rule`, `confidence`, `runner_up`, `summary`, `remedy`,
`outlook_code`.""",
    "validate": "Prints every problem with file, line, path and remedy; exit code 2 when there is one.",
    "healthcheck": "Made for containers: it needs neither a shell nor curl. Exit code 0 when the exporter answers. Without a web "
    "configuration it finds out by itself whether the page speaks TLS; where the page demands client certificates, give it: "
    "being turned away then counts as an answer.",
    "demo": "Eleven servers on loopback, three healthy and eight broken, each in another way; nothing leaves the machine.",
}


def page() -> str:
    """The whole page."""
    parts = ["# Command line", _INTRODUCTION]
    for name, command in commands().items():
        parts += [f"## {name}", _usage(command), *_arguments(command), _NOTES[name]]
    return document(*parts)


def commands() -> dict[str, argparse.ArgumentParser]:
    """Return the parser of each command."""
    (action,) = (a for a in _parser()._actions if isinstance(a, argparse._SubParsersAction))  # noqa: SLF001 - argparse has no way to ask
    return dict(action.choices)


def _usage(command: argparse.ArgumentParser) -> str:
    # Wrapped by our own hand: argparse's breaks differ from Python to Python.
    lines = [f"submission-exporter {command.prog.split()[-1]}"]
    for action in _actions(command):
        word = _spelt(action) if _is_required(action) else f"[{_spelt(action)}]"
        if len(lines[-1]) + len(word) > 98:
            lines.append("    " + word)
        else:
            lines[-1] += f" {word}"
    return "```text\n" + "\n".join(lines) + "\n```"


def _actions(command: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    return (action for action in command._actions if action.dest != "help")  # noqa: SLF001


def _spelt(action: argparse.Action) -> str:
    value = str(action.metavar or ("|".join(action.choices) if action.choices else ""))
    if not action.option_strings:
        return f"{value} ..." if action.nargs == "*" else value
    return f"{action.option_strings[0]} {value}".strip()


def _arguments(command: argparse.ArgumentParser) -> Iterator[str]:
    rows = [(code(_spelt(action)), _default(action), _help(action)) for action in _actions(command)]
    if rows:
        yield table(("argument", "default", "meaning"), rows)


def _is_required(action: argparse.Action) -> bool:
    return action.required and action.nargs != "*"  # argparse calls even those required that may be absent


def _default(action: argparse.Action) -> str:
    if _is_required(action):
        return "required"
    return code(str(action.default)) if isinstance(action.default, str) else "-"


def _help(action: argparse.Action) -> str:
    text = (action.help or "").replace(" (default %(default)s)", "")
    return text.rstrip(".")
