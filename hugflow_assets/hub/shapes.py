"""Which shape a repository has, one recogniser a shape. What is recognised and not landable is refused by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from posixpath import basename, dirname

from hugflow_assets.hub.layout import ZIP, ConfigFiles, Layout
from hugflow_assets.hub.models import Shape

LANDABLE_SHAPES = frozenset({Shape.PARQUET})

PARQUET_ENDINGS = (".parquet", ".geoparquet", ".gpq")
ARCHIVE_ENDINGS = (".tar", ".tar.gz", ".tgz", ".zip")
TABLE_ENDINGS = (".tsv", ".csv")
ROW_MODULES = frozenset({"csv", "json", "text", "arrow"})
METADATA_NAMES = ("metadata.csv", "metadata.jsonl", "metadata.parquet")
FILES_SHOWN = 10
TABLES_LOOKED_AT = 8


@dataclass(frozen=True)
class Recognised:
    """A shape in words. ``shape`` UNSUPPORTED: it has a name, but no reader is planned for it."""

    shape: Shape
    told: str


@dataclass(frozen=True)
class Sight:
    """What the recognisers look at: names, the layout `datasets` finds, and the first bytes of a table on demand."""

    repo_id: str
    paths: tuple[str, ...]
    layout: Layout
    head: Callable[[str], bytes]
    converted: bool = False  # the conversion branch itself was asked for

    @property
    def data_files(self) -> list[str]:
        return [path for config in self.layout.configs for _, files in config.splits for path in files]

    @property
    def script(self) -> str | None:
        """The loading script, which makes `datasets` refuse the repository whatever else is in it."""
        name = f"{self.repo_id.rpartition('/')[2]}.py"
        return name if name in self.paths else None


def recognise_own(sight: Sight) -> Recognised | None:
    """The shapes whose subsets and splits are not those that `datasets` would find; to be tried first."""
    return next(filter(None, (look(sight) for look in (clip_archives, script))), None)


def recognise(sight: Sight) -> Recognised | None:
    """The first of the other shapes that fits the chosen data files, or None: a shape that is not known."""
    looks = (partial_conversion, parquet, archives_in_zip, webdataset, audiofolder, rows, other_media)
    return next(filter(None, (look(sight) for look in looks)), None)


def files_seen(paths: Sequence[str]) -> str:
    """The first files of a repository and their number, for a message."""
    if not paths:
        return "It holds no files."
    more = f", … ({len(paths)} files)" if len(paths) > FILES_SHOWN else ""
    return f"Files seen: {', '.join(paths[:FILES_SHOWN])}{more}."


def counted(things: Sequence[str], word: str) -> str:
    """``1 archive``, ``2 archives``."""
    return f"{len(things)} {word}{'' if len(things) == 1 else 's'}"


# ---- one recogniser a shape


def clip_archives(sight: Sight) -> Recognised | None:
    """Common Voice style: archives of clips, and tables with a ``path`` column that name the clips."""
    archives = [path for path in sight.paths if path.lower().endswith(ARCHIVE_ENDINGS)]
    tables = [path for path in sight.paths if path.lower().endswith(TABLE_ENDINGS)]
    named = [path for path in _spread(tables) if basename(path) not in METADATA_NAMES] if archives else []
    if any("path" in header(sight.head(path)) for path in named):
        return Recognised(
            Shape.CLIP_ARCHIVES, f"{counted(archives, 'archive')} of clips with {counted(tables, 'table')} by path"
        )
    return None


def script(sight: Sight) -> Recognised | None:
    """A loading script: `datasets` runs none, and the Hub may hold a conversion to parquet."""
    if sight.script is None:
        return None
    return Recognised(Shape.UNSUPPORTED, f"a loading script ({sight.script}), which `datasets` no longer runs")


def partial_conversion(sight: Sight) -> Recognised | None:
    """A conversion by the Hub that stops after 5 GB of a split: not the dataset, whatever its shape."""
    splits = [f"{config.name}/{split}" for config in sight.layout.configs for split, _ in config.splits]
    partial = [name for name in splits if "/partial-" in name] if sight.converted else []
    if not partial:
        return None
    return Recognised(Shape.UNSUPPORTED, f"a conversion that holds only the first 5 GB of {', '.join(partial)}")


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


def audiofolder(sight: Sight) -> Recognised | None:
    """Audio files, with metadata.csv, metadata.jsonl or metadata.parquet at any level, or without."""
    if sight.layout.module != "audiofolder":
        return None
    metadata = [path for path in sight.paths if basename(path) in METADATA_NAMES]
    beside = f"with {counted(metadata, 'metadata file')}" if metadata else "without metadata"
    audio = [path for path in sight.data_files if basename(path) not in METADATA_NAMES]
    return Recognised(Shape.AUDIOFOLDER, f"an audio folder: {counted(audio, 'audio file')} {beside}")


def rows(sight: Sight) -> Recognised | None:
    """Tables and text that `datasets` streams row by row."""
    if sight.layout.module not in ROW_MODULES:
        return None
    return Recognised(Shape.ROWS, counted(sight.data_files, f"{sight.layout.module} file"))


def other_media(sight: Sight) -> Recognised | None:
    """Image, video, pdf folders and everything else that `datasets` has a module for."""
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


# ---- looking into a table


def header(head: bytes) -> list[str]:
    """The column names of a csv or tsv from its first bytes, lower case."""
    line = head.decode("utf-8-sig", "replace").split("\n", 1)[0].strip("\r")
    separator = "\t" if "\t" in line else ","
    return [name.strip().strip('"').lower() for name in line.split(separator)]


def _spread(tables: Sequence[str]) -> list[str]:
    """One table a folder first: those of one folder have the same columns."""
    by_folder = {dirname(path): path for path in reversed(tables)}
    return list(by_folder.values())[:TABLES_LOOKED_AT]
