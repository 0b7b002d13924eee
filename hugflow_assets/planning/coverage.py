"""Which files of a repository a plan reads and which it leaves, and what may not be left without a word.

A repository with audio is no success when none of its audio lands. What of that can be known before anything is fetched
is refused here, with what to do about it; the landing itself decides once more before it publishes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hugflow_assets.errors import BadSourceError
from hugflow_assets.formats.archives.parts import archive_parts
from hugflow_assets.formats.lfs_pointer import is_pointer, may_be_pointer
from hugflow_assets.formats.media import AUDIO_ENDINGS
from hugflow_assets.formats.names import ARCHIVE_ENDINGS, OTHER_ARCHIVES, is_archive
from hugflow_assets.formats.tables import PARQUET, TABLE_ENDINGS, path_column
from hugflow_assets.hub.models import SourceFile
from hugflow_assets.hub.prefetch import at_once
from hugflow_assets.planning.kaldi import kaldi_problem
from hugflow_assets.planning.models import Coverage, LandingPlan
from hugflow_assets.shapes.file_lists import is_about
from hugflow_assets.shapes.models import Estimate, Shape
from hugflow_assets.wording import listed

_AUDIO = AUDIO_ENDINGS
_PACKED_AUDIO = tuple(f"{ending}{packed}" for ending in AUDIO_ENDINGS for packed in (".gz", ".bz2", ".xz", ".zst"))
_SURELY_CLIPS = frozenset({Shape.AUDIOFOLDER, Shape.CLIP_ARCHIVES, Shape.CLIP_FILES, Shape.LHOTSE_SHAR})
_OF_CLIPS = _SURELY_CLIPS | {Shape.WEBDATASET}
_TABLES = (".csv", ".tsv", ".json", ".jsonl", ".parquet")
_LOOKED_AT = 8  # archives that nothing reads
_POINTERS_LOOKED_AT = 16  # where one is a pointer, mostly all are
_MAY_BE_POINTERS = (*TABLE_ENDINGS, *ARCHIVE_ENDINGS, *AUDIO_ENDINGS, PARQUET, ".arrow")
_NAMES_KEPT = 10


@dataclass(frozen=True)
class Looks:
    """How to look into files that are not fetched: the first bytes of one, the names in a tar and in a zip."""

    head: Callable[[SourceFile], bytes]
    tar_names: Callable[[SourceFile], Sequence[str]]
    zip_names: Callable[[SourceFile], Sequence[str]]


def accounted(plan: LandingPlan, files: Sequence[SourceFile], looks: Looks) -> LandingPlan:
    """The plan with what it reads and leaves of the repository's files, or its refusal where that cannot be.

    A conversion by the Hub stands for files that are not read: it is not judged by them.
    """
    data = [file for file in files if not is_about(file.path)]
    if plan.state.files_commit is not None or not data:
        return plan
    named = {file.path for file in data if file.path.lower().endswith(_AUDIO)}
    read = set(_read(plan)) & {file.path for file in data}
    read |= named if any(shard.named_bytes for shard in _shards(plan)) else set()
    left = [file for file in data if file.path not in read]
    if (problem := next(_problems(plan, data, left, looks), None)) is not None:
        return _refused(plan, *problem)
    if plan.shape is Shape.UNSUPPORTED:
        return plan
    return plan.model_copy(
        update={
            "coverage": Coverage(
                files=len(data),
                read=len(read),
                left=tuple(file.path for file in left[:_NAMES_KEPT]),
                has_audio=bool(named) or _is_audio(plan, looks),
            )
        }
    )


def _shards(plan: LandingPlan) -> Iterator[Any]:
    return (shard for config in plan.configs for split in config.splits for shard in split.shards)


def _read(plan: LandingPlan) -> Iterator[str]:
    """The files that the shards read, an archive in the place of its members."""
    for shard in _shards(plan):
        for file in (*shard.files, *shard.beside):
            while file.archive is not None:
                file = file.archive
            yield file.path


def _refused(plan: LandingPlan, reason: str, remedy: str) -> LandingPlan:
    nothing = Estimate(download_bytes=0, landed_bytes=0, files=0)
    refused = {"shape": Shape.UNSUPPORTED, "shape_reason": reason, "remedy": remedy, "configs": (), "estimate": nothing}
    return plan.model_copy(update=refused)


# ---- what may not be left


def _problems(
    plan: LandingPlan, data: Sequence[SourceFile], left: Sequence[SourceFile], looks: Looks
) -> Iterator[tuple[str, str]]:
    """Why the plan may not be carried out, and what to do."""
    if pointers := _pointers(plan, data, looks.head):
        which = f"{listed(pointers)} {'is a git-lfs pointer' if len(pointers) == 1 else 'are git-lfs pointers'}"
        yield (
            f"{which}, where the data ought to be: committed without git-lfs.",
            "Ask the dataset's owners to push the files themselves (git lfs push).",
        )
    unsure = _archives_among(data)[:_LOOKED_AT] if plan.shape is Shape.UNSUPPORTED else _zips_read(plan)
    if inner := [name for name in _inner_archives(unsure, looks) if name not in set(_members_read(plan))]:
        yield (
            f"{listed(inner)}: archives inside an archive, which Hugflow does not open; what is inside would be lost.",
            "Ask the dataset's owners to publish the inner archives as files of the repository.",
        )
    if plan.shape is Shape.PARQUET and not _names_clips(plan):
        return
    if parts := archive_parts(file.path for file in data):
        yield (
            f"{listed(parts)}: an archive that was cut in parts, which Hugflow does not join; its clips would be lost.",
            "Ask the dataset's owners for whole archives: each below the Hub's limit for a file, none of them cut.",
        )
    if closed := [file.path for file in left if file.path.lower().endswith((*OTHER_ARCHIVES, *_PACKED_AUDIO))]:
        yield (
            f"{listed(closed)}: of a kind that Hugflow does not open; what is inside would be lost.",
            "Ask the dataset's owners for the files themselves, or for tar or zip archives.",
        )
    if not _reads_tables(plan) and (texts := kaldi_problem(data, looks.head)) is not None:
        yield texts
    if plan.shape is not Shape.UNSUPPORTED and (clips := _unread_clips(plan, data, left, looks)) is not None:
        yield clips


def _reads_tables(plan: LandingPlan) -> bool:
    """Whether tables say what the rows are: lists of texts beside them are not needed."""
    return any(file.path.lower().endswith(_TABLES) for shard in _shards(plan) for file in (*shard.files, *shard.beside))


def _unread_clips(
    plan: LandingPlan, data: Sequence[SourceFile], left: Sequence[SourceFile], looks: Looks
) -> tuple[str, str] | None:
    """Audio in a repository whose rows are of another kind and name none of it."""
    if plan.shape in _OF_CLIPS or _may_be_audio(plan) or (plan.request.subset and plan.state.card_data.get("configs")):
        return None
    clips = [file.path for file in data if file.path.lower().endswith(_AUDIO)]
    for archive, found in () if clips else _archived(left, looks):
        clips = [f"{archive}/{name}" for name in found]
        break
    if not clips:
        return None
    rows = sorted(set(_read(plan)))
    return (
        f"The repository holds audio ({len(clips):,} seen: {listed(clips)}), and none of it would land: it would be "
        f"read as {plan.shape.value}, and {listed(rows)} names no clip in a way that Hugflow knows.",
        "Ask the dataset's owners for a table with a column that names the clips (file_name), or for `configs` in the "
        "card that say which files are the dataset, and then for one of them by `subset`.",
    )


def _archived(left: Sequence[SourceFile], looks: Looks) -> Iterator[tuple[str, list[str]]]:
    """Archives that no shard reads, and the clips seen in them."""
    for archive, names in _insides(_archives_among(left)[:_LOOKED_AT], looks):
        if found := [name for name in names if name.lower().endswith(_AUDIO)]:
            yield archive, found


def _inner_archives(data: Sequence[SourceFile], looks: Looks) -> list[str]:
    """The archives in archives of which nothing else is known."""
    return [f"{archive}/{name}" for archive, names in _insides(data, looks) for name in names if is_archive(name)]


def _zips_read(plan: LandingPlan) -> list[SourceFile]:
    """The zip archives of whose members some are read."""
    files = (file for shard in _shards(plan) for file in (*shard.files, *shard.beside))
    return list({file.archive.path: file.archive for file in files if file.archive is not None}.values())


def _members_read(plan: LandingPlan) -> Iterator[str]:
    return (file.path for shard in _shards(plan) for file in (*shard.files, *shard.beside) if file.archive is not None)


def _insides(files: Sequence[SourceFile], looks: Looks) -> Iterator[tuple[str, Sequence[str]]]:
    """What is seen in archives."""

    def look(file: SourceFile) -> Sequence[str]:
        try:
            return looks.zip_names(file) if file.path.lower().endswith(".zip") else looks.tar_names(file)
        except BadSourceError:
            return []

    yield from zip((file.path for file in files), at_once(look, files), strict=True)


def _archives_among(files: Sequence[SourceFile]) -> list[SourceFile]:
    return [file for file in files if file.path.lower().endswith(ARCHIVE_ENDINGS)]


def _is_audio(plan: LandingPlan, looks: Looks) -> bool:
    """Whether what lands is audio for sure: columns say so, or clips are seen in the first archive."""
    if plan.shape in _SURELY_CLIPS:
        return True
    if plan.shape is Shape.WEBDATASET:
        first = next((file for shard in _shards(plan) for file in shard.files if file.archive is None), None)
        return first is not None and any(name.lower().endswith(_AUDIO) for name in looks.tar_names(first))
    return any(_holds(config.features, ("Audio",)) for config in plan.configs)


def _may_be_audio(plan: LandingPlan) -> bool:
    """Whether a column may be audio, as far as the columns are known: declared, or bytes."""
    return any(_holds(config.features, ("Audio", "binary", "large_binary")) for config in plan.configs)


def _holds(feature: Any, kinds: Sequence[str]) -> bool:
    if isinstance(feature, Mapping):
        own = isinstance(feature.get("_type"), str) and (feature["_type"] in kinds or feature.get("dtype") in kinds)
        return own or any(_holds(one, kinds) for one in feature.values())
    return isinstance(feature, (list, tuple)) and any(_holds(one, kinds) for one in feature)


def _names_clips(plan: LandingPlan) -> bool:
    """Whether parquet holds no audio itself and has a column for names of clips."""
    return not _may_be_audio(plan) and any(config.features and path_column(config.features) for config in plan.configs)


def _pointers(plan: LandingPlan, data: Sequence[SourceFile], head: Callable[[SourceFile], bytes]) -> list[str]:
    """Files that are pointers of git-lfs, of those whose size and name let it be; some are looked at."""
    used = set(_read(plan))
    maybe = [
        file
        for file in data
        if file.sha256 is None and may_be_pointer(file.size_bytes) and file.path.lower().endswith(_MAY_BE_POINTERS)
    ]
    shown = sorted(maybe, key=lambda file: file.path not in used)[:_POINTERS_LOOKED_AT]
    return [file.path for file, data in zip(shown, at_once(head, shown), strict=True) if is_pointer(data)]
