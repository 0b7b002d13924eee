from __future__ import annotations

from hugflow_assets_tests.landing.conftest import house, hub, repo

__all__ = ["house", "hub", "repo"]
