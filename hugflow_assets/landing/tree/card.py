"""README.md: the upstream card's text and licence, and the ``configs`` by which `datasets` loads the folder."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import yaml

from hugflow_assets.formats.datasets_internals import yaml_of_features
from hugflow_assets.hub.models import RepoState
from hugflow_assets.landing.views.tables import TableView

_OURS = ("configs", "dataset_info", "train-eval-index", "viewer")


@dataclass(frozen=True)
class CardViews:
    """What a card says of the views for `datasets`.

    Attributes:
        tables: of each config, in upstream order.
        unnamed: the media file that no row names, where there are media: it makes `datasets` take the builder of its
            kind.
        fingerprint: of what the views were made of. The cache of `datasets` keys on the folder's base name and the
            card, so without it old rows would be paired with new files.
    """

    tables: list[TableView] = field(default_factory=list)
    unnamed: str | None = None
    fingerprint: str = ""

    def configs(self) -> list[dict[str, Any]]:
        """The ``configs`` of the card."""
        return [self._config(one) for one in self.tables]

    def _config(self, table: TableView) -> dict[str, Any]:
        config: dict[str, Any] = {"config_name": table.config, "description": self.fingerprint}
        if self.unnamed is not None:
            config["metadata_filenames"] = table.paths
        if (listed := _listed(table.features)) is not None:
            config["features"] = listed
        # The builder is voted by the endings of a split's files: one vote more than there are tables.
        votes = [self.unnamed] * 2 if self.unnamed is not None else []
        config["data_files"] = [{"split": split, "path": [*files, *votes]} for split, files in table.files.items()]
        return config


def card_text(state: RepoState, views: CardViews) -> bytes:
    """The card: upstream's metadata but for what we say ourselves, our ``configs``, upstream's text."""
    kept = {key: value for key, value in state.card_data.items() if key not in _OURS}
    if state.license and "license" not in kept:
        kept["license"] = state.license
    return _rendered(kept, views, state.card_text)


def replace_configs(card: bytes, views: CardViews) -> bytes:
    """A card of ours with other ``configs``."""
    _, block, text = card.decode().split("---\n", 2)
    head = yaml.safe_load(block) or {}
    head.pop("configs", None)
    return _rendered(head, views, text)


def _rendered(head: dict[str, Any], views: CardViews, text: str) -> bytes:
    """A card of a YAML head and a Markdown text."""
    configs = views.configs()
    plain = json.loads(json.dumps(head | ({"configs": configs} if configs else {}), default=str))
    block = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=120) if plain else ""
    body = text.strip("\n")
    return f"---\n{block}---\n{body}\n".encode("utf-8", "replace")


def _listed(features: dict[str, Any]) -> list[Any] | None:
    try:
        return yaml_of_features(features)
    except (ValueError, TypeError, KeyError):  # a feature that this version of `datasets` cannot say in YAML
        return None
