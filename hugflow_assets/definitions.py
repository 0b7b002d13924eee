"""What Dagster loads: ``dagster dev``, ``dagster asset materialize -m hugflow_assets.definitions …``.

    requests          the request files as a whole; ``files_valid`` names every one that cannot be read
    hub_dataset       upstream: a repository on the Hub, its data version the commit
      └ dataset       the landed data; its checks before and after landing, its IO manager lands
          ├ dataset_profile    hours, durations, sampling rates, text
          └ storage_catalogue  everything that is landed, and how full the storage is
    removed_dataset   a removal request carried out
    requests_sensor   keeps the storage as the request files say

Everything else is in ``hugflow_assets.orchestration``, which is thin: what it does is done in the rooms below.
"""

from hugflow_assets.orchestration import definitions
from hugflow_assets.orchestration.startup import begin_process

begin_process()
defs = definitions()
