"""Every layout of docs/shapes.md, as a strategy for repositories that are laid out so."""

from __future__ import annotations

from hypothesis.strategies import SearchStrategy

from hugflow_assets_tests.corpora.layouts import (
    clip_archives,
    known_corpora,
    metadata_folders,
    rows_of_files,
    side_texts,
    table_files,
)
from hugflow_assets_tests.corpora.repository import Rendered

LAYOUTS: dict[str, SearchStrategy[Rendered]] = {
    "tables of loose files": table_files.loose_tables(),
    "tables beside archives": clip_archives.tables_beside(),
    "tables inside archives": clip_archives.tables_inside(),
    "metadata of folders": metadata_folders.metadata_files(),
    "folders of clips": rows_of_files.audio_folder(),
    "Common Voice, mirrored": known_corpora.common_voice_mirror(),
    "Common Voice, as released": known_corpora.common_voice_release(),
    "LJSpeech": known_corpora.ljspeech(),
    "VCTK": known_corpora.vctk(),
    "LibriSpeech": known_corpora.librispeech(),
    "LibriSpeech in tars": known_corpora.librispeech_tars(),
    "MLS": known_corpora.mls(),
    "Kaldi": known_corpora.kaldi(),
    "NeMo": known_corpora.nemo(),
    "FLEURS": known_corpora.fleurs(),
    "Emilia": known_corpora.emilia(),
    "SwitchLingua": known_corpora.switchlingua(),
    "JSON keyed by utterance": known_corpora.speechocean(),
    "The People's Speech": known_corpora.peoples_speech(),
    "WebDataset": rows_of_files.webdataset(),
    "parquet with bytes": rows_of_files.parquet_bytes(),
    "parquet with paths": rows_of_files.parquet_paths(),
    "JSON rows": rows_of_files.json_rows(),
    "tables of text": rows_of_files.text_tables(),
    "a text a clip": side_texts.a_text_a_clip(),
    "lists of texts": side_texts.lists_of_texts(),
}
