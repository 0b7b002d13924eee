"""Rows that were withdrawn, as a speaker may ask: out of what is landed, and kept out of every later landing.

The mark ``withdrawn`` of a dataset says which rows these are, by the values of a column. What is landed is rewritten as
a new tree that shares all other files, and swapped in; a shard that lands later loses them before it counts as landed.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import xxhash

from hugflow_assets.durable.disk_errors import disk_errors
from hugflow_assets.errors import StorageError, WithdrawalRefusedError
from hugflow_assets.formats.checksums import Checksum, listed_path, parse_sums
from hugflow_assets.formats.record_rows import value_at
from hugflow_assets.formats.text.json_values import loads
from hugflow_assets.landing.record.media_values import media_values
from hugflow_assets.landing.rewritten_records import (
    Gone,
    RewrittenRecords,
    with_media_files,
    with_sums,
    without,
)
from hugflow_assets.landing.shards.shard import Shard
from hugflow_assets.landing.tree.files import folders_of, read_features
from hugflow_assets.landing.tree.indexes import ENDING, index_lines
from hugflow_assets.landing.tree.paths import CARD, is_view
from hugflow_assets.landing.update_in_place import Edit, new_tree, not_landed, renew_sums, swap_in, write_views
from hugflow_assets.landing.views.features import with_media
from hugflow_assets.store import (
    EventKind,
    Lease,
    Manifest,
    PlannedEvent,
    ShardReceipt,
    Store,
    Withdrawal,
    Withdrawn,
    WithdrawnValues,
)
from hugflow_assets.store.layout import MANIFEST
from hugflow_assets.store.publishing.trees import link_tree
from hugflow_assets.wording import nearest_first


@dataclass(frozen=True)
class WithdrawnRows:
    """Which rows are withdrawn: for each column the values, as text."""

    by_column: Mapping[str, frozenset[str]]

    def holds(self, row: Any) -> bool:
        """Whether a row is one of them."""
        return any(_text_at(row, column.split(".")) in values for column, values in self.by_column.items())


def withdrawn_rows(store: Store, name: str) -> WithdrawnRows | None:
    """What is withdrawn of a dataset; None: nothing.

    Raises:
        StorageError: the mark is there and cannot be read. Nothing lands then: the rows could come back.
    """
    mark = _read_mark(store, name)
    if mark is None:
        return None
    found: dict[str, frozenset[str]] = {}
    for one in mark.entries:
        found[one.column] = found.get(one.column, frozenset()) | set(one.ids)
    return WithdrawnRows(found)


def _read_mark(store: Store, name: str) -> Withdrawal | None:
    """None where nothing was ever withdrawn. What cannot be read is never taken for that: it would be written over."""
    mark = store.withdrawn.read(name)
    if mark is None and store.withdrawn.is_there(name):
        raise StorageError(
            f"What was withdrawn of {name} cannot be read.",
            remedy="Restore .hugflow/marks/withdrawn from a backup, or withdraw the rows again.",
        )
    return mark


def withdrawals(store: Store, name: str) -> tuple[Withdrawn, ...]:
    """What a manifest says of them: everything but the values themselves.

    Raises:
        StorageError: the mark is there and cannot be read.
    """
    return _told_of(_read_mark(store, name))


def _told_of(mark: Withdrawal | None) -> tuple[Withdrawn, ...]:
    """A mark without its values."""
    return tuple(
        Withdrawn(column=one.column, values=len(one.ids), reason=one.reason, by=one.by, at=one.at)
        for one in (mark.entries if mark is not None else ())
    )


def withdraw_values(store: Store, name: str, values: WithdrawnValues) -> tuple[Manifest, int]:
    """Take rows out of a landed dataset for good; its manifest, and how many rows went now.

    They are withdrawn from the moment that the mark is written: killed behind it, the same call completes the work.

    Raises:
        UnknownDatasetError: it is not landed. LeaseHeldError: somebody is at work on it.
        WithdrawalRefusedError: it is packed, has no such column, or no row with any of the values.
    """
    with store.leases.take(name, purpose="withdrawal", wait_s=0) as lease:
        manifest = store.manifest(name)
        if manifest is None:
            raise not_landed(name)
        if manifest.form == "packed":
            raise _packed(name)
        mark = _read_mark(store, name) or Withdrawal(name=name, entries=())
        asked_before = {(one.column, one.ids): number for number, one in enumerate(mark.entries)}
        number = asked_before.get((values.column, values.ids))
        asked = WithdrawnRows({values.column: frozenset(values.ids)})
        with disk_errors(store.layout.dataset(name)):
            rows = _count(store.layout.dataset(name), manifest, asked, values.column)
        if not rows and number is None:
            raise WithdrawalRefusedError(
                f"No row of {name} has one of these {len(values.ids)} values in {values.column!r}.",
                remedy="Name the column that holds them with --column. Nothing was changed.",
            )
        if number is None:
            number, mark = len(mark.entries), mark.model_copy(update={"entries": (*mark.entries, values)})
            store.withdrawn.write(mark)
        event_of = partial(_event, store, mark, number, rows)
        if rows:
            edit = Edit(store, manifest, manifest.request, lease, event_of)
            manifest = withdraw(edit, asked, _told_of(mark))
        else:  # a landing has left them out meanwhile, or they went and nobody could tell
            store.events.append_planned(event_of(manifest).model_copy(update={"after_seq": 0}))
        _forget_leftovers(store, name, lease, values.by)
        return manifest, rows


def _event(store: Store, mark: Withdrawal, number: int, rows: int, manifest: Manifest) -> PlannedEvent:
    """What tells of the withdrawal of that number, once however often it is asked for; the values are told to nobody.

    Args:
        rows: how many went now.
        manifest: of the dataset without them.
    """
    values = mark.entries[number]
    return store.events.plan(
        EventKind.WITHDRAWN,
        mark.name,
        entry=f"{mark.name}@{values.at}-{number}",
        rows=rows,
        rows_left=manifest.counts.rows,
        column=values.column,
        values=len(values.ids),
        reason=values.reason,
        by=values.by,
    )


def _count(root: Path, manifest: Manifest, gone: WithdrawnRows, column: str) -> int:
    rows, columns = 0, dict[str, None]()
    for split in (split for config in manifest.configs for split in config.splits):
        with (root / split.record_path).open("rb") as lines:
            for line in lines:
                row = loads(line)
                columns |= dict.fromkeys(row)
                rows += gone.holds(row)
    if column.partition(".")[0] not in columns:
        near = nearest_first(column, list(columns))
        raise WithdrawalRefusedError(
            f"{manifest.name} has no column {column!r}; it has {', '.join(near[:10])}.",
            remedy="Name the column that holds the values with --column.",
        )
    return rows


# ---- of a shard that has just landed


def without_withdrawn(shard: Shard, receipt: ShardReceipt, gone: WithdrawnRows) -> ShardReceipt:
    """Leave the withdrawn rows out of a shard before it counts as landed; its receipt then.

    Raises:
        WithdrawalRefusedError: they are in tars.
    """
    found, kept = Gone(), set[str]()
    features = with_media(receipt.features or shard.features)
    with shard.lines_path.open("rb") as lines:
        for line in lines:
            row = loads(line)
            if gone.holds(row):
                found.add(line, row, features)
    if not found.counts.rows:
        return receipt
    found.forget_unlisted(path for path, _ in parse_sums(shard.sums_path.read_text("utf-8").split("\n")))
    if shard.pack is not None:
        raise _packed(shard.repo_id)
    digest = xxhash.xxh3_128()
    written = shard.lines_path.with_name(f"{shard.lines_path.name}.kept")
    with shard.lines_path.open("rb") as lines, written.open("wb") as out:
        for line in lines:
            row = loads(line)
            if not gone.holds(row):
                digest.update(line)
                out.write(line)
                kept |= {value["path"] for value in media_values(features, row) if value["path"] in found.media}
    less = with_media_files(found, kept, shard.tree)
    lost = found.media.keys() - kept
    sums = b"".join(
        line
        for line in shard.sums_path.read_bytes().splitlines(keepends=True)
        if listed_path(line.decode()) not in lost
    )
    for path in lost:
        (shard.tree / path).unlink(missing_ok=True)
    written.replace(shard.lines_path)
    shard.sums_path.write_bytes(sums)
    return receipt.model_copy(
        update={
            "counts": without(receipt.counts, less),
            "json_xxh128": digest.hexdigest(),
            "sums_xxh128": xxhash.xxh3_128_hexdigest(sums),
            "unreadable_names": tuple(one for one in receipt.unreadable_names if one not in lost),
        }
    )


# ---- of what is landed


def withdraw(edit: Edit, gone: WithdrawnRows, told: tuple[Withdrawn, ...]) -> Manifest:
    """Take the withdrawn rows and their clips out of a landed dataset; the manifest as it is published.

    Nothing of the version before is kept. A file that other rows name, too, stays.

    Args:
        told: what the manifest is to say of it.
    Raises:
        WithdrawalRefusedError: the dataset is packed.
    """
    manifest, root = edit.manifest, edit.root
    if manifest.form == "packed":
        raise _packed(manifest.name)
    with new_tree(edit) as staging:
        checksum = Checksum.called(manifest.checksums)
        features = {name: with_media(one) for name, one in read_features(root, folders_of(manifest)).items()}
        rewritten = RewrittenRecords(root, staging.path, gone.holds, features)
        configs = rewritten.configs(manifest.configs, (path for path, _ in _listed(root, checksum)))
        kept = rewritten.named_still(configs)
        lost = rewritten.found.media.keys() - kept
        less = with_media_files(rewritten.found, kept, root)
        records = [split.record_path for config in configs for split in config.splits]
        made = [*records, *(index_lines(staging.path, one) for one in records if (root / (one + ENDING)).is_file())]
        views = {path for path, _ in _listed(root, checksum) if is_view(path)}
        away = {MANIFEST, CARD, checksum.list_name, *made, *lost, *views}
        link_tree(root, staging.path, away)  # before the views, which look at the clips
        updated = manifest.model_copy(update={"configs": configs, "withdrawn": told})
        written = write_views(edit, updated, staging.path, staging.path, manifest.views)
        renew_sums(edit, staging.path, [*made, *written.views.paths, CARD], {*lost, *views}.__contains__)
        updated = updated.model_copy(
            update={
                "configs": with_sums(configs, staging.path / checksum.list_name, lost, rewritten.less_of, kept, root),
                "counts": without(written.counts, less),
                "unreadable_names": tuple(one for one in manifest.unreadable_names if one not in lost),
            }
        )
        return swap_in(edit, staging, updated, without=away)


def _forget_leftovers(store: Store, name: str, lease: Lease, by: str) -> None:
    """Delete what landings of before have left of a dataset: its versions in the trash, and what was staged."""
    store.empty_trash(0.0, name=name, by=by, lease=lease)
    for folder in (store.layout.staging_root / name).glob("*"):
        shutil.rmtree(folder, ignore_errors=True)


def _listed(root: Path, checksum: Checksum) -> Iterator[tuple[str, str]]:
    with (root / checksum.list_name).open(encoding="utf-8", newline="\n") as lines:
        yield from parse_sums(lines)


def _text_at(row: Any, names: list[str]) -> str | None:
    """The value of a dotted column as text; numbers as they are written."""
    value = value_at(row, names)
    return None if value is None or isinstance(value, dict | list) else str(value)


def _packed(name: str) -> WithdrawalRefusedError:
    return WithdrawalRefusedError(
        f"{name} is packed: the withdrawn clips are inside tars.",
        remedy="Ask for `form: files`, which fetches nothing; then withdraw the rows, and pack it again.",
    )
