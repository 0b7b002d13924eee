"""The dataset card: README.md's YAML block and text, and what it says about licence, configs and features."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from hugflow_assets.errors import BadSourceError
from hugflow_assets.formats.datasets_internals import features_of_yaml
from hugflow_assets.formats.text.text_encoding import decoded


@dataclass(frozen=True)
class Card:
    """README.md taken apart. ``problem`` says why the YAML block could not be read, in which case ``data`` is empty."""

    text: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    problem: str = ""


def read_card(readme: bytes, standalone_yaml: bytes = b"") -> Card:
    """Split README.md as ``datasets`` does; ``.huggingface.yaml`` of the repository, if any, overrides its block."""
    import yaml
    from huggingface_hub import DatasetCard

    try:
        content = decoded(readme, "README.md")[0].replace("\r\n", "\n")
    except BadSourceError as error:
        return Card(problem=error.message)
    if not content.lstrip().startswith("---") and not standalone_yaml:
        return Card(text=content.lstrip("\n"))  # no block: nothing to warn of
    try:
        card = DatasetCard(content, ignore_metadata_errors=True)
        data, text = card.data.to_dict(), card.text  # type: ignore[no-untyped-call]
        standalone = yaml.safe_load(standalone_yaml) if standalone_yaml else None
        if isinstance(standalone, dict):
            data.update(standalone)
        data = plain(data)
    except (ValueError, TypeError, RecursionError, yaml.YAMLError) as error:
        return Card(
            text=content, problem=f"README.md's YAML block cannot be read: {' '.join(str(error).split())[:200]}"
        )
    return Card(text=text.lstrip("\n"), data=data)


def plain(value: Any) -> Any:
    """The same value in JSON's types and UTF-8's characters only: YAML also has dates, and halves of characters.

    Raises:
        ValueError, RecursionError: it holds itself, or is nested too deep.
    """
    return json.loads(json.dumps(value, default=str, ensure_ascii=False).encode("utf-8", "replace"))


def license_of(card_data: dict[str, Any]) -> str | None:
    """The licence as the card names it: several joined by a comma, ``other`` with the name it gives."""
    found = card_data.get("license")
    if found == "other" and isinstance(card_data.get("license_name"), str):
        return f"other ({card_data['license_name']})"
    if isinstance(found, list):
        return ", ".join(str(one) for one in found) or None
    return str(found) if found else None


def dataset_infos(card_data: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The card's ``dataset_info`` by config: features and splits; what is broken is left out."""
    found = card_data.get("dataset_info")
    infos: dict[str, dict[str, Any]] = {}
    for one in found if isinstance(found, list) else [found]:
        if not isinstance(one, dict):
            continue
        info: dict[str, Any] = {}
        try:
            info["features"] = features_of_yaml(one["features"])
        except (KeyError, TypeError, ValueError, AttributeError):
            info["features"] = None
        splits = one.get("splits")
        info["splits"] = [split for split in splits if isinstance(split, dict)] if isinstance(splits, list) else []
        infos[str(one.get("config_name", "default"))] = info
    return infos
