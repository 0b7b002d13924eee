"""Each row gets its own clip or none, in every container and layout: the order of decisions is ``join.rows``'s."""

from __future__ import annotations

import io
import json
import logging
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hugflow_assets.errors import LandingCancelledError
from hugflow_assets.rules.landed.reconciliation import named, unmatched_names
from hugflow_assets_tests.landing.conftest import House
from hugflow_assets_tests.shapes.join_cases import JOINS, Join, clip, packed, row, table
from hugflow_assets_tests.shapes.orphan_cases import ORPHANS


def record(root: Path, path: Path, columns: set[str]) -> list[dict[str, Any]]:
    """The rows of a record with their clips as bytes."""
    rows = []
    for line in path.read_text().splitlines():
        told = {name: value for name, value in json.loads(line).items() if name in columns}
        there = (told["audio"] or {}).get("path")
        rows.append(told | {"audio": (root / there).read_bytes() if there else None})
    return rows


def by_text(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda one: (one["text"], one["audio"] or b""))


def landed(house: House, join: Join) -> tuple[dict[str, list[dict[str, Any]]], dict[str, int]]:
    house.hub.add_repo("acme/speech", {"README.md": b"---\nlicense: cc0-1.0\n---\n", **join.files})
    found = house.land()
    records = {}
    for path in (found.path / "json").rglob("*.jsonl"):
        name = path.relative_to(found.path / "json").as_posix()
        columns = {"text", "audio"} | ({"path"} if "path" in join.records.get(name, [{}])[0] else set())
        records[name] = record(found.path, path, columns)
    return records, dict(found.manifest.counts.extra)


@pytest.mark.parametrize("name", [*JOINS, *ORPHANS])
def test_a_row_has_its_own_clip_or_none(house: House, name: str) -> None:
    join = (JOINS | ORPHANS)[name]
    records, counts = landed(house, join)
    expected = {
        path: [{key: value for key, value in one.items() if key in {"path", "text", "audio"}} for one in rows]
        for path, rows in join.records.items()
    }
    if not join.is_ordered:
        records, expected = ({path: by_text(rows) for path, rows in told.items()} for told in (records, expected))
    assert records == expected
    assert {name: counts.get(name, 0) for name in join.counts} == dict(join.counts)
    rows = [counts.get(f"rows_{what}", 0) for what in ("joined", "ambiguous", "absent")]
    assert counts.get("table_rows", 0) == sum(rows)
    clips = [counts.get(what, 0) for what in ("clips_named", "clips_unnamed", "clips_of_no_row_here")]
    assert counts.get("clips_in_source", 0) == sum(clips)


def test_the_rows_without_a_clip_land_once_when_the_landing_goes_on_after_a_stop(house: House) -> None:
    join = JOINS["one table of several, each a tar"]
    house.hub.add_repo("acme/speech", join.files)
    house.options = replace(house.options, workers=1, progress_interval_s=0)
    begun = [0]
    with pytest.raises(LandingCancelledError):
        house.land(
            on_progress=lambda told: begun.append(told.shards_done), should_stop=lambda: max(begun, default=0) > 0
        )
    found = house.land()
    rows = record(found.path, found.path / "json/train.jsonl", {"path", "text", "audio"})
    assert by_text(rows) == by_text(list(join.records["train.jsonl"]))


def test_a_member_that_an_archive_holds_twice_counts_once_the_last(house: House) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in (("a.wav", clip("old")), ("b.wav", clip("b")), ("a.wav", clip("new"))):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    rows = [row("a.wav", clip("new")), row("b.wav", clip("b"))]
    records, counts = landed(
        house, Join({"train.tar": out.getvalue(), "train.tsv": table(rows)}, {"train.jsonl": rows})
    )
    assert records["train.jsonl"] == rows
    assert (counts["clips_in_source"], counts["clips_named"]) == (2, 2)


@pytest.mark.parametrize("container", ["folder", "zip", "tar", "metadata", "WebDataset"])
def test_rows_without_a_clip_are_named_in_the_check_and_in_the_log(
    house: House, container: str, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [row(name, None, "file_name") for name in ("x/gone.wav", "0.wav", "sure.wav")]
    members = {"x/a/0.wav": clip("a"), "x/b/0.wav": clip("b"), "x/sure.wav": clip("sure")}
    filler = {"f/0.bin": bytes(1 << 21)}
    if container == "WebDataset":
        files = packed("tar", "all", {**members, **filler, "t/list.csv": table(rows, "csv"), "g/0.bin": bytes(1 << 20)})
    else:
        where = "folder" if container == "metadata" else container
        name = "metadata.csv" if container == "metadata" else "train.csv"
        files = {**packed(where, "all", members), name: table(rows, "csv")}
    house.hub.add_repo("acme/speech", files)
    with caplog.at_level(logging.WARNING):
        manifest = house.land().manifest
    assert (manifest.counts.extra["rows_absent"], manifest.counts.extra["rows_ambiguous"]) == (1, 1)
    assert unmatched_names(manifest) == {"rows_absent": ["x/gone.wav"], "rows_ambiguous": ["0.wav"]}
    assert named(manifest) == "Absent: x/gone.wav. Ambiguous: 0.wav."
    assert "1 rows are absent: x/gone.wav" in caplog.text


def test_more_clips_in_an_archive_that_rows_named_decide_anew_what_they_mean(house: House) -> None:
    rows = [row("a.wav", clip("a")), row("c.wav", clip("c"))]
    members = {"x/a.wav": clip("a"), "x/c.wav": clip("c")}
    files = {**packed("tar", "train_0", members), **packed("tar", "train_1", {"b.wav": clip("b")})}
    house.hub.add_repo("acme/speech", {**files, "train.tsv": table(rows)})
    house.land()
    house.hub.commit("acme/speech", packed("tar", "train_1", {"y/a.wav": clip("other")}))
    found = house.land(house.plan(update=True))
    told = record(found.path, found.path / "json/train.jsonl", {"path", "audio"})
    assert told == [{"path": "a.wav", "audio": None}, {"path": "c.wav", "audio": clip("c")}]
    assert found.manifest.counts.extra["rows_ambiguous"] == 1
