"""``load_dataset(folder)`` gives what the Hub's repository gives: features, rows, order and bytes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import Features, Json, load_dataset
from datasets.features.features import _visit

from hugflow_assets.demo.local_hub import LocalHub
from hugflow_assets_tests.doubles.torch import torch_there
from hugflow_assets_tests.landing.conftest import House
from hugflow_assets_tests.landing.opening_cases import Case, Rows, cases

CASES = cases()


@pytest.fixture(autouse=True)
def torch() -> Iterator[None]:
    with torch_there():
        yield


def arrow(features: Features, rows: Rows) -> pa.Table:
    """The rows as the features store them, media as they are given."""
    stored = {name: one for name, one in undecoded(features).items() if not _has_media(one)}
    plain = Features(stored)
    encoded = [row | plain.encode_example({name: row[name] for name in stored}) for row in rows]
    return pa.Table.from_pylist(encoded, schema=features.arrow_schema)


def _has_media(feature: Any) -> bool:
    found = []
    _visit(feature, lambda one: found.append(one) if hasattr(one, "embed_storage") else None)
    return bool(found)


def parquet(path: Path, features: Features, rows: Rows) -> Path:
    """A shard with its features in the footer, as `datasets` has them; bytes as they are."""
    table = arrow(features, rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path)
    return path


def publish(hub: LocalHub, folder: Path, case: Case) -> str:
    return hub.add_repo("acme/speech", files_of(folder, case))


def files_of(folder: Path, case: Case) -> dict[str, Any]:
    """The files of the repository, written below ``folder``."""
    files: dict[str, Any] = {}
    configs = []
    for config, (features, splits) in case.configs.items():
        told = []
        for split, shards in splits.items():
            for at, rows in enumerate(shards):
                name = f"{config}/{split}-{at:05d}-of-{len(shards):05d}.parquet"
                files[name] = parquet(folder / name, features, rows)
            told.append(f"  - {{split: {split}, path: {config}/{split}-*.parquet}}\n")
        configs.append(f"- config_name: {config}\n  data_files:\n{''.join(told)}")
    files["README.md"] = f"---\nconfigs:\n{''.join(configs)}---\n# Speech\n".encode()
    return files


def undecoded(features: Features) -> Features:
    """The features with media as bytes and paths."""

    def raw(feature: Any) -> Any:
        return type(feature)(decode=False) if hasattr(feature, "embed_storage") else feature

    return Features({name: _visit(one, raw) for name, one in features.items()})


def plain(value: Any) -> Any:
    """Media as their bytes, whether in the row or in a file."""
    if isinstance(value, dict):
        if set(value) == {"bytes", "path"}:
            return value["bytes"] if value["bytes"] is not None else Path(value["path"]).read_bytes()
        return {name: plain(one) for name, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, list) else value


def rows_of(table: pa.Table) -> Rows:
    return [plain(row) for row in table.to_pylist()]


def source_rows(features: Features, shards: list[Rows]) -> Rows:
    return rows_of(arrow(features, [row for rows in shards for row in rows]))


def as_json(row: dict[str, Any], features: Features, wanted: Features) -> dict[str, Any]:
    """A row whose values are JSON text where the landed folder has them so and the source has not."""
    odd = {name for name, one in wanted.items() if one == Json() and features.get(name) != Json()}
    return {name: json.dumps(value) if name in odd else value for name, value in row.items()}


def renamed(rows: Rows, features: Features) -> Rows:
    return [{f"src_{n}" if f"src_{n}" in features else n: v for n, v in row.items()} for row in rows]


@pytest.mark.parametrize("name", CASES)
def test_a_landed_folder_opens_as_its_repository_does(house: House, tmp_path: Path, name: str) -> None:
    case = CASES[name]
    publish(house.hub, tmp_path / "src", case)
    landed = house.land()
    for config, (features, splits) in case.configs.items():
        found = load_dataset(str(landed.path), config, cache_dir=str(tmp_path / "cache"))
        streamed = load_dataset(str(landed.path), config, streaming=True)
        wanted = case.same_features(features)
        filled = [split for split, shards in splits.items() if any(shards)]
        assert list(found) == list(streamed) == filled
        for split in filled:
            shards = splits[split]
            assert found[split].features == streamed[split].features == wanted
            rows = [as_json(row, features, wanted) for row in renamed(source_rows(features, shards), wanted)]
            got = rows_of(found[split].data.table)
            assert len(got) == len(rows)
            for column in wanted:
                if not (name == "photos beside audio" and column == "images"):
                    assert [row[column] for row in got] == [row[column] for row in rows], column
            raw = streamed[split].cast(undecoded(wanted))
            assert [text_of(row) for row in raw] == [text_of(row) for row in found[split].cast(undecoded(wanted))]


def text_of(row: dict[str, Any]) -> dict[str, Any]:
    return {name: plain(value) for name, value in row.items()}
