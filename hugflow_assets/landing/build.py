"""A landing that fetches: from a plan to a published folder."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from hugflow_assets.durable import EarlySync
from hugflow_assets.errors import IncompleteLandingError, LandingCancelledError, LeaseHeldError, NoLongerWantedError
from hugflow_assets.hub import HubAccess
from hugflow_assets.landing.completeness import refuse_nothing, tell_unmatched
from hugflow_assets.landing.decide import fingerprint_of
from hugflow_assets.landing.forecast import SLACK_BYTES, forecast_of
from hugflow_assets.landing.options import LandedDataset, LandingOptions
from hugflow_assets.landing.progress import Tracker
from hugflow_assets.landing.shards.landed_copy import LandedCopy, located
from hugflow_assets.landing.shards.packing import Packs, packs_of
from hugflow_assets.landing.shards.pool import Job, run_jobs
from hugflow_assets.landing.shards.reuse import landed_by_earlier_readers, landed_copies
from hugflow_assets.landing.shards.shard import Shard, ShardKey
from hugflow_assets.landing.shards.sources import source_records
from hugflow_assets.landing.tree.assemble import LandedShard, is_staged
from hugflow_assets.landing.tree.paths import Folders
from hugflow_assets.landing.tree.tree import Tree
from hugflow_assets.landing.withdraw import withdrawals, withdrawn_rows, without_withdrawn
from hugflow_assets.planning.models import Action, Forecast, LandingPlan
from hugflow_assets.store import (
    WITHDRAWN,
    EventKind,
    Lease,
    Manifest,
    Phase,
    Progress,
    Readers,
    Reservation,
    ShardReceipt,
    Staging,
    Store,
    TreeSizes,
    Volatile,
    landed_event,
    now_text,
)
from hugflow_assets.store.publishing.order import LandingOrder, OrderedSplit, write_order
from hugflow_assets.version import __version__

_LOG = logging.getLogger(__name__)
_NAMES_KEPT = 20
_SPARE_INODES = 8
_UNSYNCED_BYTES = 512 << 20  # that a power cut may cost when everything is fetched and publishing is near


@dataclass(frozen=True)
class Hooks:
    """What the caller wants to be told and asked."""

    on_progress: Callable[[Progress], None] | None
    still_wanted: Callable[[], bool]
    should_stop: Callable[[], bool]
    run_id: str | None
    requested_by: str | None = None
    request_commit: str | None = None


@dataclass
class Build:
    """One landing under its lease."""

    plan: LandingPlan
    store: Store
    access: HubAccess
    options: LandingOptions
    hooks: Hooks
    lease: Lease
    action: Action
    receipts: dict[ShardKey, ShardReceipt] = field(default_factory=dict)

    def run(self, began: float) -> LandedDataset:
        """Land everything and publish it."""
        self._started()
        with (
            self._place(),
            self.store.quota.reserve(self.plan.name, *self._need(), owner=self.hooks.run_id or "") as reservation,
        ):
            tracker = self._tracker()
            write_order(self.staging, self._order)
            with EarlySync(self.staging.path) as early:
                self._land_shards(tracker, reservation, early)
                tracker.tell(Phase.ASSEMBLING)
                manifest, sizes = self._finished(began)
            reservation.correct(sizes.own_bytes + SLACK_BYTES, sizes.own_inodes + _SPARE_INODES)
            tracker.tell(Phase.PUBLISHING)
            path = self._publish(manifest, sizes)
        counts = manifest.counts
        tracker.tell(Phase.LANDED, f"{counts.rows} rows, {counts.media_files} media files.")
        return LandedDataset(manifest, path, self.action, time.monotonic() - began, manifest.volatile.bytes_fetched)

    # ---- before

    def _place(self) -> Lease:
        """One of the places for datasets in flight."""
        try:
            return self.store.slot(
                "downloads",
                limit=self.options.max_concurrent_downloads,
                wait_s=self.options.slot_wait_s,
                purpose=self.plan.name,
                should_stop=self._should_stop,
            )
        except LeaseHeldError:
            if self._should_stop():
                raise _stopped() from None
            raise

    def _should_stop(self) -> bool:
        return self.hooks.should_stop() or self.store.leases.cancelled(self.plan.name, self.lease)

    def _need(self) -> tuple[int, int]:
        return self._forecast.peak_bytes, self._forecast.peak_inodes

    @cached_property
    def _forecast(self) -> Forecast:
        return forecast_of(self.action, self.plan, self._copies, self.options)

    @cached_property
    def fingerprint(self) -> Any:
        return fingerprint_of(self.plan, self.plan.commit, self.options)

    @cached_property
    def staging(self) -> Staging:
        return self.store.staging(self.plan.name, self.fingerprint.data, self.lease, self._readers)

    @cached_property
    def _readers(self) -> Readers:
        return self.store.readers.of(self.plan.request, is_guarded=self.plan.state.is_guarded)

    @cached_property
    def folders(self) -> dict[str, Folders]:
        return {config.name: Folders.of(self.plan, config.name) for config in self.plan.configs}

    @cached_property
    def shards(self) -> list[Shard]:
        stop_file = self.staging.work / "stop"
        stop_file.unlink(missing_ok=True)
        stop_file.with_name("slow").unlink(missing_ok=True)
        return [
            Shard(
                access=self.access,
                repo_id=self.plan.state.repo_id,
                commit=self.plan.commit,
                config=config.name,
                split=split.name,
                source=source,
                folder=self.folders[config.name].shard(split.name, source.index),
                tree=self.staging.path,
                work=self.staging.work / self.folders[config.name].shard(split.name, source.index),
                checksums=self.options.checksums,
                features=config.features,
                file_mode=self._readers.file_mode,
                stop_file=stop_file,
                download_mode=self.options.download_mode,
                pack=self._packs.get((config.name, split.name, source.index)),
            )
            for config in self.plan.configs
            for split in config.splits
            for source in split.shards
        ]

    @property
    def _order(self) -> LandingOrder:
        """What whoever follows this landing is told beforehand."""
        splits = []
        for config in self.plan.configs:
            for split in config.splits:
                own = [one for one in self.shards if (one.config, one.split) == (config.name, split.name)]
                splits.append(
                    OrderedSplit(
                        config=config.name,
                        split=split.name,
                        record_path=self.folders[config.name].record(split.name),
                        lines=tuple(str(one.lines_path.relative_to(self.staging.work)) for one in own),
                        indexes=tuple(one.source.index for one in own),
                        features=config.features,
                    )
                )
        return LandingOrder(request=self.plan.request, commit=self.plan.commit, splits=tuple(splits))

    @cached_property
    def _packs(self) -> Packs:
        return packs_of(self.plan, self.options)

    @cached_property
    def _copies(self) -> dict[ShardKey, LandedCopy]:
        if earlier := landed_by_earlier_readers(self.plan, self.store):
            _LOG.warning(
                "%s: %s of its landed shards were made by an earlier reader of %s, which made other rows of the same "
                "files: they are fetched again.",
                *(self.plan.name, earlier, self.plan.shape.value),
            )
        return located(landed_copies(self.plan, self.store, self._packs))

    def _tracker(self) -> Tracker:
        return Tracker(
            self.plan.name,
            self.shards,
            self.store.progress,
            self.hooks.on_progress,
            self.options.progress_interval_s,
            self.hooks.run_id,
            self.lease,
        )

    # ---- shards

    def _land_shards(self, tracker: Tracker, reservation: Reservation, early: EarlySync) -> None:
        earlier = self._earlier()
        missing = []
        for shard in self.shards:
            if (receipt := earlier.get(shard.key)) is not None:
                _remove_sources(shard)
                self._have(shard, receipt)
                tracker.landed(shard, receipt, earlier=True)
            else:
                missing.append(Job(shard, self._copies.get(shard.key)))
        tracker.tell()
        unsynced: list[int] = []  # of the last shards, which are left to the publishing

        gone = withdrawn_rows(self.store, self.plan.name)

        def on_landed(shard: Shard, receipt: ShardReceipt) -> None:
            self._check_rows(shard, receipt)
            receipt = without_withdrawn(shard, receipt, gone) if gone is not None else receipt
            unsynced.append(receipt.counts.media_bytes + receipt.counts.json_bytes)
            sync = len(self.shards) - len(self.receipts) > self.options.parallel or sum(unsynced) > _UNSYNCED_BYTES
            self.staging.save_receipt(receipt, shard.sums_path.read_bytes(), sync=sync)
            if sync:
                unsynced.clear()
            shard.sums_path.unlink()
            _remove_sources(shard)
            self._have(shard, receipt)
            tracker.landed(shard, receipt)
            self._correct(reservation)

        def tick() -> bool:
            self.lease.check()
            early.check()
            tracker.tell()
            reservation.check()
            return self._should_stop()

        run_jobs(missing, self.options, on_landed=on_landed, tick=tick, stop=self.stop)

    def stop(self) -> None:
        """Tell the running shards to stop."""
        self.shards[0].stop_file.touch()

    def _have(self, shard: Shard, receipt: ShardReceipt) -> None:
        self.receipts[shard.key] = receipt

    def _earlier(self) -> dict[ShardKey, ShardReceipt]:
        """What an earlier run has landed and is still there."""
        found = {shard.key: self._receipt(shard) for shard in self.shards}
        complete = all(receipt is not None for receipt in found.values())
        earlier, ends = {}, dict[str, int]()
        for shard in self.shards:
            receipt = found[shard.key]
            if receipt is None:
                continue
            path = self.folders[shard.config].record(shard.split)
            ends[path] = ends.get(path, 0) + receipt.counts.json_bytes
            one, upto = LandedShard(shard, receipt), ends[path] if complete else None
            if (
                is_staged(one, self.staging.path / path, assembled_upto=upto)
                and self._sums_of(shard, receipt) is not None
            ):
                earlier[shard.key] = receipt
        if len(earlier) < len(self.shards):  # a half assembled record is of no use when a shard has to be landed anew
            earlier = {s.key: earlier[s.key] for s in self.shards if s.key in earlier and s.lines_path.exists()}
        return earlier

    def _receipt(self, shard: Shard) -> ShardReceipt | None:
        """The receipt of an earlier run, if it was for these files: the Hub may have made its conversion anew."""
        receipt = self.staging.receipt(*shard.key)
        if receipt is None or receipt.pack != shard.pack:  # PACK_SIZE was changed
            return None
        return receipt if receipt.sources == source_records(shard.source) else None

    def _sums_of(self, shard: Shard, receipt: ShardReceipt) -> bytes | None:
        sums = self.staging.sums(*shard.key)
        return None if not sums and receipt.counts.media_files else sums

    def _check_rows(self, shard: Shard, receipt: ShardReceipt) -> None:
        promised = shard.source.num_rows
        if promised is not None and receipt.counts.rows + receipt.counts.extra.get(WITHDRAWN, 0) != promised:
            raise IncompleteLandingError(
                f"{shard.config}/{shard.split}, shard {shard.source.index}: {receipt.counts.rows} rows were landed, "
                f"upstream has {promised}.",
                remedy="Run it again; if it stays so, tell the dataset's owners.",
            )

    def _correct(self, reservation: Reservation) -> None:
        """Ask for more space as soon as what is landed speaks of more than was reserved."""
        sources = {shard.key: shard.source.size_bytes for shard in self.shards}
        read = sum(sources[key] for key in self.receipts)
        written = sum(
            one.counts.json_bytes + (0 if self._is_linked(key, one) else one.counts.media_bytes)
            for key, one in self.receipts.items()
        )
        left = sum(sources.values()) - read
        expected = written + left * max(1.0, written / max(1, read))
        if expected > reservation.size_bytes:
            files = sum(
                len(one.tars) if one.pack is not None else one.counts.media_files for one in self.receipts.values()
            )
            reservation.correct(int(expected * 1.05), max(reservation.inodes, files))

    def _is_linked(self, key: ShardKey, receipt: ShardReceipt) -> bool:
        copy = self._copies.get(key)
        return receipt.bytes_fetched == 0 and copy is not None and copy.record.pack == receipt.pack

    # ---- making it visible

    def _finished(self, began: float) -> tuple[Manifest, TreeSizes]:
        tree = Tree(
            plan=self.plan,
            options=self.options,
            fingerprint=self.fingerprint,
            staging=self.staging,
            folders=self.folders,
            shards=self.shards,
            receipts=self.receipts,
            copies={shard.work: self._copies[shard.key] for shard in self.shards if shard.key in self._copies},
        )
        tree.settle_types()
        configs = tree.assemble()
        refuse_nothing(self.plan, tree.counts(configs))
        tell_unmatched(self.plan.name, tree.counts(configs), self.receipts.values())
        withdrawn = withdrawals(self.store, self.plan.name)
        views = tree.finish(configs, len(withdrawn))
        sizes = self.store.publisher.settle(self.staging, self._readers)
        manifest = tree.manifest(configs, views, sizes, self._volatile(began))
        return manifest.model_copy(update={"withdrawn": withdrawn}), sizes

    def _volatile(self, began: float) -> Volatile:
        seconds = time.monotonic() - began
        fetched = sum(receipt.bytes_fetched for receipt in self.receipts.values())
        return Volatile(
            landed_at=now_text(),
            updated_at=now_text(),
            seconds=round(seconds, 3),
            bytes_fetched=fetched,
            bytes_per_s=round(fetched / max(seconds, 1e-3), 1),
            run_id=self.hooks.run_id,
            requested_by=self.hooks.requested_by,
            request_commit=self.hooks.request_commit,
            host=socket.gethostname(),
            hugflow_version=__version__,
        )

    def _publish(self, manifest: Manifest, sizes: TreeSizes) -> Path:
        if self._should_stop():
            raise _stopped()
        if not self.hooks.still_wanted():
            raise NoLongerWantedError(
                f"{self.plan.name} was withdrawn while it landed; nothing was published.",
                remedy="What is staged is kept for a while, in case it is asked for again.",
            )
        if self.options.accept is not None:
            self.options.accept(self.staging.path)
        event = landed_event(self.store, manifest, self.action.value, self.hooks.run_id)
        return self.store.publish(self.staging, manifest, self.lease, sizes, event=event)

    def _started(self) -> None:
        self.store.events.append(
            EventKind.STARTED,
            self.plan.name,
            run_id=self.hooks.run_id,
            commit=self.plan.commit,
            action=self.action.value,
            bytes_total=self._forecast.download_bytes,
        )


def _remove_sources(shard: Shard) -> None:
    """Remove what the shard was made of. Not before its receipt is written: until then a crash would cost the bytes."""
    for path in shard.work.glob("*"):
        if path not in (shard.lines_path, shard.sums_path) and path.is_file():
            path.unlink(missing_ok=True)


def _stopped() -> LandingCancelledError:
    return LandingCancelledError(
        "The landing was stopped on request.", remedy="What is staged is kept; a later run resumes."
    )
