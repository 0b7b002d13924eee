"""The one table of media: which endings are audio, image, video or pdf, and which say something in a header.

An ending that means nothing by itself (``.raw``, ``.pcm``, ``.ts``) is media only where a table, a list or a text
names the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class MediaEnding:
    """An ending of media files.

    Attributes:
        kinds: what such files may be; the first is what they are taken for where nothing else says it.
        has_header: whether a header tells their duration, sampling rate and channels.
        alone: whether the ending alone makes a file media; else something has to name it.
    """

    kinds: tuple[str, ...]
    has_header: bool = False
    alone: bool = True


def _endings(names: str, *kinds: str, has_header: bool = False, alone: bool = True) -> dict[str, MediaEnding]:
    return {f".{name}": MediaEnding(kinds, has_header, alone) for name in names.split()}


MEDIA_ENDINGS: Mapping[str, MediaEnding] = MappingProxyType(
    {
        **_endings("wav wave rf64 w64 flac mp3 mp2 mp1 mpga ogg oga opus spx", "audio", has_header=True),
        **_endings("m4a m4b aac wma amr aif aiff aifc au snd sph nist caf voc", "audio", has_header=True),
        **_endings("ape wv tta ac3 alac weba mka", "audio", has_header=True),
        **_endings("mp4 webm 3gp", "audio", "video", has_header=True),  # speech corpora have them, so they are audio
        **_endings("gsm", "audio"),
        **_endings("raw pcm", "audio", alone=False),
        **_endings("png jpg jpeg gif webp bmp tif tiff jp2 avif heic ppm pgm pbm", "image"),
        **_endings("ico svg", "image", alone=False),
        **_endings("m4v mov avi mkv mpg mpeg ogv wmv flv", "video"),
        **_endings("ts", "video", alone=False),
        **_endings("pdf", "pdf"),
    }
)


def endings_of(kind: str) -> frozenset[str]:
    """The endings, with their dots, that files of a kind may have."""
    return frozenset(ending for ending, row in MEDIA_ENDINGS.items() if kind in row.kinds)


MEDIA_FEATURES = frozenset(
    {"Audio", "Image", "Video", "Pdf", "Nifti", "Mesh", "BioStructure"}
)  # features that land as files
MEDIA_KINDS = frozenset(kind for row in MEDIA_ENDINGS.values() for kind in row.kinds)
AUDIO_ENDINGS = tuple(ending for ending, row in MEDIA_ENDINGS.items() if row.kinds[0] == "audio")
AUDIO_ALONE = tuple(ending for ending in AUDIO_ENDINGS if MEDIA_ENDINGS[ending].alone)


def ending_of(path: str) -> str:
    """The ending of a file's name with its dot, in lower case; "" where it has none."""
    dot = path.rfind(".")
    return path[dot:].lower() if dot > path.rfind("/") else ""


def media_kind(path: str) -> str | None:
    """What a file is by its ending alone, of any case; None where that says nothing."""
    row = MEDIA_ENDINGS.get(ending_of(path))
    return row.kinds[0] if row is not None and row.alone else None


def is_audio(path: str) -> bool:
    """Whether a file that something names may be audio by its ending, of any case."""
    return ending_of(path) in _AUDIO


_AUDIO = frozenset(AUDIO_ENDINGS)
