"""What we take from inside `datasets`, which has no public name for it; a test fails when a new version changes one.

`datasets` takes a second to import, so each function imports it when it is called.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any


@lru_cache(1)
def module_of_endings() -> Mapping[str, Any]:
    """Ending, with its dot, in lower case -> the module that reads such files and what the ending tells it."""
    from datasets.packaged_modules import _EXTENSION_TO_MODULE

    return MappingProxyType(_EXTENSION_TO_MODULE)


def data_endings() -> frozenset[str]:
    """The endings, with their dots, of all files that any module reads, metadata and archives included."""
    from datasets.packaged_modules import _ALL_ALLOWED_EXTENSIONS

    return frozenset(_ALL_ALLOWED_EXTENSIONS)


def metadata_names() -> frozenset[str]:
    """The names of the files that speak of media files: ``metadata.csv`` and the like."""
    from datasets.packaged_modules import _ALL_METADATA_FILENAMES

    return frozenset(_ALL_METADATA_FILENAMES)


def files_of_module(module: str) -> tuple[list[str], list[str]]:
    """The endings that a module reads, and the names of the metadata files that it reads besides."""
    from datasets.packaged_modules import (
        _MODULE_TO_EXTENSIONS,
        _MODULE_TO_METADATA_EXTENSIONS,
        _MODULE_TO_METADATA_FILE_NAMES,
    )

    endings = [*_MODULE_TO_EXTENSIONS[module], *_MODULE_TO_METADATA_EXTENSIONS[module]]
    return endings, list(_MODULE_TO_METADATA_FILE_NAMES[module])


def python_module(module: str) -> str:
    """The Python module that holds the builder of a packaged module: ``json`` -> ``datasets.packaged_modules…``."""
    from datasets.packaged_modules import _PACKAGED_DATASETS_MODULES

    return str(_PACKAGED_DATASETS_MODULES[module][0])


def features_of_yaml(listed: Any) -> dict[str, Any]:
    """``Features.to_dict()`` of the ``features`` list of a card.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: it is no such list.
    """
    from datasets import Features

    found: dict[str, Any] = Features._from_yaml_list(listed).to_dict()
    return found


def yaml_of_features(features: dict[str, Any]) -> list[Any]:
    """The ``features`` list of a card.

    Raises:
        KeyError, TypeError, ValueError: a feature that this version of `datasets` cannot say in YAML.
    """
    from datasets import Features

    found: list[Any] = Features.from_dict(features)._to_yaml_list()
    return found
