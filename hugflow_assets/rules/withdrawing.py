"""Which request a removal cuts a part out of, and what one that matches nothing was meant for: from the text alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from hugflow_assets.intake import DatasetRequest, RemovalRequest, matches
from hugflow_assets.wording import nearest

REMOVALS_MATCH = "removals_match"
TOO_NARROW = "removal-too-narrow"
MATCHES_NOTHING = "removal-matches-nothing"


def cuts(removal: RemovalRequest, request: DatasetRequest, selection: Collection[tuple[str, str]] = ()) -> bool:
    """Whether a removal asks for a part of what a request asks for as one.

    ``selection`` are the pairs of config and split that landed, where that is known: a part that was never in it
    cannot be cut out.
    """
    if removal.hf_id != request.hf_id or removal.revision not in (None, request.revision):
        return False
    narrower_subset = removal.subset is not None and request.subset is None
    narrower_split = removal.split is not None and request.split is None
    overlaps = all(
        asked is None or given is None or asked == given
        for asked, given in ((removal.subset, request.subset), (removal.split, request.split))
    )
    if not overlaps or not (narrower_subset or narrower_split):
        return False
    return not selection or any(
        removal.subset in (None, subset) and removal.split in (None, split) for subset, split in selection
    )


def near_misses(removal: RemovalRequest, requests: Iterable[DatasetRequest]) -> str:
    """The nearest thing that exists, as a phrase: another spelling of the id, or the selections of the same id."""
    known = list(requests)
    same = [one for one in known if one.hf_id == removal.hf_id and not matches(removal, one)]
    if same:
        return " or ".join(sorted({_selection(one) for one in same})[:3])
    near = nearest(removal.hf_id, {one.hf_id for one in known})
    return f"hf_id: {near}" if near and near != removal.hf_id else ""


def _selection(request: DatasetRequest) -> str:
    fields = (("subset", request.subset), ("split", request.split), ("revision", request.revision))
    return ", ".join(f"{name}: {value}" for name, value in fields if value is not None)
