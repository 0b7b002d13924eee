"""Which files of a plan other landed datasets were made of: equal by the hashes that the Hub promises."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from hugflow_assets.hub.hashes import promised_hash
from hugflow_assets.planning.models import KnownFiles, LandingPlan
from hugflow_assets.store import Store


def known_files(plan: LandingPlan, store: Store) -> tuple[KnownFiles, ...]:
    """The landed datasets that hold some of the plan's files, those with most of its bytes first. Reads manifests."""
    wanted = {
        promised_hash(file): (file.archive or file).size_bytes
        for config in plan.configs
        for split in config.splits
        for shard in split.shards
        for file in (*shard.files, *shard.beside)
    }
    found = []
    for name in store.index.landed():
        hashes = set(_hashes(store.layout.manifest(name))) & wanted.keys() if name != plan.name else set[str]()
        if size_bytes := sum(wanted[one] for one in hashes):
            found.append(KnownFiles(name=name, files=len(hashes), of_files=len(wanted), size_bytes=size_bytes))
    return tuple(sorted(found, key=lambda one: (-one.size_bytes, one.name)))


def _hashes(manifest: Path) -> Iterator[str]:
    """Of the upstream files that a landing was made of. As JSON: to check every manifest would take much longer."""
    try:
        document: dict[str, Any] = orjson.loads(manifest.read_bytes())
    except (OSError, ValueError):
        return  # damaged, or removed in this moment
    for config in document["configs"]:
        for split in config["splits"]:
            for shard in split["shards"]:
                yield from (source["hash"] for source in shard["sources"])
