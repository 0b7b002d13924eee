"""JSON Schema of the request files, for editors (draft 2020-12, https://json-schema.org/draft/2020-12).

The schema flags what an editor can see; ``hugflow validate`` knows more. It never flags what Hugflow accepts.
"""

from __future__ import annotations

import json
from typing import Any

from hugflow_assets.intake.models import Kind
from hugflow_assets.intake.request_file import MODELS

_TITLES = {
    Kind.ADD: "Land a dataset of the Hugging Face Hub",
    Kind.REMOVE: "Remove landed datasets",
}

# An editor gives a type to an unquoted 2024 or true; Hugflow reads both as text.
_SCALAR = ["string", "number", "boolean"]


def json_schema(kind: Kind) -> dict[str, Any]:
    """The JSON Schema of a request file of this kind."""
    model = MODELS[kind]
    made = model.model_json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": _TITLES[kind],
        "description": (model.__doc__ or "").replace("``", "`"),
        "type": "object",
        "properties": {key: _property(key, spec, made["required"]) for key, spec in made["properties"].items()},
        "required": made["required"],
        "additionalProperties": False,
    }


def schema_text(kind: Kind) -> str:
    """The text of ``requests/<kind>.schema.json``."""
    return json.dumps(json_schema(kind), indent=2, ensure_ascii=False) + "\n"


def _property(key: str, spec: dict[str, Any], required: list[str]) -> dict[str, Any]:
    """One field, flat: pydantic wraps an optional one into ``anyOf`` with null."""
    inner: dict[str, Any] = next((one for one in spec.pop("anyOf", []) if one.get("type") != "null"), {})
    merged = {**inner, **{name: value for name, value in spec.items() if name != "title"}}
    if merged.get("default", "") is None:
        del merged["default"]
    merged["type"] = _SCALAR if key in required else [*_SCALAR, "null"]
    return dict(sorted(merged.items(), key=lambda one: one[0] != "description"))
