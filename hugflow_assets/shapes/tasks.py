"""Harbor tasks: a folder with ``task.toml`` and ``instruction.md`` is a row, as the module of `datasets` gives it.

That module wants the folders themselves; here the two files of each are enough, and the names of the others.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from datetime import date, datetime, time
from posixpath import basename, dirname
from typing import Any

import orjson
import pyarrow as pa

from hugflow_assets.errors import BadSourceError
from hugflow_assets.formats.webdataset import JSON
from hugflow_assets.hub.models import SourceFile
from hugflow_assets.shapes.columns import MediaTree
from hugflow_assets.shapes.reader import Reader

_TEXTS = pa.list_(pa.large_string())
_SCHEMA = pa.schema(
    [
        *((name, pa.large_string()) for name in ("name", "instruction", "description")),
        ("keywords", _TEXTS),
        *((name, pa.large_string()) for name in ("schema_version", "config", "metadata")),
        ("files", _TEXTS),
        ("location", pa.large_string()),
    ]
)
_AT_ONCE = 32


class TaskReader(Reader):
    """The tasks of a shard: ``files`` are pairs of ``task.toml`` and ``instruction.md``.

    ``options["beside"]`` names the files of each task below its folder; ``strip_canary`` of ``params`` is the module's.
    """

    def batches(self) -> Iterator[pa.RecordBatch]:
        files, beside = self.shard.source.files, self.shard.source.options["beside"]
        pairs = list(zip(files[::2], files[1::2], beside, strict=True))
        for start in range(0, len(pairs), _AT_ONCE):
            rows = [self._row(*pair) for pair in pairs[start : start + _AT_ONCE]]
            yield pa.RecordBatch.from_pylist(rows, schema=_SCHEMA)
        told: dict[str, Any] = {name: {"dtype": "string", "_type": "Value"} for name in _SCHEMA.names}
        told |= {name: {"_type": "Json"} for name in ("config", "metadata")}
        self.features = told | {name: {"_type": "List", "feature": told["name"]} for name in ("keywords", "files")}

    def media(self, schema: pa.Schema) -> dict[str, MediaTree]:
        return {name: MediaTree(kind=JSON) for name in ("config", "metadata")}

    def _row(self, task: SourceFile, instruction: SourceFile, beside: list[str]) -> dict[str, Any]:
        paths = self.sources.fetch_all([task, instruction])
        try:
            toml, text = (path.read_text(encoding="utf-8") for path in paths)
            config = _plain(tomllib.loads(toml))
        except ValueError as error:
            raise BadSourceError(f"{task.path} cannot be read as a task: {error}", file=task.path) from error
        for path in paths:
            path.unlink()
        if (self.shard.source.options.get("params") or {}).get("strip_canary", True):
            from datasets.packaged_modules.harbor.harbor import strip_canary

            text = strip_canary(text)
        section = config.get("task") or {}
        return {
            "name": section.get("name") or basename(dirname(task.path)),
            "instruction": text,
            "description": section.get("description") or "",
            "keywords": list(section.get("keywords") or []),
            "schema_version": config.get("schema_version") or "",
            "config": orjson.dumps(config).decode(),
            "metadata": orjson.dumps(config.get("metadata") or {}).decode(),
            "files": beside,
            "location": dirname(task.path),
        }


def _plain(value: Any) -> Any:
    """Dates and times of TOML as text."""
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(name): _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list) else value
