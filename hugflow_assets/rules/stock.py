"""What is landed, as the rules see it: one small model a dataset, without its shards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from hugflow_assets.errors import ManifestError
from hugflow_assets.intake import DatasetRequest
from hugflow_assets.intake.models import Frozen
from hugflow_assets.planning.models import LandingPlan
from hugflow_assets.store.models import IndexRow, Manifest

if TYPE_CHECKING:
    from hugflow_assets.store import Store

Selection = frozenset[tuple[str, str]]


class Landed(Frozen):
    """One landed dataset. ``selection`` is its pairs of config and split."""

    name: str
    request: DatasetRequest
    repo_id: str
    repo_oid: str | None
    commit: str
    license: str | None
    selection: Selection
    size_bytes: int
    files: int
    rows: int
    hours: float

    @classmethod
    def of(cls, manifest: Manifest) -> Landed:
        return cls(
            name=manifest.name,
            request=manifest.request,
            repo_id=manifest.repo.id,
            repo_oid=manifest.repo.oid,
            commit=manifest.commit,
            license=manifest.repo.license,
            selection=frozenset((config.name, split.name) for config in manifest.configs for split in config.splits),
            size_bytes=manifest.size_bytes,
            files=manifest.files,
            rows=manifest.counts.rows,
            hours=manifest.hours,
        )


class Stock:
    """What the storage holds at one moment. The index tells the names; a manifest is read only where it matters."""

    def __init__(self, store: Store) -> None:
        """Read the index.

        Raises:
            StorageError: the storage cannot be read.
        """
        self._store = store
        self.rows: dict[str, IndexRow] = store.index()

    def __contains__(self, name: object) -> bool:
        return name in self.rows

    def __iter__(self) -> Iterator[str]:
        return iter(self.rows)

    def landed(self, name: str) -> Landed | None:
        """One dataset; None when it is not landed, or its manifest cannot be read (drift shows that)."""
        if name not in self.rows:
            return None
        try:
            manifest = self._store.manifest(name)
        except ManifestError:
            return None
        if manifest is None:
            return None
        row = self.rows[name]  # which counts hugflow.json too, as the quota does
        return Landed.of(manifest).model_copy(update={"size_bytes": row.size_bytes, "files": row.files})

    def at_commit(self, commit: str) -> Iterator[Landed]:
        """The datasets that landed from a commit, under whatever name the repository had then."""
        return self._where(lambda row: row.commit == commit)

    def of_repo(self, hf_id: str) -> Iterator[Landed]:
        """The datasets that landed from a repository, case set aside."""
        return self._where(lambda row: row.hf_id.casefold() == hf_id.casefold())

    def _where(self, condition: Callable[[IndexRow], bool]) -> Iterator[Landed]:
        for name, row in self.rows.items():
            if condition(row) and (one := self.landed(name)) is not None:
                yield one


def selection_of(plan: LandingPlan) -> Selection:
    """The pairs of config and split that a plan would land."""
    return frozenset((config.name, split.name) for config in plan.configs for split in config.splits)
