"""Whether what was landed may be published: with audio upstream it is no success when none of it, or no row, landed."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from hugflow_assets.errors import NothingLandedError
from hugflow_assets.planning.models import LandingPlan
from hugflow_assets.shapes.join.row_names import WORDS, all_names
from hugflow_assets.store.models import Counts, ShardReceipt
from hugflow_assets.wording import listed

_LOG = logging.getLogger(__name__)


def refuse_nothing(plan: LandingPlan, counts: Counts) -> None:
    """Refuse to publish a landing in which everything was lost. Asked once, just before publishing, for every shape.

    Rows whose audio is null upstream at any depth, and parquet that holds no rows, are as the source says: these land.

    Raises:
        NothingLandedError: it is one.
    """
    not_found = counts.extra.get("rows_absent", 0) + counts.extra.get("rows_ambiguous", 0)
    is_null_upstream = 0 < counts.rows <= counts.null_audio - not_found and not counts.unresolved_paths
    if counts.media_files or not plan.coverage.has_audio or is_null_upstream or _is_empty(plan):
        return
    what = f"{counts.rows:,} rows landed, and none of them with its audio" if counts.rows else "No row landed"
    raise NothingLandedError(
        f"{what}, although {plan.state.repo_id} holds audio: its texts and its clips do not find each other"
        f"{_seen(plan, counts)}.",
        remedy="Nothing was published. Look at how the tables name the clips; if they name what is not in the "
        "repository, tell the dataset's owners.",
        repo=plan.state.repo_id,
        commit=plan.commit,
    )


def tell_unmatched(name: str, counts: Counts, receipts: Iterable[ShardReceipt]) -> None:
    """Log how many rows got no clip, and some of them."""
    for count, names in all_names(receipt.unmatched for receipt in receipts).items():
        _LOG.warning("%s: %s rows are %s: %s", name, f"{counts.extra.get(count, 0):,}", WORDS[count], listed(names))


def _is_empty(plan: LandingPlan) -> bool:
    """Whether the source says of itself that it holds no rows."""
    counted = [shard.num_rows for config in plan.configs for split in config.splits for shard in split.shards]
    return bool(counted) and all(number == 0 for number in counted)


def _seen(plan: LandingPlan, counts: Counts) -> str:
    """What is known of why, in brackets."""
    names = ("table_rows", "rows_absent", "rows_ambiguous", "clips_in_source", "clips_unnamed")
    parts = [f"{counts.extra[name]:,} {name.replace('_', ' ')}" for name in names if counts.extra.get(name)]
    parts += [f"{counts.unresolved_paths:,} paths that lead to no file"] if counts.unresolved_paths else []
    parts += [f"not read: {listed(plan.coverage.left)}"] if plan.coverage.left else []
    return f" ({'; '.join(parts)})" if parts else ""
