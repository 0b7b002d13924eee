"""Checksum lists in the format of ``xxh128sum`` and ``sha256sum``: a digest, two blanks, a path."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

import xxhash

_BLOCK_BYTES = 4 << 20
Kind = Literal["xxh128", "sha256"]


class Checksum(NamedTuple):
    """A kind of checksum."""

    kind: Kind

    @classmethod
    def called(cls, kind: str) -> Checksum:
        """The kind that a manifest names."""
        return cls("sha256" if kind == "sha256" else "xxh128")

    @property
    def list_name(self) -> str:
        """The file that lists them, e.g. ``XXH128SUMS``."""
        return f"{self.kind.upper()}SUMS"

    @property
    def members_name(self) -> str:
        """The file that lists the members of a split's tars, e.g. ``MEMBERS.xxh128``."""
        return f"MEMBERS.{self.kind}"

    def new(self) -> Any:
        """A digest to update."""
        return xxhash.xxh3_128() if self.kind == "xxh128" else hashlib.sha256()

    def of(self, data: Any) -> str:
        """The hex digest of bytes in memory."""
        return xxhash.xxh3_128_hexdigest(data) if self.kind == "xxh128" else hashlib.sha256(data).hexdigest()

    def of_file(self, path: Path) -> str:
        """The hex digest of a file, read in blocks."""
        digest = self.new()
        with path.open("rb", buffering=0) as file:
            while block := file.read(_BLOCK_BYTES):
                digest.update(block)
        return str(digest.hexdigest())


def sum_line(digest: str, path: str) -> str:
    """One line of a list, with its line end. Paths hold neither line ends nor backslashes, so nothing is escaped."""
    return f"{digest}  {path}\n"


def parse_sums(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """``(path, digest)`` of each line; lines that are none are skipped."""
    for line in lines:
        digest, gap, path = line.rstrip("\n").partition("  ")
        if gap:
            yield path, digest


def read_sums(path: Path) -> dict[str, str]:
    """A list as path -> digest; empty if there is no such file."""
    try:
        with path.open(encoding="utf-8") as file:
            return dict(parse_sums(file))
    except FileNotFoundError:
        return {}


def listed_path(line: str) -> str:
    """The path that a line lists."""
    return line.rstrip("\n").partition("  ")[2]


def by_path(line: str) -> bytes:
    """What the lines of a list are sorted by."""
    return line.partition("  ")[2].encode()


def merged(lists: Iterable[Iterable[str]]) -> Iterator[str]:
    """Lists that are each sorted by path, as one."""
    return heapq.merge(*lists, key=by_path)
