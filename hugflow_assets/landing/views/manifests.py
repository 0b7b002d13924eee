"""Lines of the manifests for NeMo and Lhotse, an utterance each."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from hugflow_assets.formats.archives.ustar import BLOCK_BYTES, padding
from hugflow_assets.formats.opus import decoded_rate
from hugflow_assets.formats.record_rows import first_text
from hugflow_assets.landing.views.columns import Renaming, ViewColumns
from hugflow_assets.landing.views.utterances import Utterance

# What NeMo's readers take for their own (nemo-toolkit 3.0, common/parts/preprocessing/manifest.py and
# common/data/lhotse/nemo_adapters.py); ``speaker`` means there what it means everywhere.
NEMO_FIELDS = frozenset(
    (
        *("audio_filepath", "audio_filename", "audio_file", "duration", "offset", "_skipme"),
        *("text", "text_filepath", "normalized_text", "lang", "token_labels", "task"),
        *("sampling_rate", "sample_rate", "orig_sample_rate"),
        *(f"{kind}_{name}" for kind in ("video", "rttm", "feature") for name in ("filepath", "filename", "file")),
        *(f"{kind}{fact}" for kind in ("context", "answer", "question") for fact in ("", "_type", "_duration")),
    )
)
_SPEAKERS = ("speaker", "speaker_id", "client_id")
_LANGUAGES = ("lang", "language", "locale")


class Nemo:
    """NeMo: paths relative to the manifest; duration is mandatory, a null text would break the whole manifest.

    ``sampling_rate`` spares NeMo a look into each file. It is left out for more than one channel, since NeMo then takes
    a clip whose rate is stated for mono.
    """

    def __init__(self, root: Path, path: str, columns: ViewColumns) -> None:
        self._root, self._up = root, "../" * path.count("/")
        same = columns.text if columns.text in NEMO_FIELDS else None
        self._renaming = Renaming(NEMO_FIELDS, [same, *_tops(columns)])

    def line(self, one: Utterance) -> dict[str, Any] | None:
        """The line of an utterance, or None where NeMo could not read it."""
        if one.duration_s is None or not one.path:
            return None
        line: dict[str, Any] = {"audio_filepath": self._up + one.path, "duration": one.duration_s}
        if one.text is not None:
            line["text"] = one.text
        if one.num_channels == 1 and (rate := _rate(self._root, one)):
            line["sampling_rate"] = rate
        names = self._renaming.names(one.row)
        if (
            lang := next((one.row[name] for name in _LANGUAGES if isinstance(one.row.get(name), str)), None)
        ) is not None:
            line["lang"] = lang
        return line | {
            name: one.row[column]
            for column, name in names.items()
            if not (column == "lang" and one.row[column] == lang)
        }


class Lhotse:
    """Lhotse cuts, paths relative to the dataset's folder (``with_recording_path_prefix``).

    Fields as ``lhotse.CutSet.to_jsonl`` writes them (Lhotse 1.33); the other columns are in ``custom``. The sampling
    rate is the one that libsndfile, by which Lhotse reads Opus, decodes at.
    """

    def __init__(self, root: Path, _: str, columns: ViewColumns) -> None:
        self._root = root
        text = columns.text if columns.text is None or "." not in columns.text else None
        self._renaming = Renaming(frozenset(), [text, *_tops(columns)])

    def line(self, one: Utterance) -> dict[str, Any] | None:
        """The cut of an utterance, or None where its header says too little for one."""
        if one.duration_s is None or not one.path or not one.num_channels:
            return None
        rate = _rate(self._root, one)
        samples = round(one.duration_s * rate) if rate else 0
        if not rate or not samples:
            return None
        duration, channels = samples / rate, list(range(one.num_channels))
        mono = one.num_channels == 1
        recording = {
            "id": one.name,
            "sources": [_source(one, channels)],
            "sampling_rate": rate,
            "num_samples": samples,
            "duration": duration,
            "channel_ids": channels,
        }
        cut: dict[str, Any] = {
            "id": one.name,
            "start": 0,
            "duration": duration,
            "channel": 0 if mono else channels,
            "supervisions": [_supervision(one, duration, 0 if mono else channels)],
            "recording": recording,
        }
        others = self._renaming.names(one.row)
        if custom := {name: value for column, name in others.items() if (value := one.row[column]) is not None}:
            cut["custom"] = custom
        return cut | {"type": "MonoCut" if mono else "MultiCut"}


def _rate(root: Path, one: Utterance) -> int | None:
    return decoded_rate(one.path, one.sampling_rate, partial(one.head, root))


def _source(one: Utterance, channels: list[int]) -> dict[str, Any]:
    """Where the audio is; in a tar, as Lhotse 2 points into one (``lhotse/shar/lazy_pointer.py``), by its name too."""
    if not one.tar:
        return {"type": "file", "channels": channels, "source": one.path}
    begin, end = one.offset - BLOCK_BYTES, one.offset + one.size_bytes + len(padding(one.size_bytes))
    name = quote(one.path.removeprefix(f"{one.tar.rpartition('/')[0]}/"), safe="")
    return {"type": "shar_ptr", "channels": channels, "source": f"{one.tar}?o={begin}&e={end}&n={name}&s=1"}


def _supervision(one: Utterance, duration: float, channel: int | list[int]) -> dict[str, Any]:
    supervision: dict[str, Any] = {
        "id": one.name,
        "recording_id": one.name,
        "start": 0.0,
        "duration": duration,
        "channel": channel,
    }
    if one.text is not None:
        supervision["text"] = one.text
    for key, columns in (("speaker", _SPEAKERS), ("language", _LANGUAGES)):
        if (value := first_text(one.row, columns)) is not None:
            supervision[key] = value
    return supervision


def _tops(columns: ViewColumns) -> list[str]:
    """The columns that the audio is in."""
    return [name.partition(".")[0] for name in columns.audios]
