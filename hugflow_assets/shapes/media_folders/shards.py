"""Shards of folders of media: which files one worker reads alone, with their metadata, labels and texts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from posixpath import basename, dirname
from typing import Any

from hugflow_assets.formats.names import METADATA_NAMES
from hugflow_assets.formats.text.transcripts import LIST_COLUMNS, side_columns
from hugflow_assets.shapes.file_by_file import MOST_BYTES, MOST_FILES, STRING, Files
from hugflow_assets.shapes.media_folders.kinds import BASE_COLUMNS
from hugflow_assets.shapes.media_folders.spec import FolderFilesSpec, FolderListsSpec, FolderMetadataSpec
from hugflow_assets.shapes.media_folders.splits import SplitPart, parts_of
from hugflow_assets.shapes.models import ConfigPlan, Shape, ShardSource, SplitPlan
from hugflow_assets.shapes.sight import Chosen, ConfigFiles
from hugflow_assets.shapes.texts.found import Transcripts
from hugflow_assets.shapes.texts.spec import TextsSpec

FIRST = ""  # among the lists that are counted: that the files are


@dataclass(frozen=True)
class Labels:
    """The labels of a folder without metadata; none where ``names`` is empty."""

    names: tuple[str, ...] = ()

    @classmethod
    def of(cls, config: ConfigFiles) -> Labels:
        """As `datasets` finds them: the folders of the files, if they are several and equally deep.

        Folders that only repeat the splits are no labels.
        """
        drop = config.params.get("drop_labels")
        if drop:
            return cls()
        by_split = {split: {basename(dirname(path)) for path in paths} for split, paths in config.splits}
        depths = {path.count("/") for _, paths in config.splits for path in paths}
        names = sorted(set().union(*by_split.values()))
        splits_only = len(by_split) > 1 and all(len(found) == 1 for found in by_split.values())
        if drop is False or (len(names) > 1 and len(depths) == 1 and not splits_only):
            return cls(tuple(names))
        return cls()


def folder_configs(chosen: Chosen) -> tuple[ConfigPlan, ...]:
    """Files as rows: by metadata where there is any in the config, else a row a file, with a label from its folder.

    A row of metadata belongs to the split of its file, wherever the metadata lies; one without a file to the first.
    """
    folders = _Folders(chosen.shape, chosen.files, chosen.texts)
    every = {config.name: config for config in chosen.layout.configs}
    return tuple(
        folders.config(config, every[config.name], chosen.infos.get(config.name, {}).get("features"))
        for config in chosen.configs
    )


@dataclass(frozen=True)
class _Folders:
    """Folders of media of one kind. ``transcripts``: the texts of files without metadata."""

    shape: Shape
    files: Files
    transcripts: Transcripts

    def config(self, config: ConfigFiles, whole: ConfigFiles, features: dict[str, Any] | None) -> ConfigPlan:
        """The plan of a config.

        Args:
            config: with the splits that are asked for; ``whole`` with all, from which labels are known.
            features: as the card declares them.
        """
        names = config.params.get("metadata_filenames") or METADATA_NAMES
        metadata = self._metadata(config, whole, names)
        texts = Texts.of(self.transcripts, whole, names)
        media = {
            split: [path for path in paths if basename(path) not in names and path not in texts.paths]
            for split, paths in config.splits
        }
        if metadata:
            parts = parts_of(_without(whole, names).splits)
            splits = self._by_metadata(media, metadata, parts, config.params.get("encoding"))
            return ConfigPlan(name=config.name, splits=splits, features=features)
        labels = Labels.of(_without(whole, names))
        found = [path for paths in media.values() for path in paths]
        known = _features_of(self.shape, found, labels) if features is None else features
        return ConfigPlan(name=config.name, splits=self._by_file(media, labels, texts), features=texts.features(known))

    def _metadata(self, config: ConfigFiles, whole: ConfigFiles, names: Collection[str]) -> list[str]:
        """The metadata files that speak of a config: among its files, or else anywhere in the repository."""
        within = [path for _, paths in whole.splits for path in paths if basename(path) in names]
        if config.params.get("drop_metadata"):
            return []
        above = [] if within or config.params else [path for path in self.files if basename(path) in names]
        return list(dict.fromkeys([*above, *within]))

    def _by_metadata(
        self,
        media: Mapping[str, list[str]],
        metadata: Sequence[str],
        parts: tuple[SplitPart, ...],
        encoding: str | None,
    ) -> tuple[SplitPlan, ...]:
        column, _ = BASE_COLUMNS[self.shape]
        splits = []
        for split, paths in media.items():
            spec = FolderMetadataSpec(column=column, start=0, end=None, split=split, parts=parts, encoding=encoding)
            own = [path for path in metadata if not _is_of_another(path, split, parts)]
            splits.append(SplitPlan(name=split, shards=tuple(self._metadata_shards(own, paths, spec)), num_rows=None))
        return tuple(splits)

    def _by_file(self, media: Mapping[str, list[str]], labels: Labels, texts: Texts) -> tuple[SplitPlan, ...]:
        column, _ = BASE_COLUMNS[self.shape]
        spec, seen = FolderFilesSpec(column=column, labels=labels.names), set[str]()
        return tuple(
            SplitPlan(name=split, shards=tuple(self._file_shards(paths, spec, texts, seen)), num_rows=len(paths))
            for split, paths in media.items()
        )

    def _file_shards(
        self, paths: Sequence[str], spec: FolderFilesSpec, texts: Texts, seen: set[str]
    ) -> Iterable[ShardSource]:
        """A shard some files, each followed by the texts that are called as it is."""
        group: list[str] = []
        index = size = 0
        for path in paths:
            here = sum(self.files[one].size_bytes for one in (path, *texts.beside(path)))
            if group and (len(group) >= MOST_FILES or size + here > MOST_BYTES):
                yield self._file_shard(index, group, spec, texts, seen)
                group, size, index = [], 0, index + 1
            group.append(path)
            size += here
        if group:
            yield self._file_shard(index, group, spec, texts, seen)

    def _file_shard(
        self, index: int, clips: Sequence[str], spec: FolderFilesSpec, texts: Texts, seen: set[str]
    ) -> ShardSource:
        lists = (
            list(dict.fromkeys(one for path in clips for one in texts.transcripts.lists_of(path)))
            if texts.lists
            else []
        )
        kind = FolderListsSpec if lists else FolderFilesSpec
        return ShardSource(
            index=index,
            files=tuple(self.files[one] for path in clips for one in (path, *texts.beside(path))),
            num_rows=len(clips),
            shape=self.shape,
            beside=tuple(self.files[path] for path in lists),
            spec=kind(column=spec.column, labels=spec.labels, texts=texts.spec(lists, seen, index)),
        )

    def _metadata_shards(
        self, metadata: Sequence[str], media: Sequence[str], spec: FolderMetadataSpec
    ) -> Iterable[ShardSource]:
        """Ranges of a metadata file's rows, as many as the files around it ask for; the last range is open.

        All rows of metadata that lie in a folder of one split alone are that split's.
        """
        index = 0
        for number, path in enumerate(metadata):
            folder = f"{dirname(path)}/" if dirname(path) else ""
            deeper = [f"{dirname(one)}/" for one in metadata if one != path and one.startswith(folder)]
            near = [
                self.files[one]
                for one in media
                if one.startswith(folder) and not one.startswith(tuple(deeper) or ("\0",))
            ]
            size = sum(file.size_bytes for file in near)
            count = max(1, -(-len(near) // MOST_FILES), -(-size // MOST_BYTES))
            rows = max(1, -(-len(near) // count))
            for part in range(count):
                rows_of_it = {
                    "parts": () if any(path.startswith(one.folders or ("\0",)) for one in spec.parts) else spec.parts,
                    "start": part * rows,
                    "end": None if part == count - 1 else (part + 1) * rows,
                    "files_beside": len(media) if number == 0 and part == 0 else 0,
                }
                yield ShardSource(
                    index=index,
                    files=(),
                    shape=self.shape,
                    beside=(self.files[path],),
                    spec=spec.model_copy(update=rows_of_it),
                    named_bytes=size // count,
                )
                index += 1


def _features_of(shape: Shape, paths: Sequence[str], labels: Labels) -> dict[str, Any]:
    """Of files that no metadata speaks of."""
    column, kind = BASE_COLUMNS[shape]
    features: dict[str, Any] = {column: {"_type": kind}}
    if shape is Shape.STRUCTUREFOLDER:
        is_pdb = any(path.lower().endswith((".pdb", ".ent")) for path in paths)
        features[column]["format"] = "pdb" if is_pdb else "mmcif"
    if labels.names:
        features["label"] = {"names": list(labels.names), "_type": "ClassLabel"}
    return features


def _without(config: ConfigFiles, names: Iterable[str]) -> ConfigFiles:
    kept = tuple(
        (split, tuple(path for path in paths if basename(path) not in names)) for split, paths in config.splits
    )
    return ConfigFiles(config.name, kept, config.params)


def _is_of_another(metadata: str, split: str, parts: Sequence[SplitPart]) -> bool:
    """Whether a metadata file lies in a folder that is all another split's."""
    return any(part.name != split and metadata.startswith(part.folders or ("\0",)) for part in parts)


@dataclass(frozen=True)
class Texts:
    """The texts of one config's files: what is beside each, and the column that it lands in, by its ending."""

    transcripts: Transcripts
    paths: frozenset[str]
    columns: Mapping[str, str]
    lists: bool  # whether lists may speak of any of the files
    encoding: str | None  # as the card says it

    @classmethod
    def of(cls, transcripts: Transcripts, config: ConfigFiles, metadata: Iterable[str]) -> Texts:
        """Of all splits of a config, so that their columns are the same whatever is asked for."""
        endings = set(transcripts.endings) if transcripts.unmatched or transcripts.ambiguous else set[str]()
        has_lists = False
        for _, paths in _without(config, metadata).splits:
            for path in paths:
                endings.update(transcripts.sides.get(path, ()))
                has_lists = has_lists or (bool(transcripts.lists) and bool(transcripts.lists_of(path)))
        columns = side_columns(endings)
        taken = LIST_COLUMNS if has_lists else ()
        columns = {ending: f"{name}_beside" if name in taken else name for ending, name in columns.items()}
        encoding = config.params.get("encoding")
        return cls(transcripts, frozenset(transcripts.paths), columns, has_lists, encoding)

    def features(self, known: dict[str, Any]) -> dict[str, Any] | None:
        """The features of files with their texts; None where JSON is among these, whose fields only landing tells."""
        if any(ending.endswith("json") for ending in self.columns):
            return None
        names = [*(LIST_COLUMNS if self.lists else ()), *self.columns.values()]
        return {**known, **{name: STRING for name in names if name not in known}}

    def beside(self, path: str) -> list[str]:
        """The texts that are called as a file is."""
        return list(self.transcripts.sides.get(path, {}).values())

    def spec(self, lists: Sequence[str], seen: set[str], index: int) -> TextsSpec | None:
        """What the reader of some files has to know of their texts; None where there are none.

        Args:
            lists: that may speak of them.
            seen: those whose lines without a clip another shard counts; these here are added.
            index: of the shard in its split; the first of a config counts the files that are for no clip.
        """
        if not self.columns and not self.lists:
            return None
        is_first = index == 0 and FIRST not in seen
        counted = [path for path in lists if path not in seen]
        seen.update((FIRST, *lists))
        scopes = {path: scope for path in lists if (scope := self.transcripts.scopes[path]) != dirname(path)}
        return TextsSpec(
            columns=dict(self.columns),
            has_lists=self.lists,
            scopes=scopes,
            counted=tuple(counted),
            unmatched=self.transcripts.unmatched if is_first else 0,
            ambiguous=self.transcripts.ambiguous if is_first else 0,
            encoding=self.encoding,
        )
