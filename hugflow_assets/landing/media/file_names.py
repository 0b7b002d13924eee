"""File names for media: the original base name where it is safe and unique, else the nearest one that is.

A name depends on the order of the rows of its shard alone, so two landings of one commit give equal names.
"""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePosixPath

from hugflow_assets.formats.media import endings_of

MAX_NAME_BYTES = 100  # what a ustar archive holds; NeMo refuses manifest paths of 255 characters and more
_MAX_EXTENSION_BYTES = 12

_EXTENSIONS = {
    kind: frozenset(ending[1:] for ending in endings_of(kind)) for kind in ("audio", "image", "video", "pdf")
}
_UNSAFE = re.compile(
    r'[\x00-\x1f\x7f-\x9f\ud800-\udfff<>:"|?*\[\]\\/\u2028\u2029'
    r"\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)  # the second line shows nothing and may turn a name around; joiners (\u200c, \u200d) are part of words
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,90}\.([A-Za-z0-9]{1,8})")
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|$)", re.IGNORECASE)


def sniffed_extension(head: bytes) -> str | None:
    """The extension that the first bytes of a file speak of (``"wav"``), or None where they are not known."""
    if head[:4] in (b"RIFF", b"RF64", b"BW64"):
        return {b"WAVE": "wav", b"AVI ": "avi", b"WEBP": "webp"}.get(head[8:12])
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return "aiff"
    if head[4:8] == b"ftyp":
        return "m4a" if head[8:11] in (b"M4A", b"M4B") else "mp4"
    if head[:4] == b"OggS":
        return "opus" if b"OpusHead" in head[:64] else "ogg"
    for magic, extension in _MAGIC:
        if head.startswith(magic):
            return extension
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0:
        return "aac" if head[1] & 0x06 == 0 else "mp3"
    return None


_MAGIC = (
    (b"fLaC", "flac"),
    (b"ID3", "mp3"),
    (b"caff", "caf"),
    (b".snd", "au"),
    (b"#!AMR", "amr"),
    (b"NIST_1A", "sph"),
    (b"\x1aE\xdf\xa3", "webm"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "wma"),
    (b"\x89PNG", "png"),
    (b"\xff\xd8\xff", "jpg"),
    (b"GIF8", "gif"),
    (b"BM", "bmp"),
    (b"II*\x00", "tif"),
    (b"MM\x00*", "tif"),
    (b"%PDF", "pdf"),
)


def original_base(source_path: str | None) -> str:
    """The last component of an upstream path, ``/`` and ``\\`` alike; empty where there is none."""
    if not source_path:
        return ""
    return source_path.replace("\\", "/").rsplit("/", 1)[-1]


def safe_name(source_path: str | None, row: int, head: bytes, kind: str) -> str:
    """One harmless path component of at most ``MAX_NAME_BYTES`` bytes, with an extension.

    The original base name is kept as it is where it is harmless. ``row`` names what has no name upstream. The extension
    is sniffed from ``head`` only where there is none, or none that files of this kind have.
    """
    original = original_base(source_path)
    known = _EXTENSIONS.get(kind, _EXTENSIONS["audio"])
    if (plain := _PLAIN.fullmatch(original)) and plain[1].lower() in known and not _RESERVED.match(original):
        return original  # nearly every name there is
    base = unicodedata.normalize("NFC", original)
    base = re.sub(r"\s", " ", _UNSAFE.sub("_", base)).strip(" ").rstrip(". ")
    if not base.strip("._- "):
        base = f"{row:06d}"
    if base[0] in ".-~":
        base = "_" + base[1:]
    if _RESERVED.match(base):
        base = "_" + base
    suffix = PurePosixPath(base).suffix
    if suffix[1:].lower() not in known:
        sniffed = sniffed_extension(head)
        if sniffed or not suffix:
            base, suffix = f"{base}.{sniffed or 'bin'}", f".{sniffed or 'bin'}"
    if len(suffix.encode()) > _MAX_EXTENSION_BYTES:
        suffix = ""
    stem = base[: len(base) - len(suffix)] if suffix else base
    return _cut(stem, MAX_NAME_BYTES - len(suffix.encode())) + suffix


def _cut(text: str, size_bytes: int) -> str:
    if len(text) * 4 <= size_bytes:
        return text
    return text.encode()[:size_bytes].decode(errors="ignore").rstrip(" .") or "_"


class FolderNames:
    """The names given out in one folder: no two equal, not even on a file system that folds case."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._next: dict[str, int] = {}

    def take(self, name: str) -> str:
        """``name`` itself, or with the lowest ``-2``, ``-3`` … before its extension that is still free."""
        key = _folded(name)
        if key in self._taken:
            path = PurePosixPath(name)
            number = self._next.get(key, 2)
            while True:
                tail = f"-{number}{path.suffix}"
                name = _cut(path.stem, MAX_NAME_BYTES - len(tail.encode())) + tail
                number += 1
                if _folded(name) not in self._taken:
                    break
            self._next[key] = number
            key = _folded(name)
        self._taken.add(key)
        return name


def _folded(name: str) -> str:
    return name if name.isascii() and name.islower() else unicodedata.normalize("NFC", name.casefold())
