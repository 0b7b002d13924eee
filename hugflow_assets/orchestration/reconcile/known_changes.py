"""What is known to have changed of what is landed: damage that a check found, and branches that have moved on."""

from __future__ import annotations

from collections.abc import Mapping

from hugflow_assets.store import Landed, Scrub, Store, Upstream


def damaged_now(store: Store, landed: Mapping[str, Landed]) -> dict[str, Scrub]:
    """What a check found damaged and that is still the version it looked at."""
    found = {}
    for name, scrub in store.scrubs.all().items():
        row = landed.get(name)
        if row is not None and not scrub.whole and scrub.is_of(row.commit, row.landed_at):
            found[name] = scrub
    return found


def moved_now(store: Store, landed: Mapping[str, Landed]) -> dict[str, Upstream]:
    """What has a newer commit upstream, and no trouble there, at the last look."""
    return {
        name: mark
        for name, mark in store.upstream.all().items()
        if name in landed
        and mark.trouble is None
        and mark.revision == landed[name].revision
        and mark.is_stale(landed[name].commit)
    }
