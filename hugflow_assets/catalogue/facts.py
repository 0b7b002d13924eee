"""What lists need of a landed dataset beyond its index row, read from manifest and card once a version."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson
import yaml
from pydantic import TypeAdapter, ValidationError

from hugflow_assets.durable import atomic_write
from hugflow_assets.errors import HugflowError
from hugflow_assets.intake.models import Frozen
from hugflow_assets.store import IndexRow, Manifest, Store

CARD = "README.md"
_VERSION = 1
_MOST_LANGUAGES = 200
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class SplitFacts(Frozen):
    config: str
    name: str
    rows: int
    hours: float


class LandedFacts(Frozen):
    """``restricted``: gated or private on the Hub, so that nobody who cannot read the storage may see its content."""

    stamp: tuple[int, int, int]
    languages: tuple[str, ...] = ()
    shape: str = ""
    form: str = "files"
    restricted: str = ""
    splits: tuple[SplitFacts, ...] = ()
    requested_by: str | None = None


_KNOWN = TypeAdapter(dict[str, LandedFacts])


def landed_facts(store: Store, rows: Mapping[str, IndexRow]) -> dict[str, LandedFacts]:
    """The facts of every dataset whose manifest can be read; kept in the state folder, so few are read again."""
    place = store.state_dir / "catalogue.json"
    known = _load(place)
    found = {
        name: known[name] if name in known and known[name].stamp == row.stamp else _read(store, row)
        for name, row in rows.items()
        if row.state == "landed"
    }
    whole = {name: one for name, one in found.items() if one is not None}
    if whole != known:
        document = {"version": _VERSION, "datasets": {name: one.model_dump(mode="json") for name, one in whole.items()}}
        with contextlib.suppress(OSError):  # whoever may only read gets the answer all the same
            atomic_write(place, orjson.dumps(document), mode=0o664, sync=False)
    return whole


def _load(place: Path) -> dict[str, LandedFacts]:
    try:
        document = orjson.loads(place.read_bytes())
        return _KNOWN.validate_python(document["datasets"]) if document["version"] == _VERSION else {}
    except (OSError, ValueError, KeyError, TypeError, ValidationError):
        return {}


def _read(store: Store, row: IndexRow) -> LandedFacts | None:
    try:
        manifest = store.manifest(row.name)
    except HugflowError:
        return None
    if manifest is None:
        return None
    return LandedFacts(
        stamp=row.stamp,
        languages=languages_of_card(store.layout.dataset(row.name) / CARD),
        shape=manifest.shape,
        form=manifest.form,
        restricted=restriction(manifest),
        splits=tuple(_splits(manifest)),
        requested_by=manifest.volatile.requested_by,
    )


def restriction(manifest: Manifest) -> str:
    """``private``, ``gated`` or nothing: how the Hub keeps the repository from strangers."""
    if manifest.repo.private:
        return "private"
    return "gated" if manifest.repo.gated not in (None, "", "False", "false") else ""


def _splits(manifest: Manifest) -> Iterable[SplitFacts]:
    for config in manifest.configs:
        for split in config.splits:
            yield SplitFacts(
                config=config.name, name=split.name, rows=split.counts.rows, hours=split.counts.duration_s / 3600
            )


def languages_of_card(card: Path) -> tuple[str, ...]:
    """The languages that the upstream card names; none where it names none or cannot be read."""
    try:
        text = card.read_text(encoding="utf-8", errors="replace")
        block = text.split("---\n", 2)[1] if text.startswith("---\n") else ""
        data: Any = yaml.load(_part_of(block, ("language", "languages")), Loader=_LOADER)  # noqa: S506  a safe one
    except (OSError, IndexError, ValueError, RecursionError, yaml.YAMLError):
        return ()
    found = (data.get("language") or data.get("languages")) if isinstance(data, dict) else None
    listed = found if isinstance(found, list) else [found]
    words = ("no" if one is False else one for one in listed)  # YAML's own Norwegian problem
    return tuple(dict.fromkeys(str(one)[:40] for one in words if isinstance(one, str) and one.strip()))[
        :_MOST_LANGUAGES
    ]


def _part_of(block: str, keys: tuple[str, ...]) -> str:
    """The lines of these keys alone: a card's features can be thousands of lines, which nobody asked for here."""
    kept, inside = [], False
    for line in block.splitlines():
        if line[:1] not in (" ", "-", "#", ""):
            inside = line.split(":", 1)[0].strip("'\" ") in keys
        if inside:
            kept.append(line)
    return "\n".join(kept)
