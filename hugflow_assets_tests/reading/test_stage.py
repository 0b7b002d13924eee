"""A copy on a node's disk is verified, goes on where it stopped, is shared by jobs and goes with the last of them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from datasets import load_dataset

from hugflow_assets.errors import DamagedDatasetError, HFSplitNotFoundError, LeaseHeldError
from hugflow_assets.reading import Dataset, open_dataset
from hugflow_assets.reading.stage import release, stage
from hugflow_assets_tests.datasets_made import clip_rows, write_parquet
from hugflow_assets_tests.doubles.torch import torch_there
from hugflow_assets_tests.landing.conftest import House
from hugflow_assets_tests.landing.trees import tree_of


@pytest.fixture(params=["files", "packed"])
def speech(request: pytest.FixtureRequest, house: House, repo: Callable[..., str], tmp_path: Path) -> Dataset:
    repo(
        {
            "data/train-00000-of-00001.parquet": write_parquet(tmp_path / "a.parquet", clip_rows(5)),
            "data/train.clean-00000-of-00001.parquet": write_parquet(tmp_path / "b.parquet", clip_rows(2, first=5)),
            "data/test-00000-of-00001.parquet": write_parquet(tmp_path / "c.parquet", clip_rows(3, first=7)),
        }
    )
    return open_dataset(house.land(house.plan(form=request.param)).path)


def test_a_copy_is_whole_and_shared_and_goes_with_its_last_job(speech: Dataset, tmp_path: Path) -> None:
    node, told = tmp_path / "node", list[tuple[int, int]]()
    first = stage(speech, node, job="one", on_progress=lambda done, of: told.append((done, of)))
    before, after = tree_of(speech.path), tree_of(first.path)
    assert {k: v for k, v in after.items() if k != "hugflow.json"} == {
        k: v for k, v in before.items() if k != "hugflow.json"
    }
    assert told[-1][0] == told[-1][1] == first.copied_bytes
    assert [row["id"] for row in open_dataset(first.path)] == [row["id"] for row in speech]
    second = stage(speech, node, job="two")
    assert (second.copied_files, second.jobs) == (0, ("one", "two"))
    assert not release(speech.info.name, node, job="one") and first.path.is_dir()
    assert release(speech.info.name, node, job="two") and not first.path.exists()
    assert not release("acme__never__rev_main", node, job="two")


def test_a_copy_that_met_a_damaged_file_is_not_used_and_goes_on_where_it_stopped(
    speech: Dataset, tmp_path: Path
) -> None:
    damaged = next(one for one in sorted(speech.path.rglob("audio/**/*")) if one.suffix in (".tar", ".wav"))
    data = damaged.read_bytes()
    damaged.chmod(0o640)
    damaged.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(DamagedDatasetError, match=rf"{damaged.name} is not as it landed.*hugflow verify"):
        stage(speech, tmp_path / "node", job="one")
    copy = tmp_path / "node" / speech.info.name
    assert not (copy / "hugflow.json").exists() and not (copy / damaged.relative_to(speech.path)).exists()
    already = {path for path in copy.rglob("*") if path.is_file() and path.suffix != ".part"}
    damaged.write_bytes(data)
    done = stage(speech, tmp_path / "node", job="one")
    now = {path for path in copy.rglob("*") if path.is_file()} - {copy / "hugflow.json", copy / "XXH128SUMS"}
    assert not [path for path in now if path.suffix == ".part"] and done.copied_files == len(now - already) > 0
    damaged.unlink()
    with pytest.raises(DamagedDatasetError, match="cannot be read"):
        stage(speech, tmp_path / "other", job="one")


def test_only_the_splits_that_are_asked_for_come_and_open_by_every_door(speech: Dataset, tmp_path: Path) -> None:
    done = stage(speech, tmp_path / "node", job="one", splits=("train", "test"))
    opened = open_dataset(done.path)
    assert opened.splits == {"train": 5, "test": 3}
    assert [row["id"] for row in opened.with_media("bytes")] == [0, 1, 2, 3, 4, 7, 8, 9]
    assert not [path for path in tree_of(done.path) if "clean" in path]
    with torch_there():
        found = load_dataset(str(done.path), cache_dir=str(tmp_path / "cache"))
    assert {split: rows["id"][:] for split, rows in found.items()} == {"train": [0, 1, 2, 3, 4], "test": [7, 8, 9]}
    assert stage(speech, tmp_path / "node", job="two", splits=("test",)).copied_files == 0
    with pytest.raises(LeaseHeldError, match="one, two use it"):
        stage(speech, tmp_path / "node", job="three")
    with pytest.raises(HFSplitNotFoundError, match=r"no split 'dev'; it has train, train\.clean, test|no split 'dev'"):
        stage(speech, tmp_path / "node", job="one", splits=("dev",))
    release(speech.info.name, tmp_path / "node", job="two")
    whole = stage(speech, tmp_path / "node", job="one")  # its own copy of fewer splits is replaced
    assert open_dataset(whole.path).splits.keys() == {"train", "train.clean", "test"}


def test_jobs_that_start_at_once_copy_once_and_a_process_that_is_gone_holds_nothing(
    speech: Dataset, tmp_path: Path
) -> None:
    with ThreadPoolExecutor(3) as threads:
        done = list(threads.map(lambda at: stage(speech, tmp_path / "node", job=f"job{at}"), range(3)))
    assert sorted(one.copied_files > 0 for one in done) == [False, False, True]
    gone = subprocess.Popen([sys.executable, "-c", ""])
    stage(speech, tmp_path / "node", job=str(gone.pid))
    gone.wait()
    for at in range(3):
        was_removed = release(speech.info.name, tmp_path / "node", job=f"job{at}")
    assert was_removed
