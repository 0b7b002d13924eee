"""``hugflow.json``: the truth about a landed dataset."""

from __future__ import annotations

from pathlib import Path

import orjson
from pydantic import ValidationError

from hugflow_assets.durable import atomic_write
from hugflow_assets.errors import ManifestError
from hugflow_assets.store.models import Manifest

SCHEMA_VERSION = 1


def read_manifest(path: Path) -> Manifest | None:
    """The manifest at ``path``; None when there is no such file.

    Raises:
        ManifestError: it is no manifest, or a newer Hugflow wrote it.
        OSError: it cannot be read at all.
    """
    try:
        text = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise _unreadable(path, f"it is not JSON ({error})") from None
    version = found.get("schema_version") if isinstance(found, dict) else None
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise ManifestError(
            f"{path} has schema version {version}; this Hugflow reads up to {SCHEMA_VERSION}.",
            remedy="Use the newer Hugflow that landed it.",
            path=str(path),
            schema_version=version,
        )
    try:
        return Manifest.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        raise _unreadable(path, f"{where}: {first['msg']}") from None


def _unreadable(path: Path, why: str) -> ManifestError:
    return ManifestError(
        f"{path} cannot be read as a manifest: {why}.",
        remedy="Restore the file from a backup, or remove the dataset and land it again.",
        path=str(path),
    )


def write_manifest(path: Path, manifest: Manifest, mode: int) -> None:
    """Replace the manifest at ``path`` atomically."""
    atomic_write(path, orjson.dumps(manifest.model_dump(mode="json"), option=orjson.OPT_INDENT_2) + b"\n", mode=mode)
