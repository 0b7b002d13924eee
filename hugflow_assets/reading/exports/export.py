"""Which form is written by what, and to where: complete, or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hugflow_assets.durable.disk_errors import disk_errors
from hugflow_assets.errors import ExportRefusedError
from hugflow_assets.reading.exports.croissant import write_croissant
from hugflow_assets.reading.exports.kaldi import write_kaldi
from hugflow_assets.reading.exports.lhotse_shar import write_lhotse_shar
from hugflow_assets.reading.exports.speechbrain_csv import write_csv
from hugflow_assets.reading.exports.target import Target
from hugflow_assets.reading.exports.webdataset import write_webdataset

if TYPE_CHECKING:
    from hugflow_assets.reading.dataset import Dataset

FORMATS: dict[str, Callable[[Dataset, Target], None]] = {
    "kaldi": write_kaldi,
    "webdataset": write_webdataset,
    "lhotse-shar": write_lhotse_shar,
    "csv": write_csv,
    "croissant": write_croissant,
}
_OF_ROWS = frozenset({"croissant"})  # all others are made of clips


@dataclass(frozen=True)
class Exported:
    """What was written: clips (of Croissant rows) that are in it, those that could not be, and audio files copied."""

    path: Path
    clips: int
    left_out: int
    copied: int


def export(dataset: Dataset, form: str, to: Path) -> Exported:
    """Write the selected rows for another toolkit, to a folder that is not there yet.

    Paths in it are absolute: it is for this storage, and goes when it goes.

    Args:
        form: one of ``FORMATS``.
    Raises:
        ExportRefusedError: the form is unknown, the dataset has no audio, or the folder is there already.
        DiskFullError, StorageError: it cannot be written.
    """
    if form not in FORMATS:
        raise ExportRefusedError(f"There is no format {form!r}.", remedy=f"Choose one of {', '.join(FORMATS)}.")
    if dataset.info.audio_column is None and form not in _OF_ROWS:
        raise ExportRefusedError(
            f"{dataset.info.name} has no audio, of which {form} is made.", remedy="`hugflow open` reads its rows."
        )
    to = to.absolute()
    if to.exists():
        raise ExportRefusedError(f"{to} is there already.", remedy="Name a folder that is not, or delete it.")
    partial = to.with_name(f".{to.name}.partial")
    with disk_errors(to):
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        try:
            target = Target(dataset, partial, to)
            FORMATS[form](dataset, target)
            partial.rename(to)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
    return Exported(to, target.clips, target.left_out, target.copied)
