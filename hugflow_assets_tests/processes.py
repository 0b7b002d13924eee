"""Processes that tests start."""

from __future__ import annotations

import os


def unmeasured() -> dict[str, str]:
    """The environment for processes that end by being killed: what coverage saw of them is never written."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
