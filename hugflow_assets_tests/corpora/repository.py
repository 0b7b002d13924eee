"""A corpus laid out as a repository: its files, and what must land of them."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Value = Any  # of a row: what JSON has, or the bytes of a clip
Rows = list[dict[str, Value]]


@dataclass(frozen=True)
class Rendered:
    """A repository.

    Attributes:
        layout: how it is laid out, for a person.
        files: path to bytes.
        records: path of each record below ``json/`` to its rows: the columns that are compared, clips as their bytes.
        refusals: codes of errors with which the product may refuse it instead of landing it.
        keyed_by: the columns by which rows are compared where the layout gives them no order.
        joined: the rows are those of tables, and the manifest counts them.
        asked: further fields of the request.
    """

    layout: str
    files: Mapping[str, bytes]
    records: Mapping[str, Rows]
    refusals: tuple[str, ...] = ()
    is_ordered: bool = True
    is_joined: bool = False
    hf_id: str = ""
    asked: Mapping[str, Any] = field(default_factory=dict)

    @property
    def rows(self) -> Iterable[dict[str, Value]]:
        return (row for rows in self.records.values() for row in rows)

    def __repr__(self) -> str:
        return f"{self.layout}: {len(self.files)} files"


def tar_of(members: Iterable[tuple[str, bytes]], compression: str = "") -> bytes:
    """A tar of files in the given order; ``compression`` is "" or "gz"."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return gzip.compress(out.getvalue(), 1, mtime=0) if compression else out.getvalue()


def zip_of(members: Iterable[tuple[str, bytes]]) -> bytes:
    """A stored zip of files in the given order."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name), data)
    return out.getvalue()


ARCHIVES = {".zip": zip_of, ".tar": tar_of, ".tar.gz": lambda members: tar_of(members, "gz")}


def archive(name: str, members: Sequence[tuple[str, bytes]]) -> bytes:
    """An archive as its name says."""
    return next(make for ending, make in ARCHIVES.items() if name.endswith(ending))(members)
