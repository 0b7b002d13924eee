"""Random lives: requests and removals come and go, upstream moves, people pause, processes are killed at any act.

After each step: what the requests say is what the disk holds; manifests, index, Dagster's partitions and the audit log
say the same; every file of every dataset has its recorded hash. After a kill nothing partial is seen, even before
anybody has mended anything.
"""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterInstance
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from hugflow_assets.cli.datasets.pause import pause
from hugflow_assets.cli.datasets.resume import resume
from hugflow_assets.demo import LocalHub
from hugflow_assets.errors import HugflowError
from hugflow_assets.hub import Hub
from hugflow_assets.landing.verify.verify import verify
from hugflow_assets.orchestration.assets.partitions import DATASETS_NAME
from hugflow_assets.orchestration.assets.platform import Platform
from hugflow_assets.orchestration.sync.one_dataset import materialize, restore
from hugflow_assets.orchestration.sync.run_here import sync
from hugflow_assets.planning.resolve import resolve
from hugflow_assets.store import EventKind, Held, Store
from hugflow_assets.transfer.local_copies import find_matches, write_adopted
from hugflow_assets_tests.datasets_made import speech_files, text_files
from hugflow_assets_tests.e2e.fork_server import ForkServer

REPOS = ("org/speech", "org/text")
SUBJECTS = st.sampled_from(REPOS)
ACTS = (80, 500)  # on files: where nothing is to do, and where something lands
IMPORTS = (
    "hugflow_assets.orchestration.assembly",
    "huggingface_hub.hf_api",
    "pyarrow.parquet",
    "hugflow_assets.shapes.registry",
)


def name_of(repo: str) -> str:
    return repo.replace("/", "__") + "__rev_main"


class Life(RuleBasedStateMachine):
    """A project with two repositories on the Hub; rules do what people, upstream and crashes do."""

    made: Path
    hub: LocalHub
    server: ForkServer
    killed: list[str]  # the acts that were really cut short, of every life

    @initialize(seed=st.integers(0, 1 << 16))
    def begin(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.root = Path(tempfile.mkdtemp(prefix="life-", dir=self.made.parent))
        for folder in ("requests/add", "requests/remove"):
            (self.root / folder).mkdir(parents=True)
        os.environ["HUGFLOW_PROJECT_DIR"] = str(self.root)
        os.environ["HF_ENDPOINT"] = self.hub.url
        self.instance = DagsterInstance.ephemeral()
        self.commits = {repo: self.hub.repo(repo).refs["refs/heads/main"].id for repo in REPOS}
        self.edits = 0
        for repo in REPOS:
            self.file("add", repo).write_text(f"hf_id: {repo}\ndescription: The first.\n")
        self.reconcile()

    def teardown(self) -> None:
        if hasattr(self, "root"):
            self.instance.dispose()
            shutil.rmtree(self.root, ignore_errors=True)

    @property
    def store(self) -> Store:
        return Platform().store()

    def reconcile(self) -> None:
        self.cut_short("sync")
        self.results = sync(instance=self.instance)
        self.settled = True

    def file(self, folder: str, repo: str) -> Path:
        return self.root / "requests" / folder / f"{repo.replace('/', '-')}.yaml"

    def has(self, folder: str, repo: str) -> bool:
        return any(repo in path.read_text() for path in (self.root / "requests" / folder).iterdir())

    # ---- what people do

    @rule(repo=SUBJECTS)
    def add_or_edit(self, repo: str) -> None:
        self.edits += 1
        for path in (self.root / "requests/add").iterdir():
            if repo in path.read_text():
                path.unlink()
        self.file("add", repo).write_text(f"hf_id: {repo}\ndescription: Edit {self.edits}.\n")
        self.reconcile()

    @rule(repo=SUBJECTS)
    def pause(self, repo: str) -> None:
        if self.has("add", repo):
            pause([name_of(repo)])
            self.reconcile()

    @rule(repo=SUBJECTS)
    def resume(self, repo: str) -> None:
        if self.has("add", repo):
            resume([name_of(repo)])
            self.reconcile()

    @rule(repo=SUBJECTS)
    def rename_the_file(self, repo: str) -> None:
        there = name_of(repo) in self.store.index.names()
        if self.file("add", repo).exists():
            self.file("add", repo).rename(self.root / f"requests/add/renamed-{repo.replace('/', '-')}.yaml")
        self.reconcile()
        renamed = [one for one in self.results if one.path.startswith("add/renamed")]
        assert all(one.action == "no-op" for one in renamed if there and one.name == name_of(repo)), renamed

    @rule(repo=SUBJECTS)
    def delete_the_request(self, repo: str) -> None:
        for path in (self.root / "requests/add").iterdir():
            if repo in path.read_text():
                path.unlink()
        self.reconcile()

    @rule(repo=SUBJECTS)
    def remove(self, repo: str) -> None:
        self.file("remove", repo).write_text(f"hf_id: {repo}\nreason: Removal.\n")
        self.reconcile()

    @rule(repo=SUBJECTS)
    def delete_the_removal(self, repo: str) -> None:
        self.file("remove", repo).unlink(missing_ok=True)
        self.reconcile()

    @rule(repo=SUBJECTS)
    def restore(self, repo: str) -> None:
        name = name_of(repo)
        there = name in self.store.index.names()
        possible = not there and any(one.why == "removed" for one in self.store.trash.entries(name))
        self.cut_short("restore", repo)
        try:
            restore(name, instance=self.instance)
        except HugflowError as error:
            assert self.has("remove", repo) or not possible, error
        else:
            assert possible and not self.has("remove", repo)
        self.reconcile()

    @rule(repo=SUBJECTS)
    def update(self, repo: str) -> None:
        name = name_of(repo)
        if name in self.store.index.names():
            self.cut_short("update", repo)
            (result,) = materialize([name], update=True, instance=self.instance)
            assert not result.error_code or self.has("remove", repo) or self.is_held(name), result
            self.commits[repo] = self.hub.repo(repo).refs["refs/heads/main"].id
        self.reconcile()

    @rule(repo=SUBJECTS)
    def adopt(self, repo: str) -> None:
        name = name_of(repo)
        wanted = self.has("add", repo) and not self.has("remove", repo) and not self.is_held(name)
        if self.settled and wanted and name not in self.store.index.names():
            raise AssertionError("reconciled, asked for, and not there")
        self.cut_short("empty-trash", repo)
        self.store.empty_trash(0, name=name)
        if wanted:
            self.drop_by_hand(repo)
            add = next(one for one in Platform().snapshot().adds if one.name == name)
            plan = resolve(Hub(Platform().access()), add.request)
            files = [f for c in plan.configs for s in c.splits for shard in s.shards for f in shard.files]
            listed = self.store.layout.adopted(name)
            write_adopted(listed, find_matches(self.made, files).files)
            (result,) = materialize([name], instance=self.instance)
            listed.unlink()
            assert result.state == "landed", result
            self.commits[repo] = plan.commit
        self.reconcile()

    @rule(repo=SUBJECTS)
    def drop_by_hand(self, repo: str) -> None:
        """Somebody deletes the folder."""
        shutil.rmtree(self.store.layout.dataset(name_of(repo)), ignore_errors=True)
        self.settled = False

    @rule(repo=SUBJECTS)
    def deleted_by_hand_and_reconciled(self, repo: str) -> None:
        self.drop_by_hand(repo)
        self.reconcile()

    # ---- what happens

    @rule(repo=SUBJECTS)
    def upstream_moves(self, repo: str) -> None:
        self.edits += 1
        self.hub.commit(repo, {f"notes-{self.edits}.txt": b"new"})
        self.reconcile()
        row = self.store.index.row(name_of(repo))
        assert row is None or row.commit in self.hub.repo(repo).commits

    def cut_short(self, act: str, repo: str = "") -> None:
        """Half of the time another process does it first, and is killed at one of its acts on the project's files."""
        if self.chance.random() < 0.5:
            return
        kill_at = self.chance.randrange(1, self.chance.choice(ACTS))
        child = self.server.start(self.hub.url, self.root, act=act, name=name_of(repo), kill_at=kill_at)
        assert child.ended(), f"{act} hangs"
        assert child.result is not None and "error" not in child.result, child.result
        if child.killed:
            self.killed.append(act)
        self.nothing_partial_is_seen()

    def nothing_partial_is_seen(self) -> None:
        store = self.store
        for path in store.root.iterdir() if store.root.is_dir() else ():  # killed before it was made
            if not path.name.startswith("."):
                assert verify(store, path.name).whole
        seqs = [one.seq for one in store.events.read()]
        assert seqs == list(range(1, len(seqs) + 1))
        for repo in REPOS:
            assert store.leases.holder(name_of(repo)) is None

    @rule()
    def the_instance_is_lost(self) -> None:
        self.reconcile()
        events = self.store.events.last_seq()
        self.instance.dispose()
        self.instance = DagsterInstance.ephemeral()
        self.reconcile()
        quiet = {EventKind.STARTED, EventKind.LANDED, EventKind.REMOVED}
        assert not [one for one in self.store.events.read(events) if one.kind in quiet]

    @rule()
    def the_state_folder_is_lost(self) -> None:
        self.reconcile()
        events = self.store.events.last_seq()
        shutil.rmtree(self.root / ".hugflow-state")
        self.reconcile()
        quiet = {EventKind.STARTED, EventKind.LANDED, EventKind.REMOVED}
        assert not [one for one in self.store.events.read(events) if one.kind in quiet]

    # ---- what must hold

    @invariant()
    def everything_agrees(self) -> None:
        if not getattr(self, "settled", False):
            return
        store, snapshot = self.store, Platform().snapshot()
        disk = {path.name for path in store.root.iterdir() if not path.name.startswith(".")}
        assert disk == set(store.index.names()) == set(store.index.rows())
        desired = snapshot.desired().keys()
        assert {name for name in desired if not self.is_held(name)} <= disk
        for name in disk:
            manifest = store.manifest(name)
            assert manifest is not None
            assert manifest.name == name
            assert verify(store, name).whole
            asked = snapshot.add(name)
            assert asked is None or manifest.request == asked.request or self.is_held(name)
            assert not snapshot.removals_of(manifest.request)
        assert set(self.instance.get_dynamic_partitions(DATASETS_NAME)) == disk | desired
        self._log_agrees(store, disk)

    def is_held(self, name: str) -> bool:
        hold = self.store.holds.read(name)
        return hold is not None and hold.held is Held.PAUSED

    def _log_agrees(self, store: Store, disk: set[str]) -> None:
        events = list(store.events.read())
        assert [one.seq for one in events] == list(range(1, len(events) + 1))
        last: dict[str, EventKind] = {}
        for one in events:
            if one.kind in (EventKind.LANDED, EventKind.RESTORED, EventKind.REMOVED):
                last[one.name] = one.kind
        assert disk <= {name for name, kind in last.items() if kind is not EventKind.REMOVED}
        assert {one.name for one in store.trash.archived() if one.restored_at is None} <= last.keys()


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    for variable in ("STORAGE_ROOT", "HUGFLOW_STATE_DIR", "REQUESTS_DIR", "DAGSTER_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HUB_RETRIES", "0")
    monkeypatch.setenv("STORAGE_MIN_FREE", "1MB")
    monkeypatch.setenv("HUGFLOW_PROJECT_DIR", str(tmp_path))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with LocalHub() as hub:
        hub.add_repo("org/speech", speech_files(tmp_path / "made/speech", rows_per_shard=2))
        hub.add_repo("org/text", text_files(tmp_path / "made/text"))
        with ForkServer(imports=IMPORTS) as server:
            told = {"hub": hub, "made": tmp_path / "made", "server": server, "killed": []}
            yield type("LifeHere", (Life,), told)


def test_random_lives_leave_everything_in_agreement(machine: Any) -> None:
    run_state_machine_as_test(
        machine,
        _min_steps=8,
        settings=settings(
            max_examples=2,
            stateful_step_count=10,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert machine.killed, "no process was killed before it was done"
