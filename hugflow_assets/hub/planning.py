"""From a repository's files and card to a LandingPlan: configs, splits, shards, features, estimate."""

from __future__ import annotations

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
    conversion_layout,
    files_seen,
    recognise,
    recognise_own,
)
from hugflow_assets.intake import DatasetRequest
from hugflow_assets.intake.names import storage_name

if TYPE_CHECKING:
    from hugflow_assets.hub.repository import Hub

CONVERSION = "refs/convert/parquet"
_LINE_BYTES = 900  # of a row with audio: its line in the record, in three views and in the checksum list
_CELL_BYTES = 16  # of a value in a row without: name, quotes, comma
_GROWTH = 2  # text from parquet's encodings to JSON
_TABLE_HEAD = 4096


def plan_of(
    hub: Hub, request: DatasetRequest, state: RepoState, files: list[SourceFile], card_problem: str
) -> LandingPlan:
    """The plan of a request at a pinned commit. The same commit gives the same plan."""
    by_path = {file.path: file for file in files}
    converted = request.revision == CONVERSION
    layout = (
        conversion_layout(list(by_path)) if converted else data_layout(list(by_path), state.card_data, request.subset)
    )

    def head(path: str) -> bytes:
        return hub.read(state.repo_id, state.commit, path, largest=_TABLE_HEAD, head=True)

    sight = Sight(state.repo_id, tuple(by_path), layout, head, converted)
    chosen: tuple[ConfigFiles, ...] = ()
    if (found := recognise_own(sight)) is None:
        chosen = _select(request, layout, hub.access.endpoint)
        found = recognise(replace(sight, layout=replace(layout, configs=chosen)))
    if found is None or found.shape not in LANDABLE_SHAPES:
        return _refused(hub, request, state, found, layout.problem or card_problem, files)
    footers = _footers(hub, state, chosen, by_path)
    infos = _card_infos(state.card_data)
    configs = tuple(_config_plan(config, by_path, footers, infos.get(config.name, {})) for config in chosen)
    return LandingPlan(
        request=request,
        name=storage_name(request),
        endpoint=hub.access.endpoint,
        state=state,
        shape=found.shape,
        shape_reason=" ".join(filter(None, (card_problem, _sampled(configs, footers)))),
        configs=configs,
        estimate=_estimate(configs, footers, files),
    )


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
        ConfigFiles(config.name, tuple(one for one in config.splits if one[0] == request.split)) for config in configs
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
        reason = f"Recognised as {found.told}, which Hugflow does not land yet."
        if found.shape is Shape.UNSUPPORTED and "script" in found.told:
            reason += _conversion_told(hub, state)
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


def _conversion_told(hub: Hub, state: RepoState) -> str:
    if CONVERSION not in hub.refs(state.repo_id):
        return " The Hub holds no conversion of it to parquet."
    found = conversion_layout([file.path for file in hub.files(state.repo_id, CONVERSION)])
    if any(split.startswith("partial-") for config in found.configs for split, _ in config.splits):
        return f" The Hub's conversion at {CONVERSION} is partial: it holds only the first 5 GB of a split."
    if not found.configs:
        return f" The Hub's conversion at {CONVERSION} is empty."
    return f" The Hub's conversion to parquet is whole: `revision: {CONVERSION}` lands it."


# ---- what lands


def _footers(
    hub: Hub, state: RepoState, configs: tuple[ConfigFiles, ...], by_path: dict[str, SourceFile]
) -> dict[str, Footer]:
    """Footers of the first file of each config (for features) and of 64 spread over all (for sizes and rows)."""
    by_config = [[by_path[path] for _, files in config.splits for path in files] for config in configs]
    everything = list(dict.fromkeys(file for files in by_config for file in files))
    chosen = list(dict.fromkeys([*(files[0] for files in by_config if files), *sample(everything)]))
    return read_footers(hub.access, state.repo_id, state.commit, chosen)


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
    features = info.get("features") or (first.features if first else None)
    return ConfigPlan(name=config.name, splits=tuple(splits), features=features)


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
