"""Parquet repositories: a shard a file, with rows, features and sizes from the files' footers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hugflow_assets.formats.media import is_audio
from hugflow_assets.hub.access import HubAccess
from hugflow_assets.hub.models import RepoState, SourceFile
from hugflow_assets.shapes.models import ConfigPlan, Estimate, ShardSource, SplitPlan
from hugflow_assets.shapes.parquet.footers import Footer, read_footers, sample
from hugflow_assets.shapes.sight import ConfigFiles

_LINE_BYTES = 900  # of a row with audio: its line in the record, in three views and in the checksum list
_CELL_BYTES = 16  # of a value in a row without: name, quotes, comma
_GROWTH = 2  # text from parquet's encodings to JSON


def parquet_configs(
    access: HubAccess,
    state: RepoState,
    chosen: Sequence[ConfigFiles],
    files: Mapping[str, SourceFile],
    infos: Mapping[str, Mapping[str, Any]],
) -> tuple[tuple[ConfigPlan, ...], str, Estimate]:
    """The configs that land, what is worth saying of them, and what they cost.

    Args:
        files: of the repository, by path.
        infos: what the card says of the configs, see ``card.dataset_infos``.
    """
    footers = _footers(access, state, chosen, files)
    configs = tuple(_config_plan(config, files, footers, infos.get(config.name, {})) for config in chosen)
    return configs, _sampled(configs, footers), _estimate(configs, footers, list(files.values()))


def _footers(
    access: HubAccess, state: RepoState, configs: Sequence[ConfigFiles], by_path: Mapping[str, SourceFile]
) -> dict[str, Footer]:
    """Footers of the first file of each config (for features) and of 64 spread over all (for sizes and rows)."""
    by_config = [[by_path[path] for _, files in config.splits for path in files] for config in configs]
    everything = list(dict.fromkeys(file for files in by_config for file in files))
    chosen = list(dict.fromkeys([*(files[0] for files in by_config if files), *sample(everything)]))
    plain = [file for file in chosen if file.archive is None]
    return read_footers(access, state.repo_id, state.files_commit or state.commit, plain)


def _sampled(configs: tuple[ConfigPlan, ...], footers: dict[str, Footer]) -> str:
    files = {
        file.path for config in configs for split in config.splits for shard in split.shards for file in shard.files
    }
    if len(footers) == len(files):
        return ""
    return f"Rows and sizes are estimated from the footers of {len(footers)} of {len(files)} files."


def _config_plan(
    config: ConfigFiles, by_path: Mapping[str, SourceFile], footers: dict[str, Footer], info: Mapping[str, Any]
) -> ConfigPlan:
    declared = {str(split.get("name")): split.get("num_examples") for split in info.get("splits", [])}
    splits = []
    for name, paths in config.splits:
        rows = [footers[path].rows if path in footers else None for path in paths]
        shards = tuple(
            ShardSource(index=index, files=(by_path[path],), num_rows=rows[index]) for index, path in enumerate(paths)
        )
        known = sum(count for count in rows if count is not None) if None not in rows else declared.get(name)
        splits.append(SplitPlan(name=name, shards=shards, num_rows=known))
    first = next((footers[path] for _, paths in config.splits for path in paths if path in footers), None)
    features = _features(info.get("features"), first.features if first else None)
    return ConfigPlan(name=config.name, splits=tuple(splits), features=features)


def _features(card: dict[str, Any] | None, file: dict[str, Any] | None) -> dict[str, Any] | None:
    """What the card says of a column goes before what the file says; columns that the card forgets are the file's."""
    if not card or not file:
        return card or file
    return {name: card.get(name, feature) for name, feature in file.items()} | card


def _estimate(configs: tuple[ConfigPlan, ...], footers: dict[str, Footer], files: list[SourceFile]) -> Estimate:
    """Sizes from the footers that were read; where only some were, scaled by bytes. Hours are not known upstream.

    Where the parquet files hold paths only, the repository's audio files are fetched too, at most all of them.
    """
    shards = [shard for config in configs for split in config.splits for shard in split.shards]
    download = sum(shard.size_bytes for shard in shards)
    read = [(file.size_bytes, footers[file.path]) for shard in shards for file in shard.files if file.path in footers]
    if not read:
        return Estimate(download_bytes=download, landed_bytes=download, files=len(shards))
    scale = download / max(1, sum(size for size, _ in read))
    landed = sum(_landed_bytes(footer) for _, footer in read)
    media = sum(footer.rows * footer.media_columns for _, footer in read)
    counts = [split.num_rows for config in configs for split in config.splits]
    rows = sum(count or 0 for count in counts)
    if None in counts:
        rows = round(sum(footer.rows for _, footer in read) * scale)
    beside = 0
    if any(footer.path_only for _, footer in read):
        beside = sum(file.size_bytes for file in files if is_audio(file.path))
    return Estimate(
        download_bytes=download + beside,
        landed_bytes=round(landed * scale) + beside,
        files=round(media * scale),
        rows=rows,
    )


def _landed_bytes(footer: Footer) -> int:
    per_row = _LINE_BYTES if footer.media_columns else _CELL_BYTES * len(footer.features or {})
    return footer.media_bytes + _GROWTH * footer.other_bytes + footer.rows * per_row
