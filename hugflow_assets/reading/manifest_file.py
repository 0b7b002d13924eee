"""``hugflow.json`` of a landed dataset, as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from hugflow_assets.errors import ManifestError

MANIFEST = "hugflow.json"
_FIRST_BYTES = b"{"


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a landed dataset, as JSON.

    Raises:
        ManifestError: it is none.
    """
    try:
        data = (folder / MANIFEST).read_bytes()
        found = orjson.loads(data) if data.startswith(_FIRST_BYTES) else None
    except (OSError, orjson.JSONDecodeError) as error:
        raise ManifestError(
            f"The manifest of {folder} cannot be read: {error}.", remedy="Run `hugflow verify`."
        ) from None
    if not isinstance(found, dict) or "configs" not in found or "request" not in found:
        raise ManifestError(f"{folder / MANIFEST} is no manifest of a landed dataset.", remedy="Run `hugflow verify`.")
    return found
