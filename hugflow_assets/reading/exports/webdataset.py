"""WebDataset: tars of ``<id>.<ending>``, ``<id>.json`` and ``<id>.txt``. A tar holds bytes, so the audio is copied."""

from __future__ import annotations

import io
import re
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from hugflow_assets.reading.clips import clips_of
from hugflow_assets.reading.exports.target import Target

if TYPE_CHECKING:
    from hugflow_assets.reading.dataset import Dataset

_TAR_BYTES = 1 << 30
_NOT_IN_KEYS = re.compile(r"[^\w-]+")  # the key of a sample ends at the first dot


def write_webdataset(dataset: Dataset, target: Target) -> None:
    """Write ``<split>-000000.tar`` and so on, about 1 GB each; with several configs in a folder a config."""
    for part, split, folder in target.parts(dataset):
        with _Tars(folder, split) as tars:
            for clip in clips_of(part):
                key = _NOT_IN_KEYS.sub("_", clip.id)
                row = {"id": clip.id, "duration": clip.value.get("duration")} | clip.row
                tars.add(key, {clip.ending or "audio": target.content(clip), "json": orjson.dumps(row)}, clip.text)
                target.clips += 1
                target.copied += 1


class _Tars:
    """Tars of a split, the next begun when one is full."""

    def __init__(self, folder: Path, split: str) -> None:
        self._folder, self._split, self._number, self._size = folder, split, 0, 0
        self._tar: tarfile.TarFile | None = None

    def __enter__(self) -> _Tars:
        return self

    def __exit__(self, *_: object) -> None:
        if self._tar is not None:
            self._tar.close()

    def add(self, key: str, members: dict[str, bytes], text: str | None) -> None:
        """A sample; all of its members lie in one tar."""
        if text is not None:
            members["txt"] = text.encode("utf-8", "surrogatepass")
        if self._tar is None or self._size > _TAR_BYTES:
            self.__exit__()
            path = self._folder / f"{self._split}-{self._number:06d}.tar"
            self._tar, self._size, self._number = tarfile.open(path, "w"), 0, self._number + 1  # noqa: SIM115
        for ending, data in members.items():
            member = tarfile.TarInfo(f"{key}.{ending}")
            member.size = len(data)
            self._tar.addfile(member, io.BytesIO(data))
            self._size += len(data)
