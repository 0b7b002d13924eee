"""From a repository's files and card to a LandingPlan: configs, splits, shards, features, estimate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from posixpath import basename
from typing import TYPE_CHECKING, Any

from hugflow_assets.errors import HFRevisionNotFoundError
from hugflow_assets.formats.archives.zips import ReadRange
from hugflow_assets.formats.names import METADATA_NAMES, split_named
from hugflow_assets.formats.tables import JSON_ENDINGS, PARQUET, columns_seen, json_rows
from hugflow_assets.hub.card import dataset_infos
from hugflow_assets.hub.models import RepoState, SourceFile
from hugflow_assets.hub.prefetch import Once
from hugflow_assets.intake import DatasetRequest
from hugflow_assets.intake.names import storage_name
from hugflow_assets.planning.coverage import Looks, accounted
from hugflow_assets.planning.data_files import data_layout
from hugflow_assets.planning.models import LandingPlan, Version
from hugflow_assets.planning.selection import select
from hugflow_assets.planning.zip_preview import opened, tables_and_archives, zips_of
from hugflow_assets.shapes.clip_tables.layout import likely_tables, looked_at
from hugflow_assets.shapes.clip_tables.recognise import clip_archives, clip_files
from hugflow_assets.shapes.file_lists import counted, files_seen, not_read
from hugflow_assets.shapes.lhotse_shar.layout import shar_splits
from hugflow_assets.shapes.media_folders.kinds import BASE_COLUMNS
from hugflow_assets.shapes.media_folders.recognise import is_metadata, layout_by_metadata
from hugflow_assets.shapes.models import ConfigPlan, Estimate, Shape
from hugflow_assets.shapes.parquet.footers import read_tail
from hugflow_assets.shapes.refused import conversion_layout, partial_splits
from hugflow_assets.shapes.registry import BEFORE_LAYOUT, BY_LAYOUT, LANDABLE, first_match, shards_of
from hugflow_assets.shapes.rows.spec import RowsSpec
from hugflow_assets.shapes.sight import Chosen, ConfigFiles, Cut, Layout, Recognised, Sight
from hugflow_assets.shapes.texts.found import Transcripts, transcripts_of
from hugflow_assets.shapes.webdataset.tar_preview import TarSight, look_into_tar, named_in_tars, tables_in_tars
from hugflow_assets.shapes.zip_directory import directory_from, member_head, zip_members

if TYPE_CHECKING:
    from hugflow_assets.hub.client import Hub

CONVERSION = "refs/convert/parquet"
_TABLE_HEAD = 16 << 10
_LONG_ROW = 4 << 20  # where that shows no whole row of JSON: one object for all clips, or a row that lists many


def plan_of(
    hub: Hub,
    request: DatasetRequest,
    state: RepoState,
    files: list[SourceFile],
    card_problem: str,
    pinned: Version | None = None,
) -> LandingPlan:
    """The plan of a request at a pinned commit. The same commits give the same plan.

    Args:
        pinned: the version that is landed, whose conversion is taken, or none; None takes the newest conversion.
    """
    inside = _Inside(hub, state)
    plan = _plan_of(hub, request, state, files, card_problem, pinned, inside)
    return accounted(plan, files, inside.looks)


def _plan_of(
    hub: Hub,
    request: DatasetRequest,
    state: RepoState,
    files: list[SourceFile],
    card_problem: str,
    pinned: Version | None,
    inside: _Inside,
) -> LandingPlan:
    by_path = {file.path: file for file in files}
    converted = request.revision == CONVERSION
    layout = (
        conversion_layout(list(by_path)) if converted else data_layout(list(by_path), state.card_data, request.subset)
    )
    head: Once[str, bytes] = Once(lambda path: inside.head(by_path[path]))
    sight = Sight(state.repo_id, tuple(by_path), layout, head, converted)
    for path in likely_tables(sight.paths, request.subset, request.split):
        head.begin(path)
    found = first_match(BEFORE_LAYOUT, sight)
    if found is not None and found.shape is Shape.LHOTSE_SHAR:
        return _plan_of_shar(hub, request, state, by_path, inside)
    if found is not None and found.is_script:
        plan = _plan_of_conversion(hub, request, state, files, found, pinned)
        if plan.shape is not Shape.UNSUPPORTED or (found := _beside_script(sight, by_path, inside)) is None:
            return plan
    note = card_problem
    if found is None and (archives := zips_of(layout)):
        outer = by_path
        by_path, layout = opened(layout, by_path, lambda file: zip_members(file, inside.zipped(file)), state.card_data)
        sight = replace(sight, paths=tuple(by_path), layout=layout)
        by_path |= {path: outer[path] for path in archives}
        tables_inside = tables_and_archives(by_path, lambda path: is_metadata(sight, path))
        found = clip_archives(replace(sight, paths=tables_inside, members=tuple(by_path)))
        note = f"{note} Inside {counted(archives, 'zip archive')}.".strip()
    tables: dict[str, SourceFile] = {}
    seen: dict[str, dict[str, Any]] = {}
    look = inside.tar
    if found is None and layout.module == "webdataset":
        found, tables, seen = tables_in_tars(sight, by_path, look)
        by_path |= tables
    if found is None and not state.card_data.get("configs"):
        found = clip_files(sight) or named_in_tars(sight, by_path, look)
    if found is not None and found.shape is Shape.UNSUPPORTED:
        return _refused(hub, request, state, found, "", files)
    if found is not None and found.clips is not None:
        return _plan_of_clips(hub, request, state, by_path, found, note, None if tables else sight.head)
    return _plan_by_layout(hub, request, state, by_path, sight, seen, note, layout.problem or card_problem)


def _plan_by_layout(
    hub: Hub,
    request: DatasetRequest,
    state: RepoState,
    by_path: dict[str, SourceFile],
    sight: Sight,
    seen: dict[str, dict[str, Any]],
    note: str,
    problem: str,
) -> LandingPlan:
    """The plan of a repository whose configs and splits are those that `datasets` finds."""
    if not state.card_data.get("configs"):
        sight = replace(sight, layout=layout_by_metadata(sight))
    chosen = select(request, sight.layout, hub.access.endpoint)
    found = first_match(BY_LAYOUT, replace(sight, layout=replace(sight.layout, configs=chosen)))
    if found is None or found.shape not in LANDABLE:
        return _refused(hub, request, state, found, problem, list(by_path.values()))
    infos = dataset_infos(state.card_data)
    texts = _transcripts(sight) if found.shape is Shape.AUDIOFOLDER else Transcripts()
    cut = shards_of(
        Chosen(found.shape, hub.access, state, sight.layout, chosen, by_path, infos, seen=seen, texts=texts)
    )
    if found.shape is Shape.PARQUET:
        return _planned(hub, request, state, found.shape, note, cut)
    configs = cut.configs
    may_name_files = found.shape is Shape.ROWS and any(config.features for config in configs)
    if request.subset is None and not may_name_files:
        note = f"{note} {not_read(sight.paths, [*sight.data_files, *texts.paths])}".strip()
    if request.audio_column or request.text_column:
        configs = tuple(_with_columns(config, sight) for config in configs)
    return _planned(hub, request, state, found.shape, note, replace(cut, configs=configs))


def _beside_script(sight: Sight, by_path: dict[str, SourceFile], inside: _Inside) -> Recognised | None:
    """Clip archives beside a loading script whose tables name clips by id; only where the tables tell the splits."""
    found = named_in_tars(sight, by_path, inside.tar)
    splits = found.clips.splits if found is not None and found.clips is not None else ()
    return found if splits and all(split_named(f"{split.name}.tsv") for split in splits) else None


def _transcripts(sight: Sight) -> Transcripts:
    """The texts of the repository's audio, unless metadata speak of it."""
    if any(is_metadata(sight, path) for path in sight.data_files if basename(path) in METADATA_NAMES):
        return Transcripts()
    return transcripts_of(sight.paths, sight.head)


def _with_columns(config: ConfigPlan, sight: Sight) -> ConfigPlan:
    """With the columns that the first file shows, where nothing else tells them: to refuse a wrong one in time."""
    shard = next((shard for split in config.splits for shard in split.shards), None)
    if config.features or config.seen or shard is None:
        return config
    if isinstance(shard.spec, RowsSpec) and shard.spec.params:
        return config
    first = (*shard.beside, *shard.files)[0].path
    media = BASE_COLUMNS[shard.shape][1] if shard.shape in BASE_COLUMNS else None
    return config.model_copy(update={"seen": columns_seen(sight.head(first), first, media)})


def _planned(
    hub: Hub,
    request: DatasetRequest,
    state: RepoState,
    shape: Shape,
    note: str,
    cut: Cut,
) -> LandingPlan:
    return LandingPlan(
        request=request,
        name=storage_name(request),
        endpoint=hub.access.endpoint,
        state=state,
        shape=shape,
        shape_reason=" ".join(filter(None, (note, cut.note))),
        configs=cut.configs,
        estimate=cut.estimate,
    )


def _plan_of_clips(
    hub: Hub,
    request: DatasetRequest,
    state: RepoState,
    by_path: dict[str, SourceFile],
    found: Recognised,
    note: str,
    head: Callable[[str], bytes] | None,
) -> LandingPlan:
    splits = found.clips.splits if found.clips else ()
    names = dict.fromkeys(split.config for split in splits)
    of_config = {name: tuple((one.name, one.tables) for one in splits if one.config == name) for name in names}
    layout = Layout("clips", tuple(ConfigFiles(name, splits) for name, splits in of_config.items()))
    asked = {
        (config.name, name) for config in select(request, layout, hub.access.endpoint) for name, _ in config.splits
    }
    wanted = [one for one in splits if (one.config, one.name) in asked]
    if len(splits) > 1 and head is not None:
        wanted = looked_at(wanted, head)
    cut = shards_of(Chosen(found.shape, hub.access, state, layout, layout.configs, by_path, {}, clips=tuple(wanted)))
    return _planned(hub, request, state, found.shape, " ".join(filter(None, (note, found.note))), cut)


def _plan_of_shar(
    hub: Hub, request: DatasetRequest, state: RepoState, by_path: dict[str, SourceFile], inside: _Inside
) -> LandingPlan:
    """Lhotse Shar, whose folders are its splits whatever `datasets` finds."""
    splits = shar_splits(tuple(by_path), lambda path: list(inside.tar(by_path[path]).heads))
    names = dict.fromkeys(split.config for split in splits)
    of_config = {name: tuple((one.name, ()) for one in splits if one.config == name) for name in names}
    layout = Layout("shar", tuple(ConfigFiles(name, splits) for name, splits in of_config.items()))
    asked = {
        (config.name, name) for config in select(request, layout, hub.access.endpoint) for name, _ in config.splits
    }
    wanted = tuple(one for one in splits if (one.config, one.name) in asked)
    cut = shards_of(Chosen(Shape.LHOTSE_SHAR, hub.access, state, layout, layout.configs, by_path, {}, shar=wanted))
    return _planned(hub, request, state, Shape.LHOTSE_SHAR, "", cut)


def _plan_of_conversion(
    hub: Hub,
    request: DatasetRequest,
    state: RepoState,
    files: list[SourceFile],
    found: Recognised,
    pinned: Version | None,
) -> LandingPlan:
    """A script repository: what the Hub has converted it to, if it is whole; said loudly."""
    files_commit = pinned.files_commit if pinned is not None else None
    if pinned is not None and files_commit is None:
        return _refused(hub, request, state, found, "What landed of it is not the Hub's conversion.", files)
    try:
        files_commit = files_commit or hub.state(state.repo_id, CONVERSION).commit
    except HFRevisionNotFoundError:
        return _refused(hub, request, state, found, "The Hub holds no conversion of it to parquet.", files)
    converted = [one.model_copy(update={"commit": files_commit}) for one in _conversion(hub, request, files_commit)]
    by_path = {file.path: file for file in converted}
    layout = conversion_layout(list(by_path))
    if not layout.configs:
        return _refused(hub, request, state, found, f"The Hub's conversion at {CONVERSION} is empty.", files)
    if partial := partial_splits(layout, request.subset, request.split):
        why = f"The Hub's conversion at {CONVERSION} is partial: it holds only the first 5 GB of {', '.join(partial)}."
        return _refused(hub, request, state, found, why, files)
    chosen = select(request, layout, hub.access.endpoint)
    note = (
        f"NOT THE ORIGINAL FILES: the repository is {found.told}. This is the Hub's own conversion of it to parquet, "
        f"{CONVERSION} at commit {files_commit}."
    )
    state = state.model_copy(update={"files_commit": files_commit})
    infos = dataset_infos(state.card_data)
    cut = shards_of(Chosen(Shape.PARQUET, hub.access, state, layout, chosen, by_path, infos))
    return _planned(hub, request, state, Shape.PARQUET, note, cut)


def _conversion(hub: Hub, request: DatasetRequest, commit: str) -> list[SourceFile]:
    """The files of a conversion.

    Raises:
        HFRevisionNotFoundError: the Hub has made it anew and keeps the one that landed no longer.
    """
    try:
        return hub.files(request.hf_id, commit)
    except HFRevisionNotFoundError as error:
        raise HFRevisionNotFoundError(
            f"The Hub no longer holds the conversion of {request.hf_id} to parquet at commit {commit}, which landed.",
            remedy=f"`hugflow update {storage_name(request)}` lands the newest one; what is on the storage stays.",
            repo=request.hf_id,
            revision=commit,
        ) from error


# ---- looking into files


class _Inside:
    """The repository's files, looked into by range; the end of a zip archive, its directory, is read once."""

    def __init__(self, hub: Hub, state: RepoState) -> None:
        self._hub, self._state = hub, state
        self._tars: dict[SourceFile, TarSight] = {}
        self._ends: Once[SourceFile, bytes] = Once(lambda file: self._read(file, directory_from(file), file.size_bytes))

    def head(self, file: SourceFile) -> bytes:
        """The first bytes of a table; the last of parquet, which says there what it holds; of JSON at least a row."""
        if file.path.lower().endswith(PARQUET) and file.archive is None:
            return read_tail(self._hub.access, self._state.repo_id, self._state.commit, file) or b""
        head = self._first(file, _TABLE_HEAD)
        is_short = file.path.lower().endswith(JSON_ENDINGS) and len(head) < file.size_bytes and not json_rows(head)
        return self._first(file, _LONG_ROW) if is_short else head

    def _first(self, file: SourceFile, size_bytes: int) -> bytes:
        if file.archive is not None:
            return member_head(file, self.zipped(file.archive), size_bytes)
        return self._read(file, 0, size_bytes)

    @property
    def looks(self) -> Looks:
        """Looks at files that no shard reads."""
        return Looks(
            head=lambda file: self._read(file, 0, file.size_bytes),
            tar_names=lambda file: list(self.tar(file).heads),
            zip_names=lambda file: [member.member for member in zip_members(file, self.zipped(file))],
        )

    def tar(self, file: SourceFile) -> TarSight:
        """What the ends of a tar archive tell, or the directory of a zip."""
        if file not in self._tars and file.path.lower().endswith(".zip"):
            names = [str(member.member) for member in zip_members(file, self.zipped(file))]
            self._tars[file] = TarSight(file, dict.fromkeys(names, b""), dict.fromkeys(names, 0))
        elif file not in self._tars:
            self._tars[file] = look_into_tar(file, partial(self._read, file))
        return self._tars[file]

    def zipped(self, archive: SourceFile) -> ReadRange:
        begins = directory_from(archive)
        return lambda start, end: (
            self._ends(archive)[start - begins : end - begins] if start >= begins else self._read(archive, start, end)
        )

    def _read(self, file: SourceFile, start: int, end: int) -> bytes:
        return self._hub.read_range(self._state.repo_id, self._state.commit, file, start, end)


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
