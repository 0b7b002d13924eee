"""The folder that an export is written to, and what is counted on the way."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from hugflow_assets.reading.media import LandedMedia

if TYPE_CHECKING:
    from hugflow_assets.reading.clips import Clip
    from hugflow_assets.reading.dataset import Dataset

_SORTED_AT_ONCE = 200_000


class Target:
    """An export in the making.

    Attributes:
        folder: where it is written now.
        clips, left_out, copied: clips that are in it, those that could not be, and audio files that were copied.
    """

    def __init__(self, dataset: Dataset, folder: Path, final: Path) -> None:
        self.folder, self._final = folder, final
        self._media = LandedMedia(dataset.path)
        self.clips = self.left_out = self.copied = 0

    def parts(self, dataset: Dataset) -> Iterator[tuple[Dataset, str, Path]]:
        """Each selected split: its rows, its name, and the folder of its config, of which there may be one alone."""
        several = len(dataset.configs) > 1
        for config, split in dataset.parts:
            folder = self.folder / config if several else self.folder
            folder.mkdir(exist_ok=True)
            part = dataset if len(dataset.parts) == 1 else dataset.select(config=config, split=split)
            yield part, split, folder

    def audio_path(self, clip: Clip) -> str:
        """The absolute path of a clip's file: where it landed, or in the export where it landed in a tar."""
        if not clip.value.get("tar"):
            return str(self._media.path(clip.value))
        staged = self.folder / clip.value["path"]
        staged.parent.mkdir(parents=True, exist_ok=True)
        staged.write_bytes(self.content(clip))
        self.copied += 1
        return str(self._final / clip.value["path"])

    def content(self, clip: Clip) -> bytes:
        """The bytes of a clip."""
        return self._media.content(clip.value) or b""


def in_order(lines: Iterable[str], work: Path) -> Iterator[str]:
    """Lines sorted by their bytes, as Kaldi wants them; memory does not grow with their number.

    Args:
        work: a folder for what does not fit; it is left empty.
    """
    rest = iter(lines)
    parts: list[Path] = []
    while chunk := sorted(islice(rest, _SORTED_AT_ONCE), key=str.encode):
        parts.append(work / f"sorted.{len(parts)}")
        parts[-1].write_text("".join(chunk), encoding="utf-8", newline="\n")
    with ExitStack() as stack:
        files = [stack.enter_context(part.open(encoding="utf-8", newline="\n")) for part in parts]
        yield from heapq.merge(*files, key=str.encode)
    for part in parts:
        part.unlink()
