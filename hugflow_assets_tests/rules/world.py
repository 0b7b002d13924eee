"""A folder of requests, a storage, and plans made by hand: the three things that rules look at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import xxhash

from hugflow_assets.hub.models import RepoState, SourceFile
from hugflow_assets.intake import AddFile, DatasetRequest, FolderSource, RemoveFile, RequestSnapshot, storage_name
from hugflow_assets.landing.forecast import forecast
from hugflow_assets.landing.options import LandingOptions
from hugflow_assets.planning.models import LandingPlan
from hugflow_assets.rules import Verdict, preflight
from hugflow_assets.settings import Settings, load_settings
from hugflow_assets.shapes.models import ConfigPlan, Estimate, Shape, ShardSource, SplitPlan
from hugflow_assets.store import (
    ConfigRecord,
    Counts,
    Fingerprint,
    Manifest,
    RepoRecord,
    ShardRecord,
    SourceRecord,
    SplitRecord,
    Store,
    Volatile,
    now_text,
)

COMMIT, LATER = "a" * 40, "b" * 40
FEATURES: dict[str, Any] = {
    "audio": {"_type": "Audio"},
    "text": {"dtype": "string", "_type": "Value"},
    "turns": {"feature": {"clip": {"_type": "Audio"}, "words": {"dtype": "string", "_type": "Value"}}, "_type": "List"},
}


def plan_of(
    request: DatasetRequest,
    *,
    commit: str = COMMIT,
    configs: dict[str, tuple[str, ...]] | None = None,
    features: dict[str, Any] | None = FEATURES,
    landed_bytes: int = 1_000,
    rows: int | None = 10,
    shape: Shape = Shape.PARQUET,
    shape_reason: str = "",
    **state: Any,
) -> LandingPlan:
    """A plan: one shard a split, each shard one file."""
    chosen = configs or {request.subset or "default": (request.split or "train",)}
    state = {"repo_id": request.hf_id, "repo_oid": "oid1", "license": "mit", **state}
    return LandingPlan(
        request=request,
        name=storage_name(request),
        endpoint="http://127.0.0.1",
        state=RepoState(commit=commit, **state),
        shape=shape,
        shape_reason=shape_reason,
        configs=tuple(
            ConfigPlan(
                name=config,
                features=features,
                splits=tuple(
                    SplitPlan(name=split, num_rows=rows, shards=(_shard(f"{config}/{split}.parquet", rows),))
                    for split in splits
                ),
            )
            for config, splits in chosen.items()
        ),
        estimate=Estimate(download_bytes=landed_bytes, landed_bytes=landed_bytes, files=1, rows=rows),
    )


def _shard(path: str, rows: int | None) -> ShardSource:
    file = SourceFile(path=path, size_bytes=100, sha256=f"{xxhash.xxh3_128_hexdigest(path.encode())}{'0' * 32}")
    return ShardSource(index=0, files=(file,), num_rows=rows)


class World:
    """``requests/`` and ``datasets/`` below one temporary folder."""

    def __init__(self, root: Path, **settings: Any) -> None:
        self.requests = root / "requests"
        (self.requests / "add").mkdir(parents=True)
        (self.requests / "remove").mkdir()
        paths = {"storage_root": root / "datasets", "hugflow_state_dir": root / "state"}
        self.settings: Settings = load_settings(**{"storage_min_free": 0, **settings, **paths})
        self.store = Store.of(self.settings)

    def add(self, file: str, **fields: str) -> AddFile:
        """Write an add request; what is not said has a default."""
        self._write(f"add/{file}", {"hf_id": "org/name", "description": "d", **fields})
        found = next((one for one in self.snapshot().adds if one.path == f"add/{file}"), None)
        assert found is not None, self.snapshot().problems
        return found

    def remove(self, file: str, **fields: str) -> RemoveFile:
        self._write(f"remove/{file}", {"hf_id": "org/name", "reason": "consent withdrawn", **fields})
        return next(one for one in self.snapshot().removals if one.path == f"remove/{file}")

    def _write(self, path: str, fields: dict[str, str]) -> None:
        text = "".join(f'{name}: "{value}"\n' for name, value in fields.items())
        (self.requests / path).write_text(text)

    def snapshot(self) -> RequestSnapshot:
        return FolderSource(self.requests).snapshot()

    def verdicts(self, file: AddFile, plan: Any = None, **kwargs: Any) -> dict[str, Verdict]:
        plan = plan_of(file.request) if plan is None else plan
        kwargs.setdefault("forecast", forecast(plan, self.store, LandingOptions.of(self.settings)))
        found = preflight(file, self.snapshot(), plan, self.store, self.settings, **kwargs)
        return {one.name: one for one in found}

    def land(self, plan: LandingPlan, **changes: Any) -> Manifest:
        """Put on the storage what landing the plan would leave: one media file a row, lines, a manifest."""
        with self.store.leases.take(plan.name, purpose="test") as lease:
            fingerprint = Fingerprint.of(plan.request, plan.commit, "xxh128", ())
            staging = self.store.staging(plan.name, fingerprint.data)
            configs, size, files = [], 0, 0
            for config in plan.configs:
                splits = []
                for split in config.splits:
                    record, media = _write_split(staging.path, config.name, split.name, split.num_rows or 0)
                    splits.append(_split_record(split, record, media))
                    size, files = size + record + media, files + 1 + (split.num_rows or 0)
                configs.append(ConfigRecord(name=config.name, splits=tuple(splits)))
            (staging.path / "XXH128SUMS").write_bytes(b"")
            counts = sum((split.counts for config in configs for split in config.splits), Counts())
            manifest = Manifest(
                name=plan.name,
                request=plan.request,
                repo=RepoRecord(
                    endpoint=plan.endpoint, id=plan.state.repo_id, oid=plan.state.repo_oid, commit=plan.commit,
                    license=plan.state.license,
                ),
                fingerprint=fingerprint,
                shape=plan.shape,
                checksums="xxh128",
                configs=tuple(configs),
                counts=counts,
                size_bytes=size,
                files=files + 1,
                volatile=Volatile(landed_at=now_text(), updated_at=now_text()),
            ).model_copy(update=changes)  # fmt: skip
            self.store.publish(staging, manifest, lease)
        return manifest


def _write_split(root: Path, config: str, split: str, rows: int) -> tuple[int, int]:
    media = root / "audio" / config / split / "00000"
    media.mkdir(parents=True, exist_ok=True)
    for number in range(rows):
        (media / f"{number}.wav").write_bytes(b"x" * 10)
    record = root / "json" / config / f"{split}.jsonl"
    record.parent.mkdir(parents=True, exist_ok=True)
    return record.write_bytes(b'{"text": "x"}\n' * rows), rows * 10


def _split_record(split: SplitPlan, record: int, media: int) -> SplitRecord:
    rows = split.num_rows or 0
    counts = Counts(rows=rows, media_files=rows, media_bytes=media, json_bytes=record, duration_s=1.0 * rows)
    sources = tuple(
        SourceRecord(path=one.path, size_bytes=one.size_bytes, hash=f"sha256:{one.sha256}")
        for one in split.shards[0].files
    )
    config = split.shards[0].files[0].path.partition("/")[0]
    shard = ShardRecord(
        index=0, sources=sources, folders=(f"audio/{config}/{split.name}/00000",), json_offset=0, json_bytes=record,
        json_xxh128="0" * 32, sums_xxh128="0" * 32, counts=counts,
    )  # fmt: skip
    return SplitRecord(name=split.name, record_path=f"json/{config}/{split.name}.jsonl", shards=(shard,), counts=counts)
