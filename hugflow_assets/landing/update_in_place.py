"""Changes that fetch nothing: views rebuilt from the record, the description in the manifest."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from hugflow_assets.intake import DatasetRequest
from hugflow_assets.landing.options import LandingOptions
from hugflow_assets.landing.tree.card import replace_configs
from hugflow_assets.landing.tree.checksums import Checksum, merged, sum_line
from hugflow_assets.landing.tree.files import (
    LEFT_OUT,
    folders_of,
    measure,
    read_features,
    view_splits,
)
from hugflow_assets.landing.tree.paths import CARD, is_view
from hugflow_assets.landing.views.columns import choose_columns, first_rows
from hugflow_assets.landing.views.write import make_views
from hugflow_assets.store import LAYOUT_VERSION, Fingerprint, Lease, Manifest, Store, disk_errors, now_text


def rebuild_views(store: Store, name: str, request: DatasetRequest, options: LandingOptions) -> Manifest:
    """Make the views of a landed dataset anew, for the columns of ``request`` and the views of ``options``.

    Raises:
        UnknownDatasetError: it is not landed. ColumnNotFoundError: it has no such column.
        LeaseHeldError: a landing is at work on it.
    """
    with store.lease(name, purpose="rebuilding views") as lease:
        manifest = store.manifest(name)
        if manifest is None:
            raise not_landed(name)
        return rebuild(store, manifest, request, options, lease)


def not_landed(name: str) -> Exception:
    """The error for a name that is not on the storage."""
    from hugflow_assets.errors import UnknownDatasetError

    return UnknownDatasetError(f"{name} is not landed.", remedy="`hugflow status` lists what is.", name=name)


def describe(store: Store, manifest: Manifest, request: DatasetRequest, lease: Lease) -> Manifest:
    """Bring the request in the manifest up to date. What decides about data and views is as it was."""
    updated = _requested(manifest, request, manifest.views)
    fingerprint = manifest.fingerprint.model_copy(update={"about": updated.fingerprint.about})
    updated = updated.model_copy(update={"fingerprint": fingerprint})
    lease.check()
    store.write_manifest(manifest.name, updated)
    return updated


def rebuild(
    store: Store, manifest: Manifest, request: DatasetRequest, options: LandingOptions, lease: Lease
) -> Manifest:
    """Rebuild under a lease. Each file is replaced in one step; the manifest comes last, so that a crash is redone."""
    root = store.layout.dataset(manifest.name)
    folders = folders_of(manifest)
    features = read_features(root, folders)
    splits = view_splits(manifest.configs, folders)
    columns = choose_columns(features.values(), request.audio_column, request.text_column, first_rows(root, splits))
    updated = _requested(manifest, request, options.views)
    staging = store.staging(manifest.name, f"views-{manifest.fingerprint.data}")
    try:
        with disk_errors(root):
            made = make_views(root, staging.path, splits, options.views, columns, features)
            told = made.card(updated.fingerprint.of_views(manifest.commit))
            card = replace_configs((root / CARD).read_bytes(), told)
            (staging.path / CARD).write_bytes(card)
            kept = [*made.paths, CARD]
            checksum = Checksum("sha256" if manifest.checksums == "sha256" else "xxh128")
            gone = _write_sums(root, staging.path, checksum, kept)
            lease.check()
            _put(staging.path, root, [*kept, checksum.list_name], store)
            _remove_others(root, gone - set(made.paths))
            size, files = measure(root)
    finally:
        staging.discard()
    extra = {key: count for key, count in manifest.counts.extra.items() if key != LEFT_OUT}
    extra |= {LEFT_OUT: made.left_out} if made.left_out else {}
    updated = updated.model_copy(
        update={
            "layout_version": LAYOUT_VERSION,
            "views": made.of(options.views),
            "audio_column": columns.audio,
            "audio_columns": columns.audios,
            "text_column": columns.text,
            "counts": manifest.counts.model_copy(update={"extra": extra}),
            "size_bytes": size,
            "files": files,
            "inodes": _inodes(root),
        }
    )
    lease.check()
    store.write_manifest(manifest.name, updated)
    return updated


def _requested(manifest: Manifest, request: DatasetRequest, views: tuple[str, ...]) -> Manifest:
    told = Fingerprint.of(request, manifest.commit, manifest.checksums, views)
    return manifest.model_copy(
        update={
            "request": request,
            "fingerprint": told.model_copy(update={"data": manifest.fingerprint.data}),
            "volatile": manifest.volatile.model_copy(update={"updated_at": now_text()}),
        }
    )


def _write_sums(root: Path, to: Path, checksum: Checksum, made: list[str]) -> set[str]:
    """The list as it is, with the views' and the card's lines made anew; the views that were listed before."""
    own = [sum_line(checksum.of_file(to / path), path) for path in sorted(made, key=str.encode)]
    views: set[str] = set()

    def others(lines: Iterable[str]) -> Iterator[str]:
        for line in lines:
            path = line.rstrip("\n").partition("  ")[2]
            if is_view(path):
                views.add(path)
            elif path != CARD:
                yield line

    with (
        (root / checksum.list_name).open(encoding="utf-8", newline="\n") as before,
        (to / checksum.list_name).open("w", encoding="utf-8", newline="\n") as out,
    ):
        out.writelines(merged([own, others(before)]))
    return views


def _put(source: Path, root: Path, paths: list[str], store: Store) -> None:
    for path in paths:
        folder = root
        for part in Path(path).parts[:-1]:
            folder = folder / part
            if not folder.is_dir():
                folder.mkdir()
                folder.chmod(store.folder_mode)
        (source / path).chmod(store.file_mode)
        with (source / path).open("rb") as file:
            os.fsync(file.fileno())
        (source / path).replace(root / path)


def _remove_others(root: Path, paths: set[str]) -> None:
    for path in sorted(paths):
        (root / path).unlink(missing_ok=True)
        folder = (root / path).parent
        while folder != root and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
            folder = folder.parent


def _inodes(root: Path) -> int:
    return 1 + sum(len(folders) + len(files) for _, folders, files in os.walk(root))
