"""How bytes become audio/ and json/: readers by repository shape, the writer, views, verification.

What is exported is imported when it is first asked for: whoever lands nothing waits for no Arrow.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hugflow_assets.landing.decision import decide, fingerprint_of
    from hugflow_assets.landing.lander import land
    from hugflow_assets.landing.options import Action, LandedDataset, LandingOptions
    from hugflow_assets.landing.readers import LANDABLE
    from hugflow_assets.landing.rebuilding import rebuild_views
    from hugflow_assets.landing.sampling import sample_rows
    from hugflow_assets.landing.scrubbing import glance, scrub
    from hugflow_assets.landing.shard import Shard
    from hugflow_assets.landing.shard_landing import land_shard
    from hugflow_assets.landing.verification import VerifyReport, quick_check, verify
    from hugflow_assets.landing.view_columns import ViewColumns, choose_columns

_HOMES = {
    "LANDABLE": "readers",
    "Action": "options",
    "LandedDataset": "options",
    "LandingOptions": "options",
    "Shard": "shard",
    "VerifyReport": "verification",
    "ViewColumns": "view_columns",
    "choose_columns": "view_columns",
    "decide": "decision",
    "fingerprint_of": "decision",
    "glance": "scrubbing",
    "land": "lander",
    "land_shard": "shard_landing",
    "quick_check": "verification",
    "rebuild_views": "rebuilding",
    "sample_rows": "sampling",
    "scrub": "scrubbing",
    "verify": "verification",
}

__all__ = [
    "LANDABLE",
    "Action",
    "LandedDataset",
    "LandingOptions",
    "Shard",
    "VerifyReport",
    "ViewColumns",
    "choose_columns",
    "decide",
    "fingerprint_of",
    "glance",
    "land",
    "land_shard",
    "quick_check",
    "rebuild_views",
    "sample_rows",
    "scrub",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
