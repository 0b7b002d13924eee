"""Who may read what lands: a group and nobody else, from before it is visible until it is gone."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from hugflow_assets.demo.local_hub import LocalHub
from hugflow_assets.errors import GroupUnusableError, UnguardedDataError
from hugflow_assets.hub import HubAccess
from hugflow_assets.landing.land import land
from hugflow_assets.landing.options import LandedDataset
from hugflow_assets.planning.models import Action
from hugflow_assets.store import Progress, Store
from hugflow_assets.store.publishing.trees import delete_tree
from hugflow_assets_tests.landing.conftest import REPO, House
from hugflow_assets_tests.landing.corpus import write_speech

READERS, GATED, TEAM, STRANGERS = 4301, 4302, 4303, 4399  # numbers suffice: no such groups are made
NOBODY = 65534

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="to give files to groups that are not one's own takes root")


@dataclass
class Guarded(House):
    """A house whose storage has groups, and where everyone may look into what no group guards."""

    groups: dict[str, Any] = field(default_factory=lambda: {"read_group": str(READERS), "gated_group": str(GATED)})
    token: str | None = None

    @property
    def access(self) -> HubAccess:
        return replace(super().access, token=self.token)

    @property
    def store(self) -> Store:
        plain = super().store
        return Store(plain.root, plain.state_dir, folder_mode=0o755, **self.groups)

    def watched(self, gid: int, **asked: Any) -> LandedDataset:
        """Land, and look whenever there is something to tell that nobody else could look at what is made."""
        plan, looked = self.plan(**asked), []

        def look(_: Progress) -> None:
            for staged in (self.store.layout.staging_root / plan.name).glob("*/"):
                seen = staged.stat()
                looked.append((seen.st_gid, seen.st_mode & 0o007))

        landed = land(plan, self.store, self.access, self.options, on_progress=look)
        assert set(looked) == ({(gid, 0)} if landed.action.fetches else set())
        return landed


@pytest.fixture
def place(hub: LocalHub) -> Iterator[Guarded]:
    """A storage in a folder that every user can reach."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield Guarded(hub, folder)
    delete_tree(folder)


def as_member(gid: int, act: Callable[[], object]) -> bool:
    """Whether a user who is in this group alone can do something."""
    child = os.fork()
    if child == 0:
        code = 2
        try:
            os.setgroups([])
            os.setgid(gid)
            os.setuid(NOBODY)
            try:
                act()
                code = 0
            except PermissionError:
                code = 1
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, 1)
    return code == 0


def belongs_to(folder: Path, gid: int) -> None:
    """Every file and folder is of the group, no folder lets others in, and it is as its members and others find it."""
    clip = next(path for path in folder.rglob("*") if path.suffix in (".wav", ".tar"))
    for path in (folder, *folder.rglob("*")):
        seen = path.stat()
        assert (path, seen.st_gid) == (path, gid)
        assert stat.S_IMODE(seen.st_mode) == (0o750 if path.is_dir() else 0o440), path
    assert as_member(gid, clip.read_bytes) and as_member(gid, (folder / "hugflow.json").read_bytes)
    assert not as_member(STRANGERS, clip.read_bytes) and not as_member(STRANGERS, lambda: list(folder.iterdir()))


def files(folder: Path, *starts: int) -> dict[str, Any]:
    at = enumerate(starts)
    return {f"data/train-{n:05d}.parquet": write_speech(folder / f"src/{start}.parquet", start, 4) for n, start in at}


def test_a_dataset_belongs_to_its_group_from_before_it_is_visible_over_all_that_happens_to_it(
    place: Guarded, repo: Callable[..., str], tmp_path: Path
) -> None:
    repo(files(tmp_path, 0, 20))
    landed = place.watched(READERS)
    belongs_to(landed.path, READERS)
    name, path = landed.manifest.name, landed.path

    place.hub.commit(REPO, files(tmp_path, 0, 40))
    assert place.watched(READERS, update=True).action is Action.UPDATE
    belongs_to(path, READERS)

    next(path.rglob("*.wav")).unlink()
    assert place.watched(READERS).action is Action.REPAIR
    belongs_to(path, READERS)

    assert place.watched(READERS, description="Other words.").action is Action.DESCRIPTION
    belongs_to(path, READERS)

    assert place.watched(READERS, description="Other words.", form="packed").action is Action.UPDATE
    belongs_to(path, READERS)
    assert place.watched(READERS, description="Other words.").action in (Action.UPDATE, Action.RESTORE)
    belongs_to(path, READERS)

    assert place.watched(TEAM, description="Other words.", group=str(TEAM)).action is Action.DESCRIPTION
    belongs_to(path, TEAM)
    assert not as_member(READERS, lambda: list(path.iterdir()))

    place.store.remove(name, reason="r", by="b")
    place.store.restore(name)
    belongs_to(path, TEAM)
    place.store.remove(name, reason="r", by="b")
    assert place.land(place.plan(description="Other words.", group=str(GATED))).action is Action.RESTORE
    belongs_to(path, GATED)

    path.chmod(0o777)
    assert place.land(place.plan(description="Other words.", group=str(GATED))).action is Action.DESCRIPTION
    belongs_to(path, GATED)
    assert place.land(place.plan(description="Other words.", group=str(GATED))).action is Action.NOOP

    place.groups = {}
    assert place.land(place.plan(description="Other words.")).action is Action.DESCRIPTION
    storage = place.store.layout.staging_root.stat().st_gid
    assert {one.stat().st_gid for one in (path, *path.rglob("*"))} == {storage}
    assert stat.S_IMODE(path.stat().st_mode) == 0o755

    place.groups = {"read_group": str(READERS)}  # set while it is landed: nothing is fetched
    assert place.land(place.plan(description="Other words.")).action is Action.DESCRIPTION
    belongs_to(path, READERS)
    place.groups = {}
    place.store.remove(name, reason="r", by="b")
    place.groups = {"read_group": str(TEAM)}  # set while it was in the trash: it comes back to those alone
    place.store.restore(name)
    belongs_to(path, TEAM)


def test_gated_and_private_data_go_to_their_group_or_do_not_land(place: Guarded, tmp_path: Path) -> None:
    place.hub.tokens["secret"] = "reader"
    place.hub.add_repo(REPO, {"README.md": b"# Speech\n", **files(tmp_path, 0)}, gated="auto")
    place.hub.add_repo("acme/own", {"README.md": b"# Speech\n", **files(tmp_path, 0)}, private=True)
    for one in (REPO, "acme/own"):
        place.hub.grant(one, "reader")
    place.token = "secret"
    place.groups = {}
    for one in (REPO, "acme/own"):
        with pytest.raises(UnguardedDataError, match="FOLDER_MODE 0755") as refused:
            place.land(place.plan(one))
        assert "GATED_GROUP" in refused.value.remedy
        assert [path for path in place.store.root.iterdir() if path.name != ".hugflow"] == []
    place.groups = {"read_group": str(READERS), "gated_group": str(GATED)}
    belongs_to(place.watched(GATED, hf_id=REPO, group=str(TEAM)).path, GATED)
    belongs_to(place.watched(GATED, hf_id="acme/own").path, GATED)


def test_a_hard_link_across_datasets_shows_nobody_more(
    place: Guarded, repo: Callable[..., str], tmp_path: Path
) -> None:
    repo(files(tmp_path, 0))
    repo(files(tmp_path, 0), "acme/open")
    guarded = place.land(place.plan(group=str(TEAM))).path
    place.groups = {}
    opened = place.land(place.plan("acme/open")).path
    clip = next(guarded.rglob("*.wav"))
    twin = opened / clip.relative_to(guarded)
    twin.unlink()
    os.link(clip, twin)  # as tools do that look for equal files
    place.land(place.plan("acme/open", description="Other words."))
    assert clip.stat().st_ino == twin.stat().st_ino
    assert not as_member(STRANGERS, clip.read_bytes) and not as_member(STRANGERS, lambda: list(guarded.iterdir()))
    place.land(place.plan(description="Other words.", group=str(TEAM)))
    belongs_to(guarded, TEAM)


def test_a_group_that_cannot_be_had_is_named_before_anything_lands(
    place: Guarded, repo: Callable[..., str], tmp_path: Path
) -> None:
    repo(files(tmp_path, 0))
    with pytest.raises(GroupUnusableError, match="no group no-such-team on this machine"):
        place.land(place.plan(group="no-such-team"))
    assert not as_member(STRANGERS, lambda: _unusable(place.store))


def _unusable(store: Store) -> None:
    from hugflow_assets.intake import DatasetRequest

    try:
        store.readers.of(DatasetRequest(hf_id=REPO, description="d"), is_guarded=False)
    except GroupUnusableError as error:
        raise PermissionError from error
