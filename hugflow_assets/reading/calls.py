"""How a landed dataset is opened in each toolkit: code with its own paths and columns, ready to paste."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hugflow_assets.reading.dataset import Dataset


def calls_of(found: Dataset) -> Iterator[tuple[str, str]]:
    """Title and code for each toolkit that can open what is selected, in the order in which people ask for them."""
    config, split = found.parts[0]
    folder, record = str(found.path), str(found.record_path(config, split))
    is_packed = found.manifest.get("form") == "packed"
    yield "Python, rows and absolute paths of the audio", _hugflow(found, split)
    if "datasets" in found.manifest["views"] and not is_packed:
        one = f", {config!r}" if len({name for name, _ in found.all_parts}) > 1 else ""
        yield (
            "datasets, decoded audio (torch and torchcodec)",
            _lines("from datasets import load_dataset", f"rows = load_dataset({folder!r}{one}, split={split!r})"),
        )
    kept = "lines=True, dtype=False, convert_dates=False, precise_float=True"
    yield "pandas", _lines("import pandas", f"rows = pandas.read_json({record!r}, {kept})")
    place, as_text = record.replace(chr(39), chr(39) * 2), "dateformat = 'none', timestampformat = 'none'"
    yield "duckdb", f"FROM read_json('{place}', format = 'newline_delimited', sample_size = -1, {as_text}) LIMIT 10;"
    if is_packed:
        yield from _calls_of_packed(found.select(config=config, split=split), split)
        return
    if (view := found.view_path("nemo", config, split)) is not None:
        yield "NeMo", f"model.train_ds.manifest_filepath={view}"
    if (view := found.view_path("lhotse", config, split)) is not None:
        cuts = f"cuts = CutSet.from_file({str(view)!r}).with_recording_path_prefix({folder!r})"
        yield "Lhotse", _lines("from lhotse import CutSet", cuts)


def _calls_of_packed(found: Dataset, split: str) -> Iterator[tuple[str, str]]:
    """The same of media in tars, for one split."""
    opened = f"open_dataset({str(found.path)!r}, split={split!r})"
    ours = "from hugflow_assets import open_dataset"
    yield "datasets, decoded audio (torch and torchcodec)", _lines(ours, f"rows = {opened}.to_datasets(decode=True)")
    if "nemo" in found.manifest["views"] and found.info.audio_column is not None:
        manifests, tars = found.nemo_tars()
        numbers = f"_OP_0..{len(tars) - 1}_CL_" if len(tars) > 1 else "0"
        yield (
            "NeMo, with Lhotse's loader",
            _lines(
                f"model.train_ds.manifest_filepath={manifests[0].parent}/manifest_{numbers}.json",
                f"model.train_ds.tarred_audio_filepaths={tars[0].parent}/audio_{numbers}.tar",
                "model.train_ds.is_tarred=true",
                "model.train_ds.use_lhotse=true",
            ),
        )
    if "lhotse" in found.manifest["views"] and found.info.audio_column is not None:
        yield "Lhotse", _lines(ours, f"cuts = {opened}.to_lhotse()")


def _hugflow(found: Dataset, split: str) -> str:
    columns = [f"row[{name!r}]" for name in (found.info.text_column,) if name and "." not in name]
    audio = found.info.audio_column
    if audio and "." not in audio:
        columns.insert(0, f"row[{audio!r}]['path']")
        if found.manifest.get("form") == "packed":  # where in the tar
            columns[1:1] = [f"row[{audio!r}]['offset']", f"row[{audio!r}]['size']"]
    chosen = "" if len(found.parts) == 1 and found.parts == found.all_parts else f", split={split!r}"
    return _lines(
        "from hugflow_assets import open_dataset",
        f"for row in open_dataset({str(found.path)!r}{chosen}):",
        f"    print({', '.join(columns) or 'row'})",
    )


def _lines(*lines: str) -> str:
    return "\n".join(lines)
