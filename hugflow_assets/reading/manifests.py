"""The views that NeMo and Lhotse read, found for a selection of splits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from hugflow_assets.errors import UnknownDatasetError

if TYPE_CHECKING:
    import lhotse

    from hugflow_assets.reading.dataset import Dataset


def nemo_manifest_of(dataset: Dataset) -> Path:
    """The NeMo manifest of the one split that is selected.

    Raises:
        UnknownDatasetError: several are selected, or there is no such view.
    """
    if len(dataset.parts) != 1:
        raise UnknownDatasetError(
            f"{dataset.info.name}: a NeMo manifest is of one split; {', '.join(dataset.splits)} are selected.",
            remedy="Choose one: open_dataset(…, split=…).",
        )
    return _view(dataset, "nemo", dataset.parts[0])


def cuts_of(dataset: Dataset) -> lhotse.CutSet:
    """The cuts of the selected splits, one after the other, read lazily.

    Raises:
        UnknownDatasetError: there is no such view.
    """
    from lhotse import CutSet

    cuts: Any = None
    for part in dataset.parts:
        one = CutSet.from_file(_view(dataset, "lhotse", part)).with_recording_path_prefix(str(dataset.path))
        cuts = one if cuts is None else cuts + one
    return cuts if cuts is not None else CutSet()


def _view(dataset: Dataset, view: str, part: tuple[str, str]) -> Path:
    path = dataset.view_path(view, *part)
    if path is None:
        raise UnknownDatasetError(
            f"{dataset.info.name} has no {view} view of {'/'.join(part)}.",
            remedy=f"It has none without audio; else add {view} to LANDING_VIEWS and materialize the dataset again.",
        )
    return path
