"""Shards of every shape but parquet and folders: which files one worker reads alone, and what its reader is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

from hugflow_assets.formats.media import is_audio
from hugflow_assets.hub.hashes import promised_hash
from hugflow_assets.hub.models import SourceFile
from hugflow_assets.shapes.clip_tables.layout import ClipSplit
from hugflow_assets.shapes.clip_tables.spec import ClipArchiveSpec, ClipFileSpec
from hugflow_assets.shapes.models import ConfigPlan, Estimate, Shape, ShardSource, SplitPlan
from hugflow_assets.shapes.rows.spec import RowsSpec
from hugflow_assets.shapes.sight import ConfigFiles
from hugflow_assets.shapes.spec import ShardSpec

MOST_FILES = 256  # of a shard of single files
MOST_BYTES = 256 << 20
_CLIP_BYTES = 40_000  # of a clip in an archive, as far as anything can be said
_LINE_BYTES = 1_200  # a row in the record, the views and the checksum list

Files = Mapping[str, SourceFile]
Infos = Mapping[str, Mapping[str, Any]]
BASE_COLUMNS = {
    Shape.AUDIOFOLDER: ("audio", "Audio"),
    Shape.IMAGEFOLDER: ("image", "Image"),
    Shape.VIDEOFOLDER: ("video", "Video"),
    Shape.PDFFOLDER: ("pdf", "Pdf"),
    Shape.NIFTIFOLDER: ("nifti", "Nifti"),
    Shape.MESHFOLDER: ("mesh", "Mesh"),
    Shape.STRUCTUREFOLDER: ("structure", "BioStructure"),
}
STRING = {"dtype": "string", "_type": "Value"}


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
        is_typed = all(split.table.delimiter for split in of_config)  # JSON has types of its own
        configs[name] = ConfigPlan(
            name=name,
            splits=tuple(plans),
            features=features if is_typed else None,
            seen=None if is_typed else features,
        )
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
    apart = not split.shared and not split.around and inside == set(archives)  # each archive has tables of its own
    every = split.around or archives
    for number, path in enumerate(archives or (None,)):
        others = () if apart or path is None else tuple(files[one] for one in every if one != path)
        told: dict[str, Any] = {
            "shared": split.shared,
            "apart": apart,
            "first": apart or (number == 0 and split.is_first),
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


def archive_configs(
    configs: Sequence[ConfigFiles], files: Files, info: Infos, seen: Mapping[str, dict[str, Any]]
) -> tuple[ConfigPlan, ...]:
    """WebDataset: a shard a tar. ``seen``: the fields of the first samples, by config."""
    made = _file_by_file(configs, files, info, Shape.WEBDATASET, lambda _: ShardSpec())
    return tuple(one if one.features else one.model_copy(update={"seen": seen.get(one.name)}) for one in made)


def row_configs(
    configs: Sequence[ConfigFiles], files: Files, info: Infos, module: str, params: Mapping[str, Any]
) -> tuple[ConfigPlan, ...]:
    """Tables and text: a shard a file, read by the module that `datasets` has for it."""

    def spec(config: ConfigFiles) -> RowsSpec:
        return RowsSpec(module=module, params={**params, **config.params})

    return _file_by_file(configs, files, info, Shape.ROWS, spec)


def _file_by_file(
    configs: Sequence[ConfigFiles], files: Files, info: Infos, shape: Shape, spec_of: Callable[[ConfigFiles], ShardSpec]
) -> tuple[ConfigPlan, ...]:
    made = []
    for config in configs:
        spec = spec_of(config)
        splits = tuple(
            SplitPlan(
                name=name,
                shards=tuple(
                    ShardSource(index=index, files=(files[path],), shape=shape, spec=spec)
                    for index, path in enumerate(paths)
                ),
            )
            for name, paths in config.splits
        )
        made.append(ConfigPlan(name=config.name, splits=splits, features=info.get(config.name, {}).get("features")))
    return tuple(made)


# ---- what it costs


def estimate(configs: Sequence[ConfigPlan]) -> Estimate:
    """Bytes and files of a landing: those of whole files exactly, the rows and clips in archives by experience."""
    shards = [shard for config in configs for split in config.splits for shard in split.shards]
    fetched = {
        (one.archive or one).path: (one.archive or one).size_bytes
        for shard in shards
        for one in (*shard.files, *shard.beside)
    }
    landed = sum(shard.size_bytes for shard in shards)
    files = 0
    for shard in shards:
        if shard.shape in BASE_COLUMNS or shard.shape is Shape.CLIP_FILES:
            files += (shard.num_rows or len(shard.files)) or -(-shard.named_bytes // _CLIP_BYTES)
        elif shard.shape is not Shape.ROWS:
            files += -(-shard.size_bytes // _CLIP_BYTES)
    counts = [split.num_rows for config in configs for split in config.splits]
    return Estimate(
        download_bytes=sum(fetched.values()) + sum(shard.named_bytes for shard in shards if not _zipped(shard)),
        landed_bytes=landed + files * _LINE_BYTES,
        files=files,
        rows=None if None in counts else sum(count or 0 for count in counts),
    )


def _zipped(shard: ShardSource) -> bool:
    return any(file.archive is not None for file in shard.beside)
