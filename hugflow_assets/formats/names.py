"""What the names of files say: archives, metadata, splits."""

from __future__ import annotations

import re
from posixpath import basename

ARCHIVE_ENDINGS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".zip")
OTHER_ARCHIVES = (  # that nothing here can open
    *(".7z", ".rar", ".tar.zst", ".tzst", ".tar.lz4", ".tar.lz", ".tar.lzma", ".tlz", ".tar.lzo", ".tar.z", ".taz"),
    *(".cab", ".lzh", ".lha", ".arj", ".iso", ".dmg", ".sit", ".zipx"),
)
METADATA_NAMES = ("metadata.csv", "metadata.jsonl", "metadata.parquet")
SPLITS_ALIKE = (
    frozenset({"train", "training"}),
    frozenset({"dev", "valid", "val", "validation", "development"}),
    frozenset({"test", "testing"}),
    frozenset({"validated"}),
    frozenset({"invalidated"}),
    frozenset({"other"}),
)
SPLIT_WORDS = frozenset().union(*SPLITS_ALIKE)
WHOLE_TABLE_STEMS = frozenset(
    (
        *("metadata", "meta", "transcript", "transcripts", "transcription", "transcriptions", "data", "all", "index"),
        *("labels", "annotation", "annotations", "manifest", "captions", "text", "texts", "sentences", "dataset"),
        *("list", "filelist", "line_index", "utt_spk_text", "content", "prompts", "trans", "transcripts_utf8"),
    )
)


def is_archive(path: str) -> bool:
    """Whether a file is an archive by its name, of whatever kind."""
    return path.lower().endswith((*ARCHIVE_ENDINGS, *OTHER_ARCHIVES))


def is_named_like_a_table(path: str) -> bool:
    """Whether a file's name says that it speaks of many clips: ``metadata.csv``, ``train.tsv``."""
    stem = stem_of(path).lower()
    return path.lower().endswith((".tsv", ".csv", ".jsonl")) and (
        stem in WHOLE_TABLE_STEMS or split_in_stem(stem) is not None
    )


def split_named(path: str) -> str | None:
    """The split that a file's name speaks of; None where it speaks of none."""
    found = split_in_stem(stem_of(path))
    return found and found.lower()


def natural(path: str) -> list[tuple[int, int, str]]:
    """A key that sorts ``_2`` before ``_10``."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", path)]


def stem_of(path: str) -> str:
    return basename(path).rpartition(".")[0]


def split_in_stem(stem: str) -> str | None:
    """The split that a file name speaks of, spelt as there."""
    return next((word for word in re.split(r"[-_. ]", stem) if word.lower() in SPLIT_WORDS), None)
