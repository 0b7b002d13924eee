"""A verified copy of a landed dataset on a node's own disk, shared by the jobs of that node.

```
<to>/<storage name>/                  the copy; hugflow.json comes last, so a copy that has one is whole
<to>/.hugflow-staged/<name>/lock/     one job copies, the others wait
                           /jobs/<job> the jobs that use the copy; the last one that releases it removes it
```
A file has its name only when its hash was right, so a copy that was killed goes on where it stopped.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import yaml

from hugflow_assets.durable import atomic_write, locked
from hugflow_assets.durable.disk_errors import disk_errors
from hugflow_assets.errors import DamagedDatasetError, HFSplitNotFoundError, LeaseHeldError
from hugflow_assets.formats.checksums import Checksum, parse_sums, sum_line
from hugflow_assets.reading.dataset import Dataset
from hugflow_assets.reading.manifest_file import MANIFEST, read_manifest

CARD = "README.md"
_BLOCK_BYTES = 4 << 20
_WAIT_S = 24 * 3600.0
_COPIES_AT_ONCE = 4

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Staged:
    """A copy: where it is, how much of it was copied now, and which jobs use it."""

    path: Path
    copied_files: int
    copied_bytes: int
    jobs: tuple[str, ...]


def stage(
    dataset: Dataset,
    to: Path,
    *,
    job: str,
    splits: tuple[str, ...] = (),
    on_progress: Progress | None = None,
) -> Staged:
    """Copy a landed dataset to a node's disk, or join the jobs that use its copy there.

    Args:
        to: a folder on that disk.
        job: who uses it, until ``release``. A number is a process of this machine, which counts while it lives.
        splits: only these; none: all. A copy that has more is used as it is.
        on_progress: told the bytes that are there, of how many, after each file.
    Raises:
        HFSplitNotFoundError: there is no such split.
        DamagedDatasetError: a file is missing, or its hash is not the one that it landed with.
        LeaseHeldError: other jobs use a copy of another version, or of other splits.
        DiskFullError, StorageError: it cannot be written.
    """
    known = [split for _, split in dataset.all_parts]
    if unknown := [one for one in splits if one not in known]:
        raise HFSplitNotFoundError(
            f"{dataset.info.name} has no split {unknown[0]!r}; it has {', '.join(dict.fromkeys(known))}.",
            remedy="Name one of them.",
        )
    to, name = to.absolute(), dataset.info.name
    inner = to / ".hugflow-staged" / name
    with disk_errors(to):
        (inner / "jobs").mkdir(parents=True, exist_ok=True)
        with locked(inner / "lock", timeout_s=_WAIT_S):
            copy = _Copy(dataset, to / name, splits, on_progress)
            others = [one for one in _jobs(inner) if one != job]
            if copy.is_other_version():
                if others:
                    raise LeaseHeldError(
                        f"{copy.to} is of another version or of other splits, and {', '.join(others)} use it.",
                        remedy="Stage to another folder, or wait until they have released it.",
                        name=name,
                    )
                shutil.rmtree(copy.to)
            copy.complete()
            (inner / "jobs" / _file_name(job)).touch()
            return Staged(copy.to, copy.files, copy.size_bytes, tuple(_jobs(inner)))


def release(name: str, to: Path, *, job: str) -> bool:
    """End the use of a copy; whether it was removed, since no other job uses it.

    Args:
        name: the storage name.
    """
    to = to.absolute()
    inner = to / ".hugflow-staged" / name
    if not inner.is_dir():
        return False
    with disk_errors(to), locked(inner / "lock", timeout_s=_WAIT_S):
        (inner / "jobs" / _file_name(job)).unlink(missing_ok=True)
        if _jobs(inner):
            return False
        (to / name / MANIFEST).unlink(missing_ok=True)  # first: what is left when this is killed is no whole copy
        shutil.rmtree(to / name, ignore_errors=True)
        return True


def _file_name(job: str) -> str:
    return "".join(one if one.isalnum() or one in "._-" else "_" for one in job)[:100] or "_"


def _jobs(inner: Path) -> list[str]:
    """Who uses the copy; processes of this machine that are gone do not."""
    found = []
    for path in sorted((inner / "jobs").iterdir()):
        if path.name.isdigit() and not Path("/proc", path.name).exists() and Path("/proc/self").exists():
            path.unlink(missing_ok=True)
            continue
        found.append(path.name)
    return found


class _Copy:
    """One dataset on its way to one folder."""

    def __init__(self, dataset: Dataset, to: Path, splits: tuple[str, ...], on_progress: Progress | None) -> None:
        self.to, self._root, self._name = to, dataset.path, dataset.info.name
        self._manifest = dict(dataset.manifest)
        self._tell = on_progress or (lambda done, of: None)
        self._left_out = _Unwanted(dataset.manifest, splits, self._root / CARD)
        self.files = self.size_bytes = 0

    def is_other_version(self) -> bool:
        """Whether a whole copy is there that cannot stand for this one."""
        if not (self.to / MANIFEST).is_file():
            return False
        there = read_manifest(self.to)
        if there["fingerprint"] != self._manifest["fingerprint"]:
            return True
        return not {*self._left_out.wanted_parts} <= {*_parts(there)}

    def complete(self) -> None:
        """Copy what is not there yet; the manifest is last."""
        if (self.to / MANIFEST).is_file():
            return
        checksum = Checksum.called(self._manifest["checksums"])
        wanted = [(path, digest) for path, digest in self._listed(checksum) if not self._left_out(path)]
        sizes = {path: self._size(path) for path, _ in wanted}
        missing = [(path, digest) for path, digest in wanted if not self._is_there(path, sizes[path])]
        total = sum(sizes.values())
        done = total - sum(sizes[path] for path, _ in missing)
        self.to.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(_COPIES_AT_ONCE, thread_name_prefix="stage") as threads:
            for path in threads.map(lambda one: self._copied(one[0], one[1], checksum), missing):
                done += sizes[path]
                self.files, self.size_bytes = self.files + 1, self.size_bytes + sizes[path]
                self._tell(done, total)
        sums = "".join(sum_line(digest, path) for path, digest in wanted if path != CARD or not self._left_out.parts)
        (self.to / checksum.list_name).write_text(sums, encoding="utf-8", newline="\n")
        if self._left_out.parts:
            card = self.to / CARD
            atomic_write(card, _card_of(card.read_bytes(), self._left_out))
        atomic_write(self.to / MANIFEST, orjson.dumps(self._own_manifest(), option=orjson.OPT_INDENT_2))

    def _own_manifest(self) -> dict[str, Any]:
        """The manifest, with the splits that are here."""
        wanted = set(self._left_out.wanted_parts)
        configs = [
            {**config, "splits": [one for one in config["splits"] if (config["name"], one["name"]) in wanted]}
            for config in self._manifest["configs"]
        ]
        return self._manifest | {"configs": [one for one in configs if one["splits"]]}

    def _listed(self, checksum: Checksum) -> Iterator[tuple[str, str]]:
        path = self._root / checksum.list_name
        try:
            with path.open(encoding="utf-8", newline="\n") as lines:
                yield from parse_sums(lines)
        except OSError as error:
            raise self._damaged(f"{path} cannot be read: {error.strerror}") from None

    def _size(self, path: str) -> int:
        try:
            return (self._root / path).stat().st_size
        except OSError as error:
            raise self._damaged(f"{self._root / path} cannot be read: {error.strerror}") from None

    def _is_there(self, path: str, size: int) -> bool:
        try:
            return (self.to / path).stat().st_size == size
        except (FileNotFoundError, NotADirectoryError):
            return False

    def _copied(self, path: str, wanted: str, checksum: Checksum) -> str:
        """Copy one file and hash it on the way; it gets its name when the hash is right."""
        target = self.to / path
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name[:200]}.part")
        digest = checksum.new()
        try:
            with (self._root / path).open("rb", buffering=0) as source, part.open("wb", buffering=0) as out:
                while block := source.read(_BLOCK_BYTES):
                    digest.update(block)
                    view = memoryview(block)
                    while view:
                        view = view[out.write(view) :]
        except FileNotFoundError as error:
            raise self._damaged(f"{error.filename} is missing") from None
        if digest.hexdigest() != wanted:
            part.unlink(missing_ok=True)
            raise self._damaged(f"{self._root / path} is not as it landed")
        part.replace(target)
        return path

    def _damaged(self, what: str) -> DamagedDatasetError:
        try:
            updated = read_manifest(self._root)["fingerprint"] != self._manifest["fingerprint"]
        except Exception:  # noqa: BLE001  then it is damaged all the more
            updated = False
        if updated:
            return DamagedDatasetError(f"{self._name} was updated while it was copied.", remedy="Stage it again.")
        return DamagedDatasetError(
            f"{what}.", remedy="Run `hugflow verify`, and materialize the dataset again to repair it."
        )


class _Unwanted:
    """Which files belong to splits that are not wanted, by what the manifest says of their places."""

    def __init__(self, manifest: Any, splits: tuple[str, ...], card: Path) -> None:
        self.wanted_parts = [part for part in _parts(manifest) if not splits or part[1] in splits]
        self.parts = [part for part in _parts(manifest) if part not in self.wanted_parts]
        self._exact: set[str] = set()
        self._folders: tuple[str, ...] = ()
        for config in manifest["configs"]:
            for split in config["splits"]:
                if (config["name"], split["name"]) in self.parts:
                    self._add(split)
        if self.parts:
            self._exact |= {path for config in _configs_of(card.read_bytes()) for path in _gone(config, self.parts)}

    def _add(self, split: Any) -> None:
        record = split["record_path"]
        stem = record.removeprefix("json/").removesuffix(".jsonl")
        self._exact |= {record, f"{record}.idx"}
        folders = [f"manifests/{view}/{stem}/" for view in ("nemo", "lhotse")]
        for view in ("nemo", "lhotse"):
            self._exact |= {f"manifests/{view}/{stem}.jsonl{ending}" for ending in ("", ".idx")}
        for shard in split["shards"]:
            folders += [f"{folder}/" for folder in shard["folders"]]
            folders += [tar["path"].rpartition("/")[0] + "/" for tar in shard.get("tars", ())]
        self._folders += tuple(dict.fromkeys(folders))

    def __call__(self, path: str) -> bool:
        return path in self._exact or path.startswith(self._folders)


def _parts(manifest: Any) -> list[tuple[str, str]]:
    return [(config["name"], split["name"]) for config in manifest["configs"] for split in config["splits"]]


def _card_of(card: bytes, unwanted: _Unwanted) -> bytes:
    """The card with the configs and splits that are here: `datasets` refuses one that names a file that is not."""
    _, block, text = card.decode().split("---\n", 2)
    head = yaml.safe_load(block) or {}
    head["configs"] = []
    for config in _configs_of(card):
        gone, name = _gone(config, unwanted.parts), config["config_name"]
        if "metadata_filenames" in config:
            config["metadata_filenames"] = [one for one in config["metadata_filenames"] if one not in gone]
        config["data_files"] = [one for one in config["data_files"] if (name, one["split"]) not in unwanted.parts]
        if config["data_files"]:
            head["configs"].append(config)
    document = yaml.safe_dump(head, sort_keys=False, allow_unicode=True, width=120)
    return f"---\n{document}---\n{text}".encode()


def _configs_of(card: bytes) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (yaml.safe_load(card.decode().split("---\n", 2)[1]) or {}).get("configs", [])
    return found


def _gone(config: dict[str, Any], parts: list[tuple[str, str]]) -> set[str]:
    """The files of a config's view that only these splits have."""
    gone, kept = set[str](), set[str]()
    for one in config["data_files"]:
        (gone if (config["config_name"], one["split"]) in parts else kept).update(one["path"])
    return gone - kept
