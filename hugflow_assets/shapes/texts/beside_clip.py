"""The texts of a shard's clips in a folder: files that are called as they are, and lists that name them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property
from hashlib import sha256
from posixpath import basename, dirname
from typing import Any

import orjson
import pyarrow as pa

from hugflow_assets.errors import BadSourceError
from hugflow_assets.formats.text.json_values import one_line
from hugflow_assets.formats.text.text_encoding import TEXTS_CP1252
from hugflow_assets.formats.text.transcripts import LIST_COLUMNS, SIDE_ENDINGS, called
from hugflow_assets.hub.hashes import promised_hash
from hugflow_assets.hub.models import SourceFile
from hugflow_assets.shapes.join.clips import Clips
from hugflow_assets.shapes.join.counts import ROWS_ABSENT, ROWS_AMBIGUOUS, ROWS_JOINED, TABLE_ROWS
from hugflow_assets.shapes.reader_inputs import Shard, Sources
from hugflow_assets.shapes.texts.list_clips import clips_below
from hugflow_assets.shapes.texts.spec import TextsSpec
from hugflow_assets.shapes.texts.text_values import plain_text
from hugflow_assets.shapes.texts.transcript_lists import Lists, make_lists

_MOST_BYTES = 64 << 20  # of one text


class BesideTexts:
    """The texts that the spec tells of; none where it is None."""

    def __init__(self, shard: Shard, sources: Sources, spec: TextsSpec | None) -> None:
        self._shard, self._sources = shard, sources
        self._spec = spec or TextsSpec(columns={}, has_lists=False)
        self._columns = self._spec.columns
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
        return [*(LIST_COLUMNS if self._spec.has_lists else ()), *self._columns.values()]

    def columns(self, clips: Sequence[str], counts: Counter[str]) -> dict[str, pa.Array]:
        """The columns of texts for some of the clips, in order; what no clip has a text for is counted."""
        if not self.names:
            return {}
        rows = [self._listed(clip, counts) for clip in clips]
        files = [(row, column, file) for row, clip in zip(rows, clips, strict=True) for column, file in self._of(clip)]
        for (row, column, file), local in zip(
            files, self._sources.fetch_all([file for _, _, file in files]), strict=True
        ):
            if file.size_bytes > _MOST_BYTES or local.stat().st_size > _MOST_BYTES:
                raise BadSourceError(f"{file.path} is too large for the text of one clip.", file=file.path)
            text = plain_text(local.read_bytes(), file.path, counts, self._spec.encoding)
            row[column] = _json(text, counts) if column in self.json_columns else text
            local.unlink()
        counts["clips_without_row"] += sum(not row for row in rows)
        return {name: pa.array([row.get(name) for row in rows], pa.large_string()) for name in self.names}

    def count(self, counts: Counter[str]) -> None:
        """Count the lines and files that are for no clip, where this is the shard that does."""
        counts["texts_of_no_clip"] += self._spec.unmatched
        counts["ambiguous_texts"] += self._spec.ambiguous
        for lists in self._lists.values():
            for one in lists.lists:
                if one.path in self._spec.counted:
                    counts[TABLE_ROWS] += one.absent + one.ambiguous
                    counts[ROWS_ABSENT] += one.absent
                    counts[ROWS_AMBIGUOUS] += one.ambiguous
                    counts[TEXTS_CP1252] += one.is_guess

    def _of(self, clip: str) -> Iterator[tuple[str, SourceFile]]:
        yield from self.clips[clip].items()

    def _listed(self, clip: str, counts: Counter[str]) -> dict[str, Any]:
        """What the lists say of a clip: those of the nearest folder, if all of these say the same."""
        found = [line for scope, lists in self._lists.items() if _is_around(scope, clip) for line in [lists.of(clip)]]
        near, *others = [lines for lines in found if lines] or [[]]
        if not near:
            return {}
        is_told = len({text for _, text in near}) == 1
        same = [text for lines in (near, *others) for _, text in lines if is_told and text == near[0][1]]
        every = sum(map(len, (near, *others)))
        counts.update({TABLE_ROWS: every, ROWS_JOINED: len(same), ROWS_AMBIGUOUS: every - len(same)})
        return dict(zip(LIST_COLUMNS, near[0], strict=True)) if is_told else {}

    @cached_property
    def _lists(self) -> dict[str, Lists]:
        """The lists by the folders whose clips they may speak of, the innermost first."""
        found: dict[str, list[SourceFile]] = {}
        for file in self._shard.source.beside:
            found.setdefault(self._spec.scopes.get(file.path, dirname(file.path)), []).append(file)
        order = sorted(found, key=lambda scope: (-len(scope), scope))
        return {scope: self._opened(scope, found[scope]) for scope in order}

    def _opened(self, scope: str, files: Sequence[SourceFile]) -> Lists:
        told = "\0".join([scope, *(f"{promised_hash(file)}\0{file.path}" for file in files)])
        target = self._sources.shared_folder / f"lists-{sha256(told.encode()).hexdigest()[:32]}.arrow"
        locals_ = [(self._sources.shared(file), file.path) for file in files]
        with self._sources.making(target) as is_made:
            if not is_made:
                names = clips_below(scope, self._shard, self._sources, target.with_suffix(".names.arrow"))
                make_lists(locals_, Clips([names]), target, self._spec.encoding)
        return Lists(target)


def _json(text: str, counts: Counter[str]) -> str:
    """The JSON of a file, or its text where it is none: a clip is not lost for what lies beside it."""
    try:
        return one_line(text, counts)
    except ValueError:
        counts["texts_not_json"] += 1
        return orjson.dumps(text).decode()


def _is_around(folder: str, clip: str) -> bool:
    return not folder or clip.startswith(f"{folder}/")


def _ending(path: str, clip: str) -> str:
    """What follows the clip's name in the name of a text."""
    name = basename(path)
    stem = next(stem for stem in called(clip) if name.startswith(stem))
    return name[len(stem) :].lower()
