"""A landed dataset as a sequence of rows."""

from __future__ import annotations

import random
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from hugflow_assets.formats.record_rows import value_at
from hugflow_assets.reading.media import LandedMedia, MediaForm, Rewrite, rewriting
from hugflow_assets.reading.record_file import RecordFile, parse

if TYPE_CHECKING:
    import datasets
    import lhotse
    import pandas
    import polars
    import pyarrow

    from hugflow_assets.reading.torch_rows import TorchRows

Row = dict[str, Any]


@dataclass(frozen=True)
class DatasetInfo:
    """What a landed dataset is. ``hours`` are those of audio whose header was understood."""

    name: str
    hf_id: str
    revision: str
    commit: str
    license: str | None
    description: str
    owner: str | None
    rows: int
    hours: float
    size_bytes: int
    audio_column: str | None
    text_column: str | None


@dataclass(frozen=True)
class Dataset:
    """The rows of a landed dataset, in the order of the source, or of a selection; read when they are asked for.

    Media values hold the absolute ``path`` of their file beside what the record says of it; ``with_media("bytes")``
    adds their ``bytes``. Of a packed landing ``path`` is the tar, and ``offset`` and ``size`` say where in it they lie,
    as ``with_media("range")`` says of files too. Handles can be pickled and given to workers.

    Attributes:
        path: the dataset's folder.
        manifest: its ``hugflow.json``.
        parts: config and split of what is read, in order.
    """

    path: Path
    manifest: Mapping[str, Any] = field(repr=False)
    parts: tuple[tuple[str, str], ...] = ()
    media_form: MediaForm = "path"
    _chosen: array[int] | None = field(default=None, repr=False)  # positions, in order; None: all

    def __post_init__(self) -> None:
        if not self.parts:
            object.__setattr__(self, "parts", self.all_parts)

    # ---- what it is

    @cached_property
    def info(self) -> DatasetInfo:
        """Commit, licence, hours, columns; of the whole landing, whatever is selected."""
        request, repo, counts = (self.manifest[name] for name in ("request", "repo", "counts"))
        return DatasetInfo(
            name=self.manifest["name"],
            hf_id=request["hf_id"],
            revision=request.get("revision", "main"),
            commit=repo["commit"],
            license=repo.get("license"),
            description=request.get("description", ""),
            owner=request.get("owner"),
            rows=counts["rows"],
            hours=counts["duration_s"] / 3600,
            size_bytes=self.manifest["size_bytes"],
            audio_column=self.manifest.get("audio_column"),
            text_column=self.manifest.get("text_column"),
        )

    @property
    def all_parts(self) -> tuple[tuple[str, str], ...]:
        """Config and split of everything that is landed, whatever is selected."""
        return tuple(
            (config["name"], split["name"]) for config in self.manifest["configs"] for split in config["splits"]
        )

    @property
    def configs(self) -> tuple[str, ...]:
        """The configs of what is selected."""
        return tuple(dict.fromkeys(config for config, _ in self.parts))

    @property
    def splits(self) -> dict[str, int]:
        """How many rows each split holds; with several configs as ``config/split``."""
        several = len(self.configs) > 1
        return {f"{c}/{s}" if several else s: self._records[c, s].rows for c, s in self.parts}

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The columns, as far as the features of what is selected name them."""
        return tuple(dict.fromkeys(name for config in self.configs for name in self.features(config) or {}))

    def features(self, config: str | None = None) -> dict[str, Any] | None:
        """``Features.to_dict()`` of a config as the source has it; None where nothing tells it."""
        chosen = config if config is not None else self.configs[0]
        return self._features.get(chosen)

    def record_path(self, config: str, split: str) -> Path:
        """The file of the record that holds a split."""
        return self._records[config, split].path

    def view_path(self, view: str, config: str, split: str) -> Path | None:
        """A split's manifest for ``nemo`` or ``lhotse``; None where there is none."""
        path = self.path / "manifests" / view / self.record_path(config, split).relative_to(self.path / "json")
        return path if path.is_file() else None

    # ---- which rows

    def select(self, *, config: str | None = None, split: str | None = None) -> Dataset:
        """Only the rows of a config, or of a split."""
        parts = tuple(one for one in self.parts if config in (None, one[0]) and split in (None, one[1]))
        if parts == self.parts:
            return self
        if self._chosen is not None:
            raise ValueError("Select configs and splits before rows are shuffled, sharded or filtered.")
        return replace(self, parts=parts)

    def with_media(self, form: MediaForm) -> Dataset:
        """The same rows: with the bytes of their media too (``"bytes"``), with paths alone (``"path"``), or with path,
        offset and size whatever the form of the landing (``"range"``)."""
        return replace(self, media_form=form)

    def shard(self, index: int, of: int) -> Dataset:
        """Every ``of``-th row, from ``index`` on: each row is in one of the ``of`` shards. For ranks and workers."""
        if not 0 <= index < of:
            raise ValueError(f"There is no shard {index} of {of}.")
        return replace(self, _chosen=self._positions[index::of])

    def shuffle(self, seed: int) -> Dataset:
        """The same rows in an order that the seed alone decides."""
        positions = array("Q", self._positions)
        random.Random(seed).shuffle(positions)  # noqa: S311  no secret
        return replace(self, _chosen=positions)

    def filter(self, *, min_duration: float | None = None, max_duration: float | None = None) -> Dataset:
        """Rows whose audio is that long (seconds, both ends included), by the header; unknown durations are left out.

        The record is read through once, in constant memory.
        """
        column = self.info.audio_column
        kept = array("Q")
        for position, line in self._numbered_lines():
            duration = _duration(parse(line), column)
            if duration is not None and _is_between(duration, min_duration, max_duration):
                kept.append(position)
        return replace(self, _chosen=kept)

    # ---- rows

    def __len__(self) -> int:
        return self._total if self._chosen is None else len(self._chosen)

    def __iter__(self) -> Iterator[Row]:
        if self._chosen is None:
            for config, split in self.parts:
                rewrite = self._rewrites[config]
                for line in self._records[config, split]:
                    yield rewrite(parse(line))
        else:
            for position in self._chosen:
                yield self._row(position)

    def __getitem__(self, at: int | slice) -> Any:
        """A row by its number, or the selection that a slice names."""
        if isinstance(at, slice):
            return replace(self, _chosen=self._positions[at])
        size = len(self)
        if not -size <= at < size:
            raise IndexError(f"{self.info.name}: row {at} of {size}")
        at %= size
        return self._row(at if self._chosen is None else self._chosen[at])

    def _row(self, position: int) -> Row:
        config, record, row = self._place(position)
        found: Row = self._rewrites[config](parse(record.line(row)))
        return found

    def _place(self, position: int) -> tuple[str, RecordFile, int]:
        for (config, split), end in zip(self.parts, self._ends, strict=True):
            record = self._records[config, split]
            if position < end:
                return config, record, position - (end - record.rows)
        raise IndexError(position)

    @property
    def is_whole(self) -> bool:
        """Whether every row of ``parts`` is read, in the order of the source."""
        return self._chosen is None

    def lines(self) -> Iterator[bytes]:
        """The rows as lines of the record, with paths relative to ``path``."""
        return (line for _, line in self._numbered_lines())

    def lines_with_places(self) -> Iterator[tuple[str, str, int, bytes]]:
        """The same lines, each with its config, its split, and its number in that split."""
        if self._chosen is None:
            for config, split in self.parts:
                for row, line in enumerate(self._records[config, split]):
                    yield config, split, row, line
            return
        splits = {id(record): split for (_, split), record in self._records.items()}
        for position in self._chosen:
            config, record, row = self._place(position)
            yield config, splits[id(record)], row, record.line(row)

    def _numbered_lines(self) -> Iterator[tuple[int, bytes]]:
        """Position and line of each row that is chosen."""
        if self._chosen is None:
            every = (line for part in self.parts for line in self._records[part])
            yield from enumerate(every)
        else:
            for position in self._chosen:
                _, record, row = self._place(position)
                yield position, record.line(row)

    @property
    def _positions(self) -> array[int]:
        return array("Q", range(self._total)) if self._chosen is None else self._chosen

    @cached_property
    def _ends(self) -> list[int]:
        return list(accumulate(self._records[part].rows for part in self.parts))

    @property
    def _total(self) -> int:
        return self._ends[-1] if self._ends else 0

    @cached_property
    def _records(self) -> dict[tuple[str, str], RecordFile]:
        return {
            (config["name"], split["name"]): RecordFile(self.path / split["record_path"], split["counts"]["rows"])
            for config in self.manifest["configs"]
            for split in config["splits"]
        }

    @cached_property
    def _rewrites(self) -> dict[str, Rewrite]:
        open_one = LandedMedia(self.path).opener(self.media_form)
        return {name: rewriting(self._features.get(name), open_one) for name in self.configs}

    @cached_property
    def _features(self) -> dict[str, dict[str, Any]]:
        found = {}
        for config in self.manifest["configs"]:
            folder = next(((self.path / split["record_path"]).parent for split in config["splits"]), None)
            if folder is not None and (folder / "features.json").is_file():
                found[config["name"]] = orjson.loads((folder / "features.json").read_bytes())
        return found

    # ---- for other toolkits

    def to_arrow(self) -> pyarrow.Table:
        """The rows as an Arrow table with the types of the source; media are structs of ``bytes`` and ``path``."""
        from hugflow_assets.reading.typed_rows import table_of

        return table_of(self)

    def to_datasets(self, *, decode: bool = False) -> datasets.Dataset:
        """The rows as a ``datasets.Dataset`` with the features of the source.

        Args:
            decode: whether Audio and Image columns are decoded when they are read, which takes torchcodec or Pillow.
        """
        from hugflow_assets.reading.typed_rows import dataset_of

        return dataset_of(self, decode=decode)

    def to_pandas(self) -> pandas.DataFrame:
        """The rows as a pandas frame, with Arrow's types: integers with gaps stay integers."""
        import pandas

        return self.to_arrow().to_pandas(types_mapper=pandas.ArrowDtype)

    def to_polars(self) -> polars.DataFrame:
        """The rows as a polars frame (polars must be installed)."""
        import polars

        frame = polars.from_arrow(self.to_arrow())
        assert isinstance(frame, polars.DataFrame)
        return frame

    def to_lhotse(self) -> lhotse.CutSet:
        """All cuts of the selected splits, opened lazily (lhotse must be installed)."""
        from hugflow_assets.reading.manifests import cuts_of

        return cuts_of(self)

    def nemo_manifest(self) -> Path:
        """The NeMo manifest of the one selected split.

        Raises:
            UnknownDatasetError: several splits are selected, or the view was not made.
        """
        from hugflow_assets.reading.manifests import nemo_manifest_of

        return nemo_manifest_of(self)

    def nemo_tars(self) -> tuple[list[Path], list[Path]]:
        """NeMo's manifests and tars of the one selected split of a packed landing, in the order of their numbers.

        Raises:
            UnknownDatasetError: several splits are selected, or there is no such view.
        """
        from hugflow_assets.reading.manifests import nemo_tars_of

        return nemo_tars_of(self)

    def to_torch(self) -> TorchRows:
        """The rows as a ``torch.utils.data.IterableDataset`` of plain dicts, resumable by ``state_dict``.

        Workers of a DataLoader share the rows; ranks take a ``shard`` each before.
        """
        from hugflow_assets.reading.torch_rows import TorchRows

        return TorchRows(self)


def _duration(row: Row, column: str | None) -> float | None:
    value = value_at(row, (column or "audio").split("."))
    found = value.get("duration") if isinstance(value, dict) else None
    return float(found) if found is not None else None


def _is_between(value: float, least: float | None, most: float | None) -> bool:
    return (least is None or value >= least) and (most is None or value <= most)
