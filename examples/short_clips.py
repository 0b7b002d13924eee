"""Assets of your own downstream of what lands: a code location beside Hugflow's.

    dagster dev -m hugflow_assets.definitions -f examples/short_clips.py

``short_clips`` has a partition a dataset, like ``dataset`` itself: a manifest of its clips of 1 to 20 seconds.
``all_hours`` takes every dataset that has landed at once. ``MANIFESTS`` says where the manifests go.
"""

import os
from pathlib import Path

import orjson
from dagster import AssetIn, Definitions, MaterializeResult, asset

from hugflow_assets import DATASETS, Dataset, LandingIOManager, landed_datasets


@asset(partitions_def=DATASETS, ins={"speech": AssetIn("dataset")})
def short_clips(speech: Dataset) -> MaterializeResult:
    """A manifest of the clips of 1 to 20 seconds."""
    kept, audio, text = (
        speech.filter(min_duration=1, max_duration=20),
        speech.info.audio_column,
        speech.info.text_column,
    )
    to = Path(os.environ.get("MANIFESTS", "manifests")) / f"{speech.info.name}.jsonl"
    to.parent.mkdir(parents=True, exist_ok=True)
    with to.open("wb") as lines:
        for row in kept:
            clip = {"audio_filepath": row[audio]["path"], "duration": row[audio]["duration"], "text": row.get(text)}
            lines.write(orjson.dumps(clip) + b"\n")
    return MaterializeResult(metadata={"clips": len(kept), "of": len(speech), "manifest": str(to)})


@asset(ins={"landed": AssetIn("dataset", metadata={"allow_missing_partitions": True})})
def all_hours(landed: dict[str, Dataset]) -> MaterializeResult:
    """The hours of everything that has landed."""
    hours = {name: round(one.info.hours, 4) for name, one in landed.items()}
    return MaterializeResult(metadata={"datasets": len(hours), "hours": sum(hours.values()), "by_dataset": hours})


defs = Definitions(
    assets=[landed_datasets(), short_clips, all_hours],
    resources={"storage": LandingIOManager()},
)
