"""Hugflow: a small YAML request becomes a verified Hugging Face dataset on shared storage.

``open_dataset("org/name")`` opens a landed one; it is imported when it is asked for.
"""

from typing import TYPE_CHECKING, Any

from hugflow_assets.version import __version__

if TYPE_CHECKING:
    from hugflow_assets.reading import Dataset, open_dataset

__all__ = ["Dataset", "__version__", "open_dataset"]


def __getattr__(name: str) -> Any:
    if name not in ("Dataset", "open_dataset"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from hugflow_assets import reading

    return getattr(reading, name)
