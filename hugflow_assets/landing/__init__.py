"""How bytes become audio/ and json/: readers by repository shape, the writer, views, verification."""

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
