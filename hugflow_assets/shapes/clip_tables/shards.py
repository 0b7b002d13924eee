"""Shards of tables that name clips: one an archive, or a range of a table's rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Any

from hugflow_assets.formats.media import is_audio
from hugflow_assets.hub.hashes import promised_hash
from hugflow_assets.hub.models import SourceFile
from hugflow_assets.shapes.clip_tables.layout import ClipSplit
from hugflow_assets.shapes.clip_tables.spec import ClipArchiveSpec, ClipFileSpec
from hugflow_assets.shapes.file_by_file import MOST_BYTES, MOST_FILES, STRING, Files
from hugflow_assets.shapes.models import ConfigPlan, Shape, ShardSource, SplitPlan


def clip_configs(splits: Sequence[ClipSplit], files: Files) -> tuple[ConfigPlan, ...]:
    """A shard an archive; a split whose clips are nowhere is one shard of a table alone."""
    configs = {}
    for name in dict.fromkeys(split.config for split in splits):
        of_config = [split for split in splits if split.config == name]
        features: dict[str, Any] = {}
        for split in of_config:
            for column in split.table.columns:
                features.setdefault(column, STRING)
                if column == split.table.path_column:
                    features[split.audio_column] = {"_type": "Audio"}
        plans = [SplitPlan(name=split.name, shards=_clip_shards(split, files)) for split in of_config]
        configs[name] = ConfigPlan(name=name, splits=tuple(plans), seen=features)
    return tuple(configs.values())


def _clip_shards(split: ClipSplit, files: Files) -> tuple[ShardSource, ...]:
    shards: list[ShardSource] = []
    for tables, archives in split.groups:
        shards += _group_shards(split, [files[table] for table in tables], archives, files, len(shards))
    return tuple(shards)


def _group_shards(
    split: ClipSplit, tables: Sequence[SourceFile], archives: Sequence[str], files: Files, index: int
) -> Iterator[ShardSource]:
    """The archives that some tables speak of: which clip a row means is known by the names in all of them."""
    inside = {table.archive.path for table in tables if table.archive}
    are_own = bool(archives) and inside == set(archives)  # each archive has tables of its own
    apart = are_own and not split.shared and not split.around
    every = split.around or archives
    for number, path in enumerate(archives or (None,)):
        others = () if apart or path is None else tuple(files[one] for one in every if one != path)
        told: dict[str, Any] = {
            "shared": split.shared,
            "apart": apart,
            "first": apart or number == 0,
            "parts": split.siblings if split.around else (),
            "part": split.name if split.around else "",
            "at": 0 if apart or path is None else every.index(path),
            "others": _digest(others),
            "scope": split.scope,
        }
        yield ShardSource(
            index=index + number,
            files=() if path is None else (files[path],),
            shape=Shape.CLIP_ARCHIVES,
            beside=tuple(one for one in tables if not apart or (one.archive and one.archive.path == path)),
            others=others,
            spec=ClipArchiveSpec(**_table(split), **told),
        )


def _digest(files: Sequence[SourceFile]) -> str | None:
    """Of files whose names decide about rows that land elsewhere."""
    told = "\0".join(f"{file.path}\0{promised_hash(file)}" for file in files)
    return sha256(told.encode()).hexdigest()[:32] if files else None


def _table(split: ClipSplit) -> dict[str, Any]:
    table = split.table
    return {
        "path_column": table.path_column,
        "audio_column": split.audio_column,
        "delimiter": table.delimiter,
        "columns": table.columns if table.headerless else None,
        "rows": table.rows,
    }


def loose_configs(splits: Sequence[ClipSplit], files: Files) -> tuple[ConfigPlan, ...]:
    """Tables that name audio files of the repository: ranges of rows, as many as the files ask for."""
    media = [file for path, file in files.items() if is_audio(path)]
    size = sum(file.size_bytes for file in media)
    tables = sum(files[path].size_bytes for split in splits for path in split.tables) or 1
    made = []
    for config in clip_configs(splits, files):
        plans = []
        for split in (one for one in splits if one.config == config.name):
            share = sum(files[path].size_bytes for path in split.tables) / tables
            count = max(1, -(-int(len(media) * share) // MOST_FILES), -(-int(size * share) // MOST_BYTES))
            rows = max(1, -(-int(len(media) * share) // count))
            shards = tuple(
                ShardSource(
                    index=part,
                    files=(),
                    shape=Shape.CLIP_FILES,
                    beside=tuple(files[table] for table in split.tables),
                    spec=ClipFileSpec(
                        **_table(split),
                        scope=split.scope,
                        parts=split.siblings if split.by_folder else (),
                        part=split.name if split.by_folder else "",
                        start=part * rows,
                        end=None if part == count - 1 else (part + 1) * rows,
                    ),
                    named_bytes=int(size * share) // count,
                )
                for part in range(count)
            )
            plans.append(SplitPlan(name=split.name, shards=shards))
        made.append(config.model_copy(update={"splits": tuple(plans)}))
    return tuple(made)
