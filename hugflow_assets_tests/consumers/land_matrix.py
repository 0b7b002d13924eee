"""Land the matrix that the toolkits are tried on: ``python -m hugflow_assets_tests.consumers.land_matrix TO``."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from hugflow_assets.demo.local_hub import LocalHub
from hugflow_assets_tests.landing.conftest import House
from hugflow_assets_tests.landing.opening_cases import cases
from hugflow_assets_tests.landing.test_opening import files_of


def land_matrix(to: Path) -> None:
    """Every case of ``opening_cases`` in both forms, as ``to/<number>-<form>/storage/<name>``, its title beside it."""
    with LocalHub() as hub, tempfile.TemporaryDirectory() as made:
        for at, (title, case) in enumerate(cases().items()):
            repo = f"acme/case{at}"
            hub.add_repo(repo, files_of(Path(made) / str(at), case))
            for form in ("files", "packed"):
                house = House(hub, to / f"{at:02d}-{form}")
                house.land(house.plan(repo, form=form))
                (house.folder / "title").write_text(f"{title} ({form})")


if __name__ == "__main__":
    land_matrix(Path(sys.argv[1]))
