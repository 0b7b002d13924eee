"""The packed form: media in tars, the same bytes, from and to files without fetching."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from hugflow_assets.landing.options import LandedDataset
from hugflow_assets.landing.verify.verify import verify
from hugflow_assets.planning.models import Action
from hugflow_assets_tests.landing.conftest import House
from hugflow_assets_tests.landing.trees import tree_of
from hugflow_assets_tests.shapes.layout_cases import LAYOUT_CASES
from hugflow_assets_tests.shapes.shape_cases import CASES, Case

SHAPES = {**CASES, **LAYOUT_CASES}
MEDIA = ("audio", "image", "video", "pdf", "nifti", "mesh", "structure")


def land(house: House, case: Case, form: str) -> LandedDataset:
    return house.land(house.plan(hf_id=case.hf_id, **case.asked, form=form))


def media_of(root: Path) -> dict[str, bytes]:
    """The media below a landed folder as files."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for kind in MEDIA
        for path in (root / kind).rglob("*")
        if path.is_file()
    }


def unpacked(root: Path, to: Path) -> dict[str, bytes]:
    """The media that ``tar -xf`` gives of a packed landing, where its files would lie."""
    for tar in sorted(root.rglob("*.tar")):
        folder = to / tar.parent.relative_to(root)
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["tar", "-xf", str(tar), "-C", str(folder)], check=True)
    return media_of(to)


@pytest.mark.parametrize("name", SHAPES)
def test_what_tar_unpacks_is_what_lands_as_files(house: House, tmp_path: Path, name: str) -> None:
    case = SHAPES[name]
    house.hub.add_repo(case.hf_id, {"README.md": b"---\nlicense: cc0-1.0\n---\n# Speech\n", **case.files})
    if case.converted:
        house.hub.commit(case.hf_id, case.converted, branch="refs/convert/parquet")
    house.options = replace(house.options, pack_size=4_000)
    files, packed = land(house, case, "files"), land(house.elsewhere("packed"), case, "packed")
    first = tree_of(files.path)
    assert unpacked(packed.path, tmp_path / "unpacked") == media_of(files.path)
    assert verify(house.elsewhere("packed").store, packed.manifest.name).whole

    turned = land(house, case, "packed")
    assert (turned.action, turned.manifest.volatile.bytes_fetched) == (Action.UPDATE, 0)
    assert media_of(turned.path) == media_of(packed.path)
    house.store.empty_trash()
    back = land(house, case, "files")
    assert (back.action, back.manifest.volatile.bytes_fetched) == (Action.UPDATE, 0)
    assert {path: data for path, data in tree_of(back.path).items() if path != "hugflow.json"} == {
        path: data for path, data in first.items() if path != "hugflow.json"
    }
