"""What the first and the last bytes of a tar archive on the Hub tell of its members; the rest is not read."""

from __future__ import annotations

import bz2
import io
import json
import lzma
import re
import tarfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from posixpath import basename
from typing import Any

from hugflow_assets.formats.media import is_audio, media_kind
from hugflow_assets.formats.names import ARCHIVE_ENDINGS, is_named_like_a_table, split_named
from hugflow_assets.formats.tables import PATH_COLUMNS, fields_of
from hugflow_assets.formats.text.transcripts import is_named_like_a_list
from hugflow_assets.hub.models import SourceFile
from hugflow_assets.hub.prefetch import at_once
from hugflow_assets.shapes.clip_tables.layout import tables_among
from hugflow_assets.shapes.clip_tables.recognise import clip_archives
from hugflow_assets.shapes.models import Shape
from hugflow_assets.shapes.sight import Recognised, Sight

HEAD_BYTES = 1 << 20
TAIL_BYTES = 256 << 10
_UNPACKED_BYTES = 16 << 20
_KEPT_BYTES = 16 << 10  # of a member: enough for a table's header
_CONFIGS_LOOKED_AT = 8
_TARS_LOOKED_AT = 32
_LONE_TABLES = (".tsv", ".csv", ".jsonl")
_TABLES_BESIDE = (*_LONE_TABLES, ".ndjson", ".json")
_KEYED = re.compile(r"((?:.*/|)[^.]+)[.]([^/]*)")  # as webdataset's base_plus_ext

ReadRange = Callable[[int, int], bytes]


@dataclass(frozen=True)
class TarSight:
    """Members near the beginning and the end, in order, with their first bytes. ``sizes`` are the members' own."""

    archive: SourceFile
    heads: Mapping[str, bytes]
    sizes: Mapping[str, int]
    cut: frozenset[str] = frozenset()  # keys next to what was not read: more may belong to them
    is_whole: bool = True  # all members are in sight

    @property
    def clips(self) -> list[str]:
        return [name for name in self.heads if is_audio(name)]

    @property
    def lone_tables(self) -> list[SourceFile]:
        """Tables that share their key with no other member, so that they speak of all: metadata of the clips."""
        keys = [_key(name) for name in self.heads]
        return [
            SourceFile(
                path=f"{self.archive.path}/{name}", size_bytes=self.sizes[name], archive=self.archive, member=name
            )
            for name in self.heads
            if name.lower().endswith(_LONE_TABLES) and keys.count(_key(name)) == 1 and _key(name) not in self.cut
        ]

    def fields(self) -> dict[str, Any]:
        """Features of the samples seen, as WebDataset names their fields; of JSON members, what is in them.

        Nothing where clips stand alone beside texts, or beside members out of sight: texts may speak of them then.
        """
        keys = Counter(map(_key, self.heads))
        alone = [name for name in self.heads if keys[_key(name)] == 1 and _key(name) not in self.cut]
        clips = {name for name in alone if name in set(self.clips)}
        if clips and (not self.is_whole or len(clips) < len(alone)):
            return {}
        found: dict[str, Any] = {}
        for name, head in self.heads.items():
            if (match := _KEYED.fullmatch(name)) is None:
                continue
            field = match[2]
            if field.lower().endswith(("json", "jsn")):
                found[field] = {**(found.get(field) or {}), **_json_fields(head)}
            else:
                is_clip = media_kind(name) == "audio"
                found[field] = {"_type": "Audio"} if is_clip else {"dtype": "string", "_type": "Value"}
        return found and found | {name: {"dtype": "string", "_type": "Value"} for name in ("__key__", "__url__")}


def look_into_tar(archive: SourceFile, read: ReadRange) -> TarSight:
    """Look at both ends of a tar archive, or at the beginning of a compressed one. What cannot be read shows nothing.

    Args:
        read: gives the archive's bytes from a start to an end (exclusive).
    """
    size, behind = (
        archive.size_bytes,
        max(HEAD_BYTES, (archive.size_bytes - TAIL_BYTES) // tarfile.BLOCKSIZE * tarfile.BLOCKSIZE),
    )
    spans = [(0, min(HEAD_BYTES, size))]
    if size > HEAD_BYTES and archive.path.lower().endswith(".tar"):
        spans.append((behind, size))
    head, *tail = at_once(lambda span: read(*span), spans)
    unpacked, is_whole = _unpacked(head, len(head) == archive.size_bytes)
    found = list(_members(unpacked))
    cut = set() if is_whole or not found else {_key(found[-1][0])}
    if not is_whole and unpacked is head and size > HEAD_BYTES:
        last = list(_scanned(tail[0] if tail else read(behind, size)))
        cut |= {_key(last[0][0])} if last else set()
        found += last
    names = {name: (size, data) for name, size, data in found}
    return TarSight(
        archive,
        {name: data for name, (_, data) in names.items()},
        {name: size for name, (size, _) in names.items()},
        frozenset(cut),
        is_whole or (unpacked is head and archive.size_bytes <= HEAD_BYTES),
    )


def _unpacked(head: bytes, is_all: bool) -> tuple[bytes, bool]:
    """The beginning of the tar that is in the beginning of a file, and whether that is all of it."""
    try:
        if head[:2] == b"\x1f\x8b":
            inflating = zlib.decompressobj(wbits=31)
            return inflating.decompress(head, _UNPACKED_BYTES), is_all and inflating.eof and not inflating.unused_data
        if head[:3] == b"BZh":
            bunzip = bz2.BZ2Decompressor()
            return bunzip.decompress(head, _UNPACKED_BYTES), is_all and bunzip.eof
        if head[:6] == b"\xfd7zXZ\0":
            xz = lzma.LZMADecompressor()
            return xz.decompress(head, _UNPACKED_BYTES), is_all and xz.eof
    except (zlib.error, OSError, lzma.LZMAError, EOFError):
        return b"", False
    return head, is_all


def _members(data: bytes) -> Iterator[tuple[str, int, bytes]]:
    """Name, size and first bytes of the files in the beginning of a tar."""
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:", errors="surrogateescape") as tar:
            for info in tar:
                if info.isreg():
                    yield (
                        info.name.removeprefix("./"),
                        info.size,
                        data[info.offset_data :][: min(info.size, _KEPT_BYTES)],
                    )
    except (tarfile.TarError, EOFError, ValueError):
        return


def _scanned(data: bytes) -> Iterator[tuple[str, int, bytes]]:
    """The same for the end of a tar, whose first header may be anywhere: a header is known by its checksum."""
    at = 0
    while at + tarfile.BLOCKSIZE <= len(data):
        block = data[at : at + tarfile.BLOCKSIZE]
        at += tarfile.BLOCKSIZE
        if block[257:262] != b"ustar":
            continue
        try:
            info = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except tarfile.HeaderError:
            continue
        if info.isreg():
            yield info.name.removeprefix("./"), info.size, data[at : at + min(info.size, _KEPT_BYTES)]
            at += -(-info.size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE


def _key(name: str) -> str:
    match = _KEYED.fullmatch(name)
    return match[1] if match else basename(name)


def _json_fields(data: bytes) -> dict[str, Any]:
    try:
        document = json.loads(data)
    except ValueError:
        return {}
    return fields_of([document]) if isinstance(document, dict) else {}


# ---- tables beside the clips


def tables_in_tars(
    sight: Sight, files: Mapping[str, SourceFile], look: Callable[[SourceFile], TarSight]
) -> tuple[Recognised | None, dict[str, SourceFile], dict[str, dict[str, Any]]]:
    """Whether tar archives hold tables of their clips: the shape, the tables as files, and else the fields by config.

    The first archive of a config is looked at; where it holds such a table, some more are.
    """
    seen: dict[str, dict[str, Any]] = {}
    firsts = {
        config.name: files[path]
        for config in sight.layout.configs[:_CONFIGS_LOOKED_AT]
        for path in [path for _, paths in config.splits for path in paths][:1]
        if files[path].archive is None
    }
    for name, inside in zip(firsts, at_once(look, firsts.values()), strict=True):
        if inside.lone_tables and inside.clips:
            found, tables = _joined(
                sight, at_once(look, [files[path] for path in sight.data_files[:_TARS_LOOKED_AT]]), files
            )
            if found.clips is not None or any(is_named_like_a_table(path) for path in tables):
                return found, tables, {}
        seen[name] = inside.fields()
    return None, {}, {name: fields for name, fields in seen.items() if fields}


def named_in_tars(
    sight: Sight, files: Mapping[str, SourceFile], look: Callable[[SourceFile], TarSight]
) -> Recognised | None:
    """Clip archives whose tables have no header, or a column of any name for clips: by the clips seen inside."""
    tables = tables_among([path for path in sight.paths if path.lower().endswith(_TABLES_BESIDE) or _may_be_list(path)])
    tars = [path for path in sight.paths if path.lower().endswith(ARCHIVE_ENDINGS)]
    if not tables or not tars or any(files[path].archive for path in (*tables, *tars)):
        return None
    looked = at_once(look, [files[path] for path in tars[:_CONFIGS_LOOKED_AT]])
    clips = tuple(name for inside in looked for name in inside.clips)
    paths = (*tables, *tars, *filter(None, [sight.script]))
    return clip_archives(replace(sight, paths=paths, members=clips, lists=True)) if clips else None


def _may_be_list(path: str) -> bool:
    return path.lower().endswith(".txt") and (is_named_like_a_list(path) or split_named(path) is not None)


def _joined(
    sight: Sight, inside: list[TarSight], files: Mapping[str, SourceFile]
) -> tuple[Recognised, dict[str, SourceFile]]:
    """Archives that were not looked at are taken to hold a table of the same name; landing says so if they do not."""
    tables = {table.path: table for one in inside for table in one.lone_tables}
    heads = {f"{one.archive.path}/{name}": head for one in inside for name, head in one.heads.items()}
    for path in sight.data_files[len(inside) :]:
        for table in inside[0].lone_tables or list(tables.values())[:1]:
            alike = table.model_copy(update={"path": f"{path}/{table.member}", "archive": files[path]})
            tables[alike.path], heads[alike.path] = alike, heads[table.path]
    found = clip_archives(
        replace(
            sight,
            paths=(*tables, *sight.data_files),
            head=lambda path: heads[path],
            members=tuple(name for one in inside for name in one.clips),
        )
    )
    if found is None:
        description = f"tar archives of clips whose table ({next(iter(tables))}) has no column that names them"
        found = Recognised(Shape.UNSUPPORTED, f"{description} ({', '.join(PATH_COLUMNS)})")
    return found, tables
