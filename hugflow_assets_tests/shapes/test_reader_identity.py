"""What a version before has landed is used again: a shard is known by what it read, not by how fields are called.

``landed_by_0_1_0.tar.xz`` holds repositories (``before/``), what version 0.1.0 landed of them (``landed/``), and what
then changes in each (``after/``).
"""

from __future__ import annotations

import pickle
import tarfile
from pathlib import Path

import pytest

from hugflow_assets.planning.models import Action
from hugflow_assets.shapes.rows.spec import RowsSpec
from hugflow_assets.shapes.spec import ShardSpec, version_of
from hugflow_assets_tests.landing.conftest import House
from hugflow_assets_tests.landing.trees import tree_of

STORED = Path(__file__).parent / "landed_by_0_1_0.tar.xz"
REPOS = {  # repository -> how many of its shards another reader makes other rows of today
    **dict.fromkeys(("parquet", "webdataset"), 0),
    "rows": 2,  # cells of a table are text unless a whole column is numbers
    **{"clip-archives": 2, "clip-files": 1},  # rows without a clip land since, in the order of the table
    **dict.fromkeys((f"audiofolder-with-{what}" for what in ("texts", "labels")), 0),
    "audiofolder-with-lists": 2,  # which clip a line means is decided as for the rows of tables
    "audiofolder-with-metadata": 2,  # likewise
}


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stored")
    with tarfile.open(STORED) as tar:
        tar.extractall(folder, filter="data")
    return folder


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", REPOS)
def test_an_update_over_what_the_version_before_landed_fetches_only_what_changed_or_says_so_once(
    house: House, stored: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    before, after = files_of(stored / "before" / name), files_of(stored / "after" / name)
    house.hub.add_repo(f"org/{name}", before)
    root = house.store.layout.dataset(f"org__{name}__rev_main")
    for path, data in files_of(stored / "landed" / root.name).items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data.replace(b"http://127.0.0.1:0", house.hub.url.encode()))
    assert house.land(house.plan(hf_id=f"org/{name}")).action is Action.VIEWS, "views are made as they are now"
    assert house.land(house.plan(hf_id=f"org/{name}")).action is Action.NOOP

    house.hub.commit(f"org/{name}", after)
    plan = house.plan(hf_id=f"org/{name}", update=True)
    house.hub.requests.clear()
    landed = house.land(plan)
    assert landed.action is Action.UPDATE
    media = {path for path in before if path.endswith((".wav", ".tar", ".parquet"))}
    fetched = {one.path.split("/resolve/")[1].split("/", 1)[1] for one in house.hub.requests if "/resolve/" in one.path}
    shared_a_shard = {path for path in media if Path(path).parts[0] in {Path(one).parts[0] for one in after}}
    told = [one.getMessage() for one in caplog.records if "by an earlier reader" in one.getMessage()]
    if REPOS[name]:
        (only,) = told
        assert f": {REPOS[name]} of its landed shards" in only
    else:
        assert media & fetched <= set(after) | (shared_a_shard if name.startswith("audiofolder") else set())
        assert told == []
    fresh = house.elsewhere("fresh")
    (house.folder / "fresh").mkdir()
    anew = fresh.land(fresh.plan(hf_id=f"org/{name}"))
    assert tree_of(landed.path) == tree_of(anew.path)


class _Renamed(ShardSpec):
    """The spec of tables and text with its fields called otherwise."""

    version = RowsSpec.version

    builder: str
    arguments: dict[str, str]

    def rows_depend_on(self) -> dict[str, object]:
        return {"module": self.builder, "params": self.arguments}


class _Corrected(RowsSpec):
    version = RowsSpec.version + 1


def test_a_field_that_is_called_otherwise_leaves_the_identity_as_it_is() -> None:
    spec = RowsSpec(module="csv", params={"sep": "|"})
    assert _Renamed(builder="csv", arguments={"sep": "|"}).reader_identity == spec.reader_identity
    assert RowsSpec(module="csv", params={"sep": ";"}).reader_identity != spec.reader_identity


def test_a_reader_that_makes_other_rows_has_another_identity_with_its_version() -> None:
    before, after = RowsSpec(module="csv").reader_identity, _Corrected(module="csv").reader_identity
    assert before != after
    assert (version_of(before), version_of(after)) == (RowsSpec.version, RowsSpec.version + 1)


def test_a_spec_goes_to_another_process_as_it_is() -> None:
    spec = RowsSpec(module="csv", params={"sep": "|"})
    assert pickle.loads(pickle.dumps(spec)) == spec
