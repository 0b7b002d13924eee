"""What every room's tests share. Nothing heavy is imported here."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from hugflow_assets.demo import LocalHub
from hugflow_assets.logs import OURS

# A shell that starts the suite in the background leaves Ctrl-C ignored, and so would every process started here.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The same examples on every machine, however slow; HYPOTHESIS_PROFILE=explore looks for new ones.
settings.register_profile("explore", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("suite", settings.get_profile("explore"), derandomize=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))


@pytest.fixture(autouse=True)
def own_log() -> Iterator[None]:
    """A test that configures the process log, by a command for example, does so for itself only."""
    loggers = [logging.getLogger(), logging.getLogger(OURS)]
    before = [(logger.level, list(logger.handlers)) for logger in loggers]
    yield
    for logger, (level, handlers) in zip(loggers, before, strict=True):
        logger.setLevel(level)
        logger.handlers = handlers


@pytest.fixture
def hub() -> Iterator[LocalHub]:
    """An empty Hub over real HTTP on the loopback; fill it with ``hub.add_repo``."""
    with LocalHub() as hub:
        yield hub
