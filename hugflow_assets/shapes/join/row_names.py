"""The first few rows that got no clip, by what they name: counted alone they could not be found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hugflow_assets.shapes.join.clip_of_row import ABSENT, AMBIGUOUS
from hugflow_assets.shapes.join.counts import ROWS_ABSENT, ROWS_AMBIGUOUS

KEPT = 5  # of each kind, a shard
WORDS = {ROWS_ABSENT: "absent", ROWS_AMBIGUOUS: "ambiguous"}
Names = dict[str, list[str]]  # by the count that the rows are in


def keep_names(names: Names, rows: Any, match: Any, paths: Any) -> None:
    """Keep those of some rows of a table.

    Args:
        rows: their numbers.
        match: of each of them the number of its clip, ``ABSENT`` or ``AMBIGUOUS``.
        paths: what all rows of the table name, as an Arrow array; None: nothing.
    """
    for count, what in ((ROWS_ABSENT, ABSENT), (ROWS_AMBIGUOUS, AMBIGUOUS)):
        for row in rows[match == what][:KEPT].tolist():
            keep_name(names, count, None if paths is None else paths[row].as_py())


def keep_name(names: Names, count: str, name: str | None) -> None:
    """Keep that of one row."""
    kept = names.setdefault(count, [])
    if len(kept) < KEPT:
        kept.append(name or "(no name)")


def all_names(shards: Iterable[Mapping[str, Iterable[str]]]) -> dict[str, list[str]]:
    """Those of several shards, as far as there are any."""
    found: dict[str, list[str]] = {}
    for names in shards:
        for count, some in names.items():
            found.setdefault(count, []).extend(some)
    return {count: some for count, some in found.items() if some}
