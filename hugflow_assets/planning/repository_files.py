"""A repository's files, looked into by range: what a plan is made of, without fetching them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from hugflow_assets.formats.archives.zips import ReadRange
from hugflow_assets.formats.tables import JSON_ENDINGS, PARQUET, json_rows
from hugflow_assets.hub.models import RepoState, SourceFile
from hugflow_assets.hub.prefetch import Once
from hugflow_assets.planning.coverage import Looks
from hugflow_assets.shapes.parquet.footers import read_tail
from hugflow_assets.shapes.webdataset.tar_preview import TarSight, look_into_tar
from hugflow_assets.shapes.zip_directory import directory_from, member_head, zip_members

if TYPE_CHECKING:
    from hugflow_assets.hub.client import Hub

_TABLE_HEAD = 16 << 10
_LONG_ROW = 4 << 20  # where that shows no whole row of JSON: one object for all clips, or a row that lists many


class RepositoryFiles:
    """The files of a repository at one commit. The end of a zip archive, its directory, is read once."""

    def __init__(self, hub: Hub, state: RepoState) -> None:
        self._hub, self._state = hub, state
        self._tars: dict[SourceFile, TarSight] = {}
        self._ends: Once[SourceFile, bytes] = Once(lambda file: self._read(file, directory_from(file), file.size_bytes))

    def head(self, file: SourceFile) -> bytes:
        """The first bytes of a table; the last of parquet, which says there what it holds; of JSON at least a row."""
        if file.path.lower().endswith(PARQUET) and file.archive is None:
            return read_tail(self._hub.access, self._state.repo_id, self._state.commit, file) or b""
        head = self._first(file, _TABLE_HEAD)
        is_short = file.path.lower().endswith(JSON_ENDINGS) and len(head) < file.size_bytes and not json_rows(head)
        return self._first(file, _LONG_ROW) if is_short else head

    def _first(self, file: SourceFile, size_bytes: int) -> bytes:
        if file.archive is not None:
            return member_head(file, self.zipped(file.archive), size_bytes)
        return self._read(file, 0, size_bytes)

    @property
    def looks(self) -> Looks:
        """Looks at files that no shard reads."""
        return Looks(
            head=lambda file: self._read(file, 0, file.size_bytes),
            tar_names=lambda file: list(self.tar(file).heads),
            zip_names=lambda file: [member.member for member in zip_members(file, self.zipped(file))],
        )

    def tar(self, file: SourceFile) -> TarSight:
        """What the ends of a tar archive tell, or the directory of a zip."""
        if file not in self._tars and file.path.lower().endswith(".zip"):
            names = [str(member.member) for member in zip_members(file, self.zipped(file))]
            self._tars[file] = TarSight(file, dict.fromkeys(names, b""), dict.fromkeys(names, 0))
        elif file not in self._tars:
            self._tars[file] = look_into_tar(file, partial(self._read, file))
        return self._tars[file]

    def zipped(self, archive: SourceFile) -> ReadRange:
        begins = directory_from(archive)
        return lambda start, end: (
            self._ends(archive)[start - begins : end - begins] if start >= begins else self._read(archive, start, end)
        )

    def _read(self, file: SourceFile, start: int, end: int) -> bytes:
        return self._hub.read_range(self._state.repo_id, self._state.commit, file, start, end)
