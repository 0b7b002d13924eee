"""Landed trees, to be compared as a whole."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

from hugflow_assets.landing.options import LandedDataset

MEDIA = ("audio", "image", "video", "pdf", "nifti", "mesh", "structure")


def tree_of(root: Path) -> dict[str, bytes]:
    """Every file of a dataset's folder; the manifest without what may differ between two landings."""
    found = {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}
    manifest = json.loads(found["hugflow.json"])
    del manifest["volatile"]
    return found | {"hugflow.json": json.dumps(manifest).encode()}


def rows_of(landed: LandedDataset, record: str) -> list[dict[str, Any]]:
    """A record, read line by line."""
    return [json.loads(line) for line in (landed.path / record).read_bytes().split(b"\n")[:-1]]


def media_of(root: Path) -> dict[str, bytes]:
    """The media of a landing as files, whatever its form: members of tars where ``tar`` would put them."""
    found: dict[str, bytes] = {}
    for kind in MEDIA:
        for path in sorted((root / kind).rglob("*")):
            if path.suffix == ".tar":
                with tarfile.open(path, "r:") as tar:
                    below = path.parent.relative_to(root).as_posix()
                    found |= {f"{below}/{one.name}": tar.extractfile(one).read() for one in tar}  # type: ignore[union-attr]
            elif path.is_file() and path.suffix != ".idx" and not path.name.startswith("MEMBERS."):
                found[path.relative_to(root).as_posix()] = path.read_bytes()
    return found
