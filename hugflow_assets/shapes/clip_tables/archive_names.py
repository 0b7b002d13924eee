"""The names of the files in an archive, kept on the disk for all shards that have to know them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from hugflow_assets.formats.archives.members import UnusualTarError, members, plain_names
from hugflow_assets.formats.archives.tar_aliases import RepeatedMembersError
from hugflow_assets.shapes.join.clips import write_names


def archive_names(local: Path, source_path: str, to: Path) -> None:
    """Write the names of an archive's files, in the order in which ``members`` gives them.

    Args:
        local, source_path: the archive, and what it is called upstream.
    Raises:
        BadSourceError: it cannot be read.
    """
    for names in (_plain, _thorough, _thorough):
        try:
            if write_names(names(local, source_path), to) or names is _thorough:
                return
        except (UnusualTarError, RepeatedMembersError):
            continue
    raise AssertionError("an archive whose repeated members are known gives them once")


def _plain(local: Path, source_path: str) -> Iterator[str]:
    """Of a plain tar, by its headers alone."""
    return plain_names(local)


def _thorough(local: Path, source_path: str) -> Iterator[str]:
    with closing(members(local, source_path)) as every:
        for member in every:
            yield member.name
