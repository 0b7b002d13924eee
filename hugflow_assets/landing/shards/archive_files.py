"""A member of a zip or tar archive as a file of its own."""

from __future__ import annotations

import errno
import shutil
import struct
import zipfile
import zlib
from contextlib import closing
from pathlib import Path

from hugflow_assets.errors import BadSourceError
from hugflow_assets.formats.archives.members import is_zip, members
from hugflow_assets.formats.archives.zips import refuse_zip
from hugflow_assets.hub.models import SourceFile


class Archives:
    """Fetched archives and their members; the directory of a zip is read once, until ``close``."""

    def __init__(self) -> None:
        self._opened: dict[Path, zipfile.ZipFile] = {}

    def close(self) -> None:
        """Let go of the archives; what is asked for later opens them again."""
        while self._opened:
            self._opened.popitem()[1].close()

    def names(self, archive: Path) -> list[str]:
        """The names of the files in a zip archive, as it says them."""
        return [info.filename for info in self._directory(archive).infolist() if not info.is_dir()]

    def extract(self, archive: Path, file: SourceFile, to: Path) -> None:
        """Write one member of a fetched archive to ``to``; the checksum of a zip's member is verified.

        A tar has no directory: it is read up to the member.

        Raises:
            BadSourceError: the archive is damaged or hostile, or does not hold it.
        """
        if not is_zip(archive):
            _extract_from_tar(archive, file, to)
            return
        try:
            opened = self._directory(archive)
            info = opened.getinfo(file.member)
            refuse_zip([info], archive.stat().st_size, file.path)
            to.unlink(missing_ok=True)  # of an earlier try, and read-only
            with opened.open(info) as packed, to.open("wb") as out:
                shutil.copyfileobj(packed, out, 1 << 20)
                if out.tell() != info.file_size:
                    raise zipfile.BadZipFile(f"it has {out.tell()} bytes, the archive says {info.file_size}")
        except (
            *(zipfile.BadZipFile, zlib.error, struct.error, KeyError, ValueError),
            *(EOFError, NotImplementedError, RuntimeError, OSError),
        ) as error:
            if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):  # a place before the beginning
                raise  # the disk's fault, not the file's
            raise BadSourceError(
                f"{file.path} cannot be read from its archive: {error}",
                remedy="Tell the dataset's owners; the archive is as the Hub's own hash says.",
                file=file.path,
            ) from error

    def _directory(self, archive: Path) -> zipfile.ZipFile:
        if archive not in self._opened:
            self._opened[archive] = zipfile.ZipFile(archive)
        return self._opened[archive]


def _extract_from_tar(archive: Path, file: SourceFile, to: Path) -> None:
    with closing(members(archive, file.path)) as every:
        for member in every:
            if member.name == file.member:
                to.unlink(missing_ok=True)
                member.save(to)
                return
    raise BadSourceError(f"{file.path} is not in its archive.", file=file.path)
