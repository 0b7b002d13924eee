"""The texts of a shard's clips in a folder: files that are called as they are, and lists that name them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from hashlib import sha256
from posixpath import basename
from typing import Any

import orjson
import pyarrow as pa

from hugflow_assets.errors import BadSourceError
from hugflow_assets.formats.text.json_values import one_line
from hugflow_assets.formats.text.text_encoding import TEXTS_CP1252
from hugflow_assets.formats.text.transcripts import LIST_COLUMNS, SIDE_ENDINGS, called
from hugflow_assets.hub.hashes import promised_hash
from hugflow_assets.hub.models import SourceFile
from hugflow_assets.shapes.reader_inputs import Shard, Sources
from hugflow_assets.shapes.texts.spec import TextsSpec
from hugflow_assets.shapes.texts.text_values import plain_text
from hugflow_assets.shapes.texts.transcript_lists import Lists, make_lists

_MOST_BYTES = 64 << 20  # of one text


class BesideTexts:
    """The texts that the spec tells of; none where it is None."""

    def __init__(self, shard: Shard, sources: Sources, spec: TextsSpec | None) -> None:
        self._shard, self._sources = shard, sources
        self._columns = {} if spec is None else spec.columns
        self._has_lists = spec is not None and spec.has_lists
        self._own, self._counted = frozenset(spec.own if spec else ()), frozenset(spec.counted if spec else ())
        self._namesakes, self._elsewhere = frozenset(spec.namesakes if spec else ()), spec.elsewhere if spec else ()
        self._lists: Lists | None = None
        self.clips: dict[str, dict[str, SourceFile]] = {}
        for file in shard.source.files:
            if spec is not None and file.path.lower().endswith(SIDE_ENDINGS):
                clip = next(reversed(self.clips))
                self.clips[clip][self._columns[_ending(file.path, clip)]] = file
            else:
                self.clips[file.path] = {}

    @property
    def json_columns(self) -> list[str]:
        """Columns that hold JSON as it is."""
        return [column for ending, column in self._columns.items() if ending.endswith("json")]

    @property
    def names(self) -> list[str]:
        """All columns, in order."""
        return [*(LIST_COLUMNS if self._has_lists else ()), *self._columns.values()]

    def columns(self, clips: Sequence[str], counts: Counter[str]) -> dict[str, pa.Array]:
        """The columns of texts for some of the clips, in order; what no clip has a text for is counted."""
        if not self._columns and not self._has_lists:
            return {}
        rows = [self._listed(clip) for clip in clips]
        files = [(row, column, file) for row, clip in zip(rows, clips, strict=True) for column, file in self._of(clip)]
        for (row, column, file), local in zip(
            files, self._sources.fetch_all([file for _, _, file in files]), strict=True
        ):
            if file.size_bytes > _MOST_BYTES or local.stat().st_size > _MOST_BYTES:
                raise BadSourceError(f"{file.path} is too large for the text of one clip.", file=file.path)
            data = local.read_bytes()
            is_json = column in self.json_columns
            row[column] = (self._json if is_json else plain_text)(data, file.path, counts)
            local.unlink()
        counts["clips_without_row"] += sum(not row for row in rows)
        return {name: pa.array([row.get(name) for row in rows], pa.large_string()) for name in self.names}

    def count(self, counts: Counter[str]) -> None:
        """Count the lines of lists that are counted here, and those of this split that were given out."""
        if (lists := self._opened()) is not None:
            counts["table_rows"] += lists.rows_of([at for at, file in self._numbered() if file.path in self._counted])
            counts["rows_joined"] += lists.rows_of(
                [at for at, file in self._numbered() if file.path in self._own], used=True
            )
            counts[TEXTS_CP1252] += sum(
                at in lists.guessed for at, file in self._numbered() if file.path in self._counted
            )
            counts["ambiguous_texts"] += lists.ambiguous

    def _json(self, data: bytes, place: str, counts: Counter[str]) -> str:
        """The JSON of a file, or its text where it is none: a clip is not lost for what lies beside it."""
        text = plain_text(data, place, counts)
        try:
            return one_line(text, counts)
        except ValueError:
            counts["texts_not_json"] += 1
            return orjson.dumps(text).decode()

    def _of(self, clip: str) -> Iterator[tuple[str, SourceFile]]:
        yield from self.clips[clip].items()

    def _listed(self, clip: str) -> dict[str, Any]:
        lists = self._opened()
        found = None if lists is None else lists.of(clip, is_alone=clip not in self._namesakes)
        return {} if found is None else dict(zip(LIST_COLUMNS, found, strict=True))

    def _numbered(self) -> Iterator[tuple[int, SourceFile]]:
        return enumerate(self._shard.source.beside)

    def _opened(self) -> Lists | None:
        files = self._shard.source.beside
        if self._lists is None and self._has_lists and files:
            told = "\0".join(f"{promised_hash(file)}\0{file.path}" for file in files)
            target = self._sources.shared_folder / f"lists-{sha256(told.encode()).hexdigest()[:32]}.arrow"
            locals_ = [(self._sources.shared(file), file.path) for file in files]
            with self._sources.making(target) as is_made:
                if not is_made:
                    make_lists(locals_, target)
            self._lists = Lists(target, self._elsewhere)
        return self._lists


def _ending(path: str, clip: str) -> str:
    """What follows the clip's name in the name of a text."""
    name = basename(path)
    stem = next(stem for stem in called(clip) if name.startswith(stem))
    return name[len(stem) :].lower()
