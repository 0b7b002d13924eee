"""A dataset checked against its checksum list, and what was found kept: in the audit log, and as a mark that a repair
reads."""

from __future__ import annotations

from collections.abc import Callable

from hugflow_assets.landing.update_in_place import not_landed
from hugflow_assets.landing.verify.verify import VerifyReport, quick_check, verify
from hugflow_assets.store import EventKind, Manifest, Scrub, Store, now_text

_NAMED = 20


def scrub(
    store: Store, name: str, *, should_stop: Callable[[], bool] | None = None, workers: int = 2, by: str = ""
) -> Scrub:
    """Hash every file of a landed dataset and note the outcome.

    Raises:
        UnknownDatasetError: it is not landed. ManifestError: its manifest is unreadable.
        StorageError: the storage cannot be read.
    """
    found, report = _verified(store, name, should_stop, workers)
    if not report.whole and _manifest(store, name) != found:  # it was replaced while it was read
        found, report = _verified(store, name, should_stop, workers)
    mark = _mark(
        found,
        hashed=True,
        checked=report.checked,
        checked_bytes=report.checked_bytes,
        missing=report.missing,
        damaged=report.damaged,
        extra=report.extra,
    )
    if should_stop is not None and should_stop() and mark.whole:
        return mark  # only a part of it was looked at
    store.scrubs.write(mark.short(), store.events.plan(EventKind.SCRUBBED, name, **_facts(mark), by=by))
    return mark


def glance(store: Store, name: str) -> Scrub | None:
    """Compare names and sizes only; note what is wrong. None where nothing new was found.

    Damage that hashing found stays noted: a glance cannot tell that it is gone.

    Raises:
        ManifestError: the manifest is unreadable. StorageError: the storage cannot be read.
    """
    found = store.manifest(name)
    if found is None or quick_check(store.layout.dataset(name), found):
        return None
    known = store.scrubs.read(name)
    if known is not None and known.is_of(found.commit, found.volatile.landed_at) and not known.whole:
        return None
    if store.leases.holder(name) is not None or store.manifest(name) != found:
        return None  # at work on it right now
    mark = _mark(found, hashed=False, problem="files were added, deleted or changed in size since it landed")
    store.scrubs.write(mark, store.events.plan(EventKind.DRIFTED, name, what="edited", message=mark.problem))
    return mark


def _verified(
    store: Store, name: str, should_stop: Callable[[], bool] | None, workers: int
) -> tuple[Manifest, VerifyReport]:
    return _manifest(store, name), verify(store, name, should_stop=should_stop, workers=workers)


def _manifest(store: Store, name: str) -> Manifest:
    manifest = store.manifest(name)
    if manifest is None:
        raise not_landed(name)
    return manifest


def _mark(manifest: Manifest, **found: object) -> Scrub:
    identity = {"name": manifest.name, "commit": manifest.commit, "landed_at": manifest.volatile.landed_at}
    return Scrub.model_validate({**identity, "at": now_text(), **found})


def _facts(mark: Scrub) -> dict[str, object]:
    return {
        "commit": mark.commit,
        "whole": mark.whole,
        "checked": mark.checked,
        "checked_bytes": mark.checked_bytes,
        "missing": list(mark.missing[:_NAMED]),
        "damaged": list(mark.damaged[:_NAMED]),
        "extra": list(mark.extra[:_NAMED]),
        "damaged_count": len(mark.damaged),
        "missing_count": len(mark.missing),
        "extra_count": len(mark.extra),
    }
