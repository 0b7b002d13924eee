"""Which shape a repository has, one recogniser a shape. What is recognised and not landable is refused by name."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from posixpath import basename, dirname, splitext

from hugflow_assets.formats.media import is_audio
from hugflow_assets.formats.names import METADATA_NAMES
from hugflow_assets.formats.tables import PARQUET, first_line, names_files, split_line
from hugflow_assets.shapes.clip_tables.layout import ClipLayout, clip_layout, loose_layout
from hugflow_assets.shapes.models import Shape
from hugflow_assets.shapes.sight import ZIP, ConfigFiles, Layout, Recognised, Sight

LANDABLE_SHAPES = frozenset(Shape) - {Shape.UNSUPPORTED}

PARQUET_ENDINGS = (".parquet", ".geoparquet", ".gpq")
ROW_MODULES = frozenset({"csv", "json", "text", "arrow", "xml", "conll", "fasta", "fastq"})
FOLDER_SHAPES = {
    "audiofolder": (Shape.AUDIOFOLDER, "audio"),
    "imagefolder": (Shape.IMAGEFOLDER, "image"),
    "videofolder": (Shape.VIDEOFOLDER, "video"),
    "pdffolder": (Shape.PDFFOLDER, "pdf"),
    "niftifolder": (Shape.NIFTIFOLDER, "nifti"),
    "meshfolder": (Shape.MESHFOLDER, "mesh"),
    "pdb": (Shape.STRUCTUREFOLDER, "structure"),
    "mmcif": (Shape.STRUCTUREFOLDER, "structure"),
}
FILES_SHOWN = 10
_SEALS = (".asc", ".sig", ".md5", ".sha1", ".sha256", ".sha512", ".md5sum", ".sha256sum", ".crc32", ".idx", ".torrent")
_KALDI = frozenset({"wav.scp", "utt2spk", "spk2utt", "segments"})  # beside its list of texts


def recognise_own(sight: Sight) -> Recognised | None:
    """The shapes whose subsets and splits are not those that `datasets` would find; to be tried first."""
    return next(filter(None, (look(sight) for look in (clip_archives, script))), None)


def recognise(sight: Sight) -> Recognised | None:
    """The first of the other shapes that fits the chosen data files, or None: a shape that is not known."""
    looks = (partial_conversion, parquet, archives_in_zip, webdataset, folder, rows, other_media)
    return next(filter(None, (look(sight) for look in looks)), None)


def files_seen(paths: Sequence[str]) -> str:
    """The first files of a repository and their number, for a message."""
    if not paths:
        return "It holds no files."
    more = f", … ({len(paths)} files)" if len(paths) > FILES_SHOWN else ""
    return f"Files seen: {', '.join(paths[:FILES_SHOWN])}{more}."


def not_read(paths: Sequence[str], data_files: Sequence[str]) -> str:
    """What of a repository is no data file, and no file that every repository has either, by ending; "" if nothing."""
    read = set(data_files)
    left = [
        path for path in paths if path not in read and not (is_about(path) or basename(path).lower() in METADATA_NAMES)
    ]
    endings = Counter(splitext(path)[1].lower() or "without an ending" for path in left)
    told = ", ".join(f"{count} {ending}" for ending, count in endings.most_common(FILES_SHOWN))
    return f"Not read: {told} ({left[0]}{', …' if len(left) > 1 else ''})." if left else ""


def is_about(path: str) -> bool:
    """Whether a file speaks of the repository or of another file, not of its rows."""
    name = basename(path).lower()
    words = ("readme", "license", "licence", "citation", "changelog", "dataset_info", "state.json", "dataset_dict.json")
    is_text = name.startswith(words) and not name.endswith((".csv", ".tsv", ".jsonl", ".parquet"))
    return is_text or name.startswith(".") or name.endswith((".py", ".md", ".sh", ".ipynb")) or is_seal(name)


def is_seal(path: str) -> bool:
    """Whether a file is a signature, a checksum or an index of another: ``train.tar.sha256``."""
    return path.lower().endswith(_SEALS)


def counted(things: Sequence[str], word: str) -> str:
    """``1 archive``, ``2 archives``."""
    return f"{len(things)} {word}{'' if len(things) == 1 else 's'}"


# ---- one recogniser a shape


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
        notes.append(f"Left out, since they belong to no table and clips: {_some(found.left_out)}.")
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
    notes = [f"Left out, since they name no clips: {_some(found.left_out)}."] if found.left_out else []
    if kaldi := [path for path in sight.paths if basename(path) in _KALDI and f"{dirname(path)}/text" in tables]:
        notes.append(f"Not read: {_some(kaldi)}.")
    told = f"audio files with {counted(tables, 'table')} by path"
    return Recognised(Shape.CLIP_FILES, told, clips=found, note=" ".join([*notes, *_headerless(found)]))


def _headerless(found: ClipLayout) -> list[str]:
    """What has to be said of tables whose first line is a row: the names of their columns are ours."""
    bare = [split for split in found.splits if split.table.headerless]
    tables = _some(sorted({path for split in bare for path in split.tables}))
    return [f"{tables} has no header: its columns are called {', '.join(bare[0].table.columns)}."] if bare else []


def is_metadata(sight: Sight, path: str) -> bool:
    """Whether a file is metadata of a media folder as `datasets` knows it, or says too little of itself to tell."""
    if basename(path) not in METADATA_NAMES:
        return False
    return not path.endswith(".csv") or names_files(split_line(first_line(sight.head(path)), ","))


def script(sight: Sight) -> Recognised | None:
    """A loading script: `datasets` runs none, and the Hub may hold a conversion to parquet."""
    if sight.script is None:
        return None
    told = f"a loading script ({sight.script}), which `datasets` no longer runs"
    return Recognised(Shape.UNSUPPORTED, told, is_script=True)


def partial_conversion(sight: Sight) -> Recognised | None:
    """A conversion by the Hub that stops after 5 GB of a split: not the dataset, whatever its shape."""
    partial = partial_splits(sight.layout) if sight.converted else []
    if not partial:
        return None
    return Recognised(Shape.UNSUPPORTED, f"a conversion that holds only the first 5 GB of {', '.join(partial)}")


def partial_splits(layout: Layout, subset: str | None = None, split: str | None = None) -> list[str]:
    """``config/split`` of what a conversion holds the beginning of only, as far as it is asked for."""
    return [
        f"{config.name}/{name}"
        for config in layout.configs
        for name, _ in config.splits
        if name.startswith("partial-")
        and subset in (None, config.name)
        and split in (None, name.removeprefix("partial-"))
    ]


def parquet(sight: Sight) -> Recognised | None:
    """All data files are parquet."""
    files = sight.data_files
    if sight.layout.module == "parquet" and files and all(path.lower().endswith(PARQUET_ENDINGS) for path in files):
        return Recognised(Shape.PARQUET, "parquet files")
    return None


def archives_in_zip(sight: Sight) -> Recognised | None:
    """Zip archives, whose content decides."""
    files = [path for path in sight.data_files if path.lower().endswith(".zip")]
    if files and (sight.layout.module == ZIP or len(files) == len(sight.data_files)):
        return Recognised(Shape.UNSUPPORTED, counted(files, "zip archive"))
    return None


def webdataset(sight: Sight) -> Recognised | None:
    """Tar archives whose members belong together by key."""
    if sight.layout.module != "webdataset":
        return None
    return Recognised(Shape.WEBDATASET, f"WebDataset: {counted(sight.data_files, 'tar archive')}")


def folder(sight: Sight) -> Recognised | None:
    """Audio, image, video or pdf files, with metadata at any level, or without."""
    if sight.layout.module not in FOLDER_SHAPES:
        return None
    shape, kind = FOLDER_SHAPES[sight.layout.module]
    metadata = [path for path in sight.data_files if basename(path) in METADATA_NAMES]
    beside = f"with {counted(metadata, 'metadata file')}" if metadata else "without metadata"
    media = [path for path in sight.data_files if basename(path) not in METADATA_NAMES]
    return Recognised(shape, f"a folder of {kind}: {counted(media, f'{kind} file')} {beside}")


def rows(sight: Sight) -> Recognised | None:
    """Tables and text that `datasets` streams row by row."""
    if sight.layout.module not in ROW_MODULES:
        return None
    return Recognised(Shape.ROWS, counted(sight.data_files, f"{sight.layout.module} file"))


def other_media(sight: Sight) -> Recognised | None:
    """Everything else that `datasets` has a module for."""
    if sight.layout.module is None:
        return None
    return Recognised(Shape.UNSUPPORTED, f"{sight.layout.module}: {counted(sight.data_files, 'file')}")


# ---- the Hub's conversion of script repositories


def conversion_layout(paths: Sequence[str]) -> Layout:
    """Configs and splits of a conversion branch, ``{config}/{split}/0000.parquet``; ``partial-`` stays."""
    found: dict[str, dict[str, list[str]]] = {}
    for path in sorted(paths):
        if match := re.fullmatch(r"([^/]+)/([^/]+)/\d{4,}\.parquet", path):
            found.setdefault(match[1], {}).setdefault(match[2], []).append(path)
    configs = tuple(
        ConfigFiles(config, tuple((split, tuple(files)) for split, files in splits.items()))
        for config, splits in found.items()
    )
    return Layout("parquet", configs) if configs else Layout(None, (), "no conversion of the Hub is in it")


def _some(paths: Sequence[str]) -> str:
    more = f", … ({len(paths)})" if len(paths) > FILES_SHOWN else ""
    return ", ".join(paths[:FILES_SHOWN]) + more
