# ruff: noqa: INP001, T201 - a script beside the chart, not a package
"""Puts into the chart what is made elsewhere; with `--check`, says what is out of step instead.

rules       what has groups below config/prometheus/  ->  files/rules/
dashboards  dashboards/*.json                          ->  files/dashboards/
schema      values_layout.py, the exporter's own configuration schema, Kubernetes' definitions
README      the table of values, from values.yaml and its comments
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from kubernetes_definitions import kubernetes_definitions
from values_layout import layout

ROOT = Path(__file__).resolve().parent.parent
CHART = ROOT / "helm" / "submission-exporter"
TABLE = re.compile(r"(?<=<!-- values -->\n).*(?=<!-- /values -->)", re.DOTALL)
_LOOKING = re.compile(r"\(\?<?[=!][^()]*\)")
_KEY = re.compile(r"^( *)([A-Za-z][\w]*):")


def wanted() -> dict[Path, str]:
    """Every made file of the chart and what it has to hold."""
    files = {CHART / "files" / "rules" / path.name: path.read_text() for path in rule_files()}
    for path in sorted((ROOT / "dashboards").glob("*.json")):
        files[CHART / "files" / "dashboards" / path.name] = path.read_text()
    schema = values_schema()
    files[CHART / "values.schema.json"] = json.dumps(schema, indent=1, ensure_ascii=False) + "\n"
    readme = CHART / "README.md"
    files[readme] = TABLE.sub(lambda _: values_table(), readme.read_text())
    return files


def stale(files: dict[Path, str]) -> Iterator[Path]:
    """The made files that differ, are missing, or are there and should not be."""
    for path, content in files.items():
        if not path.exists() or path.read_text() != content:
            yield path
    for folder in ("rules", "dashboards"):
        for path in sorted((CHART / "files" / folder).glob("*")):
            if path not in files and path.name != ".gitkeep":
                yield path


def rule_files() -> list[Path]:
    """Rule files by what is in them: tests and Alertmanager's files lie beside them."""
    found = []
    for path in sorted((ROOT / "config" / "prometheus").rglob("*.yml")):
        content = yaml.safe_load(path.read_text())
        if isinstance(content, dict) and "groups" in content:
            found.append(path)
    return found


def alert_names() -> tuple[str, ...]:
    """The project's alerts, in alphabetical order."""
    groups = (group for path in rule_files() for group in yaml.safe_load(path.read_text())["groups"])
    return tuple(sorted({rule["alert"] for group in groups for rule in group["rules"] if "alert" in rule}))


def values_schema() -> dict[str, Any]:
    """The schema of the values: the chart's, the exporter's and Kubernetes' in one file."""
    own = json.loads((ROOT / "config" / "submission-exporter.schema.json").read_text())
    own.pop("$schema", None)
    text = json.dumps(own.pop("$defs", {})), json.dumps(own)
    defined, config = (json.loads(part.replace("#/$defs/", "#/definitions/config.")) for part in text)
    definitions = {f"config.{name}": _simpler(definition) for name, definition in defined.items()}
    schema = layout(_simpler(config), alert_names())
    _describe(schema, {path: text for path, _, text in documented()})
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Values of the submission-exporter chart",
        **schema,
        "definitions": {**definitions, **kubernetes_definitions()},
    }


def _simpler(value: Any) -> Any:
    """The same with patterns that Go's regular expressions can read: they look neither ahead nor behind."""
    if isinstance(value, list):
        return [_simpler(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    simple = {key: _simpler(inner) for key, inner in value.items()}
    if isinstance(pattern := value.get("pattern"), str) and "(?" in pattern:
        simple |= {"pattern": _LOOKING.sub("", pattern), "minLength": value.get("minLength", 1)}
    return simple


def _describe(schema: dict[str, Any], texts: dict[str, str]) -> None:
    for path, text in texts.items():
        *above, last = path.split(".")
        room = schema
        for name in above:
            room = room["properties"][name]
        if "properties" in room:
            # A copy: pieces of the layout are shared between values.
            room["properties"][last] = {"description": text, **room["properties"][last]}


def documented() -> Iterator[tuple[str, Any, str]]:
    """Path, default and description of every value that values.yaml has a comment for."""
    lines = (CHART / "values.yaml").read_text().splitlines()
    values = yaml.safe_load("\n".join(lines))
    above: list[str] = []
    comment: list[str] = []
    for line in lines:
        stripped = line.strip()
        if stripped.startswith("# -- "):
            comment = [stripped[5:]]
        elif stripped.startswith("# ") and comment:
            comment.append(stripped[2:])
        elif match := _KEY.match(line):
            above = [*above[: len(match[1]) // 2], match[2]]
            if comment:
                yield ".".join(above), _at(values, above), " ".join(comment)
            comment = []
        else:
            comment = []


# What says the same wherever it stands.
COMMON = {
    "enabled": "Switches it on",
    "labels": "Labels on it",
    "annotations": "Annotations on it",
    "namespace": "Default: that of the release",
}


def values_table() -> str:
    """The values as a Markdown table: every leaf, with the comment of it or of the mapping it stands in."""
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    texts = {path: text for path, _, text in documented()}
    rows = ["| Value | Default | Meaning |", "|---|---|---|"]
    for path, default in _leaves(values, texts, ()):
        shown = json.dumps(default, ensure_ascii=False)
        text = texts.get(path) or COMMON[path.rpartition(".")[2]]
        rows.append(f"| `{path}` | `{shown}` | {text.replace('|', '&#124;')} |")
    return "\n".join(rows) + "\n"


def _leaves(
    values: dict[str, Any], texts: dict[str, str], above: tuple[str, ...]
) -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        path = (*above, name)
        dotted = ".".join(path)
        inner = any(text.startswith(f"{dotted}.") for text in texts)
        whole = name in {"config", "securityContext", "podSecurityContext", "matches"} or name.endswith(
            "Probe"
        )
        if isinstance(value, dict) and value and (inner or not whole):
            if dotted in texts:
                yield dotted, "…"
            yield from _leaves(value, texts, path)
        else:
            yield dotted, value


def _at(values: Any, path: list[str]) -> Any:
    for name in path:
        values = values[name]
    return values


def main() -> int:
    """Write what is stale, or with `--check` name it; exit code 1 when it was named."""
    files = wanted()
    late = list(stale(files))
    for path in late:
        print(path.relative_to(ROOT))
        if "--check" not in sys.argv:
            if path in files:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(files[path])
            else:
                path.unlink()
    if late and "--check" in sys.argv:
        print("out of step: make chart-files", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
