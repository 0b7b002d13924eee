"""A lock: what is landed, down to its last byte, as a file that people can read, compare, sign and land elsewhere."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Literal

import orjson
import yaml
from pydantic import ValidationError

from hugflow_assets.errors import DamagedDatasetError, LockRefusedError, ManifestError
from hugflow_assets.formats.checksums import Checksum, parse_sums, sum_line
from hugflow_assets.intake import DatasetRequest, storage_name
from hugflow_assets.intake.models import Frozen
from hugflow_assets.landing.update_in_place import not_landed
from hugflow_assets.store import Manifest, Store
from hugflow_assets.store.layout import MANIFEST
from hugflow_assets.store.manifests import read_manifest
from hugflow_assets.store.models import Form

LOCK_VERSION = 1
_BLOCK_BYTES = 4 << 20


class FrozenDataset(Frozen):
    """One landed dataset in a lock. Every hash is SHA-256.

    ``manifest_sha256`` is of ``hugflow.json`` without ``volatile``, which says when and where it landed;
    ``list_sha256`` of the checksum list; ``tree_sha256`` of the hashes of all files, one line each, in the list's
    order, the list itself last.
    """

    name: str
    commit: str
    files_commit: str | None = None
    repo_oid: str | None = None
    endpoint: str
    form: Form = "files"
    pack_size: int | None = None
    checksums: Literal["xxh128", "sha256"]
    views: tuple[str, ...] = ()
    rows: int
    files: int
    size_bytes: int
    manifest_sha256: str
    list_sha256: str
    tree_sha256: str
    request: DatasetRequest


class Lock(Frozen):
    """``data.lock``."""

    hugflow_lock: Literal[1] = 1
    datasets: tuple[FrozenDataset, ...]


def freeze(store: Store, name: str) -> FrozenDataset:
    """Read every file of a landed dataset, and say what it is.

    Raises:
        UnknownDatasetError: it is not landed.
        DamagedDatasetError: a file is not as it landed, or the dataset was replaced meanwhile.
    """
    manifest, root = store.manifest(name), store.layout.dataset(name)
    if manifest is None:
        raise not_landed(name)
    checksum = Checksum.called(manifest.checksums)
    packs = [shard.pack for config in manifest.configs for split in config.splits for shard in split.shards]
    digest = manifest_digest(root)
    found = FrozenDataset(
        name=name,
        commit=manifest.commit,
        files_commit=manifest.repo.files_commit,
        repo_oid=manifest.repo.oid,
        endpoint=manifest.repo.endpoint,
        form=manifest.form,
        pack_size=next((pack.size_bytes for pack in packs if pack is not None), None),
        checksums=checksum.kind,
        views=manifest.views,
        rows=manifest.counts.rows,
        files=manifest.files,
        size_bytes=manifest.size_bytes,
        manifest_sha256=digest,
        list_sha256=list_digest(root, checksum),
        tree_sha256=tree_digest(root, checksum),
        request=manifest.request,
    )
    if manifest_digest(root) != digest:
        raise DamagedDatasetError(f"{name} was replaced while it was read.", remedy="Freeze it again.")
    return found


def lock_text(datasets: list[FrozenDataset]) -> str:
    """The lock as YAML, a field a line, in the order of the names."""
    document = Lock(datasets=tuple(sorted(datasets, key=lambda one: one.name)))
    told = document.model_dump(mode="json", exclude_none=True)
    return yaml.safe_dump(told, sort_keys=False, allow_unicode=True, width=120)


def read_lock(text: str, *, shown: str) -> Lock:
    """Read a lock. Whoever wrote it may be nobody's friend: a name is the one that its request has.

    Raises:
        LockRefusedError: it is none, or a newer Hugflow wrote it.
    """
    try:
        lock = Lock.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise LockRefusedError(f"{shown} is not YAML: {error}.", remedy="Write it with `hugflow freeze`.") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        raise LockRefusedError(
            f"{shown} is no lock that this Hugflow reads: {where}: {first['msg']}.",
            remedy="Write it with `hugflow freeze` of this version.",
        ) from None
    for one in lock.datasets:
        if storage_name(one.request) != one.name:
            raise LockRefusedError(
                f"{shown} calls {one.name} what its request calls {storage_name(one.request)}.",
                remedy="Nothing was landed; write the lock again with `hugflow freeze`.",
            )
    return lock


def manifest_digest(root: Path) -> str:
    """Of a manifest without what differs between two landings of the same data.

    Raises:
        ManifestError: it cannot be read.
    """
    read_manifest(root / MANIFEST)
    try:
        document = orjson.loads((root / MANIFEST).read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        raise ManifestError(f"{root / MANIFEST} is missing.") from None
    document.pop("volatile", None)
    return hashlib.sha256(orjson.dumps(document, option=orjson.OPT_SORT_KEYS)).hexdigest()


def list_digest(root: Path, checksum: Checksum) -> str:
    """Of the checksum list; of nothing, where it is missing."""
    try:
        return hashlib.sha256((root / checksum.list_name).read_bytes()).hexdigest()
    except (FileNotFoundError, NotADirectoryError):
        return ""


def tree_digest(root: Path, checksum: Checksum) -> str:
    """Of every byte of a dataset's folder but the manifest; each file is held against its own checksum, too.

    Raises:
        DamagedDatasetError: a file is missing, or not as the list says.
    """
    tree = hashlib.sha256()
    for path, promised in listed(root, checksum):
        sha256, own = hashlib.sha256(), checksum.new()
        try:
            with (root / path).open("rb", buffering=0) as file:
                while block := file.read(_BLOCK_BYTES):
                    sha256.update(block)
                    own.update(block)
        except (FileNotFoundError, NotADirectoryError):
            raise _damaged(root, path, "is missing") from None
        if own.hexdigest() != promised:
            raise _damaged(root, path, "is not as it landed")
        tree.update(sum_line(sha256.hexdigest(), path).encode())
    tree.update(sum_line(list_digest(root, checksum), checksum.list_name).encode())
    return tree.hexdigest()


def listed(root: Path, checksum: Checksum) -> Iterator[tuple[str, str]]:
    """Path and checksum of each file that the list names.

    Raises:
        DamagedDatasetError: the list is missing, or names what is outside of the folder.
    """
    try:
        with (root / checksum.list_name).open(encoding="utf-8", newline="\n") as lines:
            for path, digest in parse_sums(lines):
                pure = PurePosixPath(path)
                if pure.is_absolute() or not pure.parts or ".." in pure.parts or path == MANIFEST or "\0" in path:
                    raise _damaged(root, checksum.list_name, f"names {path!r}, which is no file of a dataset")
                yield path, digest
    except (FileNotFoundError, NotADirectoryError):
        raise _damaged(root, checksum.list_name, "is missing") from None


def same_as(root: Path, manifest: Manifest | None, one: FrozenDataset) -> bool:
    """Whether a folder says of itself that it is what the lock has; its files are not read."""
    if manifest is None or manifest.name != one.name:
        return False
    return (manifest_digest(root), list_digest(root, Checksum.called(one.checksums))) == (
        one.manifest_sha256,
        one.list_sha256,
    )


def refuse_other(tree: Path, one: FrozenDataset) -> None:
    """Refuse a tree that is not, byte for byte, the one that was frozen.

    Raises:
        LockRefusedError: it is another one. DamagedDatasetError: it is not even as its own list says.
    """
    if tree_digest(tree, Checksum.called(one.checksums)) != one.tree_sha256:
        raise LockRefusedError(
            f"{one.name}: what was made of commit {one.commit[:12]} is not what the lock says; nothing was published.",
            remedy="Land with the version of Hugflow that froze it, or name a store that has it in PEER_STORES.",
            name=one.name,
        )


def _damaged(root: Path, path: str, what: str) -> DamagedDatasetError:
    return DamagedDatasetError(
        f"{root / path} {what}.", remedy="`hugflow verify` there names what is damaged; `hugflow sync` repairs it."
    )
