"""Files that people have hard-linked across landed datasets: their bytes are on the disk once, and count once.

Hugflow links versions of one name only, and the trash knows of those. What a tool that looks for equal files has
linked beyond that is found when every file is looked at anyway, and kept in ``links.json``: how much of one dataset is
another's. A line counts while both are the versions that were looked at; until the next look they count twice, never
too little.
"""

from __future__ import annotations

import stat
from collections import defaultdict
from collections.abc import Mapping

import orjson
from pydantic import ValidationError

from hugflow_assets.durable import atomic_write
from hugflow_assets.intake.models import Frozen
from hugflow_assets.store.layout import INNER_FILE_MODE, Layout
from hugflow_assets.store.models import IndexRow
from hugflow_assets.store.publishing.trees import walk

_MOST = 2_000_000  # inodes with several names that are remembered during a look; the rest count as often as they appear

Stamp = tuple[int, int, int]


class Link(Frozen):
    """What ``name`` shares with ``other``, where it is counted. Both stamps as in the index."""

    name: str
    stamp: Stamp
    other: str
    other_stamp: Stamp
    size_bytes: int
    inodes: int


class Links(Frozen):
    """``links.json``."""

    schema_version: int = 1
    links: tuple[Link, ...] = ()


def look_for_links(layout: Layout, rows: Mapping[str, IndexRow]) -> Links:
    """Look at every file of every dataset; what is found is kept for ``counted_twice``."""
    first: dict[tuple[int, int], str] = {}
    shared: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for name in rows:
        for _, seen in walk(layout.dataset(name)):
            if not stat.S_ISREG(seen.st_mode) or seen.st_nlink == 1:
                continue
            inode = seen.st_dev, seen.st_ino
            if inode in first:
                shared[name, first[inode]][0] += seen.st_size
                shared[name, first[inode]][1] += 1
            elif len(first) < _MOST:
                first[inode] = name
    found = Links(
        links=tuple(
            Link(
                name=name, stamp=rows[name].stamp, other=other, other_stamp=rows[other].stamp, size_bytes=size,
                inodes=inodes,
            )
            for (name, other), (size, inodes) in shared.items()
        )
    )  # fmt: skip
    if found != _read(layout):
        atomic_write(layout.links, orjson.dumps(found.model_dump(mode="json")), mode=INNER_FILE_MODE)
    return found


def counted_twice(layout: Layout, rows: Mapping[str, IndexRow]) -> tuple[int, int]:
    """Bytes and inodes that the sum over ``rows`` has too much."""
    size = inodes = 0
    for link in _read(layout).links:
        one, other = rows.get(link.name), rows.get(link.other)
        if one is None or other is None or "damaged" in (one.state, other.state):
            continue
        if (one.stamp, other.stamp) == (link.stamp, link.other_stamp):
            size, inodes = size + link.size_bytes, inodes + link.inodes
    return size, inodes


def _read(layout: Layout) -> Links:
    try:
        return Links.model_validate_json(layout.links.read_bytes())
    except (OSError, ValidationError):
        return Links()
