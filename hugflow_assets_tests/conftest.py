"""What every room's tests share. Nothing heavy is imported here."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from hugflow_assets.demo import LocalHub
from hugflow_assets.logs import OURS

# A shell that starts the suite in the background leaves Ctrl-C ignored, and so would every process started here.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Compiled modules are kept: the suite starts hundreds of processes, and each would compile the project anew.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# What the tests write lies in memory where there is room: Dagster's databases sync hundreds of times a run, and a disk
# takes milliseconds for each. PYTEST_DEBUG_TEMPROOT=/tmp or --basetemp has it on a disk.
_MEMORY, _ROOM_BYTES = Path("/dev/shm"), 4 << 30
if _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK | os.X_OK):
    _found = os.statvfs(_MEMORY)
    if not _found.f_flag & os.ST_NOEXEC and _found.f_bavail * _found.f_frsize >= _ROOM_BYTES:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_MEMORY))

# Whole folders and files that take longest, begun first: what is left for the end is short, on every worker.
LONG = (
    "e2e/", "test_first_dataset.py", "cli/test_continuous.py", "landing/test_shapes_crash.py", "demo/test_demo.py",
    "orchestration/test_sync_beside_others.py",
)  # fmt: skip

# The same examples on every machine, however slow; HYPOTHESIS_PROFILE=explore looks for new ones.
settings.register_profile("explore", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("suite", settings.get_profile("explore"), derandomize=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))


def pytest_xdist_auto_num_workers() -> int:
    """One worker more than there are cores: while one waits for a process or for a daemon's tick, another works."""
    return len(os.sched_getaffinity(0)) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    tests = Path(__file__).parent
    items.sort(key=lambda item: not str(item.path.relative_to(tests)).startswith(LONG))


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
