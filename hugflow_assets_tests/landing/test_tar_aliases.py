"""A tar says of some members only that they are others: links, and newer copies of what came before."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from hugflow_assets.errors import BadSourceError
from hugflow_assets.formats.archives.members import members
from hugflow_assets.formats.archives.tar_aliases import RepeatedMembersError
from hugflow_assets_tests.datasets_made import wav_bytes
from hugflow_assets_tests.landing.conftest import House
from hugflow_assets_tests.landing.trees import rows_of, tree_of

A, B, C = (wav_bytes(0.05, hz=300.0 + 40 * number) for number in range(3))
Entry = tuple[str, bytes | str]
PACKED = {"": "train.tar", "gz": "train.tar.gz", "xz": "train.tar.xz"}


def tar_of(*entries: Entry, compression: str = "") -> bytes:
    """A tar of files (bytes), symbolic links (``->x``) and hard links (``=>x``)."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=cast("Any", f"w:{compression}")) as tar:
        for name, data in entries:
            info = tarfile.TarInfo(name)
            if isinstance(data, bytes):
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
            else:
                info.type = tarfile.SYMTYPE if data.startswith("->") else tarfile.LNKTYPE
                info.linkname = data[2:]
                tar.addfile(info)
    return out.getvalue()


def read(path: Path, data: bytes) -> list[tuple[str, bytes]]:
    """The members as two readings give them, of which the first may end at a name that comes again."""
    path.write_bytes(data)
    try:
        return [(one.name, bytes(one.data())) for one in members(path, "x.tar")]
    except RepeatedMembersError:
        return [(one.name, bytes(one.data())) for one in members(path, "x.tar")]


@pytest.mark.parametrize("compression", ["", "gz", "bz2", "xz"])
@pytest.mark.parametrize(
    ("entries", "meant"),
    [
        ([("a", A), ("b", "=>a"), ("c", B)], [("a", A), ("b", A), ("c", B)]),
        ([("a", A), ("b", "=>./a")], [("a", A), ("b", A)]),
        ([("b", "->a"), ("a", A)], [("b", A), ("a", A)]),
        ([("x/a", A), ("y/b", "->../x/a"), ("y/c", "->b")], [("x/a", A), ("y/b", A), ("y/c", A)]),
        ([("v1/a", A), ("now", "->v1"), ("b", "->now/a")], [("v1/a", A), ("b", A)]),
        ([("a", A), ("b", B), ("a", C)], [("a", C), ("b", B)]),
        ([("a", A), ("a", B), ("./a", C)], [("a", C)]),
        ([("a", A), ("b", "=>a"), ("a", C)], [("a", C), ("b", A)]),
        ([("a", A), ("b", "->a"), ("a", C)], [("a", C), ("b", C)]),
        ([("a", A), ("b", B), ("b", "=>a")], [("a", A), ("b", A)]),
        ([("a", A), ("b", "=>a"), ("b", C)], [("a", A), ("b", C)]),
    ],
)
def test_a_member_is_what_unpacking_the_archive_would_leave(
    tmp_path: Path, entries: list[Entry], meant: list[tuple[str, bytes]], compression: str
) -> None:
    assert read(tmp_path / "x.tar", tar_of(*entries, compression=compression)) == meant


@pytest.mark.parametrize("compression", PACKED)
def test_an_archive_that_was_added_to_lands_each_sample_once_with_its_last_clip(
    house: House, repo: Callable[..., str], compression: str
) -> None:
    entries = [("a.wav", A), ("a.txt", b"old"), ("b.wav", B), ("b.txt", b"bee"), ("a.wav", C), ("a.txt", b"new")]
    repo({PACKED[compression]: tar_of(*entries, compression=compression)})
    found = house.land()
    rows = rows_of(found, "json/train.jsonl")
    assert [(row["txt"], (found.path / row["wav"]["path"]).read_bytes()) for row in rows] == [("new", C), ("bee", B)]
    assert found.manifest.counts.extra.get("keys_not_together", 0) == 0
    assert tree_of(house.elsewhere("again").land().path) == tree_of(found.path)


@pytest.mark.parametrize("compression", PACKED)
def test_links_that_stay_inside_land_as_clips_of_their_own(
    house: House, repo: Callable[..., str], compression: str
) -> None:
    entries: list[Entry] = [("one.wav", A), ("two.wav", "=>one.wav"), ("three.wav", "->one.wav"), ("four.wav", B)]
    table = b"path\tsentence\none.wav\teins\ntwo.wav\tzwei\nthree.wav\tdrei\nfour.wav\tvier\n"
    repo({f"audio/{PACKED[compression]}": tar_of(*entries, compression=compression), "train.tsv": table})
    found = house.land()
    rows = rows_of(found, "json/train.jsonl")
    assert [(row["sentence"], (found.path / row["audio"]["path"]).read_bytes()) for row in rows] == [
        ("eins", A), ("zwei", A), ("drei", A), ("vier", B),
    ]  # fmt: skip


def test_an_archive_cut_off_behind_a_link_is_refused(house: House, repo: Callable[..., str]) -> None:
    data = tar_of(("b.wav", "->z.wav"), ("a.wav", A), ("z.wav", B))
    repo({"train.tar": data[: data.rindex(b"z.wav") + 600]})
    with pytest.raises(BadSourceError, match="unexpected end of data"):
        house.land()
    assert house.store.index.names() == []
