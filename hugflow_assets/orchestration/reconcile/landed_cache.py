"""What is landed, remembered between ticks: a manifest is read again only when its file has changed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from hugflow_assets.errors import ManifestError
from hugflow_assets.rules import Landed
from hugflow_assets.store import Scrub, Store, Upstream

_Stamp = tuple[int, int, int]
_known: dict[Path, tuple[_Stamp, Landed]] = {}


def landed_now(store: Store) -> dict[str, Landed]:
    """Every landed dataset by name, as ``rules.stock_of`` gives it. One ``stat`` each where nothing has changed."""
    found: dict[str, Landed] = {}
    for name in store.names():
        path = store.layout.manifest(name)
        if landed := _landed(store, name, path):
            found[name] = landed
        else:
            _known.pop(path, None)
    return found


def damaged_now(store: Store, landed: Mapping[str, Landed]) -> dict[str, Scrub]:
    """What a check found damaged and that is still the version it looked at."""
    found = {}
    for name, scrub in store.scrubs.all().items():
        if scrub.whole or name not in landed:
            continue
        row = store.row(name)
        if row is not None and scrub.is_of(row.commit, row.landed_at):
            found[name] = scrub
    return found


def moved_now(store: Store, landed: Mapping[str, Landed]) -> dict[str, Upstream]:
    """What has a newer commit upstream, and no trouble there, at the last look."""
    return {
        name: mark
        for name, mark in store.upstream.all().items()
        if name in landed
        and mark.trouble is None
        and mark.revision == landed[name].request.revision
        and mark.is_stale(landed[name].commit)
    }


def _landed(store: Store, name: str, path: Path) -> Landed | None:
    try:
        status = os.stat(path)  # noqa: PTH116
    except FileNotFoundError:
        return None
    stamp = (status.st_mtime_ns, status.st_ino, status.st_size)
    if (known := _known.get(path)) and known[0] == stamp:
        return known[1]
    try:
        manifest = store.manifest(name)
    except ManifestError:
        return None
    if manifest is None:
        return None
    _known[path] = stamp, Landed.of(manifest)
    return _known[path][1]
