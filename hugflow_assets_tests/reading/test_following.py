"""Rows are read while they land: in their final order, verified, each once, whatever is killed on the way."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import pytest

from hugflow_assets.errors import FollowingEndedError, HFSplitNotFoundError, NoLongerWantedError
from hugflow_assets.landing.options import LandingOptions
from hugflow_assets.reading import open_dataset
from hugflow_assets.reading.following import Following
from hugflow_assets_tests.datasets_made import clip_rows, write_parquet
from hugflow_assets_tests.faulty_hub import FaultyHub
from hugflow_assets_tests.landing.conftest import REPO, House
from hugflow_assets_tests.polling import poll

NAME = "acme__speech__rev_main"
ROWS = clip_rows(12)
LAST = "train-00002"  # the shard that the Hub holds back


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[FaultyHub]:
    """A Hub with a split of three shards and one of one."""
    with FaultyHub() as hub:
        parts = {f"train-{at:05d}-of-00003": ROWS[at * 3 : at * 3 + 3] for at in range(3)} | {
            "test-00000-of-00001": ROWS[9:]
        }
        files = {f"data/{name}.parquet": write_parquet(tmp_path / name, rows) for name, rows in parts.items()}
        hub.add_repo(REPO, {"README.md": b"# Speech\n", **files})
        yield hub


def hold_back(hub: FaultyHub) -> None:
    """Serve every shard but ``LAST``, until the Hub is released."""
    hub.fault(LAST, "stall", times=None, origin="cdn", after_bytes=4, hold_s=60, whole=True)


@pytest.fixture(params=["files", "packed"])
def house(hub: FaultyHub, tmp_path: Path, request: pytest.FixtureRequest) -> House:
    form: Literal["files", "packed"] = request.param
    house = House(hub, tmp_path, LandingOptions(progress_interval_s=0.05, form=form, workers=4))
    house.store.layout.prepare()
    return house


def followed(house: House, **asked: Any) -> Following:
    return open_dataset(REPO, root=house.store.layout.root, follow=True, **asked)


def numbers(rows: Iterable[dict[str, Any]], count: int | None = None) -> list[int]:
    return [row["id"] for row in islice(rows, count)]


def test_rows_come_while_the_rest_lands_and_are_those_of_the_landing(hub: FaultyHub, house: House) -> None:
    hold_back(hub)
    speech = followed(house)
    by_another, every_third = followed(house).with_media("bytes"), followed(house).shard(1, 3)
    folder = house.store.layout.dataset(NAME)
    with ThreadPoolExecutor() as pool:
        landing = pool.submit(house.land)
        rows = iter(speech)
        early = list(islice(rows, 6))
        assert not landing.done() and not folder.exists()
        assert [Path(row["audio"]["path"]).stat().st_size > 0 for row in early] == [True] * 6
        early_bytes = list(islice(by_another, 6))
        state = speech.state_dict()
        hub.release()
        landed = landing.result(60)
        late = list(rows)
    whole = open_dataset(landed.path)
    assert [*early, *late] == list(whole)  # paths too, as they are now
    if house.options.form == "files":
        found = [Path(row["audio"]["path"]).read_bytes() for row in [*early, *late]]
        assert found == [row["audio"]["bytes"] for row in ROWS]
    assert [row["audio"]["bytes"] for row in early_bytes] == [row["audio"]["bytes"] for row in ROWS[:6]]
    assert numbers(by_another) == numbers(iter(ROWS[6:]))  # goes on over the publication
    assert numbers(every_third) == numbers(iter(whole.shard(1, 3)))
    elsewhere = followed(house)
    elsewhere.load_state_dict(state)
    assert numbers(elsewhere) == list(range(6, 12)) and numbers(elsewhere) == list(range(12))
    assert numbers(followed(house, split="test")) == [9, 10, 11]


READER = """
import json, sys
from hugflow_assets import open_dataset
speech = open_dataset("acme/speech", root=sys.argv[1], follow=True).with_media("bytes")
speech.load_state_dict(json.loads(sys.argv[2]))
for row in speech:
    print(json.dumps([row["id"], speech.state_dict()]), flush=True)
"""


def reader(house: House, state: dict[str, Any]) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", READER, str(house.store.layout.root), json.dumps(state)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True)


def given(process: subprocess.Popen[str], count: int | None = None) -> list[Any]:
    """What a reader has printed: rows' numbers, and its state behind each."""
    assert process.stdout is not None
    return [json.loads(line) for line in islice(process.stdout, count)]


def test_killing_either_side_loses_and_repeats_nothing(hub: FaultyHub, house: House) -> None:
    hold_back(hub)
    words = [sys.executable, "-m", "hugflow_assets_tests.landing.crashing", hub.url, str(house.folder)]
    landing = subprocess.Popen([*words, "threads", house.options.form])
    with reader(house, {}) as first:
        seen = given(first, 4)
        first.kill()
    with reader(house, seen[-1][1]) as second:
        seen += given(second, 2)
        landing.kill()
        landing.wait()
        hub.heal()
        house.land()
        seen += given(second)
    assert [number for number, _ in seen] == list(range(12))
    assert second.returncode == 0


def test_a_landing_that_fails_or_does_not_come_is_told_by_name(hub: FaultyHub, house: House) -> None:
    with pytest.raises(FollowingEndedError, match="Nobody has been at work"):
        next(iter(followed(house).with_patience(0)))
    hold_back(hub)
    speech = followed(house)
    with ThreadPoolExecutor() as pool:
        landing = pool.submit(house.land, still_wanted=lambda: False)
        rows = iter(speech)
        assert numbers(rows, 6) == list(range(6))
        state = speech.state_dict()
        hub.release()
        assert numbers(rows, 6) == list(range(6, 12))
        with pytest.raises(NoLongerWantedError):  # everything is read, and it is never published
            next(rows)
        assert landing.exception(60) is not None
    with pytest.raises(NoLongerWantedError):
        list(followed(house))
    house.land()
    assert numbers(speech) == []
    speech.load_state_dict(state)
    assert numbers(speech) == list(range(6, 12))
    with pytest.raises(HFSplitNotFoundError, match="train, test"):
        list(followed(house, split="dev"))


def test_rows_that_were_read_are_not_gone_on_with_by_others(hub: FaultyHub, house: House, tmp_path: Path) -> None:
    house.land()
    speech = followed(house)
    assert numbers(speech, 4) == [0, 1, 2, 3]
    hub.commit(REPO, {"data/train-00000-of-00003.parquet": write_parquet(tmp_path / "new", clip_rows(3, first=20))})
    house.land(house.plan(update=True))
    with pytest.raises(FollowingEndedError, match="another version"):
        list(speech)
    assert numbers(followed(house), 4) == [20, 21, 22, 3]


def test_numbers_are_given_out_when_no_later_shard_can_make_text_of_them(hub: FaultyHub, house: House) -> None:
    tables = {f"{LAST[:-1]}{at}.csv": f"id,said\n1,{said}\n".encode() for at, said in ((1, "007"), (2, "seven"))}
    hub.add_repo("acme/texts", tables)
    hold_back(hub)
    with ThreadPoolExecutor() as pool:
        landing = pool.submit(lambda: house.land(house.plan("acme/texts")))
        reading = pool.submit(lambda: list(open_dataset("acme/texts", root=house.store.layout.root, follow=True)))
        place = house.store.layout.staging_root
        poll(lambda: list(place.glob("*/*/receipts/*.json")), within_s=30, every_s=0.02)
        hub.release()
        landed = landing.result(60)
        assert reading.result(60) == list(open_dataset(landed.path))
    assert [row["said"] for row in open_dataset(landed.path)] == ["007", "seven"]
