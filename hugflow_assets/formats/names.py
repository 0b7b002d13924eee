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
# Of train, dev and test: what is called so holds clips of no other of them.
APART_WORDS = frozenset().union(*SPLITS_ALIKE[:3])
WHOLE_TABLE_STEMS = frozenset(
    (
        *("metadata", "meta", "transcript", "transcripts", "transcription", "transcriptions", "data", "all", "index"),
        *("labels", "annotation", "annotations", "manifest", "captions", "text", "texts", "sentences", "dataset"),
        *("list", "filelist", "line_index", "utt_spk_text", "content", "prompts", "trans", "transcripts_utf8"),
    )
)
GENERIC_FOLDERS = frozenset(  # what says nothing of a corpus: neither a config, nor which table a folder belongs to
    (
        *("audio", "audios", "clip", "clips", "data", "dataset", "metadata", "meta", "table", "tables", "tsv", "csv"),
        *("transcript", "transcripts", "transcription", "transcriptions", "text", "texts", "wav", "wavs", "mp3"),
        *("archive", "archives", "annotations", "labels"),
    )
)
_OF_TABLES = frozenset(
    {"tarred", "audio", "clips", "wav", "wavs", "file", "files", "list", "info", "table", "utf8", "v", "ver"}
)
_OF_PAIRS = GENERIC_FOLDERS | {"manifest", "manifests", "info", "files", "flac", "json", "jsonl", "recordings"}


def is_archive(path: str) -> bool:
    """Whether a file is an archive by its name, of whatever kind."""
    return path.lower().endswith((*ARCHIVE_ENDINGS, *OTHER_ARCHIVES))


def is_named_like_a_table(path: str) -> bool:
    """Whether a file's name says that it speaks of many clips: ``metadata.csv``, ``train.tsv``."""
    stem = stem_of(path).lower()
    return path.lower().endswith((".tsv", ".csv", ".jsonl")) and (
        is_whole_stem(stem) or split_in_stem(stem) is not None
    )


def split_named(path: str) -> str | None:
    """The split that a file's name speaks of; None where it speaks of none."""
    found = split_in_stem(stem_of(path))
    return found and found.lower()


def is_whole_stem(stem: str) -> bool:
    """Whether the name of a table says no more than that it is one, or which part of one."""
    if stem.lower() in WHOLE_TABLE_STEMS:
        return True
    words = [word for word in re.split(r"[\W_]+", stem.lower()) if word]
    telling = [word for word in words if word not in WHOLE_TABLE_STEMS and word not in _OF_TABLES]
    return all(word.isdigit() for word in telling) and (not words or len(telling) < len(words))


def without_archive(name: str) -> str:
    """A file's name without the ending of an archive."""
    return next((name[: -len(ending)] for ending in ARCHIVE_ENDINGS if name.lower().endswith(ending)), name)


def is_whole_table(path: str) -> bool:
    """Whether a table speaks of no split, but of all clips that there are: by its name and the folders around it."""
    around = (without_archive(part.lower()) for part in path.split("/")[:-1])
    return is_whole_stem(stem_of(path)) and SPLIT_WORDS.isdisjoint(around)


def pair_name(name: str) -> str:
    """What a table and the archive or folder of its clips are both called, by the name of one of them.

    ``train_0``, ``train_0_metadata`` and ``audio_train-0`` are one; ``audio_0`` and ``metadata_0`` likewise.
    """
    words = [word for word in re.split(r"[-_. ]+", name.lower()) if word]
    telling = [word for word in words if word not in _OF_PAIRS]
    if not telling:
        return name.lower()
    is_bare_number = len(telling) < len(words) and all(word.isdigit() for word in telling)
    return ("#" if is_bare_number else "") + "_".join(telling)


def natural(path: str) -> list[tuple[int, int, str]]:
    """A key that sorts ``_2`` before ``_10``."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", path)]


def stem_of(path: str) -> str:
    return basename(path).rpartition(".")[0]


def split_in_stem(stem: str) -> str | None:
    """The split that a file name speaks of, spelt as there."""
    return next((word for word in re.split(r"[-_. ]", stem) if word.lower() in SPLIT_WORDS), None)
