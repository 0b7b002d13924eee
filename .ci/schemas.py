"""Make the JSON Schemas of the files that Hugflow reads and keeps, from the models that read and write them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic.json_schema import models_json_schema

from hugflow_assets.catalogue import Catalogue
from hugflow_assets.cli.datasets import ci_mode
from hugflow_assets.intake import Kind, schema
from hugflow_assets.intake.models import Frozen
from hugflow_assets.store.index import INDEX_VERSION
from hugflow_assets.store.models import Event, IndexRow, Landed, Manifest, Progress
from hugflow_assets.store.removal.entries import Tombstone, TrashEntry


class ActiveJson(Frozen):
    """``active.json``: every landed dataset by name, as far as lists and quotas need it."""

    schema_version: int = INDEX_VERSION
    storage_root: str
    datasets: dict[str, Landed | IndexRow]


class ArchivedJson(Frozen):
    """``archived.json``: every removal ever, oldest first."""

    schema_version: int = 1
    removed: tuple[Tombstone, ...]


FILES = (Manifest, ActiveJson, ArchivedJson, Progress, Event, TrashEntry)


def schema_text() -> str:
    """The text of ``docs/state.schema.json``; each file's schema is one of ``$defs``."""
    _, made = models_json_schema([(model, "serialization") for model in FILES])
    told: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Files that Hugflow keeps",
        "description": "hugflow.json: Manifest. active.json: ActiveJson. archived.json: ArchivedJson. "
        "progress/<name>.json: Progress. A line of events/*.jsonl: Event. trash/*.json: TrashEntry.",
        "$defs": made["$defs"],
    }
    return json.dumps(told, indent=2, ensure_ascii=False) + "\n"


def catalogue_text() -> str:
    """The text of ``docs/catalogue.schema.json``."""
    made = Catalogue.model_json_schema(mode="serialization")
    told = {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}
    return json.dumps(told, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    Path("docs/state.schema.json").write_text(schema_text(), encoding="utf-8")
    Path("docs/catalogue.schema.json").write_text(catalogue_text(), encoding="utf-8")
    Path("docs/results.schema.json").write_text(ci_mode.schema_text(), encoding="utf-8")
    for kind in Kind:
        Path(f"requests/{kind.value}.schema.json").write_text(schema.schema_text(kind), encoding="utf-8")
