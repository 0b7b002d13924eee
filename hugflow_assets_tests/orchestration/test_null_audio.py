"""Datasets whose audio is null upstream in every row land as they are, at whatever depth the audio lies."""

from __future__ import annotations

import io
import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from hugflow_assets.orchestration.sync.one_dataset import materialize
from hugflow_assets.orchestration.sync.run_here import sync
from hugflow_assets_tests.orchestration.conftest import Project

AUDIO = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
TURN = pa.struct([("audio", AUDIO), ("who", pa.string())])
TOLD = {"_type": "Audio"}
TURN_TOLD = {"audio": TOLD, "who": {"dtype": "string", "_type": "Value"}}
LIST_TOLD = {"feature": TOLD, "_type": "List"}

# By repository: the column's type, its feature, and what its two rows hold.
NULL: dict[str, tuple[pa.DataType, Any, list[Any]]] = {
    "in-struct": (TURN, TURN_TOLD, [None, {"audio": None, "who": "ana"}]),
    "null-list": (pa.list_(AUDIO), LIST_TOLD, [None, None]),
    "empty-list": (pa.list_(AUDIO), LIST_TOLD, [[], None]),
    "list-of-nulls": (pa.list_(AUDIO), LIST_TOLD, [[None, None], []]),
    "list-of-structs": (
        pa.list_(TURN), {"feature": TURN_TOLD, "_type": "List"}, [[{"audio": None, "who": "ana"}], None],
    ),
    "list-in-struct": (
        pa.struct([("takes", pa.list_(AUDIO))]), {"takes": LIST_TOLD}, [None, {"takes": []}],
    ),
}  # fmt: skip


def parquet(kind: pa.DataType, told: Any, rows: list[Any]) -> bytes:
    features = {"turns": told, "text": {"dtype": "string", "_type": "Value"}}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    schema = pa.schema([("turns", kind), ("text", pa.string())], metadata=metadata)
    out = io.BytesIO()
    pq.write_table(pa.table({"turns": pa.array(rows, kind), "text": ["a", "b"]}, schema=schema), out)
    return out.getvalue()


def test_audio_that_is_null_in_every_row_lands_as_it_is_at_every_depth(project: Project) -> None:
    for stem, column in NULL.items():
        project.hub.add_repo(f"org/{stem}", {"data/train-0.parquet": parquet(*column)}, license="cc0-1.0")
        project.add(stem, f"org/{stem}")
    results = {one.path: one for one in sync(instance=project.instance)}
    assert {path: (one.state, one.message) for path, one in results.items() if one.state != "landed"} == {}
    for stem, (_, _, rows) in NULL.items():
        name = f"org__{stem}__rev_main"
        manifest = project.store.manifest(name)
        assert manifest is not None
        record = project.store.layout.dataset(name) / manifest.configs[0].splits[0].record_path
        landed = [json.loads(line)["turns"] for line in record.read_text().splitlines()]
        assert [one is None for one in landed] == [one is None for one in rows], stem
        assert manifest.counts.null_audio >= 2, stem
    [again] = materialize(["org__null-list__rev_main"], instance=project.instance)
    assert again.state == "landed"


def test_a_path_that_leads_nowhere_is_no_null_audio_because_of_another_column(project: Project) -> None:
    """One column is null in every row, the clips that the other one names are not in the repository."""
    schema = pa.schema(
        [("first", AUDIO), ("second", AUDIO)],
        metadata={"huggingface": json.dumps({"info": {"features": {"first": TOLD, "second": TOLD}}})},
    )
    lost = [{"bytes": None, "path": f"gone/{at}.wav"} for at in range(2)]
    out = io.BytesIO()
    pq.write_table(pa.table({"first": pa.nulls(2, AUDIO), "second": pa.array(lost, AUDIO)}, schema=schema), out)
    project.hub.add_repo("org/lost", {"data/train-0.parquet": out.getvalue()}, license="cc0-1.0")
    project.add("lost", "org/lost")
    [result] = sync(instance=project.instance)
    assert (result.state, result.error_code) == ("failed", "nothing-landed")
