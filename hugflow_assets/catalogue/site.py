"""The site as a folder: built beside the old one, whose pages are kept where they are still true, then swapped in."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import orjson
from pydantic import ValidationError

from hugflow_assets.catalogue.entries import Catalogue, Entry, as_csv, catalogue_of
from hugflow_assets.catalogue.pages import STATIC, DatasetData, dataset_page, index_page, static_file, version
from hugflow_assets.catalogue.samples import Samples, Save, samples_of
from hugflow_assets.durable.disk_errors import disk_errors
from hugflow_assets.errors import HugflowError, StorageError
from hugflow_assets.intake import RequestSnapshot
from hugflow_assets.intake.models import Frozen
from hugflow_assets.profile import AudioProfile, Profile, figure_png, measure
from hugflow_assets.reading import open_dataset
from hugflow_assets.reading.calls import calls_of
from hugflow_assets.settings import Settings
from hugflow_assets.status.history import ChecksTold, HistoryEntry, checks_told, entries_of
from hugflow_assets.store import Store
from hugflow_assets.store.publishing.trees import exchange

MARK = "hugflow-catalogue.json"
DATA = "data.json"
FIGURE = "profile.png"
_COUNTED = {
    "clips", "without_duration", "hours", "duration_s", "histogram", "sampling_rates", "channels", "durations",
    "empty_clips", "hours_by_split",
}  # fmt: skip
_PAST_SHOWN = 50
_MOST_PROFILED_ROWS = 2_000_000
_ABANDONED_S = 86_400


class Written(Frozen):
    """What a round wrote: ``made`` pages of datasets anew, ``kept`` those that were true still."""

    folder: str
    made: tuple[str, ...] = ()
    kept: int = 0
    problems: tuple[str, ...] = ()


def write_site(folder: Path, snapshot: RequestSnapshot, store: Store, settings: Settings) -> Written:
    """Write the site to ``folder``, whole or not at all.

    Files and folders can be read by whom FOLDER_MODE lets read the datasets. Of what is gated or private on the Hub no
    rows, clips or texts are written.

    Raises:
        StorageError: the folder holds something else, lies in the storage root, or cannot be written.
    """
    folder = folder.expanduser().absolute()
    _refuse_others(folder, store)
    catalogue = catalogue_of(snapshot, store, settings)
    with disk_errors(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        _clear_abandoned(folder)
        staging = _sibling(folder, "new")
        try:
            site = _Site(staging, folder, store, int(settings.folder_mode, 8))
            site.write(catalogue)
            _swap(staging, folder)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    return Written(folder=str(folder), made=tuple(site.made), kept=site.kept, problems=tuple(site.problems))


def _refuse_others(folder: Path, store: Store) -> None:
    root = store.root.absolute()
    if folder == root or root in folder.parents or folder in root.parents:
        raise StorageError(
            f"{folder} cannot be the catalogue's: it holds the storage root {root}, or lies in it.",
            remedy="Name a folder elsewhere.",
        )
    if folder.exists() and not (folder / MARK).is_file() and (not folder.is_dir() or any(folder.iterdir())):
        raise StorageError(
            f"{folder} is not empty and holds no catalogue: it would be replaced as a whole.",
            remedy="Name an empty folder, one that does not exist yet, or an earlier catalogue.",
        )


def _sibling(folder: Path, what: str) -> Path:
    return folder.with_name(f".{folder.name}.{what}-{uuid4().hex[:12]}")


def _clear_abandoned(folder: Path) -> None:
    """Delete what writers that were killed have left, once they cannot be at work any more."""
    for one in folder.parent.glob(f".{folder.name}.*-*"):
        if one.is_dir() and time.time() - one.stat().st_mtime > _ABANDONED_S:
            shutil.rmtree(one, ignore_errors=True)


def _swap(staging: Path, folder: Path) -> None:
    """Put the new site in the place of the old one, in one step where the file system can."""
    if not folder.exists():
        staging.rename(folder)
    elif not exchange(staging, folder):
        old = _sibling(folder, "old")
        folder.rename(old)
        staging.rename(folder)
        shutil.rmtree(old, ignore_errors=True)


@dataclass
class _Site:
    """One round of writing."""

    to: Path
    old: Path
    store: Store
    folder_mode: int
    made: list[str] = field(default_factory=list)
    kept: int = 0
    problems: list[str] = field(default_factory=list)

    def write(self, catalogue: Catalogue) -> None:
        self._folder(self.to)
        self._folder(self.to / "d")
        for name in STATIC:
            self._file(self.to / name, static_file(name))
        events = list(self.store.events.recent())
        past, checks = defaultdict[str, list[HistoryEntry]](list), checks_told(events)
        for told in entries_of(events):
            past[told.name].append(told)
        known, now = _digests(self.old), dict[str, str]()
        for entry in catalogue.datasets:
            shown = past[entry.name][-_PAST_SHOWN:]
            digest = _digest(entry, shown, checks.get(entry.name))
            if known.get(entry.name) != digest or not self._keep(entry.name):
                self._make(entry, shown, checks.get(entry.name), catalogue.made_at)
            now[entry.name] = digest
        self._file(self.to / "index.html", index_page(catalogue).encode())
        self._file(self.to / "catalogue.json", catalogue.model_dump_json(indent=1).encode())
        self._file(self.to / "catalogue.csv", as_csv(catalogue).encode())
        self._file(self.to / MARK, orjson.dumps({"schema_version": 1, "made_at": catalogue.made_at, "pages": now}))

    def _keep(self, name: str) -> bool:
        """Take over a page as it is; False where the old site does not have it whole."""
        old, new = self.old / "d" / name, self.to / "d" / name
        try:
            if not (old / "index.html").is_file():
                return False
            self._folder(new)
            for one in os.scandir(old):
                _link(one.path, f"{new}/{one.name}")
        except OSError:
            shutil.rmtree(new, ignore_errors=True)
            return False
        self.kept += 1
        return True

    def _make(self, entry: Entry, past: list[HistoryEntry], checks: ChecksTold | None, written: str) -> None:
        folder = self.to / "d" / entry.name
        self._folder(folder)
        data = self._known_data(entry, folder) or self._data(entry, folder)
        page = dataset_page(entry, data, past, checks, written)
        self._file(folder / "index.html", page.encode("utf-8", "replace"))
        self.made.append(entry.name)

    def _known_data(self, entry: Entry, folder: Path) -> DatasetData | None:
        """What the old page was made of, where the landing is the same still: only the rest has changed."""
        old = self.old / "d" / entry.name
        try:
            document = orjson.loads((old / DATA).read_bytes())
            if document["of"] != _data_digest(entry):
                return None
            data = DatasetData.model_validate(document["data"])
            for one in os.scandir(old):
                if one.name != "index.html":
                    _link(one.path, f"{folder}/{one.name}")
        except (OSError, ValueError, KeyError, TypeError, ValidationError):
            return None
        return data

    def _data(self, entry: Entry, folder: Path) -> DatasetData:
        if not entry.path or entry.state == "damaged":
            return DatasetData()
        try:
            data = self._read(entry, lambda name, content: self._file(folder / name, content))
        except (HugflowError, OSError) as error:
            self.problems.append(f"{entry.name}: {error}")
            return DatasetData(problem=str(error))
        document = {"of": _data_digest(entry), "data": data.model_dump(mode="json")}
        self._file(folder / DATA, orjson.dumps(document))
        return data

    def _read(self, entry: Entry, save: Save) -> DatasetData:
        found = open_dataset(Path(str(entry.path)))
        samples = Samples() if entry.restricted else samples_of(found, save)
        profile = self._profile(entry)
        if profile is not None:
            save(FIGURE, figure_png(profile))
        return DatasetData(
            samples=samples,
            profile=profile,
            figure=FIGURE if profile is not None else "",
            calls=tuple(calls_of(found)),
        )

    def _profile(self, entry: Entry) -> Profile | None:
        manifest = self.store.manifest(entry.name)
        if manifest is None or manifest.counts.rows > _MOST_PROFILED_ROWS:
            return None
        found = measure(self.store.layout.dataset(entry.name), manifest)
        return counted_alone(found) if entry.restricted else found

    def _folder(self, path: Path) -> None:
        path.mkdir(exist_ok=True)
        path.chmod(self.folder_mode | (path.stat().st_mode & stat.S_ISGID))  # the group of the folder above is kept

    def _file(self, path: Path, content: bytes) -> None:
        path.unlink(missing_ok=True)  # it may be a link to the old site's
        path.write_bytes(content)
        path.chmod(0o600 | (self.folder_mode & 0o066))


def counted_alone(profile: Profile) -> Profile:
    """What a profile counts, without anything that a row says: no texts, names of clips or speakers."""
    audio = profile.audio.model_dump(include=_COUNTED) if profile.audio is not None else None
    return Profile(
        rows=profile.rows,
        rows_by_split=profile.rows_by_split,
        audio=AudioProfile.model_validate(audio) if audio is not None else None,
        text=None,
    )


def _digests(site: Path) -> dict[str, str]:
    try:
        return dict(orjson.loads((site / MARK).read_bytes())["pages"])
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _digest(entry: Entry, past: list[HistoryEntry], checks: ChecksTold | None) -> str:
    """Of everything that a page is made of."""
    told = "\0".join(one.model_dump_json() for one in past)
    checked = checks.model_dump_json() if checks is not None else ""
    return _hash(version(), entry.model_dump_json(), told, checked)


def _data_digest(entry: Entry) -> str:
    """Of what decides which rows, clips and numbers a page shows."""
    return _hash(version(), entry.commit, entry.landed_at, entry.size_bytes, entry.restricted, entry.path, entry.rows)


def _hash(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def _link(path: str, to: str) -> None:
    try:
        os.link(path, to)
    except OSError:
        shutil.copy2(path, to)
