"""README.md: the upstream card's text and licence, and the ``configs`` by which `datasets` loads the folder."""

from __future__ import annotations

import json
from typing import Any

import yaml

from hugflow_assets.formats.datasets_internals import yaml_of_features
from hugflow_assets.hub.models import RepoState
from hugflow_assets.landing.views.columns import Renaming, ViewColumns
from hugflow_assets.landing.views.write import DATASETS_FIELDS, SplitViews, ViewSplit

_OURS = ("configs", "dataset_info", "train-eval-index", "viewer")
_AS_TEXT = ("timestamp", "date", "time", "duration", "decimal", "binary", "large_binary")


def card_text(state: RepoState, configs: list[dict[str, Any]]) -> bytes:
    """The card: upstream's metadata but for what we say ourselves, our ``configs``, upstream's text."""
    kept = {key: value for key, value in state.card_data.items() if key not in _OURS}
    if state.license and "license" not in kept:
        kept["license"] = state.license
    return render(kept | ({"configs": configs} if configs else {}), state.card_text)


def render(head: dict[str, Any], text: str) -> bytes:
    """A card of a YAML head and a Markdown text."""
    plain = json.loads(json.dumps(head, default=str))
    block = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=120) if plain else ""
    body = text.strip("\n")
    return f"---\n{block}---\n{body}\n".encode("utf-8", "replace")


def replace_configs(card: bytes, configs: list[dict[str, Any]]) -> bytes:
    """A card of ours with other ``configs``."""
    _, block, text = card.decode().split("---\n", 2)
    head = yaml.safe_load(block) or {}
    head.pop("configs", None)
    return render(head | ({"configs": configs} if configs else {}), text)


def audio_configs(
    made: list[SplitViews], features: dict[str, dict[str, Any] | None], columns: ViewColumns
) -> list[dict[str, Any]]:
    """``configs`` over the views in the root. Two audio files a split are named, since the builder is voted by them."""
    configs = []
    for config in dict.fromkeys(one.split.config for one in made):
        splits = [one for one in made if one.split.config == config]
        if not all(one.voters for one in splits):  # a split that `datasets` would not take for audio: the record then
            configs += record_configs([one.split for one in splits])
            continue
        views = {one.split.split: one.split.folders.view("datasets", one.split.split) for one in splits}
        told: dict[str, Any] = {"config_name": config, "metadata_filenames": list(views.values())}
        if listed := _listed(_view_features(features.get(config), columns)):
            told["features"] = listed
        told["data_files"] = [
            {"split": one.split.split, "path": [views[one.split.split], *one.voters]} for one in splits
        ]
        configs.append(told)
    return configs


def record_configs(splits: list[ViewSplit]) -> list[dict[str, Any]]:
    """``configs`` over the records themselves, for a dataset without audio."""
    return [
        {
            "config_name": config,
            "data_files": [
                {"split": one.split, "path": one.folders.record(one.split)} for one in splits if one.config == config
            ],
        }
        for config in dict.fromkeys(one.config for one in splits)
    ]


def _view_features(features: dict[str, Any] | None, columns: ViewColumns) -> dict[str, Any] | None:
    """The features of the `datasets` view: what its lines hold after the record's JSON forms."""
    if features is None or columns.audio is None:
        return None
    renaming = Renaming(DATASETS_FIELDS, columns.text, columns.audio.partition(".")[0])
    told: dict[str, Any] = {"audio": {"_type": "Audio"}}
    if columns.text is not None:
        told["text"] = {"dtype": "string", "_type": "Value"}
    return told | {name: _as_json(features[column]) for column, name in renaming.names(features).items()}


def _as_json(feature: Any) -> Any:
    """The feature of a value as the record writes it: times, decimals and binary as strings, media as structs."""
    if isinstance(feature, list):
        return [_as_json(one) for one in feature]
    if not isinstance(feature, dict):
        return feature
    kind = feature.get("_type")
    if not isinstance(kind, str):
        return {name: _as_json(one) for name, one in feature.items()}
    if kind == "Value":
        dtype = str(feature.get("dtype", "string"))
        return _value("string") if dtype.startswith(_AS_TEXT) else feature
    if kind in ("Audio", "Image", "Video", "Pdf", "Nifti", "Mesh"):
        told = {"path": _value("string"), "source_path": _value("string")}
        if kind == "Audio":
            told |= {"duration": _value("float64"), "sampling_rate": _value("int64"), "num_channels": _value("int64")}
        return told
    if "feature" in feature:
        return feature | {"feature": _as_json(feature["feature"])}
    return feature


def _value(dtype: str) -> dict[str, Any]:
    return {"dtype": dtype, "_type": "Value"}


def _listed(features: dict[str, Any] | None) -> list[Any] | None:
    if features is None:
        return None
    try:
        return yaml_of_features(features)
    except (ValueError, TypeError, KeyError):  # a feature that this version of `datasets` cannot say in YAML
        return None
