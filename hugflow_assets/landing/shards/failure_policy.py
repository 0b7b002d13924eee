"""What goes wrong while shards are landed: one shard's own trouble, or everybody's."""

from __future__ import annotations

from collections.abc import Callable

from hugflow_assets.errors import (
    BadSourceError,
    HFDownloadError,
    HFError,
    HFUnreachableError,
    HugflowError,
    IncompleteLandingError,
)

_OF_ONE_SHARD = (HFDownloadError, HFUnreachableError, BadSourceError, IncompleteLandingError)
_MOST_IN_A_ROW = 5
_MOST_TOLD = 20


class Failures:
    """Decides whether the other shards are still landed.

    - A file that cannot be had or read is one shard's own: the others are landed all the same, so that the next run has
      only that one to do. Five such in a row, and it is not the shards: the Hub is away, or a proxy damages everything.
    - What the Hub says about the repository or the token ends the landing; shards in flight are finished.
    - No room, no quota, no lease, a person's wish: nothing more may be written, shards in flight are stopped.

    ``first`` is the failure to raise in the end; of others ``details["also_failed"]`` tells.
    """

    def __init__(self, stop: Callable[[], None]) -> None:
        self._stop = stop
        self._ending: BaseException | None = None
        self._of_shards: list[HugflowError] = []
        self._in_a_row = 0

    @property
    def end_it(self) -> bool:
        """Whether no further shard is to be begun."""
        return self._ending is not None or self._in_a_row >= _MOST_IN_A_ROW

    @property
    def first(self) -> BaseException | None:
        first = self._ending or next(iter(self._of_shards), None)
        others = [error.message for error in self._of_shards if error is not first]
        if others and isinstance(first, HugflowError):
            first.details["also_failed"] = others[:_MOST_TOLD]
        return first

    def none(self) -> None:
        """A shard was landed."""
        self._in_a_row = 0

    def of_shard(self, error: BaseException) -> None:
        """A shard failed, or what was to be done about a landed one."""
        if isinstance(error, _OF_ONE_SHARD):
            self._of_shards.append(error)
            self._in_a_row += 1
        else:
            self._ending = self._ending or error
            if not isinstance(error, HFError):
                self._stop()

    def of_all(self, error: BaseException) -> None:
        """The landing is to end."""
        self._ending = self._ending or error
        self._stop()
