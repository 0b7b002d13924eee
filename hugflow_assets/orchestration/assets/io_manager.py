"""The IO manager that lands: an asset's plan goes in, a folder on the storage comes out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args, get_origin

from dagster import ConfigurableIOManager, InputContext, OutputContext
from pydantic import Field

from hugflow_assets.errors import HugflowError, UnknownDatasetError
from hugflow_assets.landing.options import LandedDataset, LandingOptions
from hugflow_assets.orchestration.assets.failures import failing_by_name
from hugflow_assets.orchestration.assets.metadata import landed_metadata, sample_of
from hugflow_assets.orchestration.assets.planned_checks import forgetting_unjudged
from hugflow_assets.orchestration.assets.platform import Platform
from hugflow_assets.orchestration.assets.shown.card import Asked, repository_url
from hugflow_assets.orchestration.reconcile.closing_events import close_landed, closing_failure
from hugflow_assets.orchestration.reconcile.retry_policy import AUTHOR_TAG, CHANGE_TAG, PULL_TAG, REQUEST_TAG
from hugflow_assets.planning.models import Action, LandingPlan
from hugflow_assets.reading import Dataset, open_dataset
from hugflow_assets.settings import Settings
from hugflow_assets.store import LEFT_OUT, Manifest, Progress, Store
from hugflow_assets.wording import human_duration, human_size


@dataclass(frozen=True)
class LandedFolder:
    """What an asset downstream of ``dataset`` is given where it says so: where the data lie, and the whole manifest."""

    path: Path
    manifest: Manifest


Landed = LandedFolder | Dataset
PROGRESS_TAG = "hugflow/progress"


class LandingIOManager(ConfigurableIOManager):
    """Lands the ``LandingPlan`` of a partition, and opens it for assets downstream."""

    platform: Platform = Field(default_factory=Platform, repr=False)

    def handle_output(self, context: OutputContext, plan: LandingPlan) -> None:
        """Land, and tell about it: progress in the run's log, facts on the materialization.

        Raises:
            Failure: with the error's name; what is staged is kept, and the next run resumes.
        """
        instance, store = context.step_context.instance, self.platform.store()
        with (
            failing_by_name(instance, context.run_id),
            forgetting_unjudged(instance, context.run_id),
            closing_failure(store, plan.name, context.run_id),
        ):
            landed = self._land(context, plan, store)
            if PROGRESS_TAG in (instance.get_run_by_id(context.run_id) or context.step_context.dagster_run).tags:
                instance.add_run_tags(context.run_id, {PROGRESS_TAG: "landed"})
            if landed.action is Action.NOOP:
                close_landed(store, landed.manifest, context.run_id, landed.seconds)
                context.log.info("%s: nothing to do, it is landed as asked", plan.name)
            if left_out := landed.manifest.counts.extra.get(LEFT_OUT):
                context.log.warning(
                    "%s: %s clips are in no manifest for NeMo and Lhotse, since nothing says how long they are",
                    *(plan.name, f"{left_out:,}"),
                )
            asked = asked_by(context.step_context.dagster_run.tags, self.platform.settings())
            context.add_output_metadata(landed_metadata(landed, plan, sample_of(store, plan.name), asked))

    def _land(self, context: OutputContext, plan: LandingPlan, store: Store) -> LandedDataset:
        from hugflow_assets.landing.land import land

        settings, instance = self.platform.settings(), context.step_context.instance
        tags = context.step_context.dagster_run.tags
        newest: list[Progress] = []
        stop = threading.Event()

        def landing() -> LandedDataset:
            return land(
                plan,
                store,
                replace(self.platform.access(), adopted=store.layout.adopted(plan.name)),
                LandingOptions.of(settings),
                on_progress=lambda progress: newest.__setitem__(slice(None), [progress]),
                still_wanted=wanted_test(plan, store, self.platform),
                should_stop=stop.is_set,
                run_id=context.run_id,
                requested_by=tags.get(AUTHOR_TAG),
                request_commit=tags.get(CHANGE_TAG),
            )

        def tell() -> None:
            if newest:
                progress = newest.pop()
                context.log.info(progress_line(progress))
                instance.add_run_tags(context.run_id, {PROGRESS_TAG: short_progress(progress)})

        return interruptible(landing, stop, every_s=settings.progress_interval.total_seconds(), meanwhile=tell)

    def load_input(self, context: InputContext) -> Landed | dict[str, Landed]:
        """The dataset of this partition, as ``open_dataset`` gives it; of several, each by its key.

        An input that is annotated as a ``dict`` gets one whatever the number; one annotated as ``LandedFolder`` gets
        that. With ``allow_missing_partitions`` in the input's metadata what has not landed is left out, as Dagster's
        own IO managers do.

        Raises:
            Failure: one is not landed.
        """
        wanted = context.dagster_type.typing_type
        is_dict = wanted is dict or get_origin(wanted) is dict
        as_folder = LandedFolder in (wanted, *get_args(wanted))
        may_miss = bool((context.definition_metadata or {}).get("allow_missing_partitions"))
        names = context.asset_partition_keys
        with failing_by_name(context.step_context.instance, context.step_context.run_id):
            store = self.platform.store()
            there = [name for name in names if not may_miss or store.manifest(name) is not None]
            landed = {name: _landed(store, name, as_folder=as_folder) for name in there}
        return landed if is_dict or len(names) != 1 else landed[names[0]]


def _landed(store: Store, name: str, *, as_folder: bool) -> Landed:
    manifest = store.manifest(name) if name in store.index.names() else None
    if manifest is None:
        raise UnknownDatasetError(f"{name[:200]!r} is not landed.", remedy="Materialize `dataset` first.")
    path = store.layout.dataset(name)
    return LandedFolder(path, manifest) if as_folder else open_dataset(path)


def interruptible(
    work: Callable[[], LandedDataset], stop: threading.Event, *, every_s: float, meanwhile: Callable[[], None]
) -> LandedDataset:
    """Run ``work`` in a thread of its own: this one takes the signals; cancelled, it sets ``stop`` and waits.

    An interrupt would otherwise surface anywhere inside the landing.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="landing") as threads:
        future: Future[LandedDataset] = threads.submit(work)
        try:
            while True:
                try:
                    return future.result(timeout=every_s)
                except NotYet:
                    if future.done():
                        raise
                    meanwhile()
        finally:
            stop.set()


def asked_by(tags: Mapping[str, str], settings: Settings) -> Asked:
    """Who asked for what a run lands, as the run's tags say."""
    return Asked(
        path=tags.get(REQUEST_TAG, ""),
        commit=tags.get(CHANGE_TAG),
        author=tags.get(AUTHOR_TAG),
        pull=tags.get(PULL_TAG),
        repository_url=repository_url(settings),
    )


def wanted_test(plan: LandingPlan, store: Store, platform: Platform) -> Callable[[], bool]:
    """Whether the data are still asked for, to be asked before publishing. An unreadable source changes nothing."""
    orphan = platform.snapshot().add(plan.name) is None and store.manifest(plan.name) is not None

    def wanted() -> bool:
        try:
            snapshot = platform.snapshot()
        except HugflowError:
            return True
        withdrawn = snapshot.removals_of(plan.request)
        return not withdrawn and (orphan or snapshot.add(plan.name) is not None)

    return wanted


def short_progress(progress: Progress) -> str:
    """How far a run is, in the few characters of a tag in the list of runs."""
    share = f" {progress.bytes_done / progress.bytes_total:.0%}" if progress.bytes_total else ""
    left = f", {human_duration(progress.eta_s)} left" if progress.eta_s is not None else ""
    return f"{progress.phase.value}{share}{left}"


def progress_line(progress: Progress) -> str:
    """One line of the run's log: phase, share, bytes, speed, time left."""
    share = f"{progress.bytes_done / progress.bytes_total:.0%}, " if progress.bytes_total else ""
    left = f", {human_duration(progress.eta_s)} left" if progress.eta_s is not None else ""
    return (
        f"{progress.phase.value}: {share}{human_size(progress.bytes_done)} of {human_size(progress.bytes_total)}, "
        f"{progress.shards_done} of {progress.shards_total} shards, {human_size(int(progress.bytes_per_s))}/s{left}"
    )
