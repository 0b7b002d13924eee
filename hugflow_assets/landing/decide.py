"""What landing a plan means: plan, options and what the storage holds, compared by fingerprint and by a look at it."""

from __future__ import annotations

from hugflow_assets.durable.disk_errors import disk_error
from hugflow_assets.errors import GroupUnusableError, UnguardedDataError
from hugflow_assets.landing.options import LandingOptions
from hugflow_assets.landing.verify.verify import quick_check, verify
from hugflow_assets.planning.models import Action, LandingPlan, Version
from hugflow_assets.store import Fingerprint, Manifest, Store, TrashEntry


def decide(plan: LandingPlan, store: Store, options: LandingOptions, *, in_run: bool = True) -> Action:
    """What ``land`` does with the plan now.

    Of what is landed the names and sizes are looked at; files are read only with ``options.verify_existing``.

    Args:
        in_run: False for a plan that is only shown: of what is landed as asked and not known to be damaged no run is
            begun that would look at it.
    Raises:
        ManifestError, StorageError: what is landed cannot be read.
    """
    manifest = store.manifest(plan.name)
    if manifest is None:
        return Action.LAND if restorable(plan, store, options) is None else Action.RESTORE
    action = _compared(plan, store, manifest, options)
    if action.fetches:
        return action
    if _is_known_damaged(store, manifest):
        return Action.REPAIR
    if action is Action.NOOP and not in_run:
        return action
    return action if _is_whole(store, manifest, options) else Action.REPAIR


def restorable(plan: LandingPlan, store: Store, options: LandingOptions) -> TrashEntry | None:
    """The newest version in the trash that holds the plan's data, made as the options say."""
    wanted = fingerprint_of(plan, plan.commit, options).data
    for entry in reversed(store.trash.entries(plan.name)):
        manifest = store.trash.manifest(entry) if entry.fingerprint_data == wanted else None
        if manifest is not None and Version.of(manifest) == plan.version:
            return entry
    return None


def fingerprint_of(plan: LandingPlan, commit: str, options: LandingOptions) -> Fingerprint:
    """The fingerprint of the plan's request, landed at ``commit`` with these options."""
    return Fingerprint.of(plan.request, commit, options.checksums, options.views, options.form_of(plan.request))


def _compared(plan: LandingPlan, store: Store, manifest: Manifest, options: LandingOptions) -> Action:
    wanted, landed = fingerprint_of(plan, plan.commit, options), manifest.fingerprint
    if wanted.data != landed.data or plan.version != Version.of(manifest):
        return Action.UPDATE
    if wanted.views != landed.views:
        return Action.VIEWS
    if wanted.about != landed.about or plan.request != manifest.request:
        return Action.DESCRIPTION
    return Action.NOOP if _has_readers(store, manifest) else Action.DESCRIPTION


def _has_readers(store: Store, manifest: Manifest) -> bool:
    """Whether those may read it who are to; a policy that cannot be kept is refused by a rule and by the landing."""
    try:
        readers = store.readers.of(manifest.request, is_guarded=manifest.repo.is_guarded)
        return readers.fits(store.layout.dataset(manifest.name))
    except (GroupUnusableError, UnguardedDataError):
        return False
    except OSError as error:
        raise disk_error(error, store.layout.dataset(manifest.name)) from error


def _is_known_damaged(store: Store, manifest: Manifest) -> bool:
    """By the last scrub: a flipped bit has neither another name nor another size."""
    scrub = store.scrubs.read(manifest.name)
    return scrub is not None and scrub.is_of(manifest.commit, manifest.volatile.landed_at) and not scrub.whole


def _is_whole(store: Store, manifest: Manifest, options: LandingOptions) -> bool:
    if options.verify_existing:
        return verify(store, manifest.name).whole
    return quick_check(store.layout.dataset(manifest.name), manifest)
