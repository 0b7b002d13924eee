"""Which tars a shard's media are packed into: decided from the plan alone, so that shards land alone, in any order."""

from __future__ import annotations

from collections.abc import Mapping

from hugflow_assets.landing.options import LandingOptions
from hugflow_assets.landing.shards.shard import ShardKey
from hugflow_assets.planning.models import LandingPlan
from hugflow_assets.store.models import Form, Pack

Packs = Mapping[ShardKey, Pack]
_ABOUT_A_MEMBER_BYTES = 768  # that a tar takes beside its data: a header, and what fills the last block


def packs_of(plan: LandingPlan, options: LandingOptions, form: Form | None = None) -> Packs:
    """The tars of each shard, numbered through a split from 0 on; none where media land as files.

    A shard takes as many tars as its sources fill, at least one. Where its media are fewer, or none, a number stays
    over, for which an empty tar is written: NeMo's readers want every number.

    Args:
        form: instead of the one that the plan's request lands in.
    """
    found: dict[ShardKey, Pack] = {}
    if (form or options.form_of(plan.request)) == "files":
        return found
    for config in plan.configs:
        for split in config.splits:
            first = 0
            for source in split.shards:
                expected = source.size_bytes + (source.num_rows or 0) * _ABOUT_A_MEMBER_BYTES
                count = max(1, round(expected / options.pack_size))
                size = max(1, -(-expected // count))
                found[config.name, split.name, source.index] = Pack(first=first, count=count, size_bytes=size)
                first += count
    return found
