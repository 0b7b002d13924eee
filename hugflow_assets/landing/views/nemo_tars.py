"""NeMo's tarred form: a manifest a tar, ``manifest_<n>.json`` beside ``audio_<n>.tar``.

What its readers want (nemo-toolkit 3.0, ``common/data/lhotse/nemo_adapters.py``, ``LazyNeMoTarredIterator``): numbers
from 0 on without a gap, ``audio_filepath`` as the member is called, ``shard_id``, a line for every member, and a name
that ends in ``-sub<n>`` for a further line of the same member.
"""

from __future__ import annotations

import os
import re
import tarfile
from collections import Counter
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from hugflow_assets.formats.archives.ustar import BLOCK_BYTES
from hugflow_assets.formats.text.json_values import dumped
from hugflow_assets.landing.tree.indexes import ENDING, index_lines, offsets_in
from hugflow_assets.landing.tree.paths import ViewSplit
from hugflow_assets.landing.views.columns import ViewColumns
from hugflow_assets.landing.views.manifests import Nemo
from hugflow_assets.landing.views.utterances import Utterance

_WRITE_BYTES = 1 << 20
_SUB = re.compile(r"-sub\d+$")


class NemoTars:
    """The manifests of the tars of one split. ``paths`` are those that were written, with their indexes."""

    def __init__(self, root: Path, to: Path, split: ViewSplit, columns: ViewColumns) -> None:
        self._root, self._to = root, to
        self._nemo = Nemo(root, "", columns)
        self._tars = {tar: _Tar(root / tar, number) for number, tar in enumerate(split.audio_tars)}
        self._manifests = [split.folders.tar_view("nemo", split.split, number) for number in range(len(self._tars))]
        self._out: tuple[int, BinaryIO] | None = None
        for path in self._manifests:
            (to / path).parent.mkdir(parents=True, exist_ok=True)
            (to / path).write_bytes(b"")

    @property
    def paths(self) -> list[str]:
        return [path for manifest in self._manifests for path in (manifest, manifest + ENDING)]

    def add(self, one: Utterance) -> None:
        """Write the line of an utterance, if NeMo can read it."""
        tar = self._tars.get(one.tar)
        if tar is None or (line := self._nemo.line(one)) is None:
            return
        name = tar.name_for(one.offset, one.path.removeprefix(f"{one.tar.rpartition('/')[0]}/"))
        self._write(tar.number, {**line, "audio_filepath": name, "shard_id": tar.number})

    def finish(self) -> None:
        """Members that have no line get one that is skipped: a reader refuses a tar with a member that it has not."""
        for tar in self._tars.values():
            for name in tar.unnamed():
                skipped = {"audio_filepath": name, "duration": 0.0, "text": "", "shard_id": tar.number, "_skipme": True}
                self._write(tar.number, skipped)
        self.close()
        for manifest in self._manifests:
            index_lines(self._to, manifest)

    def close(self) -> None:
        """Close what is open; to be called once, whatever happened."""
        if self._out is not None:
            self._out[1].close()
            self._out = None

    def _write(self, number: int, line: dict[str, Any]) -> None:
        if self._out is None or self._out[0] != number:  # clips come in the order of the tars, nearly
            self.close()
            self._out = number, (self._to / self._manifests[number]).open("ab", buffering=_WRITE_BYTES)
        self._out[1].write(dumped(line) + b"\n")


class _Tar:
    """How many lines each member of a tar has."""

    def __init__(self, path: Path, number: int) -> None:
        self.number, self._path = number, path
        self._offsets = offsets_in(path.with_name(path.name + ENDING))
        self._named = bytearray(len(self._offsets) - 1)  # a byte a member: there are millions
        self._further: Counter[int] = Counter()

    def name_for(self, offset: int, name: str) -> str:
        """What the next line of a member calls it; ``offset`` is where its bytes begin."""
        at = int(np.searchsorted(self._offsets, np.uint64(offset - BLOCK_BYTES)))
        before = self._further[at] + 1 if self._named[at] else 0
        if before:
            self._further[at] = before
        self._named[at] = True
        return _called(name, before)

    def unnamed(self) -> list[str]:
        """The members without a line, as a line is to call them."""
        missing = [int(self._offsets[at]) for at, named in enumerate(self._named) if not named]
        if not missing:
            return []
        with self._path.open("rb") as tar:
            headers = [os.pread(tar.fileno(), BLOCK_BYTES, at) for at in missing]
        return [_called(tarfile.TarInfo.frombuf(one, "utf-8", "surrogateescape").name, 0) for one in headers]


def _called(name: str, before: int) -> str:
    """A member's name in its ``before``-th further line. One that ends like a further line gets an ending all the same:
    a reader takes the last one off."""
    stem, dot, ending = name.rpartition(".") if "." in name.rpartition("/")[2] else (name, "", "")
    number = before + bool(_SUB.search(stem))
    return f"{stem}-sub{number}{dot}{ending}" if number else name
