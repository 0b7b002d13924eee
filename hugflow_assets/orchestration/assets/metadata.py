"""What a materialization shows in the UI, made from the manifest and, right after a landing, from the plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from dagster import MetadataValue, TableColumn, TableRecord, TableSchema

from hugflow_assets.errors import HugflowError
from hugflow_assets.hub import repo_url
from hugflow_assets.planning.models import LandingPlan
from hugflow_assets.store import LEFT_OUT, Manifest, Store

if TYPE_CHECKING:
    from hugflow_assets.landing.options import LandedDataset

Metadata = dict[str, MetadataValue[Any]]
_CELL = 160
_SAMPLE_ROWS = 5


def manifest_metadata(manifest: Manifest, path: Path) -> Metadata:
    """The facts of a landed dataset: what it is, how much, where from and where it lies."""
    counts = manifest.counts
    repo = manifest.repo
    return {
        "description": MetadataValue.text(manifest.request.description),
        "owner": MetadataValue.text(manifest.request.owner or "nobody named"),
        "licence": MetadataValue.text(repo.license or "not stated"),
        "path": MetadataValue.path(str(path)),
        "splits": MetadataValue.md(splits_table(manifest)),
        "rows": MetadataValue.int(counts.rows),
        "hours": MetadataValue.float(round(manifest.hours, 4)),
        "files": MetadataValue.int(manifest.files),
        "size_bytes": MetadataValue.int(manifest.size_bytes),
        "source": MetadataValue.url(repo_url(repo.endpoint, repo.id, repo.commit)),
        "commit": MetadataValue.text(manifest.commit),
        "shape": MetadataValue.text(" - ".join(filter(None, (manifest.shape, manifest.shape_reason)))),
        **({LEFT_OUT: MetadataValue.int(counts.extra[LEFT_OUT])} if counts.extra.get(LEFT_OUT) else {}),
        "dagster/uri": MetadataValue.text(path.as_uri()),
        "dagster/partition_row_count": MetadataValue.int(counts.rows),
    }


def landed_metadata(landed: LandedDataset, plan: LandingPlan, rows: Sequence[Mapping[str, Any]]) -> Metadata:
    """What one landing did, with the columns and the first rows. Of what fetched nothing no speed is said."""
    volatile = landed.manifest.volatile
    features = plan.configs[0].features if plan.configs else None
    metadata = manifest_metadata(landed.manifest, landed.path) | {
        "action": MetadataValue.text(str(landed.action.value)),
        "seconds": MetadataValue.float(round(landed.seconds, 2)),
        "fetched_bytes": MetadataValue.int(landed.bytes_fetched),
    }
    if str(landed.action.value) == "no-op":
        metadata["outcome"] = MetadataValue.text("Nothing to do: it is landed as asked.")
    elif landed.bytes_fetched:
        metadata["speed_mb_s"] = MetadataValue.float(round(volatile.bytes_per_s / 1e6, 2))
    return metadata | content_metadata(features, rows)


def found_metadata(manifest: Manifest, store: Store) -> Metadata:
    """The facts of a dataset that lies there already, its columns and first rows: for events without a run."""
    path = store.layout.dataset(manifest.name)
    return manifest_metadata(manifest, path) | content_metadata(_landed_features(path), sample_of(store, manifest.name))


def content_metadata(features: Mapping[str, Any] | None, rows: Sequence[Mapping[str, Any]]) -> Metadata:
    """Columns as the UI knows them, and rows as a table."""
    metadata: Metadata = {}
    if features:
        metadata["dagster/column_schema"] = MetadataValue.table_schema(column_schema(features))
    if rows:
        metadata["sample"] = sample_table(rows)
    return metadata


def sample_of(store: Store, name: str) -> list[dict[str, Any]]:
    """The first rows of a landed dataset; none where its record cannot be read, which its checks say."""
    from hugflow_assets.landing.verify.sample import sample_rows

    try:
        return list(sample_rows(store, name, n=_SAMPLE_ROWS))
    except (HugflowError, OSError, ValueError):
        return []


def _landed_features(path: Path) -> Mapping[str, Any] | None:
    """``json/features.json`` of the first config, as the landing wrote it."""
    for file in sorted((path / "json").rglob("features.json")):
        try:
            found = orjson.loads(file.read_bytes())
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None
    return None


def splits_table(manifest: Manifest) -> str:
    """Config, split, rows, media files and hours as a Markdown table."""
    lines = ["| config | split | rows | files | hours |", "|---|---|---:|---:|---:|"]
    lines += [
        f"| {cell(config.name)} | {cell(split.name)} | {split.counts.rows:,} | {split.counts.media_files:,} "
        f"| {split.counts.duration_s / 3600:,.2f} |"
        for config in manifest.configs
        for split in config.splits
    ]
    return "\n".join(lines)


def column_schema(features: Mapping[str, Any]) -> TableSchema:
    """Upstream features (``datasets.Features.to_dict()``) as the table schema that the UI knows."""
    return TableSchema([TableColumn(name, type=feature_type(feature)) for name, feature in features.items()])


def feature_type(feature: Any) -> str:
    """A short word for a feature: ``string``, ``audio(16000)``, ``list<int64>``, ``struct<a: string>``."""
    if isinstance(feature, list):
        return f"list<{feature_type(feature[0])}>" if feature else "list"
    if not isinstance(feature, Mapping):
        return str(feature)
    kind = feature.get("_type")
    if not isinstance(kind, str):
        return "struct<" + ", ".join(f"{name}: {feature_type(inner)}" for name, inner in feature.items()) + ">"
    if kind == "Value":
        return str(feature.get("dtype", "value"))
    if "feature" in feature:
        return f"list<{feature_type(feature['feature'])}>"
    rate = feature.get("sampling_rate")
    return f"{kind.lower()}({rate})" if rate else kind.lower()


def sample_table(rows: Sequence[Mapping[str, Any]]) -> MetadataValue[Any]:
    """Rows as a table; what is not a plain value appears as JSON, long text is cut."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    schema = TableSchema([TableColumn(name) for name in names])
    records = [TableRecord({name: _cell_value(row.get(name)) for name in names}) for row in rows]
    return MetadataValue.table(records, schema)


def _cell_value(value: Any) -> str | int | float | bool:
    if value is None:
        return "null"
    if isinstance(value, Mapping) and value.keys() >= {"path", "duration", "sampling_rate"}:
        return _clip(value)
    if isinstance(value, bool | float) or (isinstance(value, int) and abs(value) < 2**53):
        return value
    text = (
        value if isinstance(value, str) else orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    )
    return text if len(text) <= _CELL else text[: _CELL - 1] + "…"


def _clip(value: Mapping[str, Any]) -> str:
    """An audio value in a few words: its file, how long it is, at which rate."""
    if value["path"] is None or value["duration"] is None:
        return str(value["path"] or "null")
    return f"{value['path']} ({value['duration']:.2f} s, {value['sampling_rate']} Hz)"


def cell(text: str) -> str:
    """Text that stays inside one cell of a Markdown table."""
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")
