"""What the members of a WebDataset are by their names: the key and the field, as webdataset splits them."""

from __future__ import annotations

import re

from hugflow_assets.formats.media import media_kind

KEY, URL = "__key__", "__url__"
FEATURES = {"audio": "Audio", "image": "Image", "video": "Video", "pdf": "Pdf"}
_KEYED = re.compile(r"((?:.*/|)[^.]+)[.]([^/]*)")  # as webdataset's base_plus_ext
_TEXT = frozenset(
    {"txt", "text", "transcript", "tsv", "csv", "md", "srt", "vtt", "lab", "trn", "trans", "ctm", "xml", "yaml", "yml"}
)
_WHOLE = frozenset({"cls", "cls2", "index", "inx", "id"})
_JSON = frozenset({"json", "jsn"})


def keyed(name: str) -> tuple[str, str] | None:
    """The key and the field of a member; None where it has none."""
    found = _KEYED.fullmatch(name)
    return None if found is None else (found[1], found[2])


def kind_of(field: str) -> str:
    """What the values of a field are: a kind of media, ``JSON``, ``text``, ``whole`` (numbers) or ``binary``."""
    ending = field.rpartition(".")[2].lower()
    if field in (KEY, URL):
        return "own"
    if (media := media_kind(f".{ending}")) is not None:
        return media
    for kind, endings in ((JSON, _JSON), ("text", _TEXT), ("whole", _WHOLE)):
        if ending in endings:
            return kind
    return "binary"


JSON = "json"  # a kind of media tree: text that is the JSON of its value and goes into the record as it is
