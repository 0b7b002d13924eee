"""MP4 and its relatives (m4a, 3gp, mov): ISO/IEC 14496-12 and 14496-14, QuickTime's sound descriptions."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from hugflow_assets.formats.headers.frames import AAC_RATES
from hugflow_assets.formats.headers.lossless import stream_info
from hugflow_assets.formats.headers.sound import Sound

_INSIDE = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"moof", b"traf", b"edts"}
_AMR_RATES = {b"samr": 8000, b"sawb": 16000}


def mp4(data: memoryview) -> Sound | None:
    """The first track of sound: its description, and how long its samples and edits say that it is."""
    fragments: list[memoryview] = []
    movie: memoryview | None = None
    for kind, body in boxes(data):
        if kind == b"moov":
            movie = body
        elif kind == b"moof":
            fragments.append(body)
    if movie is None:
        return None
    movie_scale = _scale(_first(movie, b"mvhd"))[0]
    for kind, track in boxes(movie):
        if kind != b"trak" or (media := _first(track, b"mdia")) is None:
            continue
        if bytes((_first(media, b"hdlr") or b"")[8:12]) != b"soun":
            continue
        rate, channels = _described(media)
        scale, length = _scale(_first(media, b"mdhd"))
        if fragments and not length:
            length = _fragmented(
                fragments, movie, struct.unpack_from(">I", _first(track, b"tkhd") or b"", _id_at(track))[0]
            )
        seconds = _edited(track, length / scale, scale, movie_scale)
        return Sound(seconds * rate, rate, channels)
    return None


def boxes(data: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """The boxes that lie side by side in ``data``."""
    at = 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        head = 8
        if size == 1:
            size, head = struct.unpack_from(">Q", data, at + 8)[0], 16
        elif size == 0:
            size = len(data) - at
        if size < head:
            return
        yield kind, data[at + head : at + size]
        at += size


def _first(data: memoryview, *path: bytes) -> memoryview | None:
    found: memoryview | None = data
    for name in path:
        found = next((body for kind, body in boxes(found) if kind == name), None) if found is not None else None
    return found


def _scale(header: memoryview | None) -> tuple[int, int]:
    """Time scale and duration of a movie's or a track's header."""
    if header is None:
        return 1, 0
    if header[0] == 1:
        scale, length = struct.unpack_from(">IQ", header, 20)
    else:
        scale, length = struct.unpack_from(">II", header, 12)
    return scale or 1, 0 if length in (0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF) else length


def _edited(track: memoryview, seconds: float, scale: int, movie_scale: int) -> float:
    """What edits leave: an encoder's delay is cut off by one."""
    edits = _first(track, b"edts", b"elst")
    if edits is None:
        return seconds
    count, total = struct.unpack_from(">I", edits, 4)[0], 0.0
    for at in range(count):
        if edits[0] == 1:
            length, start = struct.unpack_from(">Qq", edits, 8 + 20 * at)
        else:
            length, start = struct.unpack_from(">Ii", edits, 8 + 12 * at)
        if start >= 0:
            left = seconds - start / scale
            total += min(length / movie_scale, left) if length else left
    return total or seconds


def _described(media: memoryview) -> tuple[int, int]:
    """Rate and channels, as the codec's own description has them."""
    table = _first(media, b"minf", b"stbl", b"stsd")
    if table is None:
        raise ValueError("no sample descriptions")
    size, kind = struct.unpack_from(">I4s", table, 8)
    entry = table[16 : 8 + size]
    version = struct.unpack_from(">H", entry, 8)[0]
    channels, rate = struct.unpack_from(">H", entry, 16)[0], struct.unpack_from(">I", entry, 24)[0] >> 16
    inner = entry[28 + (16 if version == 1 else 36 if version == 2 else 0) :]
    if version == 2:
        rate, channels = round(struct.unpack_from(">d", entry, 32)[0]), struct.unpack_from(">I", entry, 40)[0]
    inside = dict(boxes(_first(inner, b"wave") or inner))
    if kind == b"mp4a" and b"esds" in inside:
        return _aac(inside[b"esds"]) or (rate, channels)
    if kind == b"alac" and b"alac" in inside:
        config = inside[b"alac"]
        return struct.unpack_from(">I", config, 24)[0], config[13]
    if kind == b"Opus" and b"dOps" in inside:
        return 48_000, inside[b"dOps"][1]
    if kind == b"fLaC" and b"dfLa" in inside and (info := stream_info(inside[b"dfLa"][8:42])):
        return info.rate, info.channels
    return _AMR_RATES.get(kind, rate), 1 if kind in _AMR_RATES else channels


def _aac(box: memoryview) -> tuple[int, int] | None:
    """Rate and channels of an AudioSpecificConfig, which is a descriptor (tag 5) inside others."""
    at = 4
    while at < len(box):
        tag, size = box[at], 0
        at += 1
        while True:
            byte = box[at]
            size, at = size << 7 | byte & 0x7F, at + 1
            if not byte & 0x80:
                break
        if tag == 3:
            flags = box[at + 2]
            at += 3 + 2 * (flags >> 7) + (1 + box[at + 3] if flags & 0x40 else 0) + 2 * (flags >> 5 & 1)
        elif tag == 4:
            at += 13
        elif tag == 5:
            return _specific(int.from_bytes(box[at : at + size], "big"), size * 8)
        else:
            at += size
    return None


def _specific(bits: int, left: int) -> tuple[int, int] | None:
    def take(count: int) -> int:
        nonlocal left
        left -= count
        return bits >> left & (1 << count) - 1

    def rate() -> int:
        at = take(4)
        return take(24) if at == 15 else AAC_RATES[at]

    if (kind := take(5)) == 31:
        kind = 32 + take(6)
    found, configuration = rate(), take(4)
    if kind in (5, 29):  # with spectral band replication: the rate that comes out is the second
        found = rate()
        configuration = 2 if kind == 29 else configuration
    channels = {7: 8, 11: 7, 12: 8, 14: 8}.get(configuration, configuration)
    return (found, channels) if channels else None


def _id_at(track: memoryview) -> int:
    header = _first(track, b"tkhd")
    return 20 if header is not None and header[0] == 1 else 12


def _fragmented(fragments: list[memoryview], movie: memoryview, track: int) -> int:
    """The samples' durations of all fragments of a track."""
    defaults = {}
    for kind, body in boxes(_first(movie, b"mvex") or memoryview(b"")):
        if kind == b"trex":
            number, _, length = struct.unpack_from(">III", body, 4)
            defaults[number] = length
    total = 0
    for fragment in fragments:
        for kind, body in boxes(fragment):
            if kind != b"traf" or (head := _first(body, b"tfhd")) is None:
                continue
            flags, number = int.from_bytes(head[1:4], "big"), struct.unpack_from(">I", head, 4)[0]
            if number != track:
                continue
            at = 8 + 8 * (flags & 1) + 4 * (flags >> 1 & 1)
            default = struct.unpack_from(">I", head, at)[0] if flags & 8 else defaults.get(number, 0)
            total += sum(_run(run, default) for name, run in boxes(body) if name == b"trun")
    return total


def _run(run: memoryview, default: int) -> int:
    flags = int.from_bytes(run[1:4], "big")
    count: int = struct.unpack_from(">I", run, 4)[0]
    if not flags & 0x100:
        return count * default
    width = 4 * sum(flags >> bit & 1 for bit in (8, 9, 10, 11))
    at = 8 + 4 * (flags & 1) + 4 * (flags >> 2 & 1)
    lengths: list[int] = [struct.unpack_from(">I", run, at + width * number)[0] for number in range(count)]
    return sum(lengths)
