"""Land a rendered repository as the asset does, and say where what landed is not what must."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hugflow_assets.demo.local_hub import LocalHub
from hugflow_assets.errors import HugflowError
from hugflow_assets.hub import Hub, HubAccess
from hugflow_assets.intake import DatasetRequest
from hugflow_assets.landing.land import land
from hugflow_assets.landing.options import LandedDataset, LandingOptions
from hugflow_assets.planning.pin import plan
from hugflow_assets.store import Store
from hugflow_assets_tests.corpora.repository import Rendered, Rows

CARD = b"---\nlicense: cc0-1.0\n---\n# Speech\n"
_A_STORE = 100  # landings, after which it is emptied
NOTHING = "nothing-landed"  # allowed wherever no row has its clip


@dataclass
class Lander:
    """One Hub and one storage for many repositories; each is gone once it was compared."""

    hub: LocalHub
    folder: Path
    options: LandingOptions = field(default_factory=lambda: LandingOptions(views=(), workers=1, progress_interval_s=60))
    made: int = 0
    refused: Counter[str] = field(default_factory=Counter)

    def differences(self, rendered: Rendered) -> list[str]:
        """Where what landed differs from what must; none if all is well, or it was refused as it may be."""
        self.made += 1
        hf_id = rendered.hf_id or f"acme/corpus{self.made}"
        self.hub.add_repo(hf_id, {"README.md": CARD, **rendered.files})
        try:
            landed = self._land(hf_id, rendered.asked)
        except HugflowError as error:
            return self._refused(rendered, error)
        finally:
            self.hub.delete_repo(hf_id)
            self.hub.requests.clear()
        found = compare(rendered, landed)
        self._empty(landed.path)
        return found

    def _land(self, hf_id: str, asked: Mapping[str, Any]) -> LandedDataset:
        access = HubAccess(endpoint=self.hub.url, retries=1, backoff_s=0.01)
        request = DatasetRequest(hf_id=hf_id, **{"description": "Speech.", **asked})
        return land(plan(Hub(access), request, landed=None), self._store(), access, self.options)

    def _store(self) -> Store:
        (self.folder / "storage").mkdir(parents=True, exist_ok=True)
        (self.folder / "state").mkdir(exist_ok=True)
        return Store(self.folder / "storage", self.folder / "state")

    def _refused(self, rendered: Rendered, error: HugflowError) -> list[str]:
        allowed = {*rendered.refusals, *(() if _has_audio(rendered) else (NOTHING,))}
        self.refused[error.code] += 1
        return [] if error.code in allowed else [f"refused: {error}"]

    def _empty(self, landed: Path) -> None:
        whole = self.made % _A_STORE == 0
        root = self.folder if whole else landed
        for path in (root, *(path for path in root.rglob("*") if path.is_dir())):
            path.chmod(0o750)
        shutil.rmtree(root)


def _has_audio(rendered: Rendered) -> bool:
    return any(isinstance(value, bytes) for row in rendered.rows for value in row.values())


def compare(rendered: Rendered, landed: LandedDataset) -> list[str]:
    """The differences, in words."""
    found = {
        path.relative_to(landed.path / "json").as_posix(): [
            _with_bytes(landed.path, json.loads(line)) for line in path.read_bytes().split(b"\n")[:-1]
        ]
        for path in (landed.path / "json").rglob("*.jsonl")
    }
    if set(found) != set(rendered.records):
        return [f"records: {sorted(found)}, expected {sorted(rendered.records)}"]
    told = [one for name, rows in rendered.records.items() for one in _rows(name, found[name], rows, rendered)]
    return told + _counts(rendered, landed)


def _rows(name: str, found: Rows, expected: Rows, rendered: Rendered) -> list[str]:
    if len(found) != len(expected):
        return [f"{name}: {len(found)} rows, expected {len(expected)}: {found}"]
    if not rendered.is_ordered:
        columns = sorted({column for row in expected for column in row})
        found, expected = (
            sorted(rows, key=lambda row: repr([row.get(c) for c in columns])) for rows in (found, expected)
        )
    return [
        f"{name}[{at}].{column}: {row.get(column)!r}, expected {value!r}"
        for at, (row, must) in enumerate(zip(found, expected, strict=True))
        for column, value in must.items()
        if not _same(row.get(column), value)
    ]


def _same(found: Any, expected: Any) -> bool:
    if isinstance(found, dict) and isinstance(expected, dict):
        return all(_same(found.get(name), expected.get(name)) for name in {*found, *expected})
    if isinstance(found, list) and isinstance(expected, list):
        return len(found) == len(expected) and all(map(_same, found, expected))
    return type(found) is type(expected) and bool(found == expected)


def _counts(rendered: Rendered, landed: LandedDataset) -> list[str]:
    """Whether the manifest accounts for each row of the tables and each clip."""
    counts, extra = landed.manifest.counts, Counter(landed.manifest.counts.extra)
    told = []
    total = sum(map(len, rendered.records.values()))
    if counts.rows != total:
        told.append(f"counts.rows: {counts.rows}, expected {total}")
    if rendered.is_joined and not (extra["table_rows"] or extra["rows_joined"]):
        told.append(f"no rows of tables are counted: {dict(extra)}")
    if extra["table_rows"] != extra["rows_joined"] + extra["rows_ambiguous"] + extra["rows_absent"]:
        told.append(f"rows do not reconcile: {dict(extra)}")
    if extra["clips_in_source"] != extra["clips_named"] + extra["clips_unnamed"] + extra["clips_of_no_row_here"]:
        told.append(f"clips do not reconcile: {dict(extra)}")
    return told


def _with_bytes(root: Path, value: Any) -> Any:
    """A value of the record with its media as their bytes."""
    if isinstance(value, dict):
        if {"path", "source_path"} <= set(value):
            return (root / value["path"]).read_bytes() if value["path"] else None
        return {name: _with_bytes(root, one) for name, one in value.items()}
    return [_with_bytes(root, one) for one in value] if isinstance(value, list) else value
