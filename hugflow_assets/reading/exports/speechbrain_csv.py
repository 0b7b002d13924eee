"""A csv file a split, as SpeechBrain's ``DynamicItemDataset.from_csv`` reads it: ID, duration, wav, spk_id, wrd."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from hugflow_assets.reading.clips import SPEAKERS, clips_of
from hugflow_assets.reading.exports.target import Target

if TYPE_CHECKING:
    from hugflow_assets.reading.dataset import Dataset

_HEAD = ("ID", "duration", "wav", "spk_id", "wrd")


def write_csv(dataset: Dataset, target: Target) -> None:
    """Write ``<split>.csv``, or ``<config>/<split>.csv`` where there are several configs.

    A clip whose length is not known is left out: SpeechBrain sorts and batches by it.
    """
    for part, split, folder in target.parts(dataset):
        with (folder / f"{split}.csv").open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow(_HEAD)
            for clip in clips_of(part):
                place = target.audio_path(clip)
                if clip.value.get("duration") is None or "$" in place:  # which SpeechBrain takes for a variable
                    target.left_out += 1
                    continue
                rows.writerow([clip.id, clip.value["duration"], place, clip.first_of(SPEAKERS) or "", clip.text or ""])
                target.clips += 1
