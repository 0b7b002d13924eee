"""Files as Xet storage keeps them, for the local Hub: what the real client stored, and how to put a file together.

The client library chunks, compresses and hashes the files into a folder (its ``local://`` storage), so hashes and
formats are true. What a server adds is here: which chunks of which xorb make up a range of a file, and where in the
xorb their bytes are. Formats: https://huggingface.co/docs/xet (xorb, shard, download protocol).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hugflow_assets.transfer.xet_client import client_library

_HEADER = 48  # of a shard, and of each entry in it
_VERIFIED, _DESCRIBED = 1 << 31, 1 << 30
_LAST = b"\xff" * 32
_FOOTER = ord("X")  # a chunk begins with its version, 0; the footer with "XETBLOB"


@dataclass(frozen=True)
class Term:
    """Chunks ``start`` to ``end`` (exclusive) of a xorb, a piece of a file."""

    xorb: str
    start: int
    end: int


@dataclass(frozen=True)
class Chunk:
    """Where in its xorb a chunk is, header included, and how long its content is."""

    at: int
    end: int
    size_bytes: int


@dataclass
class XetFolder:
    """The storage: ``add`` puts a file into it, ``reconstruction`` says how to get it out."""

    folder: Path
    _files: dict[str, list[Term]] = field(default_factory=dict)
    _xorbs: dict[str, list[Chunk]] = field(default_factory=dict)
    _hashes: dict[str, str] = field(default_factory=dict)

    def add(self, sha256: str, data: bytes | Path) -> str:
        """Store a file, once; its Xet hash."""
        if sha256 in self._hashes:
            return self._hashes[sha256]
        hf_xet = client_library()
        session = hf_xet.XetSession(hf_xet.XetConfig().with_config({"telemetry.enabled": False}))
        commit = session.new_upload_commit(endpoint=f"local://{self.folder}")
        if isinstance(data, Path):
            commit.start_upload_file(str(data), sha256=sha256)
        else:
            commit.start_upload_bytes(data, sha256=sha256)
        [stored] = commit.wait_to_finish().uploads.values()
        for shard in (self.folder / "xet" / "xorbs" / "shards").glob("*.mdb"):
            self._files |= dict(_terms(shard.read_bytes()))
        self._hashes[sha256] = stored.xet_info.hash
        return self._hashes[sha256]

    def xorb(self, xorb: str) -> Path:
        """The file of a xorb."""
        return self.folder / "xet" / "xorbs" / "xorbs" / f"default.{xorb}"

    def reconstruction(self, xet_hash: str, start: int, end: int) -> dict[str, Any] | None:
        """Terms and byte ranges for the bytes ``start`` to ``end`` (exclusive) of a file; None when it has none there.

        As the API of version 2 answers, but for the ``url``, which is the server's to make.
        """
        terms: list[dict[str, Any]] = []
        ranges: dict[str, list[dict[str, Any]]] = {}
        offset = at = 0
        for term in self._files[xet_hash]:
            chunks = self._chunks(term.xorb)
            wanted: list[int] = []
            for index in range(term.start, term.end):
                begins, at = at, at + chunks[index].size_bytes
                if begins < end and at > start:
                    if not terms and not wanted:
                        offset = start - begins
                    wanted.append(index)
            if wanted:
                place = {"start": wanted[0], "end": wanted[-1] + 1}
                size = sum(chunks[index].size_bytes for index in wanted)
                terms.append({"hash": term.xorb, "unpacked_length": size, "range": place})
                span = {"start": chunks[wanted[0]].at, "end": chunks[wanted[-1]].end - 1}
                ranges.setdefault(term.xorb, []).append({"chunks": place, "bytes": span})
        if not terms:
            return None
        return {"offset_into_first_range": offset, "terms": terms, "xorbs": ranges}

    def _chunks(self, xorb: str) -> list[Chunk]:
        if xorb not in self._xorbs:
            data = self.xorb(xorb).read_bytes()
            found, at = [], 0
            while data[at] != _FOOTER:
                stored = int.from_bytes(data[at + 1 : at + 4], "little")
                found.append(Chunk(at, at + 8 + stored, int.from_bytes(data[at + 5 : at + 8], "little")))
                at += 8 + stored
            self._xorbs[xorb] = found
        return self._xorbs[xorb]


def _terms(shard: bytes) -> Iterator[tuple[str, list[Term]]]:
    """The files that a shard describes, by their hash."""
    at = _HEADER
    while shard[at : at + 32] != _LAST:
        flags, count = struct.unpack_from("<II", shard, at + 32)
        entries = range(at + _HEADER, at + _HEADER * (1 + count), _HEADER)
        yield _hex(shard[at : at + 32]), [Term(_hex(shard[one : one + 32]), *_span(shard, one)) for one in entries]
        at += _HEADER * (1 + count * (2 if flags & _VERIFIED else 1) + (1 if flags & _DESCRIBED else 0))


def _span(shard: bytes, at: int) -> tuple[int, int]:
    start, end = struct.unpack_from("<II", shard, at + 40)
    return start, end


def _hex(raw: bytes) -> str:
    """A hash as text: four little-endian numbers of 64 bits."""
    return "".join(f"{number:016x}" for number in struct.unpack("<4Q", raw))
