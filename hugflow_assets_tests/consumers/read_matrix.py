"""Every toolkit's own readers on the landed matrix: ``python read_matrix.py MATRIX [--page docs/opening.md]``.

It runs in the toolkits' environment: the standard library, what is tried, and ``hugflow_assets.reading``. Each
manifest, view and record of every dataset is read to its end, and the rows are counted against the record. What cannot
be imported is said, and nothing of it is called tried. Exit 1: something was read that is not as it landed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from hugflow_assets import Dataset, open_dataset

BEGIN, END = "<!-- toolkits: written by make consumers -->", "<!-- end of toolkits -->"
Rows = list[dict[str, Any]]


def rows_of(record: Path) -> Rows:
    return [json.loads(line) for line in record.read_text(encoding="utf-8").split("\n") if line]


def audio_values(value: Any) -> Iterator[dict[str, Any]]:
    """Every landed audio value below a value, with a clip or without."""
    if isinstance(value, list):
        for one in value:
            yield from audio_values(one)
    elif isinstance(value, dict):
        if value.keys() >= {"path", "source_path", "duration"}:
            yield value
        else:
            for one in value.values():
                yield from audio_values(one)


def readable(rows: Rows) -> int:
    """How many clips of a record a manifest can hold: those whose header says how long they are."""
    return sum(1 for row in rows for one in audio_values(row) if one["path"] and one["duration"] is not None)


def each_split(dataset: Dataset) -> Iterator[tuple[str, str, Path, Rows]]:
    for config, split in dataset.parts:
        record = dataset.record_path(config, split)
        yield config, split, record, rows_of(record)


def equal(found: Any, wanted: Any, what: str) -> None:
    if found != wanted:
        raise AssertionError(f"{what}: {found!r} instead of {wanted!r}")


def told(dataset: Dataset, missing: int) -> None:
    """What no manifest holds is counted in hugflow.json."""
    left_out = dataset.manifest["counts"].get("extra", {}).get("rows_left_out_of_views", 0)
    if missing and not left_out:
        raise AssertionError(f"{missing} rows are in no manifest, and hugflow.json does not say so")


def nemo(dataset: Dataset) -> int:
    from nemo.collections.common.data.lhotse.nemo_adapters import LazyNeMoIterator
    from nemo.collections.common.parts.preprocessing.manifest import item_iter

    read = 0
    if is_packed(dataset):
        return nemo_of_tars(dataset)
    for config, split, _, rows in each_split(dataset):
        manifest, wanted = dataset.view_path("nemo", config, split), readable(rows)
        told(dataset, sum(not readable([row]) for row in rows) if manifest or dataset.info.audio_column else 0)
        if manifest is None:
            equal(0, wanted, "clips of a split without a manifest")
            continue
        items = list(item_iter([str(manifest)]))
        equal(len(items), wanted, "items of NeMo's parser")
        for item in items:
            equal(Path(item["audio_file"]).is_file(), True, item["audio_file"])
        cuts = list(LazyNeMoIterator(str(manifest)))
        equal(len(cuts), wanted, "cuts of NeMo's Lhotse adapter")
        read += wanted
    return read


def nemo_of_tars(dataset: Dataset) -> int:
    from nemo.collections.common.data.lhotse.nemo_adapters import LazyNeMoTarredIterator

    read = 0
    for config, split, _, rows in each_split(dataset):
        wanted = readable(rows)
        if wanted:
            manifests, tars = dataset.select(config=config, split=split).nemo_tars()
            cuts = list(LazyNeMoTarredIterator([str(one) for one in manifests], [str(one) for one in tars]))
            equal(len(cuts), wanted, "cuts of NeMo's tarred adapter")
            for cut in cuts:
                equal(cut.load_audio().shape[1] > 0, True, f"samples of {cut.id}")
        read += wanted
    return read


def is_packed(dataset: Dataset) -> bool:
    return dataset.manifest.get("form") == "packed"


def lhotse(dataset: Dataset) -> int:
    from lhotse import CutSet
    from lhotse.qa import validate

    if is_packed(dataset):  # Lhotse 1 has no pointers into tars: by name, below
        return 0

    read = 0
    for config, split, _, rows in each_split(dataset):
        manifest, wanted = dataset.view_path("lhotse", config, split), readable(rows)
        if manifest is None:
            equal(0, wanted, "clips of a split without a manifest")
            continue
        cuts = list(CutSet.from_file(manifest).with_recording_path_prefix(str(dataset.path)))
        equal(len(cuts), wanted, "cuts")
        for cut in cuts:
            validate(cut)
            if not cut.recording.sources[0].source.endswith((".m4a", ".aac", ".opus", ".mp3")):
                equal(cut.load_audio().shape[1], cut.num_samples, f"samples of {cut.recording.sources[0].source}")
        read += wanted
    return read


def folder_of_datasets(dataset: Dataset) -> int:
    from datasets import load_dataset

    read = 0
    for config, split, _, rows in each_split(dataset):
        if not rows:
            continue
        found = load_dataset(str(dataset.path), config, split=split, description=str(dataset.path))
        equal(len(found), len(rows), f"rows of {config}/{split}")
        streamed = load_dataset(str(dataset.path), config, split=split, streaming=True)
        equal(sum(1 for _ in streamed.decode(False)), len(rows), f"streamed rows of {config}/{split}")
        column = next(
            (name for name, one in found.features.items() if type(one).__name__ == "Audio" and one.decode), None
        )
        for at, row in enumerate(rows if column is not None else []):
            value: Any = row.get(str(column))
            name = (value or {}).get("path") or ""
            if name.endswith((".wav", ".flac")):
                samples = found[at][column].get_all_samples()
                rate = found.features[column].sampling_rate or value["sampling_rate"]
                equal(samples.sample_rate, rate, f"rate of {name}")
                equal(abs(samples.data.shape[1] / rate - value["duration"]) < 0.001, True, f"length of {name}")
        read += len(rows)
    return read


def json_of_datasets(dataset: Dataset) -> int:
    from datasets import load_dataset

    read = 0
    for _, _, record, rows in each_split(dataset):
        if rows:
            found = load_dataset("json", data_files=str(record), split="train")
            equal(len(found), len(rows), f"rows of {record.name}")
            read += len(rows)
    return read


def frames(read_json: Callable[[str], Any]) -> Callable[[Dataset], int]:
    def run(dataset: Dataset) -> int:
        read = 0
        for _, _, record, rows in each_split(dataset):
            if rows:
                equal(read_json(str(record)), len(rows), f"rows of {record.name}")
                read += len(rows)
        return read

    return run


def by_pandas(record: str) -> int:
    import pandas

    return len(pandas.read_json(record, lines=True, dtype=False, convert_dates=False, precise_float=True))


def by_polars(record: str) -> int:
    import polars

    return int(polars.read_ndjson(record, infer_schema_length=None).height)


def by_duckdb(record: str) -> int:
    import duckdb

    options = "auto_detect=true, sample_size=-1, dateformat='none', timestampformat='none'"
    return len(duckdb.sql(f"SELECT * FROM read_json('{record}', {options})").fetchall())


def torch_loader(dataset: Dataset) -> int:
    from torch.utils.data import DataLoader

    lines = [json.loads(line) for line in dataset.lines()]
    found = list(DataLoader(dataset.to_torch(), batch_size=None, num_workers=2, collate_fn=_as_it_is))
    equal(len(found), len(lines), "rows of a DataLoader with two workers")
    return len(found)


def _as_it_is(row: Any) -> Any:
    return row


def own_lhotse(dataset: Dataset) -> int:
    import lhotse  # noqa: F401

    read = 0
    for config, split, _, rows in each_split(dataset):
        if dataset.view_path("lhotse", config, split) is None:
            continue
        cuts = list(dataset.select(config=config, split=split).to_lhotse())
        equal(len(cuts), readable(rows), "cuts of to_lhotse")
        for cut in cuts:
            equal(cut.load_audio().shape[1] > 0, True, f"samples of {cut.id}")
        read += len(cuts)
    return read


def shar(dataset: Dataset) -> int:
    from lhotse import CutSet

    from hugflow_assets.reading.exports import export

    if is_packed(dataset) or dataset.info.audio_column is None:
        return 0
    with tempfile.TemporaryDirectory() as made:
        to = Path(made) / "shar"
        done = export(dataset, "lhotse-shar", to)
        folders = {path.parent for path in to.rglob("cuts.*.jsonl.gz")}
        cuts = [cut for one in sorted(folders) for cut in CutSet.from_shar(in_dir=one)]
        equal(len(cuts), done.clips, "cuts of the export")
        for cut in cuts:
            equal(cut.load_audio().shape[1] > 0, True, f"samples of {cut.id}")
    return len(cuts)


def croissant(dataset: Dataset) -> int:
    import mlcroissant

    from hugflow_assets.reading.exports import export

    with tempfile.TemporaryDirectory() as made:
        done = export(dataset, "croissant", Path(made) / "croissant")
        found = mlcroissant.Dataset(jsonld=str(done.path / "croissant.json"))
        equal(set(found.metadata.ctx.issues.errors), set(), "errors")
        equal(len(found.metadata.record_sets), len(dataset.parts), "record sets")
    return done.clips


def webdataset(dataset: Dataset) -> int:
    import webdataset as wds

    from hugflow_assets.reading.exports import export

    if dataset.info.audio_column is None:
        return 0
    with tempfile.TemporaryDirectory() as made:
        done = export(dataset, "webdataset", Path(made) / "wds")
        tars = [str(path) for path in sorted(Path(made).rglob("*.tar"))]
        samples = list(wds.WebDataset(tars, shardshuffle=False, empty_check=False)) if tars else []
        equal(len(samples), done.clips, "samples of the export")
    return len(samples)


def own_datasets(dataset: Dataset) -> int:
    import datasets  # noqa: F401

    found = sum(len(dataset.select(config=one).to_datasets()) for one in dataset.configs)
    equal(found, len(dataset), "rows of to_datasets")
    return found


# Toolkit, the package whose version is told, what is read, and how.
READERS: tuple[tuple[str, str, str, Callable[[Dataset], int]], ...] = (
    ("datasets", "datasets", "`load_dataset(folder)`, wav and flac decoded, both modes", folder_of_datasets),
    ("datasets, JSON", "datasets", '`load_dataset("json", …)` of the record', json_of_datasets),
    (
        "NeMo",
        "nemo-toolkit",
        "`manifests/nemo`: `item_iter`, `LazyNeMoIterator`; packed `LazyNeMoTarredIterator`",
        nemo,
    ),
    ("Lhotse", "lhotse", "`manifests/lhotse`: `CutSet`, `validate`, wav and flac loaded", lhotse),
    ("pandas", "pandas", "the record", frames(by_pandas)),
    ("polars", "polars", "the record", frames(by_polars)),
    ("duckdb", "duckdb", "the record", frames(by_duckdb)),
    ("torch DataLoader", "torch", "`open_dataset(…).to_torch()`, two workers", torch_loader),
    ("Lhotse by name", "lhotse", "`open_dataset(…).to_lhotse()`, every clip loaded", own_lhotse),
    ("Lhotse Shar", "lhotse", "`hugflow export --format lhotse-shar`, every clip loaded", shar),
    ("Croissant", "mlcroissant", "`hugflow export --format croissant`, validated", croissant),
    ("WebDataset", "webdataset", "`hugflow export --format webdataset`", webdataset),
    ("datasets by name", "datasets", "`open_dataset(…).to_datasets()`", own_datasets),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("matrix", type=Path)
    parser.add_argument("--page", type=Path, help="the page whose table is written anew")
    asked = parser.parse_args()
    opened = {
        folder.with_name("title").read_text(): open_dataset(landed)
        for folder in sorted(asked.matrix.glob("*/storage"))
        for landed in sorted(folder.iterdir())
        if (landed / "hugflow.json").is_file()
    }
    lines = ["| Toolkit | Version | What was read | Datasets | Rows |", "|---|---|---|---|---|"]
    failed = 0
    for toolkit, package, what, read in READERS:
        try:
            number = version(package)
        except PackageNotFoundError:
            print(f"not run: {toolkit}: {package} is not installed")
            continue
        rows, tried, wrong, reason = 0, 0, 0, ""
        for title, dataset in opened.items():
            try:
                found = read(dataset)
                rows, tried = rows + found, tried + (found > 0)
            except ImportError as error:
                reason = f"cannot be imported: {error}"
                break
            except Exception as error:  # noqa: BLE001  all that a toolkit may raise is a finding
                wrong += 1
                print(f"{toolkit} {number}, {title}: {type(error).__name__}: {str(error)[:300]}")
                if not isinstance(error, AssertionError):
                    traceback.print_exc(limit=-2)
        if reason:
            print(f"not run: {toolkit} {number} {reason}")
            continue
        failed += wrong
        lines.append(f"| {toolkit} | {number} | {what} | {tried}{f', {wrong} failed' if wrong else ''} | {rows:,} |")
    print("\n".join(lines))
    if asked.page is not None and not failed:
        write_page(asked.page, lines)
    return 1 if failed else 0


def write_page(page: Path, lines: list[str]) -> None:
    text = page.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text(f"{before}{BEGIN}\n" + "\n".join(lines) + f"\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
