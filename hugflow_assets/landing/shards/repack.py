"""A landed shard in another form: files into tars, tars into files, tars into tars of another size; nothing is fetched.

The record's lines stay as they are but for the place of each media value. Every byte is hashed on its way.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
import xxhash

from hugflow_assets.durable import write_all
from hugflow_assets.formats.checksums import Checksum, by_path, sum_line
from hugflow_assets.formats.text.json_values import loads
from hugflow_assets.landing.media.places import Place, Position
from hugflow_assets.landing.media.writer import place_members, place_of, tar_sums
from hugflow_assets.landing.record.media_values import media_values
from hugflow_assets.landing.shards.shard import Shard
from hugflow_assets.landing.tree.paths import FEATURES
from hugflow_assets.landing.views.features import with_media
from hugflow_assets.store.models import ShardRecord, TarRecord

_TEXT = rb'"(?:[^"\\]|\\.)*"'
_MEDIA = re.compile(  # the beginning of a media value as ``MediaWriter`` writes it
    rb'\{"path":(' + _TEXT + rb')(?:,"tar":(' + _TEXT + rb'),"offset":(\d+),"size":(\d+))?,"source_path":'
)


class UnrepackableError(Exception):
    """What is landed is not what was landed, or does not fit the form: the shard has to be landed from its sources."""


class Repacked:
    """The media and lines of a landed shard, written anew in the form that ``shard`` has.

    Args:
        root: the folder of the landed version.
        record: the shard as it landed there, in ``record_path``.
        sums: path -> digest of its media, of kind ``old``.
    """

    def __init__(
        self, shard: Shard, root: Path, record: tuple[str, ShardRecord], sums: Mapping[str, str], old: Checksum
    ) -> None:
        record_path, self._record = record
        self._shard, self._root, self._sums = shard, root, sums
        self._old, self._new = old, Checksum(shard.checksums)
        self._features = _with_json((root / record_path).with_name(FEATURES))
        self._places: dict[str, Place] = {}
        self._placed: dict[str, Position | None] = {}
        self._tars: dict[str, memoryview] = {}
        self._new_sums: list[str] = []
        self._digest = xxhash.xxh3_128()
        self.tars: tuple[TarRecord, ...] = ()
        self.sums = b""
        self.json_bytes = 0

    @property
    def json_xxh128(self) -> str:
        """Of the lines as they are now."""
        return str(self._digest.hexdigest())

    def write(self, lines: Iterator[bytes]) -> None:
        """Write everything; ``lines`` are whole lines of the record.

        Raises:
            UnrepackableError: see there; what was written is to be wiped.
        """
        try:
            with self._shard.lines_path.open("wb", buffering=0) as out:
                for block in lines:
                    if self._features is not None:
                        self._refuse_alike(block)
                    self._write_lines(out.fileno(), _MEDIA.sub(self._moved, block))
            self._finish()
        finally:
            for place in self._places.values():
                place.close()

    def _write_lines(self, out: int, text: bytes) -> None:
        for place in self._places.values():
            place.flush()
        self._digest.update(text)
        self.json_bytes += len(text)
        write_all(out, text)

    def _finish(self) -> None:
        if len(self._placed) != len(self._sums):
            raise UnrepackableError("the record does not name all of its media")
        ended = [one for kind in sorted(self._places) for one in self._places[kind].finish()]
        self.tars = tuple(tar for tar, _ in ended)
        self._new_sums.sort(key=by_path)
        self.sums = "".join([*tar_sums(self._shard.tree, ended, self._new), *self._new_sums]).encode()

    def _refuse_alike(self, block: bytes) -> None:
        """JSON of the source may hold objects that look like media: then the sources have to say which is which.

        Raises:
            UnrepackableError: the block holds more of them than there are media values in its rows.
        """
        alike = sum(orjson.loads(found[1]) in self._sums for found in _MEDIA.finditer(block))
        if alike != sum(1 for line in block.splitlines() for _ in media_values(self._features, loads(line))):
            raise UnrepackableError("JSON of the source looks like media")

    def _moved(self, found: re.Match[bytes]) -> bytes:
        path = orjson.loads(found[1])
        if path not in self._sums:  # no media of ours, but JSON of the source that looks alike
            return found[0]
        if path not in self._placed:
            self._placed[path] = self._move(path, self._bytes(path, found))
        return f'{{{place_members(path, self._placed[path])},"source_path":'.encode()

    def _move(self, path: str, data: memoryview) -> Position | None:
        digest = self._old.of(data)
        kind, name = path.partition("/")[0], path.rpartition("/")[2]
        if digest != self._sums[path] or path != f"{kind}/{self._shard.folder}/{name}":
            raise UnrepackableError(f"{path} is damaged")
        if kind not in self._places:
            self._places[kind] = place_of(self._shard, kind)
        self._new_sums.append(sum_line(digest if self._new == self._old else self._new.of(data), path))
        try:
            return self._places[kind].put(name, data)
        except ValueError as error:  # a name of before names were made to fit
            raise UnrepackableError(str(error)) from None

    def _bytes(self, path: str, found: re.Match[bytes]) -> memoryview:
        if found[2] is None:
            return _mapped(self._root / path)
        tar, offset, size = orjson.loads(found[2]), int(found[3]), int(found[4])
        if tar not in self._tars:
            if tar not in {one.path for one in self._record.tars}:
                raise UnrepackableError(f"{tar} is no tar of this shard")
            self._tars[tar] = _mapped(self._root / tar)
        return self._tars[tar][offset : offset + size]


def _with_json(path: Path) -> dict[str, Any] | None:
    """The features of a config of which a column is JSON; None where none is."""
    try:
        features: dict[str, Any] = with_media(orjson.loads(path.read_bytes()))
    except FileNotFoundError:
        return None
    return features if b'"Json"' in orjson.dumps(features) else None


def _mapped(path: Path) -> memoryview:
    with path.open("rb") as file:
        is_empty = not path.stat().st_size  # which cannot be mapped
        return memoryview(b"" if is_empty else mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
