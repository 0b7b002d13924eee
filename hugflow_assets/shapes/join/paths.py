"""Paths as tables and archives write them, in one form: components between slashes, composed Unicode."""

from __future__ import annotations

import unicodedata
from posixpath import basename, dirname
from urllib.parse import unquote

from hugflow_assets.formats import media
from hugflow_assets.formats.names import without_archive

_NO_CLIPS = (".tsv", ".csv", ".txt", ".md", ".json", ".jsonl", ".pdf", "license", "readme")


def composed(name: str) -> str:
    """In one Unicode form: macOS decomposes the names of files, tables have them composed."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def plain(path: str | None) -> str:
    """A path with forward slashes, without ``.`` and ``..``; "" for none."""
    path = composed(path or "").replace("\\", "/")
    if "//" not in path and "./" not in path and path[:1] != "/" and path[-2:] not in ("/.", "..") and path != ".":
        return path
    return "/".join(part for part in path.split("/") if part not in ("", ".", ".."))


def unescaped(path: str) -> str | None:
    """A path whose URL escapes are undone, where it has any."""
    if "%" not in path:
        return None
    found = unquote(path, errors="strict") if _is_escaped(path) else path
    return None if found == path or "\0" in found else plain(found)


def _is_escaped(path: str) -> bool:
    try:
        unquote(path, errors="strict")
    except UnicodeDecodeError:
        return False
    return True


def below(folder: str, path: str) -> str | None:
    """Where a path leads from a folder; None where it does not start from there, or leads out of all folders."""
    path = composed(path).replace("\\", "/")
    if path.startswith("/") or "://" in path or path[1:2] == ":":
        return None
    parts = [part for part in folder.split("/") if part]
    for part in path.split("/"):
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


def bare(path: str) -> str:
    """A path without the ending of audio."""
    return path.rpartition(".")[0] if is_audio(path) else path


def is_audio(path: str) -> bool:
    """Whether a file is audio by its name, and not what macOS adds to an archive."""
    base = basename(path)
    return "." in base[1:] and media.is_audio(base) and not base.startswith("._")


def is_nameable(path: str) -> bool:
    """Whether a file that no row names is worth counting: tables, licences and checksums beside clips are not."""
    return not path.lower().endswith(_NO_CLIPS) and not basename(path).startswith("._")


def as_folders(path: str) -> str:
    """A path whose archives are folders that are called as they are, without their endings."""
    return "/".join(map(without_archive, path.split("/")))


__all__ = [
    "as_folders",
    "bare",
    "basename",
    "below",
    "composed",
    "dirname",
    "is_audio",
    "is_nameable",
    "plain",
    "unescaped",
    "without_archive",
]
