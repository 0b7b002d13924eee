"""What the members of a WebDataset are by their names: the key and the field, as webdataset splits them."""

from __future__ import annotations

import re

KEY, URL = "__key__", "__url__"
FEATURES = {"audio": "Audio", "image": "Image", "video": "Video", "pdf": "Pdf"}
_KEYED = re.compile(r"((?:.*/|)[^.]+)[.]([^/]*)")  # as webdataset's base_plus_ext
_TEXT = frozenset({"txt", "text", "transcript", "tsv", "csv", "md", "srt", "vtt", "lab", "ctm", "xml", "yaml", "yml"})
_WHOLE = frozenset({"cls", "cls2", "index", "inx", "id"})
_JSON = frozenset({"json", "jsn"})
_KINDS = {
    "audio": "aiff aif au caf flac ogg oga opus wav wave mp3 m4a aac w64 nist sph amr wma webm voc rf64",
    "image": "png jpg jpeg gif webp bmp tif tiff jp2 ppm pgm pbm avif heic",
    "video": "mp4 mkv avi mov mpeg mpg m4v",
    "pdf": "pdf",
}
_MEDIA = {ending: kind for kind, endings in _KINDS.items() for ending in endings.split()}


def keyed(name: str) -> tuple[str, str] | None:
    """The key and the field of a member; None where it has none."""
    found = _KEYED.fullmatch(name)
    return None if found is None else (found[1], found[2])


def kind_of(field: str) -> str:
    """What the values of a field are: a kind of media, ``JSON``, ``text``, ``whole`` (numbers) or ``binary``."""
    ending = field.rpartition(".")[2].lower()
    if field in (KEY, URL):
        return "own"
    if ending in _MEDIA:
        return _MEDIA[ending]
    for kind, endings in ((JSON, _JSON), ("text", _TEXT), ("whole", _WHOLE)):
        if ending in endings:
            return kind
    return "binary"


JSON = "json"  # a kind of media tree: text that is the JSON of its value and goes into the record as it is
