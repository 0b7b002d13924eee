"""Where everything lies on the storage. The only place where a name becomes a path.

```
<root>/<storage name>/                       a landed dataset, hugflow.json in it
<root>/.hugflow/leases/<name>/               one claim a name
               /locks/{quota,events,index}/  locks of moments
               /staging/<name>/<digest>/     {tree,work,receipts}/ of one landing
               /reservations/<name>.json     space promised to a landing; its mtime is the heartbeat
               /intents/<name>.json          a swap or removal that any process can complete
               /trash/<name>@<time>-<id>     a removed or replaced version, and the same with .json
               /tombstones/<entry>.json      why a dataset was removed; kept for ever
               /cancels/<name>               asks the landing that holds the lease to stop
               /events/                      the audit log, cursors/ in it
               /outbox/<event id>.json       the event of a mark that is being written
               /marks/<kind>/<name>.json     holds, upstream, scrubs: what is known beside the data
               /adopted/<name>.json          local files that a landing takes instead of fetching them
               /slots/<kind>/<number>/       one claim for each dataset in flight
               /github/commands.json         the commands in comments that were dealt with
               /links.json                   files that landed datasets share by hard links
<state>/active.json, archived.json, progress/<name>.json
```
`.hugflow` and what is in it belong to the group of the storage root (folders 2770, files 0660), so that several users
of one group can work on one storage. Landed folders have FOLDER_MODE: with 0750 only their owner can remove them,
with 0770 the group can (the kernel asks for write permission on a folder that moves to another parent).
"""

from __future__ import annotations

import re
from pathlib import Path

import orjson

from hugflow_assets.durable import make_folder
from hugflow_assets.errors import StorageError, UnknownDatasetError

INNER = ".hugflow"
MANIFEST = "hugflow.json"
INNER_FILE_MODE = 0o660
_SAFE = re.compile(r"[A-Za-z0-9~][A-Za-z0-9._~-]{0,199}")


def safe_name(name: str) -> str:
    """``name`` itself when it is one harmless path component.

    Raises:
        UnknownDatasetError: anything else; no request can have such a name, so nothing is looked for.
    """
    if not isinstance(name, str) or not _SAFE.fullmatch(name):
        raise UnknownDatasetError(
            f"{str(name)[:200]!r} is not a storage name (one path component of letters, digits and ._~-).",
            remedy="`hugflow status` lists the names that exist.",
        )
    return name


def is_safe(name: str) -> bool:
    return _SAFE.fullmatch(name) is not None


class Layout:
    """Paths of a storage root and its state folder. Building a path touches nothing."""

    def __init__(self, root: Path, state_dir: Path) -> None:
        self.root = root
        self.state_dir = state_dir
        self.inner = root / INNER
        self.staging_root = self.inner / "staging"
        self.leases = self.inner / "leases"
        self.reservations = self.inner / "reservations"
        self.intents = self.inner / "intents"
        self.outbox = self.inner / "outbox"
        self.trash = self.inner / "trash"
        self.tombstones = self.inner / "tombstones"
        self.cancels = self.inner / "cancels"
        self.events = self.inner / "events"
        self.links = self.inner / "links.json"
        self.github_commands = self.inner / "github" / "commands.json"
        self.progress = state_dir / "progress"
        self.active = state_dir / "active.json"
        self.archived = state_dir / "archived.json"

    def dataset(self, name: str) -> Path:
        return self.root / safe_name(name)

    def manifest(self, name: str) -> Path:
        return self.dataset(name) / MANIFEST

    def staging(self, name: str, fingerprint_data: str) -> Path:
        return self.staging_root / safe_name(name) / safe_name(fingerprint_data)

    def lease(self, name: str) -> Path:
        return self.leases / safe_name(name)

    def reservation(self, name: str) -> Path:
        return self.reservations / f"{safe_name(name)}.json"

    def intent(self, name: str) -> Path:
        return self.intents / f"{safe_name(name)}.json"

    def cancel(self, name: str) -> Path:
        return self.cancels / safe_name(name)

    def adopted(self, name: str) -> Path:
        return self.inner / "adopted" / f"{safe_name(name)}.json"

    def progress_file(self, name: str) -> Path:
        return self.progress / f"{safe_name(name)}.json"

    def lock(self, what: str) -> Path:
        return self.inner / "locks" / safe_name(what)

    def slot(self, kind: str, number: int) -> Path:
        return self.inner / "slots" / safe_name(kind) / str(number)

    def prepare(self) -> None:
        """Create what is missing of the folders; the storage root too, when its parent exists.

        Raises:
            StorageError: the root or the state folder is missing with its parent, or cannot be written.
        """
        if not self.inner.is_dir():
            self._refuse_unmounted()
        for folder, variable in ((self.root, "STORAGE_ROOT"), (self.state_dir, "HUGFLOW_STATE_DIR")):
            _prepare_root(folder, variable)
        try:
            for folder in (
                self.staging_root, self.leases, self.reservations, self.intents, self.trash, self.tombstones,
                self.cancels, self.events / "cursors",
            ):  # fmt: skip
                make_folder(folder)
            self.progress.mkdir(exist_ok=True)
        except OSError as error:
            raise _unusable(Path(error.filename or self.inner), "STORAGE_ROOT", error.strerror or "") from error

    def _refuse_unmounted(self) -> None:
        """A root without ``.hugflow`` that this machine knows with datasets is a mount that is missing.

        To begin afresh there would fetch everything again, onto the disk below the mount point.
        """
        try:
            document = orjson.loads(self.active.read_bytes())
            landed = len(document["datasets"]) if document["storage_root"] == str(self.root) else 0
        except (OSError, ValueError, KeyError, TypeError):
            return
        if landed:
            raise StorageError(
                f"STORAGE_ROOT: {self.root} is empty, but {landed} datasets landed there ({self.active}).",
                remedy=f"Mount the storage; if it was emptied on purpose, delete {self.active} to begin afresh.",
                path=str(self.root),
                variable="STORAGE_ROOT",
            )


def _prepare_root(folder: Path, variable: str) -> None:
    if folder.is_dir():
        return
    if folder.exists():
        raise _unusable(folder, variable, "it is not a folder")
    if not folder.parent.is_dir():
        raise _unusable(folder, variable, "it does not exist, nor does the folder above it")
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise _unusable(folder, variable, error.strerror or "") from error


def _unusable(folder: Path, variable: str, why: str) -> StorageError:
    return StorageError(
        f"{variable}: {folder} cannot be used: {why}.",
        remedy=f"Mount or create it, writable for the user that runs Hugflow, or set {variable} to another folder.",
        path=str(folder),
        variable=variable,
    )
