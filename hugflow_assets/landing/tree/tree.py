"""What is staged, from the receipts of its shards to a finished tree and its manifest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from hugflow_assets.errors import IncompleteLandingError
from hugflow_assets.formats.checksums import Checksum, listed_path
from hugflow_assets.landing.options import LandingOptions
from hugflow_assets.landing.record.settled_types import settled, to_become_text, with_kinds, write_settled
from hugflow_assets.landing.shards.landed_copy import LandedCopy
from hugflow_assets.landing.shards.merge_features import merged
from hugflow_assets.landing.shards.shard import Shard, ShardKey
from hugflow_assets.landing.tree.assemble import LandedShard, assemble
from hugflow_assets.landing.tree.card import card_text
from hugflow_assets.landing.tree.files import read_features, view_splits, write_features, write_sums
from hugflow_assets.landing.tree.indexes import index_lines
from hugflow_assets.landing.tree.paths import CARD, Folders
from hugflow_assets.landing.tree.tars import by_split, complete_tars, tar_lines
from hugflow_assets.landing.views.columns import ViewColumns, choose_columns, first_rows
from hugflow_assets.landing.views.write import MadeViews, make_views
from hugflow_assets.planning.models import LandingPlan
from hugflow_assets.store import (
    LEFT_OUT,
    ConfigRecord,
    Counts,
    Fingerprint,
    Manifest,
    RepoRecord,
    ShardReceipt,
    SplitRecord,
    Staging,
    TreeSizes,
    Volatile,
)

_NAMES_KEPT = 20


@dataclass
class Tree:
    """The folder of a dataset whose shards are all landed. ``copies`` are those that were there before, by ``work``."""

    plan: LandingPlan
    options: LandingOptions
    fingerprint: Fingerprint
    staging: Staging
    folders: dict[str, Folders]
    shards: list[Shard]
    receipts: dict[ShardKey, ShardReceipt]
    copies: Mapping[Path, LandedCopy]

    @cached_property
    def features(self) -> dict[str, dict[str, Any] | None]:
        """Upstream's, else what the readers found; to be asked when the shards are landed."""
        found = {}
        for config in self.plan.configs:
            own = [shard for shard in self.shards if shard.config == config.name]
            roots = dict.fromkeys(self.copies[shard.work].root for shard in own if shard.work in self.copies)
            before = [read_features(root, self.folders)[config.name] for root in roots]  # of what is linked
            of_shards = [self.receipts[shard.key].features for shard in own]
            found[config.name] = config.features or with_kinds(merged([*before, *of_shards]), self._kinds[config.name])
        return found

    @cached_property
    def _kinds(self) -> dict[str, dict[str, str]]:
        """Of the columns of text of each config."""
        return {
            config.name: settled(self.receipts[shard.key].kinds for shard in self.shards if shard.config == config.name)
            for config in self.plan.configs
        }

    def settle_types(self) -> None:
        """Write the lines of shards anew that have numbers where others of their config have words.

        May be killed and repeated at any point: a receipt whose lines are not there yet is not believed.
        """
        for shard in self.shards:
            receipt = self.receipts[shard.key]
            wanted, found = to_become_text(receipt.kinds, self._kinds[shard.config]), frozenset(receipt.as_text)
            if wanted == found or not shard.lines_path.exists():
                continue
            written = shard.lines_path.with_name(f"{shard.lines_path.name}.settled")
            size, digest = write_settled(shard.lines_path, wanted - found, found - wanted, written)
            counts = receipt.counts.model_copy(update={"json_bytes": size})
            changed = {"json_xxh128": digest, "counts": counts, "as_text": tuple(wanted)}
            receipt = receipt.model_copy(update=changed)
            self.staging.save_receipt(receipt, self.staging.sums(*shard.key))
            written.replace(shard.lines_path)
            self.receipts[shard.key] = receipt

    def columns(self, configs: tuple[ConfigRecord, ...]) -> ViewColumns:
        """To be asked when the records are there: some datasets have no features to tell."""
        request = self.plan.request
        rows = first_rows(self.staging.path, view_splits(configs, self.folders))
        return choose_columns(self.features.values(), request.audio_column, request.text_column, rows)

    def assemble(self) -> tuple[ConfigRecord, ...]:
        """The records, of the lines of the shards.

        Raises:
            IncompleteLandingError: lines are not those of the receipts, which are forgotten then.
        """
        configs = []
        for config in self.plan.configs:
            splits = []
            for split in config.splits:
                landed = [
                    LandedShard(shard, self.receipts[shard.key])
                    for shard in self.shards
                    if (shard.config, shard.split) == (config.name, split.name)
                ]
                record = self.folders[config.name].record(split.name)
                splits.append(self._assembled(record, split.name, landed))
            configs.append(ConfigRecord(name=config.name, splits=tuple(splits)))
        return tuple(configs)

    def counts(self, configs: tuple[ConfigRecord, ...]) -> Counts:
        """What was counted over all splits, and the repository's files."""
        counts = sum((split.counts for config in configs for split in config.splits), Counts())
        return counts.model_copy(update={"extra": counts.extra | self.plan.coverage.counts()})

    def _assembled(self, record: str, split: str, landed: list[LandedShard]) -> SplitRecord:
        try:
            return assemble(self.staging.path, record, split, landed)
        except IncompleteLandingError as error:
            for one in landed:
                if one.receipt.index in error.details.get("shards", ()):
                    self.staging.forget(*one.shard.key)
            raise

    def finish(self, configs: tuple[ConfigRecord, ...], withdrawals: int) -> MadeViews:
        """Everything around the records: features, views, card, checksum list."""
        tree = self.staging.path
        written = write_features(tree, self.features, self.folders)
        records = [split.record_path for config in configs for split in config.splits]
        written += [*records, *(index_lines(tree, record) for record in records)]
        checksum = Checksum(self.options.checksums)
        if self._is_packed:
            written += complete_tars(tree, by_split(self._in_order), self._sums_of, checksum)
        splits = view_splits(configs, self.folders)
        views = make_views(tree, tree, splits, self.options.views, self.columns(configs), self.features)
        (tree / CARD).write_bytes(
            card_text(self.plan.state, views.card(self.fingerprint.of_views(self.plan.commit, withdrawals)))
        )
        write_sums(tree, checksum, [*written, *views.paths, CARD], self._media_sums())
        return views

    @property
    def _is_packed(self) -> bool:
        return self.options.form_of(self.plan.request) == "packed"

    @property
    def _in_order(self) -> list[ShardReceipt]:
        return [self.receipts[shard.key] for shard in self.shards]

    def _sums_of(self, receipt: ShardReceipt) -> bytes:
        return self.staging.sums(receipt.config, receipt.split, receipt.index)

    def _media_sums(self) -> Iterator[list[str]]:
        """The shards' checksum lines, folder by folder in the order of their paths; packed: those of the tars."""
        if self._is_packed:
            yield tar_lines(self._in_order, self._sums_of)
            return
        folders = [(folder + "/", shard) for shard in self.shards for folder in self.receipts[shard.key].folders]
        for folder, shard in sorted(folders, key=lambda pair: pair[0].encode()):
            lines = self.staging.sums(*shard.key).decode().splitlines(keepends=True)
            yield [line for line in lines if listed_path(line).startswith(folder)]

    def manifest(
        self, configs: tuple[ConfigRecord, ...], views: MadeViews, sizes: TreeSizes, volatile: Volatile
    ) -> Manifest:
        """What landed, as it lies there."""
        plan, state = self.plan, self.plan.state
        counts = self.counts(configs)
        if views.left_out:
            counts = counts.model_copy(update={"extra": counts.extra | {LEFT_OUT: views.left_out}})
        names = [name for shard in self.shards for name in self.receipts[shard.key].unreadable_names]
        return Manifest(
            name=plan.name,
            request=plan.request,
            repo=RepoRecord(
                endpoint=plan.endpoint,
                id=state.repo_id,
                oid=state.repo_oid,
                commit=state.commit,
                files_commit=state.files_commit,
                files_hash=state.files_hash,
                license=state.license,
                gated=state.gated,
                private=state.private,
            ),
            fingerprint=self.fingerprint,
            shape=plan.shape.value,
            shape_reason=plan.shape_reason,
            checksums=self.options.checksums,
            form=self.options.form_of(plan.request),
            views=views.of(self.options.views),
            audio_column=views.columns.audio,
            audio_columns=views.columns.audios,
            text_column=views.columns.text,
            configs=configs,
            counts=counts,
            size_bytes=sizes.size_bytes,
            files=sizes.files,
            unreadable_names=tuple(names[:_NAMES_KEPT]),
            volatile=volatile,
        )
