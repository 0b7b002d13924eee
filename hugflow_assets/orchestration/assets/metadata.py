"""What a materialization shows in the UI, made from the manifest and, right after a landing, from the plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from dagster import MetadataValue, TableColumn, TableRecord, TableSchema

from hugflow_assets.errors import HugflowError
from hugflow_assets.hub import repo_url
from hugflow_assets.orchestration.assets.shown.card import Asked, Outcome, card, picture, splits_profile
from hugflow_assets.planning.models import LandingPlan
from hugflow_assets.profile import figure_png
from hugflow_assets.store import LEFT_OUT, Manifest, Store
from hugflow_assets.wording import listed

if TYPE_CHECKING:
    from hugflow_assets.landing.options import LandedDataset

Metadata = dict[str, MetadataValue[Any]]
_CELL = 160
_SAMPLE_ROWS = 10


def manifest_metadata(manifest: Manifest, path: Path) -> Metadata:
    """The facts of a landed dataset for programs and plots, below what people read: numbers have their units named."""
    counts = manifest.counts
    repo = manifest.repo
    return {
        "path": MetadataValue.path(str(path)),
        "hugflow_uri": MetadataValue.text(path.as_uri()),
        "source": MetadataValue.url(repo_url(repo.endpoint, repo.id, repo.commit)),
        "splits": MetadataValue.md(splits_table(manifest)),
        "description": MetadataValue.text(manifest.request.description),
        "owner": MetadataValue.text(manifest.request.owner or "nobody named"),
        "licence": MetadataValue.text(repo.license or "not stated"),
        "commit": MetadataValue.text(manifest.commit),
        "shape": MetadataValue.text(" - ".join(filter(None, (manifest.shape, manifest.shape_reason)))),
        "rows": MetadataValue.int(counts.rows),
        "hours": MetadataValue.float(round(manifest.hours, 4)),
        "files": MetadataValue.int(manifest.files),
        "size_bytes": MetadataValue.int(manifest.size_bytes),
        **({LEFT_OUT: MetadataValue.int(counts.extra[LEFT_OUT])} if counts.extra.get(LEFT_OUT) else {}),
        "dagster/uri": MetadataValue.text(path.as_uri()),
        "dagster/partition_row_count": MetadataValue.int(counts.rows),
    }


def landed_metadata(
    landed: LandedDataset, plan: LandingPlan, rows: Sequence[Mapping[str, Any]], asked: Asked | None = None
) -> Metadata:
    """A card of one landing, a picture, the columns and first rows; then numbers. Without a fetch no speed is said."""
    manifest, speed = landed.manifest, landed.manifest.volatile.bytes_per_s if landed.bytes_fetched else 0.0
    action, nothing = str(landed.action.value), str(landed.action.value) == "no-op"
    outcome = Outcome(action=action, seconds=landed.seconds, bytes_per_s=speed)
    shown: Metadata = {"summary": MetadataValue.md(card(manifest, asked, outcome))}
    if nothing:
        shown["outcome"] = MetadataValue.text("Nothing to do: it is landed as asked.")
    else:
        shown["figure"] = MetadataValue.md(picture("Rows and hours", figure_png(splits_profile(manifest))))
    numbers: Metadata = {
        "action": MetadataValue.text(action),
        "seconds": MetadataValue.float(round(landed.seconds, 2)),
        "fetched_bytes": MetadataValue.int(landed.bytes_fetched),
    }
    if speed and not nothing:
        numbers["speed_mb_s"] = MetadataValue.float(round(speed / 1e6, 2))
    features = plan.configs[0].features if plan.configs else None
    content = content_metadata(features, rows, manifest)
    return shown | content | manifest_metadata(manifest, landed.path) | numbers


def found_metadata(manifest: Manifest, store: Store) -> Metadata:
    """The facts of a dataset that lies there already, its columns and first rows: for events without a run."""
    path = store.layout.dataset(manifest.name)
    content = content_metadata(_landed_features(path), sample_of(store, manifest.name), manifest)
    return {"summary": MetadataValue.md(card(manifest)), **content, **manifest_metadata(manifest, path)}


def content_metadata(
    features: Mapping[str, Any] | None, rows: Sequence[Mapping[str, Any]], manifest: Manifest
) -> Metadata:
    """Columns as the UI knows them, and rows as a table."""
    metadata: Metadata = {}
    if features:
        metadata["dagster/column_schema"] = MetadataValue.table_schema(column_schema(features, manifest))
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


def column_schema(features: Mapping[str, Any], manifest: Manifest) -> TableSchema:
    """Upstream features (``datasets.Features.to_dict()``) as the table schema that the UI knows."""
    return TableSchema(
        [
            TableColumn(name, type=feature_type(feature), description=_column(name, feature, manifest))
            for name, feature in features.items()
        ]
    )


def _column(name: str, feature: Any, manifest: Manifest) -> str | None:
    """What a column is for, where landing knows it."""
    if name == manifest.text_column:
        return "The transcript: the text of the manifests for NeMo and Lhotse."
    if name in manifest.audio_columns or name == manifest.audio_column:
        return "The clip: path of its file in the dataset's folder, seconds, Hz, channels; as null where there is none."
    names = feature.get("names") if isinstance(feature, Mapping) else None
    if isinstance(names, list):
        return f"A class, as its number: {listed([f'{number} {one}' for number, one in enumerate(names)])}."
    return None


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
