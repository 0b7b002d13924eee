"""Changes that fetch nothing: views rebuilt from the record, the description in the manifest.

A landed folder is never written to: a new tree is staged, of hard links to what stays, and swapped in like a landing.
So a reader sees the old version or the new one, whatever is killed, and a run that has lost its lease changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from hugflow_assets.durable.disk_errors import disk_errors
from hugflow_assets.formats.checksums import Checksum, listed_path
from hugflow_assets.intake import DatasetRequest
from hugflow_assets.landing.options import LandingOptions
from hugflow_assets.landing.tree.card import replace_configs
from hugflow_assets.landing.tree.files import folders_of, read_features, view_splits, write_sums
from hugflow_assets.landing.tree.paths import CARD, is_view
from hugflow_assets.landing.views.columns import ViewColumns, choose_columns, first_rows
from hugflow_assets.landing.views.write import MadeViews, make_views
from hugflow_assets.store import (
    LAYOUT_VERSION,
    LEFT_OUT,
    Counts,
    Fingerprint,
    Lease,
    Manifest,
    PlannedEvent,
    Readers,
    Staging,
    Store,
    now_text,
)
from hugflow_assets.store.layout import MANIFEST
from hugflow_assets.store.publishing.trees import link_tree


def not_landed(name: str) -> Exception:
    """The error for a name that is not on the storage."""
    from hugflow_assets.errors import UnknownDatasetError

    return UnknownDatasetError(f"{name} is not landed.", remedy="`hugflow status` lists what is.", name=name)


def _no_event(_: Manifest) -> None:
    return None


@dataclass(frozen=True)
class Edit:
    """A landed dataset, the request that it is to follow, and the lease under which it is changed.

    ``event_of`` makes the event that tells of the version that is published.
    """

    store: Store
    manifest: Manifest
    request: DatasetRequest
    lease: Lease
    event_of: Callable[[Manifest], PlannedEvent | None] = _no_event

    @property
    def root(self) -> Path:
        return self.store.layout.dataset(self.manifest.name)


def describe(edit: Edit) -> Manifest:
    """Bring the request in the manifest up to date. What decides about data and views is as it was."""
    updated = _requested(edit.manifest, edit.request, edit.manifest.views)
    fingerprint = edit.manifest.fingerprint.model_copy(update={"about": updated.fingerprint.about})
    updated = updated.model_copy(update={"fingerprint": fingerprint})
    with new_tree(edit) as staging:
        return swap_in(edit, staging, updated)


def rebuild(edit: Edit, options: LandingOptions) -> Manifest:
    """Make the views anew, for the columns of the request and the views of ``options``."""
    manifest = edit.manifest
    updated = _requested(manifest, edit.request, options.views)
    with new_tree(edit) as staging:
        made = write_views(edit, updated, edit.root, staging.path, options.views)
        gone = renew_sums(edit, staging.path, [*made.views.paths, CARD], is_view)
        updated = updated.model_copy(
            update={
                "layout_version": LAYOUT_VERSION,
                "views": made.views.of(options.views),
                "audio_column": made.columns.audio,
                "audio_columns": made.columns.audios,
                "text_column": made.columns.text,
                "counts": made.counts,
            }
        )
        return swap_in(edit, staging, updated, without=gone)


class WrittenViews(NamedTuple):
    """Views made anew, the columns that they are of, and what is counted then."""

    views: MadeViews
    columns: ViewColumns
    counts: Counts


def write_views(edit: Edit, manifest: Manifest, root: Path, to: Path, names: tuple[str, ...]) -> WrittenViews:
    """Make views and the card from the records in ``root``, which are as ``manifest`` says, in ``to``."""
    request, folders = edit.request, folders_of(manifest)
    features, splits = read_features(root, folders), view_splits(manifest.configs, folders)
    columns = choose_columns(features.values(), request.audio_column, request.text_column, first_rows(root, splits))
    views = make_views(root, to, splits, names, columns, features)
    card = views.card(manifest.fingerprint.of_views(manifest.commit, len(manifest.withdrawn)))
    (to / CARD).write_bytes(replace_configs((edit.root / CARD).read_bytes(), card))
    extra = {key: count for key, count in manifest.counts.extra.items() if key != LEFT_OUT}
    extra |= {LEFT_OUT: views.left_out} if views.left_out else {}
    return WrittenViews(views, columns, manifest.counts.model_copy(update={"extra": extra}))


@contextmanager
def new_tree(edit: Edit) -> Iterator[Staging]:
    """An empty staged tree of this lease alone; what is not swapped in goes."""
    manifest = edit.manifest
    digest = f"edit-{manifest.fingerprint.data}"
    edit.store.staging(manifest.name, digest, edit.lease).discard()  # of a killed run, and maybe of another request
    staging = edit.store.staging(manifest.name, digest, edit.lease, _readers(edit))
    try:
        with disk_errors(edit.root):
            yield staging
    finally:
        staging.discard()


def swap_in(edit: Edit, staging: Staging, manifest: Manifest, *, without: Collection[str] = ()) -> Manifest:
    """Link what stays beside what was written anew, and swap the tree in; the manifest as it is published.

    Args:
        without: paths of the landed version that are not in the new one.
    """
    store = edit.store
    link_tree(edit.root, staging.path, {MANIFEST, *without})
    settled = store.publisher.settle(staging, _readers(edit))
    manifest = manifest.model_copy(update={"size_bytes": settled.size_bytes, "files": settled.files})
    store.publish(staging, manifest, edit.lease, settled, event=edit.event_of(manifest), keep_replaced=False)
    return store.manifest(manifest.name) or manifest


def _readers(edit: Edit) -> Readers:
    return edit.store.readers.of(edit.request, is_guarded=edit.manifest.repo.is_guarded)


def _requested(manifest: Manifest, request: DatasetRequest, views: tuple[str, ...]) -> Manifest:
    fingerprint = Fingerprint.of(request, manifest.commit, manifest.checksums, views, manifest.form)
    return manifest.model_copy(
        update={
            "request": request,
            "fingerprint": fingerprint.model_copy(update={"data": manifest.fingerprint.data}),
            "volatile": manifest.volatile.model_copy(update={"updated_at": now_text()}),
        }
    )


def renew_sums(edit: Edit, to: Path, made: list[str], is_gone: Callable[[str], bool]) -> set[str]:
    """Write the checksum list of a new tree: without what is gone, and with what was made anew; what is gone."""
    checksum, anew, gone = Checksum.called(edit.manifest.checksums), set(made), set[str]()

    def others(lines: Iterable[str]) -> Iterator[str]:
        for line in lines:
            path = listed_path(line)
            if is_gone(path):
                gone.add(path)
            elif path not in anew:
                yield line

    with (edit.root / checksum.list_name).open(encoding="utf-8", newline="\n") as before:
        write_sums(to, checksum, made, [others(before)])
    return gone
