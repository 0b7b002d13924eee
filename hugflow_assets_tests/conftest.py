"""What every room's tests share. Nothing heavy is imported here."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from hugflow_assets.demo import LocalHub

# A shell that starts the suite in the background leaves Ctrl-C ignored, and so would every process started here.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def hub() -> Iterator[LocalHub]:
    """An empty Hub over real HTTP on the loopback; fill it with ``hub.add_repo``."""
    with LocalHub() as hub:
        yield hub
