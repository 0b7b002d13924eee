"""Members of a tar whose bytes are elsewhere in it: hard links, symbolic links, and names that come again.

A tar is read forwards and may say later that an earlier member counts no more (``tar -r`` and ``tar -u`` append a
newer copy). So the first link or repeated name that is met makes this index of the whole archive, beside the archive;
the bytes that are out of the way of a forward reading are kept there too, where the archive is compressed.
"""

from __future__ import annotations

import os
import posixpath
import shutil
import tarfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO, cast

import orjson

from hugflow_assets.errors import BadSourceError
from hugflow_assets.formats.archives.zips import MOST_RATIO, SMALL_BYTES, bad_zip, member_name

_MOST_HOPS = 40  # from link to link, as Linux has it
Open = Callable[[Path], AbstractContextManager[tuple[tarfile.TarFile, bool]]]  # the archive, and whether it is packed


class RepeatedMembersError(Exception):
    """A name came again whose first copy was given out already: read the archive again from its beginning."""


@dataclass(frozen=True)
class Place:
    """Where bytes are: behind ``offset`` in the archive, or in a file of the index (``kept``)."""

    offset: int
    size_bytes: int
    kept: str = ""


class Aliases:
    """What the links of an archive are, and the last copies of what is in it more than once, by name.

    Args:
        archive: on this disk; the index lies beside it.
        places: of the bytes of ``links`` and ``repeated`` names; a link to a folder has none.
    """

    def __init__(self, archive: Path, links: dict[str, Place | None], repeated: dict[str, Place]) -> None:
        self._archive, self.links, self.repeated = archive, links, repeated

    def place(self, name: str) -> Place | None:
        """Where the bytes of a name are, if elsewhere than at its first copy."""
        return self.repeated.get(name) or self.links.get(name)

    @contextmanager
    def open(self, place: Place) -> Iterator[IO[bytes]]:
        """The bytes at a place, as a file that ends where they do."""
        path = _folder(self._archive) / place.kept if place.kept else self._archive
        with path.open("rb") as file:
            file.seek(0 if place.kept else place.offset)
            yield cast(IO[bytes], _Part(file, place.size_bytes))


class _Part:
    """Some of a file, from where it is read now."""

    def __init__(self, file: BinaryIO, size_bytes: int) -> None:
        self._file, self._left = file, size_bytes

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(data)
        return data


def known_aliases(archive: Path) -> Aliases | None:
    """The index that was made of an archive; None where none was needed so far."""
    try:
        index = orjson.loads((_folder(archive) / "index.json").read_bytes())
    except FileNotFoundError:
        return None
    links = {name: Place(*place) if place else None for name, place in index["links"].items()}
    return Aliases(archive, links, {name: Place(*place) for name, place in index["repeated"].items()})


def find_aliases(archive: Path, source_path: str, opened: Open) -> Aliases:
    """Make the index of an archive.

    Args:
        source_path: what it is called upstream, for errors.
        opened: opens the archive from its beginning.
    Raises:
        BadSourceError: a link leads out of the archive, or to nothing in it.
    """
    with opened(archive) as (tar, is_packed):
        links, repeated = _Names(source_path).read(tar)
    wanted = [place for place in (*links.values(), *repeated.values()) if place is not None]
    _refuse_bomb(sum(one.size_bytes for one in wanted), archive.stat().st_size, source_path)
    building = _folder(archive).with_name(f"{archive.name}.aliases.{os.getpid()}")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir()
    kept = _kept(archive, {one.offset for one in wanted}, building, opened) if is_packed else {}

    def told(place: Place | None) -> list[int | str] | None:
        return None if place is None else [place.offset, place.size_bytes, kept.get(place.offset, "")]

    index = {
        "links": {name: told(place) for name, place in links.items()},
        "repeated": {name: told(place) for name, place in repeated.items()},
    }
    (building / "index.json").write_bytes(orjson.dumps(index))
    try:
        building.rename(_folder(archive))
    except OSError:  # another process has made it
        shutil.rmtree(building, ignore_errors=True)
    found = known_aliases(archive)
    assert found is not None
    return found


def _folder(archive: Path) -> Path:
    return archive.with_name(f"{archive.name}.aliases")


def _kept(archive: Path, offsets: set[int], to: Path, opened: Open) -> dict[int, str]:
    """The bytes of a compressed archive that are needed elsewhere than where they lie, each in a file."""
    kept: dict[int, str] = {}
    with opened(archive) as (tar, _):
        for info in tar:
            tar.members = []  # type: ignore[attr-defined]  # the list would grow with the archive
            if info.isreg() and info.offset_data in offsets:
                kept[info.offset_data] = f"{len(kept):07d}"
                with (to / kept[info.offset_data]).open("wb") as out:
                    shutil.copyfileobj(cast(BinaryIO, tar.extractfile(info)), out, 1 << 20)
    return kept


def _refuse_bomb(wanted_bytes: int, size_bytes: int, source_path: str) -> None:
    if wanted_bytes > max(SMALL_BYTES, MOST_RATIO * size_bytes):
        raise bad_zip(source_path, f"has links to {wanted_bytes} bytes in all: a decompression bomb")


class _Names:
    """What each name of an archive is in the end, as unpacking it would leave it."""

    def __init__(self, source_path: str) -> None:
        self._path = source_path
        self._files: dict[str, Place] = {}
        self._links: dict[str, str] = {}  # symbolic ones, with where they lead
        self._link_names: set[str] = set()
        self._folders: set[str] = set()
        self._repeated: set[str] = set()

    def read(self, tar: Iterable[tarfile.TarInfo]) -> tuple[dict[str, Place | None], dict[str, Place]]:
        """The places of the links, and of the names that come more than once."""
        for info in tar:
            tar.members = []  # type: ignore[attr-defined]
            if info.isdir():
                continue
            name = member_name(info.name, self._path)
            if name in self._files or name in self._links:
                self._repeated.add(name)
                self._files.pop(name, None)
                self._links.pop(name, None)
                self._link_names.discard(name)
            if info.issym():
                self._links[name] = self._inside(posixpath.join(posixpath.dirname(name), info.linkname), info)
            elif info.islnk():
                self._files[name] = self._target(self._inside(info.linkname, info), info)
                self._link_names.add(name)
            else:
                self._files[name] = Place(info.offset_data, info.size)
            self._folders.update(_folders_of(name))
        links: dict[str, Place | None] = {name: self._files[name] for name in self._link_names}
        links |= {name: self._followed(name) for name in self._links}
        repeated = {name: links.get(name) or self._files.get(name) for name in self._repeated}
        return links, {name: place for name, place in repeated.items() if place is not None}

    def _inside(self, target: str, info: tarfile.TarInfo) -> str:
        plain = posixpath.normpath(target.replace("\\", "/"))
        if info.linkname.startswith("/") or plain.startswith(("../", "/")) or plain == "..":
            raise bad_link(self._path, info.name, f"to {info.linkname!r}, which leads out of it")
        return plain

    def _target(self, target: str, info: tarfile.TarInfo) -> Place:
        """The file that a hard link is another name of, as it is at that point of the archive."""
        if target not in self._files:
            raise bad_link(self._path, info.name, f"to {info.linkname!r}, which is not before it")
        return self._files[target]

    def _followed(self, name: str) -> Place | None:
        """Where a symbolic link leads; None: to a folder."""
        at = name
        for _ in range(_MOST_HOPS):
            if at in self._files:
                return self._files[at]
            if at == "." or at in self._folders:
                return None
            around = next((one for one in (at, *_folders_of(at)) if one in self._links), None)
            if around is None:
                break
            at = posixpath.normpath(self._links[around] + at[len(around) :])
        raise bad_link(self._path, name, f"to {self._links[name]!r}, which is not in it")


def bad_link(source_path: str, name: str, why: str) -> BadSourceError:
    """The refusal of a link in an archive."""
    return bad_zip(source_path, f"holds a link, {name!r}, {why}")


def _folders_of(name: str) -> Iterator[str]:
    while name := posixpath.dirname(name):
        yield name
