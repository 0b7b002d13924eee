"""Each part of a tick for itself: what one request or event raises is said, and keeps no other from its turn."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from hugflow_assets.errors import HugflowError, UnexpectedError

_LOG = logging.getLogger(__name__)


class Problems(list[str]):
    """What went wrong in one tick, for its summary."""

    @contextmanager
    def apart(self, what: str) -> Iterator[None]:
        """Note and log whatever the block raises, and go on after it."""
        try:
            yield
        except Exception as fault:  # noqa: BLE001  whatever it is, it is about this part alone
            error = UnexpectedError.of(fault)
            _LOG.error("%s: %s", what, error, exc_info=None if isinstance(fault, HugflowError) else fault)
            self.append(f"{what}: {error.message}")
