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
    """Every case of ``opening_cases`` as ``to/<number>/storage/<name>``, its title in ``title`` beside it."""
    with LocalHub() as hub, tempfile.TemporaryDirectory() as made:
        for at, (title, case) in enumerate(cases().items()):
            repo, house = f"acme/case{at}", House(hub, to / f"{at:02d}")
            hub.add_repo(repo, files_of(Path(made) / str(at), case))
            house.land(house.plan(repo))
            (house.folder / "title").write_text(title)


if __name__ == "__main__":
    land_matrix(Path(sys.argv[1]))
