"""The rows of a dataset while it lands, in the order that they will have."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from typing import Any, BinaryIO

import xxhash

from hugflow_assets.errors import FollowingEndedError, HugflowError
from hugflow_assets.reading.dataset import Row
from hugflow_assets.reading.landing_place import LandingPath, LandingPlace, LandingWatch
from hugflow_assets.reading.media import LandedMedia, MediaForm, rewriting
from hugflow_assets.reading.record_file import parse
from hugflow_assets.reading.shard_lines import InTheMaking, Published, ShardLines, Version
from hugflow_assets.store.publishing.order import read_order

_MOVES = 10  # of the folder, within which a file that was handed out must be found
_PATIENCE_S = 3600.0


@dataclass
class Position:
    """How far a reader is: whole shards, and rows of the next; with hashes of what they were."""

    data: str = ""  # fingerprint of the version
    shards: int = 0
    rows: int = 0  # of these shards
    read: str = ""  # hash over the hashes of their lines
    row: int = 0  # of the next shard
    shard: str = ""  # hash of its lines


@dataclass
class Following:
    """The rows of a dataset, shard by shard as they are verified, whether it is landing still or has landed.

    Iterating waits for what is not there yet, and ends when everything is read and the dataset is published. It goes on
    where ``state_dict`` says that it was, in another process or on another machine. What needs all rows at once
    (``len``, a row by its number, a shuffle) is for ``open_dataset`` without ``follow``.

    Media values are as ``Dataset`` gives them, but ``path`` is an ``os.PathLike`` that finds the file wherever it is
    when it is opened; it equals the path that the file has when it has landed.

    Attributes:
        share: number of this reader, and of how many: it is given every so many-th row.
        patience_s: for how long nobody may be at work on a landing that is not complete.
    """

    place: LandingPlace
    subset: str | None = None
    split: str | None = None
    media_form: MediaForm = "path"
    share: tuple[int, int] = (0, 1)
    patience_s: float = _PATIENCE_S
    _at: Position = field(default_factory=Position, repr=False)
    _is_done: bool = field(default=False, repr=False)

    def with_media(self, form: MediaForm) -> Following:
        """The same rows from the first on, with bytes or ranges; see ``Dataset.with_media``."""
        return replace(self, media_form=form, _at=Position(), _is_done=False)

    def with_patience(self, seconds: float) -> Following:
        """The same rows from the first on; so long may nobody be at work on a landing that is not complete."""
        return replace(self, patience_s=seconds, _at=Position(), _is_done=False)

    def shard(self, index: int, of: int) -> Following:
        """Every ``of``-th row from ``index`` on, for ranks and workers: the rows of ``Dataset.shard``."""
        if not 0 <= index < of:
            raise ValueError(f"There is no shard {index} of {of}.")
        return replace(self, share=(index, of), _at=Position(), _is_done=False)

    def state_dict(self) -> dict[str, Any]:
        """How far this reader is: behind the last row that it gave out. JSON-able."""
        return {**asdict(self._at), "is_done": self._is_done}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on behind the row that was given out last when the state was taken."""
        self._at = Position(**{name: value for name, value in state.items() if name != "is_done"})
        self._is_done = bool(state.get("is_done"))

    def __iter__(self) -> Iterator[Row]:
        """
        Raises:
            FollowingEndedError: what was read of is gone, or nobody has been at work on it for ``patience_s``.
            HugflowError: the landing failed, or was withdrawn: by the name of that error.
            HFSubsetNotFoundError, HFSplitNotFoundError: it has no such subset or split.
        """
        if self._is_done:
            self._at, self._is_done = Position(), False
        watch, version = LandingWatch(self.place, self.patience_s), None
        while True:
            version = self._newer(version, watch)
            if version is not None and version.is_published and self._at.shards == version.count:
                self._is_done = True
                return
            lines = version.shard(self._at.shards) if version is not None and self._at.shards < version.count else None
            if version is None or lines is None or (file := lines.opened()) is None:
                watch.wait()
                continue
            with file:
                yield from self._rows(version, lines, file)
            watch.moved()

    # ---- which version

    def _newer(self, known: Version | None, watch: LandingWatch) -> Version | None:
        """What holds the rows now, once it is known to begin with those that were read; None: it is to be waited for.

        Raises:
            FollowingEndedError: it begins with others.
        """
        if known is not None and (known.is_published or known.root.is_dir()):
            return known
        found = self._published() or self._staged(watch)
        return found if found is not None and self._goes_on_in(found) else None

    def _published(self) -> Published | None:
        manifest = self.place.manifest()
        if manifest is None:
            return None
        data = str(manifest["fingerprint"]["data"])
        if self._at.data in ("", data):
            self._at.data = data
            return Published(self.place.folder, manifest, self.subset, self.split)
        if self.place.staged(self._at.data) is None:
            raise self._other("another version of it is landed now")
        return None

    def _staged(self, watch: LandingWatch) -> InTheMaking | None:
        if self._at.data:
            staging = self.place.staged(self._at.data)
        else:  # what an earlier run has left may be of a version that nobody asks for any more
            token = watch.token()
            staging = self.place.staged(token=token) if token is not None else None
        if staging is None or (order := read_order(staging)) is None:
            return None
        self._at.data = staging.fingerprint_data
        return InTheMaking(staging, order, self.subset, self.split)

    def _goes_on_in(self, version: Version) -> bool:
        digests = version.digests(self._at.shards)
        if digests is None:
            return False  # a shard is landed once more
        read = ""
        for digest in digests:
            read = _hash_over(read, digest)
        if read != self._at.read or len(digests) != self._at.shards:
            raise self._other("it was landed anew with other rows")
        return True

    def _other(self, why: str) -> HugflowError:
        return FollowingEndedError(
            f"What was read of {self.place.name} does not go on: {why}.",
            remedy="Open the dataset again, from its first row.",
        )

    # ---- rows

    def _rows(self, version: Version, lines: ShardLines, file: BinaryIO) -> Iterator[Row]:
        """The rows of a shard that were not given out yet. Cut off where the file goes away: the next look finds it."""
        at = self._at
        if at.row and at.shard != lines.digest:
            raise self._other("a shard was landed anew with other rows")
        at.shard = lines.digest
        open_one = self._opener(version)
        rewrite = rewriting(lines.features, open_one)
        index, of = self.share
        for number, line in enumerate(_until_gone(file, lines.rows)):
            if number < at.row:
                continue
            is_mine = (at.rows + number) % of == index
            row = rewrite(parse(line)) if is_mine else None
            at.row = number + 1
            if row is not None:
                yield row
        if at.row == lines.rows:
            at.shards, at.rows, at.read = at.shards + 1, at.rows + lines.rows, _hash_over(at.read, lines.digest)
            at.row, at.shard = 0, ""

    def _opener(self, version: Version) -> Any:
        data, form = self._at.data, self.media_form
        first = version.root

        def open_one(value: Any) -> Any:
            root = first
            for left in reversed(range(_MOVES)):
                try:
                    given = LandedMedia(root).opener(form)(value)
                    break
                except OSError:
                    if not left:
                        raise
                    time.sleep(0.02)
                    root = self.place.root_of(data)
            if given is value:
                return value
            below = given["path"].removeprefix(f"{root}/")
            return {**given, "path": LandingPath(self.place, data, below)}

        return open_one


def _until_gone(file: BinaryIO, rows: int) -> Iterator[bytes]:
    try:
        yield from islice(file, rows)
    except OSError:  # a stale handle: on another machine, the file was put together with others, or moved
        return


def _hash_over(read: str, digest: str) -> str:
    return xxhash.xxh3_128_hexdigest(f"{read}{digest}".encode())
