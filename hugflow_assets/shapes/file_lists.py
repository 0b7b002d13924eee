"""Files of a repository in words, and which of them speak of it and not of its rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from posixpath import basename, splitext

from hugflow_assets.formats.names import METADATA_NAMES

FILES_SHOWN = 10
_SEALS = (".asc", ".sig", ".md5", ".sha1", ".sha256", ".sha512", ".md5sum", ".sha256sum", ".crc32", ".idx", ".torrent")


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
    counts = ", ".join(f"{count} {ending}" for ending, count in endings.most_common(FILES_SHOWN))
    return f"Not read: {counts} ({left[0]}{', …' if len(left) > 1 else ''})." if left else ""


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


def some_of(paths: Sequence[str]) -> str:
    more = f", … ({len(paths)})" if len(paths) > FILES_SHOWN else ""
    return ", ".join(paths[:FILES_SHOWN]) + more
