"""Tables that name clips, of archives or of the repository."""

from __future__ import annotations

from posixpath import basename, dirname

from hugflow_assets.formats.media import is_audio
from hugflow_assets.formats.names import stem_of
from hugflow_assets.formats.tables import PARQUET
from hugflow_assets.shapes.clip_tables.layout import ClipLayout, clip_layout, loose_layout
from hugflow_assets.shapes.file_lists import counted, some_of
from hugflow_assets.shapes.media_folders.recognise import is_metadata
from hugflow_assets.shapes.models import Shape
from hugflow_assets.shapes.sight import Recognised, Sight
from hugflow_assets.shapes.texts.text_places import side_texts

_KALDI = frozenset({"wav.scp", "utt2spk", "spk2utt", "segments"})  # beside its list of texts


def clip_archives(sight: Sight) -> Recognised | None:
    """Common Voice style: archives of clips, and tables with a column of paths that name the clips."""
    found = clip_layout(sight.paths, sight.head, sight.members, lists=sight.lists)
    if found is None:
        return None
    archives = sorted({path for split in found.splits for path in split.archives})
    tables = sorted({path for split in found.splits for path in split.tables})
    notes = []
    if sight.script is not None:
        notes.append(f"The loading script {sight.script} is not run: its archives and tables are read as they are.")
    if found.left_out:
        notes.append(f"Left out, since they belong to no table and clips: {some_of(found.left_out)}.")
    notes += _headerless(found)
    told = f"{counted(archives, 'archive')} of clips with {counted(tables, 'table')} by path"
    return Recognised(Shape.CLIP_ARCHIVES, told, clips=found, note=" ".join(notes))


def clip_files(sight: Sight) -> Recognised | None:
    """Audio files of the repository that tables name by path; `datasets` would take the one and leave the other."""
    if not any(is_audio(path) for path in sight.paths):
        return None
    if sight.layout.module not in (None, "audiofolder", "csv", "json", "text", "parquet") or any(
        config.params for config in sight.layout.configs
    ):
        return None
    if sight.layout.module == "audiofolder" and any(is_metadata(sight, path) for path in sight.paths):
        return None
    kept = [
        path for path in sight.paths if sight.layout.module != "parquet" or path.endswith(PARQUET) or is_audio(path)
    ]
    if (found := loose_layout(kept, sight.head)) is None:
        return None
    tables = sorted({path for split in found.splits for path in split.tables})
    sides = side_texts(tuple(sight.paths))
    if all(stem_of(path).endswith(".trans") for path in tables) and 2 * len(sides) >= sum(map(is_audio, sight.paths)):
        return None  # LibriTTS: the tables of its chapters say what files beside the clips say
    notes = [f"Left out, since they name no clips: {some_of(found.left_out)}."] if found.left_out else []
    if kaldi := [path for path in sight.paths if basename(path) in _KALDI and f"{dirname(path)}/text" in tables]:
        notes.append(f"Not read: {some_of(kaldi)}.")
    told = f"audio files with {counted(tables, 'table')} by path"
    return Recognised(Shape.CLIP_FILES, told, clips=found, note=" ".join([*notes, *_headerless(found)]))


def _headerless(found: ClipLayout) -> list[str]:
    """What has to be said of tables whose first line is a row: the names of their columns are ours."""
    bare = [split for split in found.splits if split.table.headerless]
    tables = some_of(sorted({path for split in bare for path in split.tables}))
    return [f"{tables} has no header: its columns are called {', '.join(bare[0].table.columns)}."] if bare else []
