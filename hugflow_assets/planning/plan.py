"""From a repository's files and card to a LandingPlan: configs, splits, shards, features, estimate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from posixpath import basename
from typing import TYPE_CHECKING, Any, TypeVar

from hugflow_assets.errors import HFRevisionNotFoundError
from hugflow_assets.formats.names import METADATA_NAMES, split_named
from hugflow_assets.formats.tables import columns_seen
from hugflow_assets.hub.card import dataset_infos
from hugflow_assets.hub.models import RepoState, SourceFile
from hugflow_assets.hub.prefetch import Once
from hugflow_assets.intake import DatasetRequest
from hugflow_assets.intake.names import storage_name
from hugflow_assets.planning.coverage import accounted
from hugflow_assets.planning.data_files import data_layout
from hugflow_assets.planning.models import LandingPlan, Version
from hugflow_assets.planning.repository_files import RepositoryFiles
from hugflow_assets.planning.selection import select
from hugflow_assets.planning.zip_preview import opened, tables_and_archives, zips_of
from hugflow_assets.shapes.clip_tables.layout import ClipSplit, likely_tables, looked_at
from hugflow_assets.shapes.clip_tables.recognise import clip_archives, clip_files
from hugflow_assets.shapes.file_lists import counted, files_seen, not_read
from hugflow_assets.shapes.lhotse_shar.layout import SharSplit, shar_splits
from hugflow_assets.shapes.media_folders.kinds import BASE_COLUMNS
from hugflow_assets.shapes.media_folders.recognise import is_metadata, layout_by_metadata
from hugflow_assets.shapes.models import ConfigPlan, Estimate, Shape
from hugflow_assets.shapes.refused import conversion_layout, partial_splits
from hugflow_assets.shapes.registry import BEFORE_LAYOUT, BY_LAYOUT, LANDABLE, first_match, shards_of
from hugflow_assets.shapes.rows.spec import RowsSpec
from hugflow_assets.shapes.sight import Chosen, ConfigFiles, Cut, Layout, Recognised, Sight
from hugflow_assets.shapes.texts.found import Transcripts, transcripts_of
from hugflow_assets.shapes.webdataset.tar_preview import named_in_tars, tables_in_tars
from hugflow_assets.shapes.zip_directory import zip_members

if TYPE_CHECKING:
    from hugflow_assets.hub.client import Hub

CONVERSION = "refs/convert/parquet"

_Split = TypeVar("_Split", ClipSplit, SharSplit)


def plan_of(
    hub: Hub,
    request: DatasetRequest,
    repository: tuple[RepoState, list[SourceFile], str],
    pinned: Version | None = None,
) -> LandingPlan:
    """The plan of a request at a pinned commit. The same commits give the same plan.

    Args:
        repository: its state and its files, and why its card cannot be read, or "": as ``Hub.repository`` gives them.
        pinned: the version that is landed, whose conversion is taken, or none; None takes the newest conversion.
    """
    return _Planner(hub, request, *repository).plan(pinned)


class _Planner:
    """A request, and the repository that it names at one commit."""

    def __init__(
        self, hub: Hub, request: DatasetRequest, state: RepoState, files: list[SourceFile], card_problem: str
    ) -> None:
        self._hub, self._request, self._state = hub, request, state
        self._listed, self._card_problem = files, card_problem
        self._files = RepositoryFiles(hub, state)
        self._by_path = {file.path: file for file in files}  # and what is in archives, as far as they were opened
        self._head: Once[str, bytes] = Once(lambda path: self._files.head(self._by_path[path]))

    def plan(self, pinned: Version | None) -> LandingPlan:
        """Every file of the repository is accounted for in it."""
        return accounted(self._plan(pinned), self._listed, self._files.looks)

    def _plan(self, pinned: Version | None) -> LandingPlan:
        sight = self._sight()
        found = first_match(BEFORE_LAYOUT, sight)
        if found is not None and found.shape is Shape.LHOTSE_SHAR:
            return self._of_shar()
        if found is not None and found.is_script:
            plan = self._of_conversion(found, pinned)
            if plan.shape is not Shape.UNSUPPORTED or (found := self._beside_script(sight)) is None:
                return plan
        note = self._card_problem
        if found is None and (archives := zips_of(sight.layout)):
            found, sight = self._inside_zips(sight, archives)
            note = f"{note} Inside {counted(archives, 'zip archive')}.".strip()
        tables: dict[str, SourceFile] = {}
        seen: dict[str, dict[str, Any]] = {}
        if found is None and sight.layout.module == "webdataset":
            found, tables, seen = tables_in_tars(sight, self._by_path, self._files.tar)
            self._by_path |= tables
        if found is None and not self._card_has_configs:
            found = clip_files(sight) or named_in_tars(sight, self._by_path, self._files.tar)
        if found is not None and found.shape is Shape.UNSUPPORTED:
            return self._refused(found)
        if found is not None and found.clips is not None:
            return self._of_clips(found, note, None if tables else self._head)
        return self._by_layout(sight, seen, note)

    @property
    def _card_has_configs(self) -> bool:
        return bool(self._state.card_data.get("configs"))

    def _sight(self) -> Sight:
        """What the shapes look at; the tables that will be asked for are begun to be read."""
        request, paths = self._request, list(self._by_path)
        is_conversion = request.revision == CONVERSION
        layout = (
            conversion_layout(paths) if is_conversion else data_layout(paths, self._state.card_data, request.subset)
        )
        sight = Sight(self._state.repo_id, tuple(paths), layout, self._head, is_conversion)
        for path in likely_tables(sight.paths, request.subset, request.split):
            self._head.begin(path)
        return sight

    def _inside_zips(self, sight: Sight, archives: list[str]) -> tuple[Recognised | None, Sight]:
        """The look with zip archives opened: their members in their place, and the clips that tables name in them."""
        closed, read = self._by_path, self._files.zipped
        self._by_path, layout = opened(
            sight.layout, closed, lambda file: zip_members(file, read(file)), self._state.card_data
        )
        sight = replace(sight, paths=tuple(self._by_path), layout=layout)
        self._by_path |= {path: closed[path] for path in archives}
        tables = tables_and_archives(self._by_path, lambda path: is_metadata(sight, path))
        return clip_archives(replace(sight, paths=tables, members=tuple(self._by_path))), sight

    def _by_layout(self, sight: Sight, seen: dict[str, dict[str, Any]], note: str) -> LandingPlan:
        """The plan of a repository whose configs and splits are those that `datasets` finds."""
        problem = sight.layout.problem or self._card_problem
        if not self._card_has_configs:
            sight = replace(sight, layout=layout_by_metadata(sight))
        request, chosen = self._request, self._chosen(sight.layout)
        found = first_match(BY_LAYOUT, replace(sight, layout=replace(sight.layout, configs=chosen)))
        if found is None or found.shape not in LANDABLE:
            return self._refused(found, problem)
        texts = _transcripts(sight) if found.shape is Shape.AUDIOFOLDER else Transcripts()
        everything = self._everything(found.shape, sight.layout)
        cut = shards_of(replace(everything, configs=chosen, seen=seen, texts=texts))
        if found.shape is Shape.PARQUET:
            return self._planned(found.shape, note, cut)
        configs = cut.configs
        may_name_files = found.shape is Shape.ROWS and any(config.features for config in configs)
        if request.subset is None and not may_name_files:
            note = f"{note} {not_read(sight.paths, [*sight.data_files, *texts.paths])}".strip()
        if request.audio_column or request.text_column:
            configs = tuple(_with_columns(config, sight) for config in configs)
        return self._planned(found.shape, note, replace(cut, configs=configs))

    def _beside_script(self, sight: Sight) -> Recognised | None:
        """Clip archives beside a loading script whose tables name clips by id, where the tables tell the splits."""
        found = named_in_tars(sight, self._by_path, self._files.tar)
        splits = found.clips.splits if found is not None and found.clips is not None else ()
        return found if splits and all(split_named(f"{split.name}.tsv") for split in splits) else None

    def _of_clips(self, found: Recognised, note: str, head: Callable[[str], bytes] | None) -> LandingPlan:
        """Tables that name clips, whose splits are theirs whatever `datasets` finds."""
        splits = found.clips.splits if found.clips else ()
        layout = _layout_of("clips", [(one.config, one.name, one.tables) for one in splits])
        wanted = self._asked_for(layout, splits)
        if len(splits) > 1 and head is not None:
            wanted = looked_at(wanted, head)
        cut = shards_of(replace(self._everything(found.shape, layout), infos={}, clips=tuple(wanted)))
        return self._planned(found.shape, " ".join(filter(None, (note, found.note))), cut)

    def _of_shar(self) -> LandingPlan:
        """Lhotse Shar, whose folders are its splits whatever `datasets` finds."""
        splits = shar_splits(tuple(self._by_path), lambda path: list(self._files.tar(self._by_path[path]).heads))
        layout = _layout_of("shar", [(one.config, one.name, ()) for one in splits])
        everything = self._everything(Shape.LHOTSE_SHAR, layout)
        cut = shards_of(replace(everything, infos={}, shar=tuple(self._asked_for(layout, splits))))
        return self._planned(Shape.LHOTSE_SHAR, "", cut)

    def _of_conversion(self, found: Recognised, pinned: Version | None) -> LandingPlan:
        """A script repository: what the Hub has converted it to, if it is whole; said loudly."""
        request, state = self._request, self._state
        files_commit = pinned.files_commit if pinned is not None else None
        if pinned is not None and files_commit is None:
            return self._refused(found, "What landed of it is not the Hub's conversion.")
        try:
            files_commit = files_commit or self._hub.state(state.repo_id, CONVERSION).commit
        except HFRevisionNotFoundError:
            return self._refused(found, "The Hub holds no conversion of it to parquet.")
        converted = [one.model_copy(update={"commit": files_commit}) for one in self._conversion(files_commit)]
        by_path = {file.path: file for file in converted}
        layout = conversion_layout(list(by_path))
        if not layout.configs:
            return self._refused(found, f"The Hub's conversion at {CONVERSION} is empty.")
        if partial := partial_splits(layout, request.subset, request.split):
            parts = ", ".join(partial)
            why = f"The Hub's conversion at {CONVERSION} is partial: it holds only the first 5 GB of {parts}."
            return self._refused(found, why)
        note = (
            f"NOT THE ORIGINAL FILES: the repository is {found.description}. This is the Hub's own conversion of it to "
            f"parquet, {CONVERSION} at commit {files_commit}."
        )
        state = state.model_copy(update={"files_commit": files_commit})
        everything = self._everything(Shape.PARQUET, layout)
        cut = shards_of(replace(everything, state=state, files=by_path, configs=self._chosen(layout)))
        return self._planned(Shape.PARQUET, note, cut, state)

    def _conversion(self, commit: str) -> list[SourceFile]:
        """The files of a conversion.

        Raises:
            HFRevisionNotFoundError: the Hub has made it anew and keeps the one that landed no longer.
        """
        repo, name = self._request.hf_id, storage_name(self._request)
        try:
            return self._hub.files(repo, commit)
        except HFRevisionNotFoundError as error:
            raise HFRevisionNotFoundError(
                f"The Hub no longer holds the conversion of {repo} to parquet at commit {commit}, which landed.",
                remedy=f"`hugflow update {name}` lands the newest one; what is on the storage stays.",
                repo=repo,
                revision=commit,
            ) from error

    def _chosen(self, layout: Layout) -> tuple[ConfigFiles, ...]:
        return select(self._request, layout, self._hub.access.endpoint)

    def _asked_for(self, layout: Layout, splits: Sequence[_Split]) -> list[_Split]:
        asked = {(config.name, name) for config in self._chosen(layout) for name, _ in config.splits}
        return [one for one in splits if (one.config, one.name) in asked]

    def _everything(self, shape: Shape, layout: Layout) -> Chosen:
        """All of a layout, for a shape to cut into shards."""
        infos = dataset_infos(self._state.card_data)
        return Chosen(shape, self._hub.access, self._state, layout, layout.configs, self._by_path, infos)

    def _planned(self, shape: Shape, note: str, cut: Cut, state: RepoState | None = None) -> LandingPlan:
        return LandingPlan(
            request=self._request,
            name=storage_name(self._request),
            endpoint=self._hub.access.endpoint,
            state=state or self._state,
            shape=shape,
            shape_reason=" ".join(filter(None, (note, cut.note))),
            configs=cut.configs,
            estimate=cut.estimate,
        )

    def _refused(self, found: Recognised | None, problem: str = "") -> LandingPlan:
        """The plan of a repository that is not landed, with the reason."""
        if found is None:
            reason = f"Its layout is not known: {problem or 'no data files that `datasets` knows'}."
        else:
            reason = f"Recognised as {found.description}, which Hugflow does not land."
            reason += f" {problem}" if found.is_script else ""
        note = f"{reason} {files_seen(list(self._by_path))}"
        nothing = Cut((), Estimate(download_bytes=0, landed_bytes=0, files=0))
        return self._planned(Shape.UNSUPPORTED, note, nothing)


def _layout_of(module: str, splits: Sequence[tuple[str, str, tuple[str, ...]]]) -> Layout:
    """The layout of splits that a shape itself has found: (config, split, files) each."""
    names = dict.fromkeys(config for config, _, _ in splits)
    of_config = {name: tuple((split, files) for config, split, files in splits if config == name) for name in names}
    return Layout(module, tuple(ConfigFiles(name, found) for name, found in of_config.items()))


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
