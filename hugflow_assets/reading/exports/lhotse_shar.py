"""Lhotse Shar: shards of cuts (``cuts.000000.jsonl.gz``) that name the audio where it lies.

``CutSet.from_shar(in_dir=…)`` reads them; the audio is no part of the shards, since the cuts lead to it.
"""

from __future__ import annotations

import gzip
from itertools import islice
from typing import TYPE_CHECKING, Any

import orjson

from hugflow_assets.errors import ExportRefusedError
from hugflow_assets.reading.exports.target import Target

if TYPE_CHECKING:
    from hugflow_assets.reading.dataset import Dataset

_CUTS_A_SHARD = 1000


def write_lhotse_shar(dataset: Dataset, target: Target) -> None:
    """Write a folder of shards for each split: ``<split>``, or ``<config>/<split>`` where there are several configs.

    Raises:
        ExportRefusedError: it was landed without the manifests for Lhotse, or packed, or not all rows are selected.
    """
    name = dataset.info.name
    if dataset.manifest.get("form") == "packed":
        raise ExportRefusedError(
            f"{name} is packed: its manifests for Lhotse lead into its tars already.",
            remedy="`open_dataset(…).to_lhotse()` reads them.",
        )
    if not dataset.is_whole:
        raise ExportRefusedError(f"{name}: cuts are exported of whole splits.", remedy="Filter the CutSet instead.")
    several = len(dataset.configs) > 1
    for config, split in dataset.parts:
        view = dataset.view_path("lhotse", config, split)
        if view is None:
            if "lhotse" not in dataset.manifest["views"]:
                raise ExportRefusedError(
                    f"{name} has no manifests for Lhotse.",
                    remedy="Add lhotse to LANDING_VIEWS and materialize it again.",
                )
            continue  # a split without a clip
        folder = target.folder / config / split if several else target.folder / split
        folder.mkdir(parents=True)
        with view.open("rb") as lines:
            number = 0
            while chunk := list(islice(lines, _CUTS_A_SHARD)):
                with gzip.open(folder / f"cuts.{number:06d}.jsonl.gz", "wb", compresslevel=3) as out:
                    out.writelines(
                        orjson.dumps(_placed(orjson.loads(line), f"{dataset.path}/")) + b"\n" for line in chunk
                    )
                target.clips += len(chunk)
                number += 1


def _placed(cut: dict[str, Any], root: str) -> dict[str, Any]:
    for source in cut["recording"]["sources"]:
        source["source"] = root + source["source"]
    return cut
