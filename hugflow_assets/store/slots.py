"""Places in flight, over all runs of a storage: as many leases as there are places."""

from __future__ import annotations

import time
from collections.abc import Callable

from hugflow_assets.durable import Lease, acquire
from hugflow_assets.durable.disk_errors import disk_errors
from hugflow_assets.errors import LeaseHeldError
from hugflow_assets.store.layout import Layout


def take_slot(
    layout: Layout,
    kind: str,
    limit: int,
    purpose: str,
    ttl_s: float,
    *,
    wait_s: float,
    should_stop: Callable[[], bool] | None = None,
    host: str | None = None,
) -> Lease:
    """Wait for one of ``limit`` places.

    Raises:
        LeaseHeldError: none became free within ``wait_s``, or ``should_stop`` said so; it names a holder.
    """
    deadline, pause = time.monotonic() + wait_s, 0.01
    while True:
        for number in range(max(1, limit)):
            try:
                with disk_errors(layout.root):
                    what = f"Place {number + 1} of {limit} for {kind}"
                    return acquire(layout.slot(kind, number), what=what, purpose=purpose, ttl_s=ttl_s, host=host)
            except LeaseHeldError as error:
                held = error
        left = deadline - time.monotonic()
        if left <= 0 or (should_stop is not None and should_stop()):
            raise held
        time.sleep(min(pause, left))
        pause = min(pause * 1.5, 1.0)
