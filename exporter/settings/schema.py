"""The JSON Schema that editors use, made from the same shape that is read."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from exporter.settings.document import Document

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """A JSON Schema (draft 2020-12) of a configuration file; what needs two keys to judge is left out."""
    schema = Document.model_json_schema(schema_generator=_Generator)
    tidy: dict[str, Any] = _without_titles(schema)
    return {"$schema": _DIALECT, "title": "submission-exporter configuration", **tidy}


class _Generator(GenerateJsonSchema):
    """None means absent in the shape, so that null is not written and no default is shown."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> dict[str, Any]:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> dict[str, Any]:
        return self.generate_inner(schema["schema"])


def _without_titles(node: Any) -> Any:
    """The titles that pydantic makes repeat the names; `title` is no key of ours."""
    match node:
        case dict():
            return {key: _without_titles(value) for key, value in node.items() if key != "title"}
        case list():
            return [_without_titles(item) for item in node]
        case _:
            return node
