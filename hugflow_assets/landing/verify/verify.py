"""Whether a landed dataset is whole: by a look at names and sizes, or by hashing every file."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from hugflow_assets.durable.disk_errors import disk_errors
from hugflow_assets.formats.checksums import Checksum, read_sums
from hugflow_assets.landing.tree.assemble import media_hold
from hugflow_assets.landing.tree.files import measure
from hugflow_assets.landing.update_in_place import not_landed
from hugflow_assets.store import Manifest, Store

_MANIFEST = "hugflow.json"


@dataclass(frozen=True)
class VerifyReport:
    """What differs from the checksum list. Paths are relative to the dataset's folder, sorted.

    ``checked`` counts files whose hash was computed, ``checked_bytes`` what they hold.
    """

    missing: tuple[str, ...] = ()
    damaged: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    checked: int = 0
    checked_bytes: int = 0

    @property
    def whole(self) -> bool:
        """Whether all that was landed is there as it was; files that somebody added do not count."""
        return not self.missing and not self.damaged


def verify(
    store: Store,
    name: str,
    *,
    files: Iterable[str] | None = None,
    should_stop: Callable[[], bool] | None = None,
    workers: int = 2,
) -> VerifyReport:
    """Hash the files of a landed dataset and compare with its checksum list.

    Args:
        files: only these (relative paths); None is all, and then files that are not listed are reported as ``extra``.
        should_stop: asked after each file; the report then covers what was checked so far.
    Raises:
        UnknownDatasetError: it is not landed. ManifestError: its manifest is unreadable.
    """
    manifest = store.manifest(name)
    if manifest is None:
        raise not_landed(name)
    root = store.layout.dataset(name)
    checksum = Checksum.called(manifest.checksums)
    with disk_errors(root):
        listed = read_sums(root / checksum.list_name)
        if not listed or not _same_list(root, manifest, checksum, listed):
            return VerifyReport(
                missing=() if listed else (checksum.list_name,), damaged=(checksum.list_name,) * bool(listed)
            )
        wanted = listed if files is None else {path: listed[path] for path in files if path in listed}
        unknown = [] if files is None else [path for path in files if path not in listed]
        there = _files(root) if files is None else set(wanted)
        found = _hashed(root, checksum, sorted(wanted), should_stop, workers)
    return VerifyReport(
        missing=tuple(sorted([path for path, digest in found.items() if digest is None] + unknown)),
        damaged=tuple(sorted(path for path, digest in found.items() if digest not in (None, wanted[path]))),
        extra=tuple(sorted(there - set(listed) - {_MANIFEST, checksum.list_name})),
        checked=sum(digest is not None for digest in found.values()),
        checked_bytes=sum((root / path).stat().st_size for path, digest in found.items() if digest is not None),
    )


def quick_check(root: Path, manifest: Manifest) -> bool:
    """Whether a dataset's folder holds as many files and bytes as were landed, in each place; reads none of them."""
    for config in manifest.configs:
        for split in config.splits:
            try:
                if (root / split.record_path).stat().st_size != split.counts.json_bytes:
                    return False
            except (FileNotFoundError, NotADirectoryError):
                return False
            if not all(media_hold(root, shard) for shard in split.shards):
                return False
    return measure(root) == (manifest.size_bytes, manifest.files)


def _same_list(root: Path, manifest: Manifest, checksum: Checksum, listed: dict[str, str]) -> bool:
    """Whether the list itself is the one that was landed, as far as the manifest can tell: the records' folders."""
    return all(split.record_path in listed for config in manifest.configs for split in config.splits)


def _files(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if not path.is_dir()}


def _hashed(
    root: Path, checksum: Checksum, paths: list[str], should_stop: Callable[[], bool] | None, workers: int
) -> dict[str, str | None]:
    def digest(path: str) -> str | None:
        try:
            return checksum.of_file(root / path)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None

    found: dict[str, str | None] = {}
    with ThreadPoolExecutor(workers, thread_name_prefix="verify") as executor:
        for path, digest_of_file in zip(paths, executor.map(digest, paths), strict=True):
            found[path] = digest_of_file
            if should_stop is not None and should_stop():
                executor.shutdown(cancel_futures=True)
                break
    return found
