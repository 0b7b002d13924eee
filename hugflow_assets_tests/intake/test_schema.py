"""The JSON Schemas that editors use."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given

from hugflow_assets.intake import DatasetRequest, Kind, RemovalRequest, json_schema, schema_text
from hugflow_assets_tests.intake.strategies import add_requests, removals

REQUESTS = Path(__file__).parents[2] / "requests"


@pytest.mark.parametrize("kind", list(Kind))
def test_the_committed_schema_is_the_generated_one(kind: Kind) -> None:
    committed = (REQUESTS / f"{kind}.schema.json").read_text(encoding="utf-8")
    assert committed == schema_text(kind), "write schema_text(kind) to the file again"


@pytest.mark.parametrize(("kind", "model"), [(Kind.ADD, DatasetRequest), (Kind.REMOVE, RemovalRequest)])
def test_the_schema_has_the_fields_of_the_model_and_no_others(kind: Kind, model: type) -> None:
    schema = json_schema(kind)
    assert list(schema["properties"]) == list(model.model_fields)  # type: ignore[attr-defined]
    assert schema["additionalProperties"] is False
    assert schema["$schema"].endswith("2020-12/schema")
    assert all(spec["description"] and "$ref" not in spec for spec in schema["properties"].values())


@given(add_requests | removals)
def test_an_editor_never_flags_what_is_accepted(request: DatasetRequest | RemovalRequest) -> None:
    schema = json_schema(Kind.ADD if isinstance(request, DatasetRequest) else Kind.REMOVE)
    for key, value in request.model_dump(exclude_none=True).items():
        spec = schema["properties"][key]
        assert re.search(spec.get("pattern", ""), value)
        assert len(value) <= spec.get("maxLength", len(value))
    assert set(schema["required"]) <= set(request.model_dump(exclude_none=True))


@pytest.mark.parametrize(("key", "wrong"), [("hf_id", "https://huggingface.co/datasets/a/b"), ("split", "train[:10%]")])
def test_an_editor_flags_the_common_mistakes(key: str, wrong: str) -> None:
    assert not re.search(json_schema(Kind.ADD)["properties"][key]["pattern"], wrong)
