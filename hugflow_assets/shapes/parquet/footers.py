"""Parquet footers, read by range: rows, features and sizes without a byte of data."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from hugflow_assets.formats.media import AUDIO_ENDINGS, endings_of
from hugflow_assets.hub.access import HubAccess
from hugflow_assets.hub.cache import TAILS
from hugflow_assets.hub.models import SourceFile
from hugflow_assets.hub.prefetch import at_once
from hugflow_assets.hub.ranges import read_range_of
from hugflow_assets.hub.refusals import Asked, refusal
from hugflow_assets.hub.requests import Answer

TAIL_BYTES = 64 << 10
MOST = 64
_TRIES = 2
_IMAGES, _VIDEOS = endings_of("image"), endings_of("video")
_AUDIO_NAMES = ("audio", "speech", "wav", "sound", "recording", "utterance", "voice", "clip")
_MEDIA = frozenset({"Audio", "Image", "Video", "Pdf"})
_BARE = {  # columns of bytes without a struct: only names that can hardly mean anything else
    **dict.fromkeys(("audio", "audio_bytes", "audio_data", "wav", "wav_bytes", "flac", "mp3", "opus", "ogg"), "Audio"),
    **dict.fromkeys(("speech", "speech_bytes", "recording", "waveform_bytes"), "Audio"),
    **dict.fromkeys(("image", "image_bytes", "img", "png", "jpg", "jpeg"), "Image"),
    **dict.fromkeys(("video", "video_bytes", "mp4"), "Video"),
    "pdf": "Pdf",
}


@dataclass(frozen=True)
class Footer:
    """What a parquet file says about itself. Sizes are uncompressed bytes; media: binary columns, other: the rest."""

    rows: int
    media_bytes: int
    other_bytes: int
    media_columns: int
    path_only: bool = False  # there are media columns, and all of their bytes are null: the repository has the files
    features: dict[str, Any] | None = field(default=None, hash=False)


def read_footers(access: HubAccess, repo_id: str, commit: str, files: list[SourceFile]) -> dict[str, Footer]:
    """The footers of the given files by path; one that cannot be read by range, or is no parquet, is left out."""
    found = at_once(lambda file: _read(access, repo_id, commit, file), files)
    return {file.path: footer for file, footer in zip(files, found, strict=True) if footer is not None}


def sample(files: list[SourceFile], most: int = MOST) -> list[SourceFile]:
    """At most ``most`` of the files, evenly spread, the first always among them; the same for the same list."""
    if len(files) <= most:
        return files
    return [files[i * len(files) // most] for i in range(most)]


def _read(access: HubAccess, repo_id: str, commit: str, file: SourceFile) -> Footer | None:
    for _ in range(_TRIES):  # a byte that was flipped on the way is another one the next time
        tail = read_tail(access, repo_id, commit, file)
        if tail is not None and (footer := parse_footer(tail)) is not None:
            if file.sha256:
                TAILS.put(tail, access, repo_id, file.sha256)
            return footer
    return None


def read_tail(access: HubAccess, repo_id: str, commit: str, file: SourceFile) -> bytes | None:
    """The end of a parquet file with its whole footer; None where there is none, or the server has no ranges.

    Nobody is asked after a plan with this file in this process.
    """
    if file.sha256 and (known := TAILS.get(access, repo_id, file.sha256)) is not None:
        return known
    tail = _tail(access, repo_id, commit, file, TAIL_BYTES)
    if len(tail) < 12 or tail[-4:] != b"PAR1":
        return None
    needed = int.from_bytes(tail[-8:-4], "little") + 8
    if needed > len(tail):
        if needed > file.size_bytes:
            return None
        tail = _tail(access, repo_id, commit, file, needed)
    return tail[-needed:] or None


def _tail(access: HubAccess, repo_id: str, commit: str, file: SourceFile, size: int) -> bytes:
    return read_range(access, repo_id, commit, file, max(0, file.size_bytes - size), file.size_bytes)


def read_range(access: HubAccess, repo_id: str, commit: str, file: SourceFile, start: int, end: int) -> bytes:
    """The bytes of a file from ``start`` to ``end`` (exclusive); none where the server knows no ranges.

    Raises:
        HFError: as ``read_range_of`` raises them, and for a file that is not there or not for us.
    """

    def refuse(answer: Answer) -> None:
        if answer.status >= 400:
            raise refusal(answer, Asked(access, repo_id, commit, file.path))

    return read_range_of(access, repo_id, commit, file, start, end, refuse)


def parse_footer(tail: bytes) -> Footer | None:
    """A footer from the end of a parquet file; None when it is not one that can be read (encrypted, damaged)."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        metadata = pq.read_metadata(pa.BufferReader(tail))
        schema = metadata.schema.to_arrow_schema()
    except (pa.ArrowException, OSError, ValueError):
        return None
    media = other = nulls = 0
    columns: set[str] = set()
    for group in range(metadata.num_row_groups):
        row_group = metadata.row_group(group)
        for index in range(row_group.num_columns):
            column = row_group.column(index)
            leaf = metadata.schema.column(index)
            if leaf.physical_type == "BYTE_ARRAY" and str(leaf.logical_type.type) == "NONE":
                media += column.total_uncompressed_size
                columns.add(column.path_in_schema)
                nulls += _nulls(column)
            else:
                other += column.total_uncompressed_size
    path_only = bool(columns) and metadata.num_rows > 0 and nulls == metadata.num_rows * len(columns)
    features = features_of(schema, _endings(metadata))
    return Footer(metadata.num_rows, media, other, len(columns), path_only, features)


def _nulls(column: Any) -> int:
    stats = column.statistics
    return stats.null_count if stats is not None and stats.has_null_count else 0


def _endings(metadata: Any) -> dict[str, str]:
    """Column path to the file ending that its statistics show, e.g. ``audio.path`` to ``.wav``."""
    found: dict[str, str] = {}
    if metadata.num_row_groups:
        group = metadata.row_group(0)
        for index in range(group.num_columns):
            column = group.column(index)
            stats = column.statistics
            if column.path_in_schema.endswith(".path") and stats is not None and stats.has_min_max:
                found[column.path_in_schema] = PurePosixPath(str(stats.min)).suffix.lower()
    return found


def features_of(schema: Any, endings: dict[str, str] | None = None) -> dict[str, Any] | None:
    """``Features.to_dict()`` of an Arrow schema: from its ``huggingface`` metadata, else from its types.

    A legacy file has no such metadata; a struct of bytes and path is then Audio (or Image) by the endings of its
    paths, or by its name where there are no statistics; bytes alone are by their name.
    """
    from datasets import Features

    declared = _declared(schema)
    try:
        features: dict[str, Any] = Features.from_arrow_schema(schema).to_dict()
    except (ValueError, TypeError, KeyError, NotImplementedError):
        if b"huggingface" not in (schema.metadata or {}):
            return None
        features = features_of(schema.remove_metadata(), endings) or {}
        return features or None
    for name in features:
        kind = schema.field(name).type
        if (said := declared.get(name)) is not None:
            features[name] = said if _may_hold(kind) else features[name]
        elif not declared:
            features[name] = _legacy_media(name, kind, (endings or {}).get(f"{name}.path", "")) or features[name]
    return features


def _declared(schema: Any) -> dict[str, Any]:
    """What the metadata of the file says of its columns; `datasets` itself drops media that are stored otherwise."""
    try:
        found = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        return {name: one if one.get("_type") in _MEDIA else None for name, one in found.items()}
    except (KeyError, TypeError, ValueError, AttributeError):
        return {}


def _may_hold(kind: Any) -> bool:
    """Whether media can be in a column of this type: bytes, paths, or a struct of either or both."""
    import pyarrow as pa

    if pa.types.is_struct(kind):
        return {field.name for field in kind} <= {"bytes", "path"} and all(_may_hold(field.type) for field in kind)
    return _is_binary(kind) or _is_text(kind) or pa.types.is_null(kind)


def _legacy_media(name: str, kind: Any, ending: str) -> dict[str, Any] | None:
    """The feature of a column that nothing declares, if it holds media."""
    import pyarrow as pa

    if _is_binary(kind):
        return {"_type": _BARE[name.lower()]} if name.lower() in _BARE else None
    if not pa.types.is_struct(kind):
        return None
    fields = {field.name: field.type for field in kind}
    if "bytes" not in fields or not _is_binary(fields["bytes"]) or not _is_text(fields.get("path", pa.string())):
        return None
    if ending in _IMAGES:
        return {"_type": "Image"} if set(fields) == {"bytes", "path"} else None
    is_audio = ending in AUDIO_ENDINGS and not (ending in _VIDEOS and "video" in name.lower())
    if not is_audio and not any(word in name.lower() for word in _AUDIO_NAMES):
        return None
    if set(fields) <= {"bytes", "path"}:
        return {"_type": "Audio"}
    features = features_of(pa.schema(list(kind)))
    return features | {"bytes": {"_type": "Audio"}} if features else None


def _is_binary(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind))


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))
