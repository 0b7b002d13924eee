"""The catalogue as a list: a row a dataset that is asked for or landed, with what people search and sort by."""

from __future__ import annotations

import csv
import io
from typing import Any
from urllib.parse import quote

from hugflow_assets.catalogue.facts import LandedFacts, SplitFacts, landed_facts
from hugflow_assets.intake import RequestSnapshot
from hugflow_assets.intake.models import Frozen
from hugflow_assets.settings import Settings
from hugflow_assets.status.report import DatasetStatus, StatusReport, status_report
from hugflow_assets.store import IndexRow, Store, now_text

CSV_COLUMNS = (
    "name", "state", "note", "hf_id", "subset", "split", "revision", "commit", "description", "owner", "requested_by",
    "license", "languages", "restricted", "shape", "form", "rows", "hours", "size_bytes", "files", "inodes",
    "landed_at", "keep_until", "path", "request", "hub_url",
)  # fmt: skip
_KNOWN = ("name", "note", "revision", "commit", "owner", "landed_at", "path", "request")
_NUMBERS = ("rows", "hours", "size_bytes", "files", "inodes")
_ASKED = ("hf_id", "subset", "split", "description", "keep_until")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Entry(Frozen):
    """One dataset. Sizes in bytes; None: not known or not there. ``docs/catalogue.schema.json`` describes it."""

    name: str
    state: str
    note: str = ""
    hf_id: str | None = None
    subset: str | None = None
    split: str | None = None
    revision: str | None = None
    commit: str | None = None
    description: str = ""
    owner: str | None = None
    requested_by: str | None = None
    license: str | None = None
    languages: tuple[str, ...] = ()
    restricted: str = ""  # gated or private on the Hub
    shape: str = ""
    form: str = ""
    rows: int | None = None
    hours: float | None = None
    size_bytes: int | None = None
    files: int | None = None
    inodes: int | None = None
    landed_at: str | None = None
    keep_until: str | None = None
    path: str | None = None
    request: str | None = None
    hub_url: str | None = None
    splits: tuple[SplitFacts, ...] = ()


class Catalogue(Frozen):
    """``hugflow catalogue --json``: the datasets by name, and how full the storage is."""

    schema_version: int = 1
    made_at: str
    datasets: tuple[Entry, ...] = ()
    size_bytes: int = 0  # datasets, staging and trash
    trash_bytes: int = 0
    reserved_bytes: int = 0
    quota_bytes: int | None = None
    soft_limit_bytes: int | None = None
    free_bytes: int = 0


def catalogue_of(snapshot: RequestSnapshot, store: Store, settings: Settings) -> Catalogue:
    """Put together what is asked for, what is landed, and what manifests and cards say.

    Raises:
        StorageError: the storage root cannot be read.
    """
    report = status_report(snapshot, store, settings)
    rows = store.index.rows()
    facts = landed_facts(store, rows)
    asked = {one.name: one.request for one in reversed(snapshot.adds)}
    entries = []
    for one in report.datasets:
        row = rows.get(one.name)
        request = asked.get(one.name) or getattr(row, "asked", None)
        told = {field: getattr(request, field) for field in _ASKED} if request is not None else {}
        entries.append(_entry(one, row, facts.get(one.name), told, settings.hf_endpoint))
    return _whole(report, tuple(entries), settings)


def _entry(
    one: DatasetStatus, row: IndexRow | None, facts: LandedFacts | None, asked: dict[str, Any], endpoint: str
) -> Entry:
    numbers = _NUMBERS if one.landed_at is not None else ()  # of what is damaged nothing is known
    known = {field: getattr(one, field) for field in (*_KNOWN, *numbers)}
    landed = facts.model_dump(exclude={"stamp", "splits"}) if facts is not None else {}
    hf_id = one.hf_id or asked.pop("hf_id", None)
    return Entry(
        **known,
        **landed,
        **{field: value for field, value in asked.items() if field != "hf_id"},
        hf_id=hf_id,
        state=one.state.value,
        license=row.license if row is not None else None,
        hub_url=f"{endpoint}/datasets/{quote(hf_id)}" if hf_id else None,
        splits=facts.splits if facts is not None else (),
    )


def _whole(report: StatusReport, entries: tuple[Entry, ...], settings: Settings) -> Catalogue:
    usage = report.usage
    return Catalogue(
        made_at=now_text(),
        datasets=entries,
        size_bytes=usage.size_bytes,
        trash_bytes=usage.trash_bytes,
        reserved_bytes=usage.reserved_bytes,
        quota_bytes=usage.quota_bytes,
        soft_limit_bytes=int(settings.storage_soft_limit) if settings.storage_soft_limit is not None else None,
        free_bytes=usage.free_bytes,
    )


def as_csv(catalogue: Catalogue) -> str:
    """The datasets as CSV with a header: languages joined by blanks, empty where nothing is known.

    A text that a spreadsheet would take for a formula begins with an apostrophe.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for one in catalogue.datasets:
        writer.writerow([_cell(getattr(one, column)) for column in CSV_COLUMNS])
    return out.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, tuple):
        value = " ".join(map(str, value))
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return "" if value is None else value
