"""Lhotse Shar: a row a cut, as its JSON is written, with the bytes of its recording.

The tar of a field holds for each cut a data member and a manifest, both called by the cut's id; ``.nodata`` stands
where a cut has none. Cuts and tar come in one order, and where they do not the id decides.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from hugflow_assets.errors import BadSourceError
from hugflow_assets.formats.archives.members import Member, members
from hugflow_assets.formats.text.json_rows import NoRowsError, row_blocks
from hugflow_assets.formats.text.json_values import loads
from hugflow_assets.formats.text.text_encoding import TextFile
from hugflow_assets.shapes.join.counts import (
    CLIPS_IN_SOURCE,
    CLIPS_NAMED,
    CLIPS_UNNAMED,
    ROWS_ABSENT,
    ROWS_JOINED,
    TABLE_ROWS,
)
from hugflow_assets.shapes.join.row_names import keep_name
from hugflow_assets.shapes.lhotse_shar.layout import RECORDING
from hugflow_assets.shapes.lhotse_shar.spec import SharSpec
from hugflow_assets.shapes.reader import Reader, spec_of
from hugflow_assets.shapes.reader_inputs import Shard, Sources
from hugflow_assets.shapes.values.json_lines import JsonLines, JsonRows, Marks

AUDIO = "audio"
_IN_MEMORY_BYTES = 2 << 20  # of a clip; a batch holds some dozens
_NO_DATA, _NO_MANIFEST = ".nodata", ".nometa"


class SharReader(Reader):
    """One list of cuts with its tars and lists."""

    def __init__(self, shard: Shard, sources: Sources) -> None:
        super().__init__(shard, sources)
        self._spec = spec_of(shard, SharSpec)
        self._lines = JsonRows(self.counts, self._placed)
        self._audio: dict[str, _Clips] = {}
        self._lists: dict[str, Iterator[dict[str, Any]]] = {}
        self._spooled: dict[str, Path] = {}

    def batches(self) -> Iterator[JsonLines]:
        cuts, *others = self.shard.source.files
        tars, lists = others[: len(self._spec.audio)], others[len(self._spec.audio) :]
        local = self.sources.fetch(cuts)
        _refuse_equal_ids(local, cuts.path)
        for field, file in zip(self._spec.audio, tars, strict=True):
            work = self.shard.work / f"clips-{len(self._audio):02d}"
            work.mkdir(parents=True, exist_ok=True)
            self._audio[field] = _Clips(self.sources.fetch(file), file.path, work)
        for field, file in zip(self._spec.lists, lists, strict=True):
            self._lists[field] = _rows(self.sources.fetch(file), file.path)
        yield from self._lines.of_file(TextFile(local, cuts.path), cuts.path)
        for clips in self._audio.values():
            clips.finish()
            self.counts[CLIPS_IN_SOURCE] += clips.seen
            self.counts[CLIPS_NAMED] += clips.given
            self.counts[CLIPS_UNNAMED] += clips.seen - clips.given
        self.features = self._lines.type.features

    def resolve(self, paths: list[str]) -> dict[str, Path]:
        return {path: self._spooled.pop(path) for path in paths if path in self._spooled}

    def close(self) -> None:
        for clips in self._audio.values():
            clips.close()
        super().close()

    def _placed(self, cut: dict[str, Any], marks: Marks) -> dict[str, Any]:
        """The cut with what its tars and lists hold for it."""
        cut_id = str(cut.get("id"))
        row = dict(cut)
        for field, rows in self._lists.items():
            row = self._listed(row, field, next(rows, {}))
        found = {RECORDING: None} | {field: clips.take(cut_id) for field, clips in self._audio.items()}
        self.counts[TABLE_ROWS] += 1
        is_absent = None in found.values()
        self.counts[ROWS_ABSENT if is_absent else ROWS_JOINED] += 1
        if is_absent:
            keep_name(self.unmatched, ROWS_ABSENT, cut_id)
        for field, clip in found.items():
            name = AUDIO if field == RECORDING else field
            row[name if name not in row else f"{name}_of_cut"] = marks.clip(AUDIO, self._value(clip))
        return row

    def _value(self, clip: _Clip | None) -> dict[str, Any] | None:
        if clip is None or clip.data is None:
            return None
        if isinstance(clip.data, Path):
            self._spooled[clip.name] = clip.data
            return {"bytes": None, "path": clip.name}
        return {"bytes": clip.data, "path": clip.name}

    def _listed(self, row: dict[str, Any], field: str, item: dict[str, Any]) -> dict[str, Any]:
        if item.get("cut_id") != row.get("id"):
            path = self.shard.source.files[0].path
            raise BadSourceError(
                f"{path}: the list of {field!r} has {item.get('cut_id')!r} where the cuts have {row.get('id')!r}.",
                remedy="Tell the dataset's owners: a shard's lists have to be in the order of its cuts.",
                file=path,
            )
        return row if field not in item or field in row else {**row, field: item[field]}


class _Clip:
    """What a tar has for a cut: bytes, a file of its own, or None for nothing."""

    __slots__ = ("data", "name")

    def __init__(self, name: str, data: bytes | Path | None) -> None:
        self.name, self.data = name, data


class _Clips:
    """The data members of a tar by the ids of cuts; read forwards, what comes too early is kept on the disk."""

    def __init__(self, local: Path, source_path: str, work: Path) -> None:
        self._open = partial(members, local, source_path)
        self._members: Generator[Member] = self._open()
        self._work = work
        self._early: dict[str, _Clip] = {}
        self._there: set[int] | None = None
        self.seen = self.given = 0

    def take(self, cut_id: str) -> _Clip | None:
        """What there is for a cut; None where the tar has not even its mark for nothing."""
        if cut_id in self._early:
            return self._given(self._early.pop(cut_id))
        for member in self._members:
            stem, ending = _parted(member.name)
            if ending in (".json", _NO_MANIFEST):
                continue
            clip = self._clip(member, ending)
            if stem == cut_id:
                return self._given(clip)
            self._early[stem] = self._kept(clip)
            if not self._holds(cut_id):
                break
        return None

    def finish(self) -> None:
        """Count what no cut asked for."""
        for member in self._members:
            ending = _parted(member.name)[1]
            self.seen += ending not in (".json", _NO_MANIFEST, _NO_DATA)

    def close(self) -> None:
        self._members.close()

    def _given(self, clip: _Clip) -> _Clip:
        self.given += clip.data is not None
        return clip

    def _holds(self, cut_id: str) -> bool:
        """Whether there is a member for a cut at all, which is asked when the orders differ."""
        if self._there is None:
            with closing(self._open()) as every:
                self._there = {hash(_parted(member.name)[0]) for member in every}
        return hash(cut_id) in self._there

    def _clip(self, member: Member, ending: str) -> _Clip:
        if ending == _NO_DATA:
            return _Clip(member.name, None)
        self.seen += 1
        if member.size_bytes <= _IN_MEMORY_BYTES:
            return _Clip(member.name, bytes(member.data()))
        path = self._work / f"{self.seen:07d}"
        member.save(path)
        return _Clip(member.name, path)

    def _kept(self, clip: _Clip) -> _Clip:
        if isinstance(clip.data, bytes):
            path = self._work / f"{self.seen:07d}"
            path.write_bytes(clip.data)
            return _Clip(clip.name, path)
        return clip


def _parted(name: str) -> tuple[str, str]:
    """The id and the ending of a member."""
    stem, dot, ending = name.rpartition(".")
    return (stem, f".{ending}".lower()) if dot and "/" not in ending else (name, "")


def _refuse_equal_ids(local: Path, path: str) -> None:
    """Refuse cuts without an id, and two of one id.

    Raises:
        BadSourceError: there are some: their recordings could not be told apart.
    """
    found: set[int] = set()
    for number, cut in enumerate(_rows(local, path), 1):
        cut_id = cut.get("id")
        if not isinstance(cut_id, str) or hash(cut_id) in found:
            raise BadSourceError(
                f"{path}: cut {number} has {'the id of another' if isinstance(cut_id, str) else 'no id'}: {cut_id!r}.",
                remedy="Tell the dataset's owners: the recordings of a shard are found by the ids of its cuts.",
                file=path,
            )
        found.add(hash(cut_id))


def _rows(local: Path, path: str) -> Iterator[dict[str, Any]]:
    with closing(TextFile(local, path).open()) as file:
        try:
            for block, _ in row_blocks(file):
                for line in filter(None, map(bytes.strip, block.split(b"\n"))):
                    if not isinstance(row := loads(line), dict):
                        raise NoRowsError("a row is no object")
                    yield row
        except ValueError as error:
            raise BadSourceError(
                f"{path} cannot be read as JSON lines: {error}",
                remedy="Tell the dataset's owners; the file is as the Hub's own hash says.",
                file=path,
            ) from error
