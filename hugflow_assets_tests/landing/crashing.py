"""A landing in a process of its own, to be killed: ``python -m … <endpoint> <folder> <executor> <form>``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal

from hugflow_assets.hub import Hub, HubAccess
from hugflow_assets.intake import DatasetRequest
from hugflow_assets.landing.land import land
from hugflow_assets.landing.options import LandingOptions
from hugflow_assets.planning.resolve import resolve
from hugflow_assets.store import Store


def main(
    endpoint: str, folder: str, executor: Literal["threads", "processes"], form: Literal["files", "packed"]
) -> None:
    access = HubAccess(endpoint=endpoint)
    plan = resolve(Hub(access), DatasetRequest(hf_id="acme/speech", description="Speech."))
    store = Store(Path(folder) / "storage", Path(folder) / "state", lease_ttl_s=1)
    print("landing", flush=True)
    land(plan, store, access, LandingOptions(executor=executor, form=form, workers=2, progress_interval_s=0.05))


if __name__ == "__main__":
    main(*sys.argv[1:])  # type: ignore[arg-type]
