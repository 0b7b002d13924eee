"""Croissant 1.1 metadata (docs.mlcommons.org/croissant/docs/croissant-spec.html): licence, files with hashes, columns.

The files are the records of the landing, by their absolute paths. Croissant knows SHA-256 and MD5 alone, so these
are hashed for it; media are named in the records, and their hashes are in the landing's checksum list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from hugflow_assets.errors import ExportRefusedError
from hugflow_assets.formats.checksums import Checksum
from hugflow_assets.reading.exports.target import Target

if TYPE_CHECKING:
    from hugflow_assets.reading.dataset import Dataset

_OWN_TERMS = (  # of the specification's standard context, each ``cr:<term>``
    *("arrayShape", "citeAs", "column", "containedIn", "equivalentProperty", "extract", "field", "fileObject"),
    *("fileProperty", "fileSet", "format", "includes", "isArray", "isLiveDataset", "jsonPath", "key", "md5"),
    *("parentField", "path", "recordSet", "references", "regex", "repeated", "replace", "samplingRate", "separator"),
    *("source", "subField", "transform"),
)
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    **{term: f"cr:{term}" for term in _OWN_TERMS},
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "name": {"@container": "@language"},
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
}
_TYPES = {"bool": "sc:Boolean", "string": "sc:Text", "large_string": "sc:Text", "date32": "sc:Date"}


def write_croissant(dataset: Dataset, target: Target) -> None:
    """Write ``croissant.json``: a record set for each split, of its columns of plain values.

    Raises:
        ExportRefusedError: not all rows of the splits are selected.
    """
    if not dataset.is_whole:
        raise ExportRefusedError(
            f"{dataset.info.name}: Croissant describes whole splits.", remedy="Select by subset and split alone."
        )
    info = dataset.info
    document: dict[str, Any] = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.1",
        "name": info.name,
        "description": info.description,
        "url": f"{dataset.manifest['repo']['endpoint']}/datasets/{info.hf_id}",
        "version": f"1.0.0+{info.commit[:12]}",
        "datePublished": dataset.manifest["volatile"]["landed_at"],
        "distribution": [],
        "recordSet": [],
    }
    if info.license is not None:
        document["license"] = info.license
    for config, split in dataset.parts:
        record = dataset.record_path(config, split)
        name = record.relative_to(dataset.path).as_posix()
        document["distribution"].append(
            {
                "@type": "cr:FileObject",
                "@id": name,
                "name": name,
                "contentUrl": str(record),  # mlcroissant opens paths, and no file: addresses
                "contentSize": f"{record.stat().st_size} B",
                "encodingFormat": "application/jsonlines",
                "sha256": Checksum("sha256").of_file(record),
            }
        )
        document["recordSet"].append(_record_set(dataset, config, split, name))
    (target.folder / "croissant.json").write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2))
    target.clips = len(dataset)


def _record_set(dataset: Dataset, config: str, split: str, record: str) -> dict[str, Any]:
    key = f"{config}/{split}"
    fields = [
        {
            "@type": "cr:Field",
            "@id": f"{key}/{column}",
            "name": column,
            "dataType": kind,
            "source": {"fileObject": {"@id": record}, "extract": {"column": column}},
        }
        for column, feature in (dataset.features(config) or {}).items()
        if (kind := _data_type(feature)) is not None
    ]
    return {"@type": "cr:RecordSet", "@id": key, "name": key, "field": fields}


def _data_type(feature: Any) -> str | None:
    """The type of a column of plain values; None for all others, which JSON says and Croissant has no column for."""
    if not isinstance(feature, dict) or feature.get("_type") not in ("Value", "ClassLabel"):
        return None
    dtype = "int64" if feature["_type"] == "ClassLabel" else str(feature.get("dtype"))
    if "int" in dtype:
        return "sc:Integer"
    return "sc:Float" if dtype.startswith("float") else _TYPES.get(dtype, "sc:Text")
