"""Processes that tests start."""

from __future__ import annotations

import multiprocessing
import os

# Each process is forked from a server that has imported what it needs: at once, so that they really meet.
FORKED = multiprocessing.get_context("forkserver")
FORKED.set_forkserver_preload(["hypothesis", "pytest", "hugflow_assets.settings", "hugflow_assets_tests.store.making"])


def unmeasured() -> dict[str, str]:
    """The environment for processes that end by being killed: what coverage saw of them is never written."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
