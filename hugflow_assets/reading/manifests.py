"""The views that NeMo and Lhotse read, found for a selection of splits."""

from __future__ import annotations

import tarfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hugflow_assets.errors import UnknownDatasetError
from hugflow_assets.formats.archives.ustar import BLOCK_BYTES

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
    if _is_packed(dataset):
        raise UnknownDatasetError(
            f"{dataset.info.name} is packed: NeMo reads it by a manifest a tar.", remedy="Use nemo_tars()."
        )
    return _view(dataset, "nemo", dataset.parts[0])


def nemo_tars_of(dataset: Dataset) -> tuple[list[Path], list[Path]]:
    """The manifests and the tars of the one split that is selected, by their numbers: NeMo's tarred form.

    Raises:
        UnknownDatasetError: several are selected, or there is no such view.
    """
    if len(dataset.parts) != 1:
        raise UnknownDatasetError(
            f"{dataset.info.name}: manifests for NeMo are of one split; {', '.join(dataset.splits)} are selected.",
            remedy="Choose one: open_dataset(…, split=…).",
        )
    below = dataset.record_path(*dataset.parts[0]).relative_to(dataset.path / "json").with_suffix("")
    folder = dataset.path / "manifests" / "nemo" / below
    manifests = sorted(folder.glob("manifest_*.json"), key=lambda path: int(path.stem.rpartition("_")[2]))
    if not manifests:
        raise UnknownDatasetError(
            f"{dataset.info.name} has no manifests of tars of {'/'.join(dataset.parts[0])}.",
            remedy="As files it has one manifest a split: nemo_manifest(). Without audio it has none; else see "
            "LANDING_VIEWS.",
        )
    return manifests, [dataset.path / "audio" / below / f"audio_{number}.tar" for number in range(len(manifests))]


def _is_packed(dataset: Dataset) -> bool:
    return dataset.manifest.get("form") == "packed"


def cuts_of(dataset: Dataset) -> lhotse.CutSet:
    """The cuts of the selected splits, one after the other, read lazily.

    Raises:
        UnknownDatasetError: there is no such view.
    """
    from lhotse import CutSet

    cuts: Any = None
    for part in dataset.parts:
        one = CutSet.from_file(_view(dataset, "lhotse", part))
        if _is_packed(dataset):
            one = one.map(PointedAt(str(dataset.path)))
        else:
            one = one.with_recording_path_prefix(str(dataset.path))
        cuts = one if cuts is None else cuts + one
    return cuts if cuts is not None else CutSet()


class PointedAt:
    """A cut of a packed landing whose audio is found in the tar, wherever the reader works.

    Lhotse 1 knows no pointers into tars: there the bytes are read with the cut, and are in memory from then on.
    """

    def __init__(self, root: str) -> None:
        self._root = root

    def __call__(self, cut: Any) -> Any:
        from lhotse.utils import fastcopy

        def found(source: Any) -> Any:
            if source.type != "shar_ptr" or source.source.startswith("/"):
                return source
            pointer = f"{self._root}/{source.source}"
            if find_spec("lhotse.shar.lazy_pointer") is not None:
                return fastcopy(source, source=pointer)
            return fastcopy(source, type="memory", source=_bytes_at(pointer))

        recording = cut.recording
        return fastcopy(cut, recording=fastcopy(recording, sources=[found(one) for one in recording.sources]))


def _bytes_at(pointer: str) -> bytes:
    """The bytes of the member that begins at a pointer, ``<tar>?o=<offset>&e=<end>…``."""
    tar, _, begin = pointer.rpartition("?o=")
    with Path(tar).open("rb") as file:
        file.seek(int(begin.partition("&")[0]))
        header = tarfile.TarInfo.frombuf(file.read(BLOCK_BYTES), "utf-8", "surrogateescape")
        return file.read(header.size)


def _view(dataset: Dataset, view: str, part: tuple[str, str]) -> Path:
    path = dataset.view_path(view, *part)
    if path is None:
        raise UnknownDatasetError(
            f"{dataset.info.name} has no {view} view of {'/'.join(part)}.",
            remedy=f"It has none without audio; else add {view} to LANDING_VIEWS and materialize the dataset again.",
        )
    return path
