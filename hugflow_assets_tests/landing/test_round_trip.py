"""What `datasets` stores comes back from a landing: features, rows and bytes, by every door, for made-up features."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import Audio, Features, Json, load_dataset
from datasets.features.features import _visit
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

from hugflow_assets.demo.local_hub import LocalHub
from hugflow_assets.reading import open_dataset
from hugflow_assets_tests.doubles.torch import torch_there
from hugflow_assets_tests.landing import features_made as made
from hugflow_assets_tests.landing.conftest import House
from hugflow_assets_tests.landing.test_opening import plain, undecoded

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "12"))


Land = Callable[[dict[str, pa.Table]], Path]


@pytest.fixture(scope="module")
def land(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Land]:
    """Publish tables as parquet in a repository of their own, and land it; the folder."""
    with LocalHub() as hub:

        def landed(tables: dict[str, pa.Table]) -> Path:
            folder = tmp_path_factory.mktemp("round")
            files: dict[str, Any] = {"README.md": b"# Made up\n"}
            for name, table in tables.items():
                pq.write_table(table, folder / f"{name}.parquet")
                files[f"data/{name}.parquet"] = folder / f"{name}.parquet"
            repo = f"acme/{folder.name}"
            hub.add_repo(repo, files)
            house = House(hub, folder)
            return house.land(house.plan(repo)).path

        yield landed


def comparable(of: Features, columns: Any) -> dict[str, Any]:
    """Columns by name: media as their bytes, JSON as its values, all else as Arrow has it, which `==` compares."""
    found: dict[str, Any] = {}
    for name, feature in of.items():
        values = columns[name]
        values = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
        values = values.storage if isinstance(values, pa.ExtensionArray) else values
        if isinstance(feature, Json):
            found[name] = [None if one is None else json.loads(one) for one in values.to_pylist()]
        else:
            found[name] = [plain(one) for one in values.to_pylist()] if made.holds_media(feature) else values
    return found


@settings(max_examples=EXAMPLES, phases=(Phase.explicit, Phase.generate))
@given(st.data())
def test_features_rows_and_bytes_come_back_by_every_door(land: Land, data: st.DataObject) -> None:
    features = data.draw(made.features(with_media=data.draw(st.booleans())))
    shards = {
        "train-00000-of-00002": data.draw(made.rows(features, 1, 4)),
        "train-00001-of-00002": data.draw(made.rows(features, 0, 2)),
        "test-00000-of-00001": data.draw(made.rows(features, 0, 2)),
    }
    every = [row for rows in shards.values() for row in rows] if has_media(features) else []
    odd = {name for name, one in features.items() if any(made.beyond_calendar(one, row[name]) for row in every)}
    assume(not has_media(features) or any(made.any_media(features, row) for row in every))  # else nothing has landed
    folder = land({name: made.stored(features, rows) for name, rows in shards.items()})
    for split in ("train", "test"):
        rows = [made.in_json(row) for name, one in shards.items() if name.startswith(split) for row in one]
        wanted = comparable(features, made.stored(features, rows))
        opened = open_dataset(folder, split=split).with_media("bytes").to_datasets(decode=True)
        assert opened.features == decoded(features)
        assert comparable(features, opened.data) == wanted
        if rows:  # `datasets` loads no folder that has a split without rows beside one that has some
            as_folder_loads(folder, split, features, rows, odd)


def as_folder_loads(folder: Path, split: str, features: Features, rows: made.Rows, odd: set[str]) -> None:
    """What ``load_dataset(folder)`` gives in both modes is what the source has, but for what docs/opening.md lists."""
    same = Features({name: one for name, one in features.items() if name not in odd})
    rows = [made.through_python(features, row) for row in rows] if has_media(features) else rows
    with torch_there():
        found = load_dataset(str(folder), split=split, cache_dir=str(folder.parent / "cache"))
        streamed = load_dataset(str(folder), split=split, streaming=True)
        assert found.features == streamed.features == Features({**features, **dict.fromkeys(odd, Json())})
        assert comparable(same, found.data) == comparable(same, made.stored(same, rows))
        raw = undecoded(found.features)
        assert [by_bytes(row) for row in streamed.cast(raw)] == [plain(row) for row in found.cast(raw)]


def by_bytes(value: Any) -> Any:
    """Media as their bytes; streamed beside a Json column, `datasets` leaves those in lists as paths alone."""
    if isinstance(value, str) and value.startswith("/") and Path(value).is_file():
        return Path(value).read_bytes()
    if isinstance(value, dict) and set(value) != {"bytes", "path"}:
        return {name: by_bytes(one) for name, one in value.items()}
    return [by_bytes(one) for one in value] if isinstance(value, list) else plain(value)


def has_media(features: Features) -> bool:
    return any(map(made.holds_media, features.values()))


def decoded(features: Features) -> Features:
    """The features with every Audio to be decoded, as was asked for."""

    def decoded_one(feature: Any) -> Any:
        return Audio(sampling_rate=feature.sampling_rate) if isinstance(feature, Audio) else feature

    return Features({name: _visit(one, decoded_one) for name, one in features.items()})
