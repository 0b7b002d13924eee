"""Folders of audio, image, video or pdf files: a row a file, or a row of metadata that names its files.

The rules are those of the folder builders of `datasets`: metadata rows come in their own order, ``file_name`` becomes
the media column, ``x_file_name`` the column ``x``, ``file_names`` a list; without metadata a folder may be a label.
"""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from hugflow_assets.formats.archives.zips import member_name
from hugflow_assets.formats.webdataset import JSON
from hugflow_assets.hub.models import SourceFile
from hugflow_assets.shapes.clip_tables.archive_names import archive_names
from hugflow_assets.shapes.columns import MediaTree
from hugflow_assets.shapes.join import counts
from hugflow_assets.shapes.join.clip_of_row import count_rows
from hugflow_assets.shapes.join.clips import Clips, Names
from hugflow_assets.shapes.join.paths import as_folders, composed
from hugflow_assets.shapes.join.repo_clips import repo_clips
from hugflow_assets.shapes.join.row_names import keep_names
from hugflow_assets.shapes.join.scope import Scope
from hugflow_assets.shapes.media_folders.joined_rows import FOUND, given, join_lines, join_rows, status_path
from hugflow_assets.shapes.media_folders.kinds import BASE_COLUMNS
from hugflow_assets.shapes.media_folders.metadata import FILE_NAME, make_rows, named_media, read_rows
from hugflow_assets.shapes.media_folders.spec import FolderFilesSpec, FolderMetadataSpec
from hugflow_assets.shapes.media_folders.splits import part_told
from hugflow_assets.shapes.models import Shape
from hugflow_assets.shapes.reader import Reader, spec_of
from hugflow_assets.shapes.reader_inputs import Shard, Sources
from hugflow_assets.shapes.repo_files import RepoFiles
from hugflow_assets.shapes.texts.beside_clip import BesideTexts
from hugflow_assets.shapes.values.inferred_types import SeenTypes
from hugflow_assets.shapes.values.json_lines import JsonLines, JsonRows, folder_media
from hugflow_assets.shapes.values.kept_rows import LINE, CardSays, are_lines, kept_counts, kept_kinds, kept_schema

_AT_ONCE = 32  # files fetched ahead of the writer
_ROWS_AT_ONCE = 64


class FolderReader(Reader):
    """The files of a shard, or a range of rows of a metadata file."""

    def __init__(self, shard: Shard, sources: Sources) -> None:
        super().__init__(shard, sources)
        self._column, self._feature = BASE_COLUMNS[Shape(shard.source.shape)]
        self._kind = self._column
        self._trees: dict[str, MediaTree] = {self._column: MediaTree(kind=self._kind)}
        self._files = {file.path: file for file in shard.source.files}
        self._labels = shard.source.spec.labels if isinstance(shard.source.spec, FolderFilesSpec) else ()
        texts = shard.source.spec.texts if isinstance(shard.source.spec, FolderFilesSpec) else None
        self._texts = BesideTexts(shard, sources, texts)
        self._repo = RepoFiles(shard)
        self._found: set[str] = set()  # files that the rows mean which were given last
        self._members: dict[str, str] | None = None
        self._numbers = count()

    def batches(self) -> Iterator[pa.RecordBatch | JsonLines]:
        by_file = bool(self._files) or not self.shard.source.beside
        yield from self._by_file() if by_file else self._by_metadata()

    def media(self, schema: pa.Schema) -> dict[str, MediaTree]:
        return {**self._trees, **{name: MediaTree(kind=JSON) for name in self._texts.json_columns}}

    def resolve(self, paths: list[str]) -> dict[str, Path]:
        if self._files:
            return dict(zip(paths, self.sources.fetch_all([self._files[path] for path in paths]), strict=True))
        metadata = self.shard.source.beside[0]
        paths = [path for path in paths if path in self._found]
        if metadata.archive is not None:
            return self._from_archive(paths, metadata)
        before = self._repo.bytes_fetched
        found = self._repo.fetched(paths)
        self.sources.bytes_fetched += self._repo.bytes_fetched - before
        return found

    def _by_file(self) -> Iterator[pa.RecordBatch]:
        names = {name: at for at, name in enumerate(self._labels)}
        every, types = iter(self._texts.clips), SeenTypes()
        while paths := list(islice(every, _AT_ONCE)):
            columns: dict[str, Any] = {self._column: pa.array(paths, pa.large_string())}
            if names:
                columns["label"] = pa.array(
                    [names[posixpath.basename(posixpath.dirname(path))] for path in paths], pa.int64()
                )
            texts = self._texts.columns(paths, self.counts)
            for name in self._texts.json_columns:
                types.json(name, texts[name].to_pylist())
            yield pa.RecordBatch.from_pydict(columns | texts)
        self._texts.count(self.counts)
        if self.shard.features is None:
            self.features = self._features(types)

    def _features(self, types: SeenTypes) -> dict[str, Any]:
        """Those of files with JSON beside them."""
        found: dict[str, Any] = {self._column: {"_type": self._feature}}
        if self._labels:
            found["label"] = {"names": list(self._labels), "_type": "ClassLabel"}
        told = types.features() or {}
        return found | {name: told.get(name, {"dtype": "string", "_type": "Value"}) for name in self._texts.names}

    def _by_metadata(self) -> Iterator[pa.RecordBatch | JsonLines]:
        metadata, spec = self.shard.source.beside[0], spec_of(self.shard, FolderMetadataSpec)
        local = self.sources.shared(metadata)
        rows = local.with_name(f"{local.name}.rows.arrow")
        with self.sources.making(rows) as is_made:
            if not is_made:
                make_rows(local, metadata.path, rows, CardSays(self.shard.features, spec.encoding))
        if spec.start == 0:
            self.counts += kept_counts(rows)
        schema = kept_schema(rows)
        self.kinds = kept_kinds(schema)
        lines = JsonRows(Counter(), folder_media(self._column, self._kind, self._shown)) if are_lines(schema) else None
        if lines is None:
            schema, self._trees, self.features = named_media(
                rows, metadata.path, self._column, self._kind, self._feature
            )
        names = self._names(metadata)
        joined = self._joined(rows, schema, metadata, names)
        status, at = np.load(status_path(joined), mmap_mode="r"), spec.start
        part = _Part(spec, names, metadata)
        named = FILE_NAME if lines is not None else next((one for one, tree in self._trees.items() if tree.kind), "")
        part.count_clips(status, self.counts)
        for batch in read_rows(joined, schema, spec.start, spec.end, _ROWS_AT_ONCE):
            clips = status[at : at + batch.num_rows]
            at += batch.num_rows
            told = batch.column(named) if named in batch.schema.names else None
            kept = part.kept(clips, told)
            keep_names(self.unmatched, np.flatnonzero(kept), clips[kept], told)
            self.counts["rows_of_other_splits"] += int(np.count_nonzero(~kept))
            self.counts.update(count_rows(clips[kept]))
            self._found.clear()
            batch = batch.filter(pa.array(kept))
            if lines is None:
                yield given(batch, self._trees, self._shown)
            elif batch.num_rows:
                yield lines.of_texts(batch.column(LINE).to_pylist())
        if lines is not None:
            self.features = lines.type.features

    def _shown(self, path: str | None) -> str | None:
        """A path without the mark of those that are files', which are fetched then."""
        if path is None or path[:1] != FOUND:
            return path
        self._found.add(path[1:])
        return path[1:]

    def _names(self, metadata: SourceFile) -> Names:
        """The files that the metadata may mean: of the repository, or of the archive that they are in."""
        archive = metadata.archive
        if archive is None:
            return repo_clips(self.shard, self.sources, of_any_kind=True)
        target = self.sources.shared(archive).with_suffix(".names.arrow")
        with self.sources.making(target) as is_made:
            if not is_made:
                archive_names(self.sources.shared(archive), archive.path, target)
        return Names(target, as_folders(archive.path))

    def _joined(self, rows: Path, schema: pa.Schema, metadata: SourceFile, names: Names) -> Path:
        target = rows.with_name(f"{rows.name}.joined.arrow")
        with self.sources.making(target) as is_made:
            if not is_made:
                scope = Scope.around(metadata.path)
                if are_lines(schema):
                    join_lines(rows, Clips([names]), scope, target)
                else:
                    join_rows(rows, schema, self._trees, Clips([names]), scope, target)
        return target

    def _from_archive(self, paths: list[str], metadata: SourceFile) -> dict[str, Path]:
        """Media beside a metadata file in the same zip archive."""
        assert metadata.archive is not None
        local = self.sources.shared(metadata.archive)
        if self._members is None:
            names = self.sources.archives.names(local)
            self._members = {composed(member_name(name, metadata.archive.path)): name for name in names}
        found = {}
        for path in paths:
            inside = member_name(path, metadata.archive.path)
            if (member := self._members.get(composed(inside))) is None:
                continue
            found[path] = self.shard.work / f"member-{next(self._numbers):07d}"
            place = f"{metadata.archive.path}/{inside}"
            self.sources.archives.extract(
                local, SourceFile(path=place, size_bytes=0, archive=metadata.archive, member=member), found[path]
            )
        return found


class _Part:
    """Which rows of metadata are of the shard's split: those whose file is, or would be where it is not there.

    What says nothing of a split is of the first.
    """

    def __init__(self, spec: FolderMetadataSpec, names: Names, metadata: SourceFile) -> None:
        self._spec, self._names, self._folder = spec, names, posixpath.dirname(metadata.path)
        self._before = "" if metadata.archive is None else f"{metadata.archive.path}/"

    def kept(self, clips: Any, paths: pa.Array | None) -> Any:
        """Which of some rows, by their files and the paths of these, are of the split."""
        told = [None] * len(clips) if paths is None else paths.to_pylist()
        return np.array(
            [
                self._is_here(int(clip)) if clip >= 0 else self._would_be_here(path)
                for clip, path in zip(clips, told, strict=True)
            ],
            bool,
        )

    def count_clips(self, status: Any, found: Counter[str]) -> None:
        """Count the files of the split, where this shard is the first of its metadata."""
        if self._spec.start:
            return
        named = sum(self._is_here(int(clip)) for clip in np.unique(status[status >= 0]))
        every = self._spec.files_beside
        found.update({counts.CLIPS_IN_SOURCE: every, counts.CLIPS_NAMED: named, counts.CLIPS_UNNAMED: every - named})

    def _would_be_here(self, path: str | None) -> bool:
        parts = self._spec.parts
        told = part_told(path, self._folder, self._before, parts)
        return not parts or (told or parts[0].name) == self._spec.split

    def _is_here(self, clip: int) -> bool:
        parts = self._spec.parts
        if not parts:
            return True
        holding = (part.name for part in parts if clip >= 0 and part.holds(f"{self._before}{self._names[clip]}"))
        return next(holding, parts[0].name) == self._spec.split
