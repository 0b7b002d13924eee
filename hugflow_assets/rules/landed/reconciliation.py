"""Whether a landing accounts for every row of the tables, every clip of the source and every file of the repository.

The counts are those of ``shapes.join.counts`` and ``planning.models.Coverage``. A manifest from before they were
counted has none of them, and nothing is said of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hugflow_assets.shapes.join import counts as join
from hugflow_assets.shapes.join.row_names import WORDS, all_names
from hugflow_assets.shapes.models import Shape
from hugflow_assets.store.models import WITHDRAWN, Manifest
from hugflow_assets.wording import share

_NAMES_TOLD = 10
MOST_ABSENT = 0.01  # of the rows: above that it is worth a warning

_ROWS = (join.ROWS_JOINED, join.ROWS_AMBIGUOUS, join.ROWS_ABSENT)
_CLIPS = (join.CLIPS_NAMED, join.CLIPS_UNNAMED, join.CLIPS_OF_OTHERS)
_FILES = ("files_read", "files_left")
_PARTS = {join.TABLE_ROWS: _ROWS, join.CLIPS_IN_SOURCE: _CLIPS, "files_in_repository": _FILES}
COUNTED = tuple(name for whole, parts in _PARTS.items() for name in (whole, *parts))
_WORDS = {
    join.TABLE_ROWS: "rows in the tables",
    join.ROWS_JOINED: "joined",
    join.ROWS_AMBIGUOUS: "ambiguous",
    join.ROWS_ABSENT: "absent",
    join.CLIPS_IN_SOURCE: "clips in the source",
    join.CLIPS_NAMED: "named",
    join.CLIPS_UNNAMED: "unnamed",
    join.CLIPS_OF_OTHERS: "left to other splits",
    "files_in_repository": "files in the repository",
    "files_read": "read",
    "files_left": "left",
}
_BY_TABLE = frozenset({Shape.CLIP_ARCHIVES, Shape.CLIP_FILES, Shape.LHOTSE_SHAR})  # a row of the table is a row


def unaccounted(manifest: Manifest) -> Iterator[str]:
    """What does not add up, in sentences."""
    extra = manifest.counts.extra
    for whole, parts in _PARTS.items():
        total, found = extra.get(whole, 0), sum(extra.get(part, 0) for part in parts)
        if any(part in extra for part in parts) and total != found and not _of_lists(manifest, whole):
            shares = ", ".join(f"{extra.get(part, 0):,} {_WORDS[part]}" for part in parts)
            yield f"Of {total:,} {_WORDS[whole]} the landing accounts for {found:,} ({shares})."
    by_table = manifest.shape in _BY_TABLE and any(part in extra for part in _ROWS)
    if by_table and manifest.counts.rows + extra.get(WITHDRAWN, 0) != extra.get(join.TABLE_ROWS, 0):
        yield f"The tables have {extra.get(join.TABLE_ROWS, 0):,} rows, {manifest.counts.rows:,} were landed."


def _of_lists(manifest: Manifest, whole: str) -> bool:
    """Whether rows are the lines of lists beside clips, where what no clip has is known of a split alone."""
    is_known = any(part in manifest.counts.extra for part in (join.ROWS_AMBIGUOUS, join.ROWS_ABSENT))
    return manifest.shape == Shape.AUDIOFOLDER and whole == join.TABLE_ROWS and not is_known


def accounts(extra: Mapping[str, int]) -> str:
    """``10 rows in the tables (9 joined, 1 absent); 12 clips in the source (9 named, 3 unnamed)``.

    Files are worth a word where some were not read.
    """
    notes = []
    for whole, parts in _PARTS.items():
        if parts == _FILES and not extra.get("files_left"):
            continue
        shown = ", ".join(f"{extra[part]:,} {_WORDS[part]}" for part in parts if extra.get(part))
        if extra.get(whole) and shown:
            notes.append(f"{extra[whole]:,} {_WORDS[whole]} ({shown})")
    return "; ".join(notes)


def unmatched_names(manifest: Manifest) -> dict[str, list[str]]:
    """Some of the rows that got no clip, by the count that they are in."""
    shards = (shard for config in manifest.configs for split in config.splits for shard in split.shards)
    return {count: names[:_NAMES_TOLD] for count, names in all_names(shard.unmatched for shard in shards).items()}


def named(manifest: Manifest) -> str:
    """``Absent: test/gone.wav. Ambiguous: 0.wav, 1.wav …``; "" where all rows have their clips."""
    parts = []
    for count, names in unmatched_names(manifest).items():
        more = " …" if manifest.counts.extra.get(count, 0) > len(names) else "."
        parts.append(f"{WORDS[count].capitalize()}: {', '.join(names)}{more}")
    return " ".join(parts)


def too_many_absent(manifest: Manifest) -> str:
    """Why the rows without a clip are worth a warning; "" where they are not."""
    counts = manifest.counts
    absent = counts.extra.get(join.ROWS_ABSENT, 0) + counts.extra.get(join.ROWS_AMBIGUOUS, 0)
    absent = absent or counts.unresolved_paths
    total = max(counts.extra.get(join.TABLE_ROWS, 0), counts.rows)
    if absent <= MOST_ABSENT * total:
        return ""
    return f"{absent:,} of {total:,} rows ({share(absent, total)}) have no clip that can be told to be theirs."
