"""What the Hub has just answered and no later answer can change: a landing need not ask again after its plan.

The files of a commit are the same for ever, and so are the bytes behind a hash. They are kept for the token that
they were given to, and for no longer than the process lives or the cache has room.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from typing import Generic, TypeVar

from hugflow_assets.hub.access import HubAccess
from hugflow_assets.hub.models import SourceFile

T = TypeVar("T")


class Cache(Generic[T]):
    """The newest things of one kind; ``weight`` of all of them together is at most ``room``."""

    def __init__(self, room: int, weight: Callable[[T], int]) -> None:
        self._room, self._weight, self._used = room, weight, 0
        self._kept: OrderedDict[Hashable, T] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, access: HubAccess, *key: Hashable) -> T | None:
        """What was answered to this token, if it is kept."""
        with self._lock:
            return self._kept.get((access.endpoint, access.token, *key))

    def put(self, thing: T, access: HubAccess, *key: Hashable) -> None:
        """Keep it; the oldest make room for it, and what is larger than the room is not kept."""
        whole = (access.endpoint, access.token, *key)
        with self._lock:
            self._forget(whole)
            if (weight := self._weight(thing)) > self._room:
                return
            while self._used + weight > self._room:
                self._forget(next(iter(self._kept)))
            self._kept[whole] = thing
            self._used += weight

    def _forget(self, whole: Hashable) -> None:
        if whole in self._kept:
            self._used -= self._weight(self._kept.pop(whole))


LISTINGS: Cache[Mapping[str, SourceFile]] = Cache(20_000, len)  # by repository and commit
TAILS: Cache[bytes] = Cache(16 << 20, len)  # the footers of parquet files, by content hash
