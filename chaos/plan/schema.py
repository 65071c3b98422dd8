"""The JSON Schema of a plan, made from the same forms that read it.

Draft 7, which the YAML language server of editors understands. The schema knows the shape of
a plan; what refers to what, ``chaos.plan.references`` checks.
"""

from __future__ import annotations

from typing import Final

from chaos.history.codec import Json
from chaos.plan.forms import Schema
from chaos.plan.load import FORM
from chaos.plan.selectors import definitions
from chaos.plan.written_steps import Step

_PARAM: Final[Schema] = {"type": "string", "pattern": r"^\$\{[^}]+\}$"}
_SCALARS: Final = ("integer", "number", "boolean")


def plan_schema() -> Schema:
    """A schema that every plan satisfies which the loader accepts."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": "plan-v1.json",
        "title": "A chaos plan, version 1",
        **_with_params(FORM.schema()),
        "definitions": {**_with_params(definitions()), "step": _with_params(Step.definition())},
    }


def _with_params(schema: Schema) -> Schema:
    """The same schema, where a parameter may stand for any scalar."""
    found: Schema = {key: _inside(value) for key, value in schema.items() if key != "if"}
    if "if" in schema:
        found["if"] = schema["if"]
    scalar = schema.get("type") in _SCALARS or "pattern" in schema or "enum" in schema
    return {"anyOf": [found, _PARAM]} if scalar else found


def _inside(value: Json) -> Json:
    match value:
        case dict():
            return _with_params(value)
        case list():
            return [_inside(item) for item in value]
        case _:
            return value
