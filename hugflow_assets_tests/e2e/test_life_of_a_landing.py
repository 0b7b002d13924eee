"""What a landing makes of the trash, of a pause, and of damage that a check found."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hugflow_assets.demo import LocalHub
from hugflow_assets.demo.protocol import CDN
from hugflow_assets.errors import HeldBackError, LandingCancelledError
from hugflow_assets.hub import Hub, HubAccess
from hugflow_assets.intake import DatasetRequest
from hugflow_assets.landing.land import land
from hugflow_assets.landing.options import LandedDataset, LandingOptions
from hugflow_assets.landing.verify.verify import verify
from hugflow_assets.planning.models import LandingPlan
from hugflow_assets.planning.pin import plan
from hugflow_assets.store import Held, Hold, Scrub, Store, now_text, request_digest
from hugflow_assets_tests.datasets_made import clip_rows, speech_files, write_parquet

NAME = "org__speech__rev_main"
REQUEST = DatasetRequest(hf_id="org/speech", description="Speech.")


class House:
    """A Hub with org/speech and an empty storage."""

    def __init__(self, folder: Path, hub: LocalHub) -> None:
        self.folder, self.hub = folder, hub
        self.hub.add_repo("org/speech", speech_files(folder / "made"))
        self.access = HubAccess(endpoint=hub.url, retries=0)
        self.store = Store(folder / "storage", folder / "state")
        self.options = LandingOptions(progress_interval_s=0.05)

    @property
    def root(self) -> Path:
        return self.store.layout.dataset(NAME)

    def plan(self, request: DatasetRequest = REQUEST) -> LandingPlan:
        return plan(Hub(self.access), request, landed=self.store.manifest(NAME))

    def land(self, request: DatasetRequest = REQUEST, **how: object) -> LandedDataset:
        return land(self.plan(request), self.store, self.access, self.options, **how)  # type: ignore[arg-type]

    def remove(self) -> None:
        self.store.remove(NAME, reason="r", by="b")

    def files(self) -> dict[str, bytes]:
        skipped = {"hugflow.json"}
        return {
            str(path.relative_to(self.root)): path.read_bytes()
            for path in self.root.rglob("*")
            if path.is_file() and path.name not in skipped
        }

    def fetched(self) -> int:
        return sum(one.origin == CDN and not one.range for one in self.hub.requests)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with LocalHub() as hub:
        yield House(tmp_path, hub)


def test_landing_again_takes_the_same_data_from_the_trash(house: House) -> None:
    house.land()
    before = house.files()
    house.remove()
    asked = house.fetched()
    again = house.land()
    assert (again.action, again.bytes_fetched) == ("restore", 0)
    assert house.files() == before
    assert house.fetched() == asked
    assert house.store.trash.entries() == ()
    assert house.store.trash.tombstone(NAME) is None


def test_another_description_is_brought_up_to_date_on_the_way_out_of_the_trash(house: House) -> None:
    house.land()
    house.remove()
    told = house.land(REQUEST.model_copy(update={"description": "Another one."}))
    assert told.action == "restore"
    assert told.manifest.request.description == "Another one."


def test_what_is_damaged_in_the_trash_is_landed_anew_where_it_is_damaged(house: House) -> None:
    house.land()
    before = house.files()
    house.remove()
    (entry,) = house.store.trash.entries()
    victim = next((house.store.layout.trash / entry.id / "audio").rglob("*.wav"))
    victim.unlink()
    again = house.land()
    assert again.action == "repair"
    assert 0 < again.bytes_fetched < sum(map(len, before.values()))
    assert house.files() == before


def test_a_newer_commit_after_a_removal_links_the_unchanged_shards_from_the_trash(house: House, tmp_path: Path) -> None:
    house.land()
    inodes = {path.name: path.stat().st_ino for path in (house.root / "audio").rglob("*.wav")}
    house.remove()
    changed = write_parquet(tmp_path / "new.parquet", clip_rows(4, first=500))
    house.hub.commit("org/speech", {"data/test-00000-of-00001.parquet": changed})
    again = house.land()
    assert again.action == "land"
    now = {path.name: path.stat().st_ino for path in (house.root / "audio").rglob("*.wav")}
    linked = {name for name in now if inodes.get(name) == now[name]}
    assert len(linked) == 8 and len(now) == 12
    assert verify(house.store, NAME).whole
    usage = house.store.quota.usage()
    assert usage.trash_bytes < sum(one.size_bytes for one in usage.datasets)
    assert house.store.empty_trash(0) > 0
    assert verify(house.store, NAME).whole


def test_a_paused_dataset_does_not_land_until_it_is_resumed(house: House) -> None:
    house.store.holds.write(Hold(name=NAME, held=Held.PAUSED, by="ana", at=now_text()))
    with pytest.raises(HeldBackError, match="paused by ana") as refused:
        house.land()
    assert f"hugflow resume {NAME}" in refused.value.remedy
    assert house.store.index.names() == [] and house.fetched() == 0
    house.store.holds.write(Hold(name=NAME, held=Held.RESUMED, at=now_text()))
    assert house.land().action == "land"


def test_a_cancelled_request_lands_only_after_an_edit(house: House) -> None:
    digest = request_digest(REQUEST)
    house.store.holds.write(Hold(name=NAME, held=Held.CANCELLED, at=now_text(), request=digest))
    with pytest.raises(HeldBackError, match="cancelled"):
        house.land()
    assert house.land(REQUEST.model_copy(update={"owner": "ana"})).action == "land"


def test_a_pause_stops_the_landing_in_flight_and_it_resumes_where_it_was(house: House) -> None:
    house.hub.bytes_per_s = 20_000

    def pause(_: object) -> None:
        house.store.holds.write(Hold(name=NAME, held=Held.PAUSED, at=now_text()))
        house.store.leases.cancel(NAME)

    with pytest.raises(LandingCancelledError):
        house.land(on_progress=pause)
    assert house.store.index.names() == []
    house.store.holds.clear(NAME)
    house.hub.bytes_per_s = None
    assert house.land().action == "land"


def test_damage_that_a_check_found_is_repaired_as_a_new_inode(house: House) -> None:
    house.land()
    before = house.files()
    victim = next((house.root / "audio/train").rglob("*.wav"))
    kept, inode = victim.read_bytes(), victim.stat().st_ino
    victim.chmod(0o640)
    with victim.open("r+b") as file:
        file.seek(len(kept) // 2)
        file.write(bytes([kept[len(kept) // 2] ^ 1]))
    victim.chmod(0o440)
    assert house.land().action == "no-op"  # same name, same size: a look does not tell
    report = verify(house.store, NAME)
    manifest = house.store.manifest(NAME)
    assert manifest is not None and not report.whole
    house.store.scrubs.write(
        Scrub(
            name=NAME,
            commit=manifest.commit,
            landed_at=manifest.volatile.landed_at,
            at=now_text(),
            hashed=True,
            damaged=report.damaged,
        )
    )
    with victim.open("rb") as still_open:
        repaired = house.land()
        assert still_open.read() != kept, "a reader keeps what it opened: nothing is written into an inode"
    assert repaired.action == "repair"
    assert victim.stat().st_ino != inode
    assert house.files() == before
    assert house.land().action == "no-op"
