"""From a repository's files and card to a LandingPlan: configs, splits, shards, features, estimate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from hugflow_assets.errors import HFSplitNotFoundError, HFSubsetNotFoundError, HugflowError
from hugflow_assets.hub.faults import listed, nearest
from hugflow_assets.hub.footers import AUDIO_ENDINGS, Footer, read_footers, sample
from hugflow_assets.hub.layout import ConfigFiles, Layout, data_layout
from hugflow_assets.hub.models import (
    ConfigPlan,
    Estimate,
    LandingPlan,
    RepoState,
    Shape,
    ShardSource,
    SourceFile,
    SplitPlan,
)
from hugflow_assets.hub.shapes import (
    LANDABLE_SHAPES,
    Recognised,
    Sight,
    clip_archives,
    clip_files,
    conversion_layout,
    counted,
    files_seen,
    is_metadata,
    partial_splits,
    recognise,
    recognise_own,
)
from hugflow_assets.hub.shards import (
    archive_configs,
    clip_configs,
    estimate,
    folder_configs,
    loose_configs,
    row_configs,
)
from hugflow_assets.hub.zipped import opened, tables_and_archives, zips_of
from hugflow_assets.hub.zips import member_head, zip_members
from hugflow_assets.intake import DatasetRequest
from hugflow_assets.intake.names import storage_name

if TYPE_CHECKING:
    from hugflow_assets.hub.repository import Hub

CONVERSION = "refs/convert/parquet"
_LINE_BYTES = 900  # of a row with audio: its line in the record, in three views and in the checksum list
_CELL_BYTES = 16  # of a value in a row without: name, quotes, comma
_GROWTH = 2  # text from parquet's encodings to JSON
_TABLE_HEAD = 16 << 10


def plan_of(
    hub: Hub,
    request: DatasetRequest,
    state: RepoState,
    files: list[SourceFile],
    card_problem: str,
    files_commit: str | None = None,
) -> LandingPlan:
    """The plan of a request at a pinned commit. The same commits give the same plan.

    Args:
        files_commit: of the Hub's conversion, where that was landed before; None takes its newest.
    """
    by_path = {file.path: file for file in files}
    converted = request.revision == CONVERSION
    layout = (
        conversion_layout(list(by_path)) if converted else data_layout(list(by_path), state.card_data, request.subset)
    )
    sight = Sight(state.repo_id, tuple(by_path), layout, lambda path: _head(hub, state, by_path[path]), converted)
    found = recognise_own(sight)
    if found is not None and found.is_script:
        return _plan_of_conversion(hub, request, state, files, found, files_commit)
    note = card_problem
    if found is None and (archives := zips_of(layout)):
        outer = by_path
        by_path, layout = opened(
            layout, by_path, lambda file: zip_members(file, _ranges(hub, state, file)), state.card_data
        )
        sight = replace(sight, paths=tuple(by_path), layout=layout)
        by_path |= {path: outer[path] for path in archives}
        inside = tables_and_archives(by_path, lambda path: is_metadata(sight, path))
        found = clip_archives(replace(sight, paths=inside, members=tuple(by_path)))
        note = f"{note} Inside {counted(archives, 'zip archive')}.".strip()
    if found is None and not state.card_data.get("configs"):
        found = clip_files(sight)
    if found is not None and found.clips is not None:
        return _plan_of_clips(hub, request, state, by_path, found, note)
    chosen = _select(request, layout, hub.access.endpoint)
    found = recognise(replace(sight, layout=replace(layout, configs=chosen)))
    if found is None or found.shape not in LANDABLE_SHAPES:
        return _refused(hub, request, state, found, layout.problem or card_problem, files)
    infos = _card_infos(state.card_data)
    if found.shape is Shape.PARQUET:
        return _plan_of_parquet(hub, request, state, by_path, chosen, infos, note)
    if found.shape is Shape.WEBDATASET:
        configs = archive_configs(chosen, by_path, infos)
    elif found.shape is Shape.ROWS:
        configs = row_configs(chosen, by_path, infos, str(layout.module), layout.params)
    else:
        configs = folder_configs(chosen, layout.configs, by_path, infos, found.shape)
    return _planned(hub, request, state, found.shape, note, configs, estimate(configs))


def _planned(
    hub: Hub,
    request: DatasetRequest,
    state: RepoState,
    shape: Shape,
    reason: str,
    configs: tuple[ConfigPlan, ...],
    cost: Estimate,
) -> LandingPlan:
    return LandingPlan(
        request=request,
        name=storage_name(request),
        endpoint=hub.access.endpoint,
        state=state,
        shape=shape,
        shape_reason=reason,
        configs=configs,
        estimate=cost,
    )


def _plan_of_parquet(
    hub: Hub,
    request: DatasetRequest,
    state: RepoState,
    by_path: dict[str, SourceFile],
    chosen: tuple[ConfigFiles, ...],
    infos: dict[str, dict[str, Any]],
    note: str,
) -> LandingPlan:
    footers = _footers(hub, state, chosen, by_path)
    configs = tuple(_config_plan(config, by_path, footers, infos.get(config.name, {})) for config in chosen)
    reason = " ".join(filter(None, (note, _sampled(configs, footers))))
    cost = _estimate(configs, footers, list(by_path.values()))
    return _planned(hub, request, state, Shape.PARQUET, reason, configs, cost)


def _plan_of_clips(
    hub: Hub,
    request: DatasetRequest,
    state: RepoState,
    by_path: dict[str, SourceFile],
    found: Recognised,
    note: str,
) -> LandingPlan:
    splits = found.clips.splits if found.clips else ()
    names = dict.fromkeys(split.config for split in splits)
    of_config = {name: tuple((one.name, one.tables) for one in splits if one.config == name) for name in names}
    layout = Layout("clips", tuple(ConfigFiles(name, told) for name, told in of_config.items()))
    asked = {
        (config.name, name) for config in _select(request, layout, hub.access.endpoint) for name, _ in config.splits
    }
    made = loose_configs if found.shape is Shape.CLIP_FILES else clip_configs
    configs = made([one for one in splits if (one.config, one.name) in asked], by_path)
    reason = " ".join(filter(None, (note, found.note)))
    return _planned(hub, request, state, found.shape, reason, configs, estimate(configs))


def _plan_of_conversion(
    hub: Hub,
    request: DatasetRequest,
    state: RepoState,
    files: list[SourceFile],
    found: Recognised,
    files_commit: str | None,
) -> LandingPlan:
    """A script repository: what the Hub has converted it to, if it is whole; said loudly."""
    if files_commit is None and CONVERSION in hub.refs(state.repo_id):
        files_commit = hub.state(state.repo_id, CONVERSION).commit
    if files_commit is None:
        return _refused(hub, request, state, found, "The Hub holds no conversion of it to parquet.", files)
    converted = [one.model_copy(update={"commit": files_commit}) for one in hub.files(state.repo_id, files_commit)]
    by_path = {file.path: file for file in converted}
    layout = conversion_layout(list(by_path))
    if not layout.configs:
        return _refused(hub, request, state, found, f"The Hub's conversion at {CONVERSION} is empty.", files)
    if partial := partial_splits(layout, request.subset, request.split):
        why = f"The Hub's conversion at {CONVERSION} is partial: it holds only the first 5 GB of {', '.join(partial)}."
        return _refused(hub, request, state, found, why, files)
    chosen = _select(request, layout, hub.access.endpoint)
    note = (
        f"NOT THE ORIGINAL FILES: the repository is {found.told}. This is the Hub's own conversion of it to parquet, "
        f"{CONVERSION} at commit {files_commit}."
    )
    state = state.model_copy(update={"files_commit": files_commit})
    return _plan_of_parquet(hub, request, state, by_path, chosen, _card_infos(state.card_data), note)


# ---- looking into files


def _head(hub: Hub, state: RepoState, file: SourceFile) -> bytes:
    if file.archive is not None:
        return member_head(file, _ranges(hub, state, file.archive), _TABLE_HEAD)
    return hub.read(state.repo_id, state.commit, file.path, largest=_TABLE_HEAD, head=True)


def _ranges(hub: Hub, state: RepoState, file: SourceFile) -> Callable[[int, int], bytes]:
    return lambda start, end: hub.read_range(state.repo_id, state.commit, file, start, end)


# ---- what is asked for


def _select(request: DatasetRequest, layout: Layout, endpoint: str) -> tuple[ConfigFiles, ...]:
    """The configs and splits that the request asks for.

    Raises:
        HFSubsetNotFoundError, HFSplitNotFoundError: they are not there; what is there is named, nearest first.
    """
    configs = layout.configs
    if request.subset is not None and configs:
        names = [config.name for config in configs]
        if request.subset not in names:
            raise _absent(HFSubsetNotFoundError, "subset", request.subset, names, request, endpoint)
        configs = tuple(config for config in configs if config.name == request.subset)
    if request.split is None or not configs:
        return configs
    existing = list(dict.fromkeys(split for config in configs for split, _ in config.splits))
    if request.split not in existing:
        raise _absent(HFSplitNotFoundError, "split", request.split, existing, request, endpoint)
    kept = (
        replace(config, splits=tuple(one for one in config.splits if one[0] == request.split)) for config in configs
    )
    return tuple(config for config in kept if config.splits)


def _absent(
    kind: type[HugflowError], what: str, wanted: str, existing: list[str], request: DatasetRequest, endpoint: str
) -> HugflowError:
    near = nearest(wanted, existing)
    where = f"{request.hf_id} at {endpoint}, revision {request.revision}"
    if what == "split" and request.subset is not None:
        where += f", subset {request.subset}"
    return kind(
        f"The dataset {where}, has no {what} {wanted!r}. It has {listed(near)}.",
        remedy=f"Set `{what}: {near[0]}` or another of these, or leave {what} out to land all of them.",
        existing=near,
        repo=request.hf_id,
        revision=request.revision,
        endpoint=endpoint,
    )


def _refused(
    hub: Hub,
    request: DatasetRequest,
    state: RepoState,
    found: Recognised | None,
    problem: str,
    files: list[SourceFile],
) -> LandingPlan:
    """The plan of a repository that is not landed, with the reason."""
    if found is not None:
        reason = f"Recognised as {found.told}, which Hugflow does not land."
        if found.is_script:
            reason += f" {problem}"
    else:
        reason = f"Its layout is not known: {problem or 'no data files that `datasets` knows'}."
    return LandingPlan(
        request=request,
        name=storage_name(request),
        endpoint=hub.access.endpoint,
        state=state,
        shape=Shape.UNSUPPORTED,
        shape_reason=f"{reason} {files_seen([file.path for file in files])}",
        estimate=Estimate(download_bytes=0, landed_bytes=0, files=0),
    )


# ---- what lands


def _footers(
    hub: Hub, state: RepoState, configs: tuple[ConfigFiles, ...], by_path: dict[str, SourceFile]
) -> dict[str, Footer]:
    """Footers of the first file of each config (for features) and of 64 spread over all (for sizes and rows)."""
    by_config = [[by_path[path] for _, files in config.splits for path in files] for config in configs]
    everything = list(dict.fromkeys(file for files in by_config for file in files))
    chosen = list(dict.fromkeys([*(files[0] for files in by_config if files), *sample(everything)]))
    plain = [file for file in chosen if file.archive is None]
    return read_footers(hub.access, state.repo_id, state.files_commit or state.commit, plain)


def _sampled(configs: tuple[ConfigPlan, ...], footers: dict[str, Footer]) -> str:
    files = {
        file.path for config in configs for split in config.splits for shard in split.shards for file in shard.files
    }
    if len(footers) == len(files):
        return ""
    return f"Rows and sizes are estimated from the footers of {len(footers)} of {len(files)} files."


def _config_plan(
    config: ConfigFiles, by_path: dict[str, SourceFile], footers: dict[str, Footer], info: dict[str, Any]
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


def _card_infos(card_data: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The card's ``dataset_info`` by config: features and splits; what is broken is left out."""
    from datasets import Features

    found = card_data.get("dataset_info")
    infos: dict[str, dict[str, Any]] = {}
    for one in found if isinstance(found, list) else [found]:
        if not isinstance(one, dict):
            continue
        info: dict[str, Any] = {}
        try:
            info["features"] = Features._from_yaml_list(one["features"]).to_dict()
        except (KeyError, TypeError, ValueError, AttributeError):
            info["features"] = None
        splits = one.get("splits")
        info["splits"] = [split for split in splits if isinstance(split, dict)] if isinstance(splits, list) else []
        infos[str(one.get("config_name", "default"))] = info
    return infos


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
        beside = sum(file.size_bytes for file in files if PurePosixPath(file.path).suffix.lower() in AUDIO_ENDINGS)
    return Estimate(
        download_bytes=download + beside,
        landed_bytes=round(landed * scale) + beside,
        files=round(media * scale),
        rows=rows,
    )


def _landed_bytes(footer: Footer) -> int:
    per_row = _LINE_BYTES if footer.media_columns else _CELL_BYTES * len(footer.features or {})
    return footer.media_bytes + _GROWTH * footer.other_bytes + footer.rows * per_row
