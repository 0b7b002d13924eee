"""The views: manifests for NeMo and Lhotse, and the tables that `datasets` reads, derived from the record alone."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from hugflow_assets.formats.text.json_values import dumped
from hugflow_assets.landing.tree.card import CardViews
from hugflow_assets.landing.tree.indexes import index_lines
from hugflow_assets.landing.tree.paths import UNNAMED, ViewSplit
from hugflow_assets.landing.views.columns import ViewColumns, features_seen
from hugflow_assets.landing.views.features import PACKED, kind_of_folder, with_media
from hugflow_assets.landing.views.manifests import Lhotse, Nemo
from hugflow_assets.landing.views.nemo_tars import NemoTars
from hugflow_assets.landing.views.tables import TableView, write_tables
from hugflow_assets.landing.views.utterances import Utterance, utterances

_WRITE_BYTES = 1 << 20
_MANIFESTS: dict[str, type[Nemo] | type[Lhotse]] = {"nemo": Nemo, "lhotse": Lhotse}
_SILENCE = (  # a WAV file of no samples
    b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x80\x3e\x00\x00\x02\x00\x10\x00"
    b"data\x00\x00\x00\x00"
)
_PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
)


@dataclass
class MadeViews:
    """What was written. Paths are relative to the dataset's folder.

    ``left_out`` counts audio values that the manifests for NeMo and Lhotse cannot hold, since nothing says how long
    they are (null, unresolved, or of a header that is not understood).
    """

    columns: ViewColumns
    tables: list[TableView] = field(default_factory=list)
    kind: str | None = None
    paths: list[str] = field(default_factory=list)
    left_out: int = 0

    def of(self, asked: tuple[str, ...]) -> tuple[str, ...]:
        """Which of the views asked for a dataset like this has: manifests are for audio."""
        return tuple(view for view in asked if view == "datasets" or self.columns.audios)

    def card(self, fingerprint: str) -> CardViews:
        """What the card says about them; ``fingerprint`` names what they were made of."""
        return CardViews(self.tables, UNNAMED.get(self.kind or ""), fingerprint)


def make_views(
    root: Path,
    to: Path,
    splits: list[ViewSplit],
    views: tuple[str, ...],
    columns: ViewColumns,
    features: dict[str, dict[str, Any] | None],
) -> MadeViews:
    """Write every split's views from the records in ``root`` to ``to``; memory does not grow with the rows."""
    made = MadeViews(columns)
    if columns.audios:
        for split in splits:
            _write_manifests(root, to, split, [view for view in views if view in _MANIFESTS], columns, made)
    if "datasets" in views:
        _write_tables(root, to, splits, columns, features, made)
    return made


def _write_tables(
    root: Path,
    to: Path,
    splits: list[ViewSplit],
    columns: ViewColumns,
    features: dict[str, dict[str, Any] | None],
    made: MadeViews,
) -> None:
    known = {config: with_media(one or features_seen(root, config, splits)) for config, one in features.items()}
    made.kind = kind_of_folder(known.values())
    if made.kind is not None and any(one.is_packed for one in splits):
        made.kind = PACKED
    for config in dict.fromkeys(one.config for one in splits):
        own = [one for one in splits if one.config == config]
        made.tables.append(write_tables(root, to, own, known[config], made.kind, columns.alias))
        made.paths += made.tables[-1].paths
    if made.kind in UNNAMED:
        path = UNNAMED[made.kind]
        (to / path).write_bytes({"Audio": _SILENCE, "Image": _PIXEL}.get(made.kind, b""))
        made.paths.append(path)


def _write_manifests(
    root: Path, to: Path, split: ViewSplit, views: list[str], columns: ViewColumns, made: MadeViews
) -> None:
    """The manifests of one split, reading its record once. One that would hold no line is not written."""
    outs = [
        NemoTars(root, to, split, columns)
        if view == "nemo" and split.is_packed
        else _Manifest(root, to, split.folders.view(view, split.split), _MANIFESTS[view], columns)
        for view in views
    ]
    try:
        for one in utterances(root, split, columns):
            made.left_out += one.duration_s is None
            for out in outs:
                out.add(one)
        for out in outs:
            out.finish()
    finally:
        for out in outs:
            out.close()
    made.paths += [path for out in outs for path in out.paths]


class _Manifest:
    """One manifest, which becomes a file with its first line. ``paths``: itself, and its index."""

    def __init__(self, root: Path, to: Path, path: str, form: type[Nemo] | type[Lhotse], columns: ViewColumns) -> None:
        self._path, self._to = path, to
        self._writer = form(root, path, columns)
        self._file: BinaryIO | None = None
        self.paths: list[str] = []

    def add(self, utterance: Utterance) -> None:
        """Write the line of an utterance, if this manifest can hold it."""
        line = self._writer.line(utterance)
        if line is None:
            return
        if self._file is None:
            (self._to / self._path).parent.mkdir(parents=True, exist_ok=True)
            self._file = (self._to / self._path).open("wb", buffering=_WRITE_BYTES)
        self._file.write(dumped(line) + b"\n")

    def finish(self) -> None:
        """Write its index."""
        if self._file is not None:
            self.close()
            self.paths = [self._path, index_lines(self._to, self._path)]

    def close(self) -> None:
        """Close the file; to be called once more, whatever happened."""
        if self._file is not None:
            self._file.close()
