"""Withdrawn rows are gone from every file of a dataset, and stay out whatever lands later."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from datasets import load_dataset

from hugflow_assets.errors import StorageError, WithdrawalRefusedError
from hugflow_assets.landing.verify.verify import verify
from hugflow_assets.landing.withdraw import withdraw_values
from hugflow_assets.planning.models import Action
from hugflow_assets.reading import open_dataset
from hugflow_assets.rules import POSTLANDING_RULES, judge_landed
from hugflow_assets.settings import load_settings
from hugflow_assets.store import Manifest, WithdrawnValues
from hugflow_assets_tests.datasets_made import write_parquet
from hugflow_assets_tests.doubles.torch import torch_there
from hugflow_assets_tests.landing.conftest import House
from hugflow_assets_tests.landing.corpus import clip

NAME = "acme__speech__rev_main"
TEXT = {"dtype": "string", "_type": "Value"}
FEATURES = {"id": TEXT, "audio": {"_type": "Audio"}, "text": TEXT, "client_id": TEXT}


def rows(*numbers: int) -> list[dict[str, Any]]:
    return [
        {
            "id": f"utt-{n}",
            "audio": {"bytes": clip(n), "path": f"c{n}.wav"},
            "text": f"said by {n}",
            "client_id": f"speaker{n % 3}",
        }
        for n in numbers
    ]


def shards(folder: Path, of: dict[str, list[dict[str, Any]]]) -> dict[str, Path]:
    return {
        f"data/{name}.parquet": write_parquet(folder / f"{len(rows)}{name}.parquet", rows, FEATURES)
        for name, rows in of.items()
    }


FIRST = {
    "train-00000-of-00002": rows(0, 1, 2),
    "train-00001-of-00002": rows(3, 4, 5, 6),
    "test-00000-of-00001": rows(7, 8),
}


def withdraw(house: House, column: str, *ids: str) -> tuple[Manifest, int]:
    asked = WithdrawnValues(column=column, ids=ids, reason="asked to", by="me", at="2026-01-01T00:00:00Z")
    return withdraw_values(house.store, NAME, asked)


def everything(root: Path) -> bytes:
    return b"\0".join(path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file())


def judge(house: House) -> list[str]:
    """What the rules after landing that look at the data say against it."""
    store, report = house.store, verify(house.store, NAME)
    settings = load_settings(storage_root=store.layout.root, state_dir=store.layout.state_dir)
    verdicts = [
        judge_landed(rule, NAME, store, settings, plan=house.plan(), verification=report)
        for rule in POSTLANDING_RULES
        if rule.name in ("complete", "hashes", "audio_readable")
    ]
    return [f"{one.name}: {one.message}" for one in verdicts if not one.passed]


def gone(house: House, *numbers: int) -> bool:
    """Whether nothing on the storage holds these clips or texts any more, but for the mark of what is withdrawn."""
    held = everything(house.store.layout.root)
    return not any(clip(n) in held or f"said by {n}".encode() in held or f"c{n}.wav".encode() in held for n in numbers)


def test_withdrawn_rows_are_gone_everywhere_and_no_landing_brings_them_back(
    house: House, repo: Callable[..., str], tmp_path: Path
) -> None:
    repo(shards(tmp_path, FIRST))
    house.land()
    house.hub.commit("acme/speech", shards(tmp_path, {"test-00000-of-00001": rows(7, 8, 9)}))
    house.land(house.plan(update=True))  # the version before is in the trash
    manifest, count = withdraw(house, "client_id", "speaker1")
    assert count == 3 and gone(house, 1, 4, 7) and not gone(house, 0)
    folder = house.store.layout.dataset(NAME)
    kept = [0, 2, 3, 5, 6, 8, 9]
    assert [row["id"] for row in open_dataset(folder)] == [f"utt-{n}" for n in kept]
    assert [row["audio"]["bytes"] for row in open_dataset(folder).with_media("bytes")] == [clip(n) for n in kept]
    assert judge(house) == [] and verify(house.store, NAME).extra == ()
    assert manifest.counts.extra["rows_withdrawn"] == 3
    assert [(one.column, one.values, one.reason) for one in manifest.withdrawn] == [("client_id", 1, "asked to")]
    with torch_there():
        found = load_dataset(str(folder), cache_dir=str(tmp_path / "cache"))
    assert [name for split in ("train", "test") for name in found[split]["id"]] == [f"utt-{n}" for n in kept]
    for view in ("nemo", "lhotse"):
        lines = [path.read_text().count("\n") for path in sorted((folder / "manifests" / view).glob("*.jsonl"))]
        assert lines == [2, 5]

    assert house.land().action is Action.NOOP  # at the same commit there is nothing to do
    damaged = next((folder / "audio/train/00000").iterdir())
    damaged.chmod(0o640)
    damaged.write_bytes(b"damaged")
    assert house.land(house.plan()).manifest.volatile.bytes_fetched > 0  # a shard is fetched again, without the rows
    assert gone(house, 1, 4, 7) and judge(house) == []
    house.hub.commit("acme/speech", shards(tmp_path, {"train-00001-of-00002": rows(3, 4, 5, 6, 10)}))
    updated = house.land(house.plan(update=True)).manifest
    kept = [0, 2, 3, 5, 6, 8, 9]  # 10 is of that speaker, too
    assert [row["id"] for row in open_dataset(folder)] == [f"utt-{n}" for n in kept] and gone(house, 4, 10)
    assert judge(house) == [] and updated.counts.extra["rows_withdrawn"] == 4 and len(updated.withdrawn) == 1

    assert withdraw(house, "id", "utt-9", "utt-8")[1] == 2
    assert [row["id"] for row in open_dataset(folder)] == [f"utt-{n}" for n in kept[:5]]
    assert judge(house) == [] and gone(house, 8, 9)
    assert withdraw(house, "id", "utt-9", "utt-8")[1] == 0  # said again: nothing is left to do
    house.store.remove(NAME, reason="gone", by="me")
    house.store.empty_trash(0.0)
    house.land()
    assert [row["id"] for row in open_dataset(folder)] == [f"utt-{n}" for n in kept[:5]] and judge(house) == []


def test_no_cache_of_load_dataset_gives_withdrawn_rows_again(
    house: House, repo: Callable[..., str], tmp_path: Path
) -> None:
    def ids() -> list[str]:
        with torch_there():
            return list(load_dataset(str(folder), cache_dir=str(tmp_path / "cache"))["train"]["id"])

    repo(shards(tmp_path, {"train-00000-of-00001": rows(0, 1, 2)}))
    folder = house.land().path
    assert ids() == ["utt-0", "utt-1", "utt-2"]
    withdraw(house, "id", "utt-1")
    assert ids() == ["utt-0", "utt-2"]
    damaged = next((folder / "audio/train/00000").iterdir())
    damaged.chmod(0o640)
    damaged.write_bytes(b"damaged")
    house.land(house.plan())
    assert ids() == ["utt-0", "utt-2"]
    house.land(house.plan(text_column="client_id"))
    house.land(house.plan())
    assert ids() == ["utt-0", "utt-2"]


def test_json_that_looks_like_media_takes_no_file_away_and_keeps_none(
    house: House, repo: Callable[..., str], tmp_path: Path
) -> None:
    foreign = house.store.layout.root / "foreign.wav"
    outside = "../" * 12 + str(foreign).lstrip("/")
    alike = [  # of the row that goes: a file elsewhere, none at all; of one that stays: the clip that goes
        {"more": [{"path": outside, "source_path": None}, {"path": "audio/none.wav", "source_path": "x"}]},
        {"path": "audio/train/00000/c0.wav", "source_path": None},
        {},
    ]
    features = FEATURES | {"told": {"_type": "Json"}}

    def source(count: int) -> dict[str, Path]:
        made = [row | {"told": orjson.dumps(one).decode()} for row, one in zip(rows(0, 1, 2), alike, strict=True)]
        made += [row | {"told": "{}"} for row in rows(*range(3, count))]
        return {"data/train-00000-of-00001.parquet": write_parquet(tmp_path / f"{count}.parquet", made, features)}

    repo(source(3))
    house.land()
    foreign.write_bytes(b"not ours")
    assert withdraw(house, "id", "utt-0")[1] == 1
    folder = house.store.layout.dataset(NAME)
    assert clip(0) not in everything(folder) and judge(house) == [] and verify(house.store, NAME).extra == ()
    house.hub.commit("acme/speech", source(4))
    house.land(house.plan(update=True))  # whose shard lands anew, and loses the row before it counts
    assert clip(0) not in everything(folder) and judge(house) == []
    assert [row["id"] for row in open_dataset(folder)] == ["utt-1", "utt-2", "utt-3"]
    assert foreign.read_bytes() == b"not ours"


def test_what_cannot_be_withdrawn_is_refused_and_changes_nothing(
    house: House, repo: Callable[..., str], tmp_path: Path
) -> None:
    repo(shards(tmp_path, FIRST))
    house.land()
    before = everything(house.store.layout.dataset(NAME))
    with pytest.raises(WithdrawalRefusedError, match=r"no column 'client'; it has client_id"):
        withdraw(house, "client", "speaker1")
    with pytest.raises(WithdrawalRefusedError, match="No row of"):
        withdraw(house, "id", "utt-99")
    assert everything(house.store.layout.dataset(NAME)) == before and house.store.withdrawn.read(NAME) is None
    house.land(house.plan(form="packed"))
    with pytest.raises(WithdrawalRefusedError, match="inside tars"):
        withdraw(house, "id", "utt-1")
    house.land(house.plan(form="files"))
    withdraw(house, "id", "utt-1")
    house.land(house.plan(form="packed"))  # and packed again, without it
    assert gone(house, 1) and len(open_dataset(house.store.layout.dataset(NAME))) == 8 and judge(house) == []
    mark = house.store.layout.inner / "marks/withdrawn" / f"{NAME}.json"
    mark.write_text("{")
    house.hub.commit("acme/speech", shards(tmp_path, {"test-00000-of-00001": rows(7, 8, 9)}))
    with pytest.raises(StorageError, match="withdrawn of"):
        house.land(house.plan(update=True, form="packed"))
