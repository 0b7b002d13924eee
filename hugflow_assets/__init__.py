"""Hugflow: a small YAML request becomes a verified Hugging Face dataset on shared storage.

``open_dataset("org/name")`` opens a landed one. A Dagster code location of one's own takes ``landed_datasets`` (the
asset ``dataset`` as seen from there), ``LandingIOManager`` and ``DATASETS`` (the partitions, one a dataset);
``LandedFolder`` is an input with the whole manifest, ``Platform`` says where the storage is. All are imported when they
are asked for.
"""

from typing import TYPE_CHECKING, Any

from hugflow_assets.version import __version__

if TYPE_CHECKING:
    from hugflow_assets.reading import Dataset, open_dataset

__all__ = ["Dataset", "__version__", "open_dataset"]
_PUBLIC = {
    **dict.fromkeys(("Dataset", "open_dataset"), "hugflow_assets.reading"),
    **dict.fromkeys(("LandedFolder", "LandingIOManager"), "hugflow_assets.orchestration.assets.io_manager"),
    "Platform": "hugflow_assets.orchestration.assets.platform",
    "DATASETS": "hugflow_assets.orchestration.assets.partitions",
    "landed_datasets": "hugflow_assets.orchestration.assets.landed_datasets",
}


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_PUBLIC[name]), name)
