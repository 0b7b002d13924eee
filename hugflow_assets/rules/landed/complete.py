"""The rule that a landing is complete: every file, row and clip is there or accounted for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hugflow_assets.errors import (
    IncompleteLandingError,
)
from hugflow_assets.planning.models import LandingPlan
from hugflow_assets.rules.landed.case import LandedCase, LandedRule
from hugflow_assets.rules.landed.reconciliation import (
    COUNTED,
    accounts,
    named,
    too_many_absent,
    unaccounted,
    unmatched_names,
)
from hugflow_assets.rules.verdict import Severity, Verdict
from hugflow_assets.store.models import LEFT_OUT, WITHDRAWN, Counts, Manifest
from hugflow_assets.wording import human_size as size

_UNMATCHED = {  # what upstream's own parts do not agree about; nothing that a landing could mend
    "rows_without_clip": "rows without their clip",
    "rows_ambiguous": "of these rows that could mean several clips",
    "clips_without_row": "clips without a row",
    "clips_unnamed": "clips that no row names, left out",
    "short_rows": "rows of fewer fields than the header, with nulls for the rest",
    "texts_cp1252": "texts that are no UTF-8 and were read as cp1252",
    "duplicate_keys": "names that an object of JSON had twice, of which the last value stays",
    "ambiguous_texts": "clips of which several texts speak, none of them taken",
    "texts_not_json": "texts beside clips that are not the JSON that they are called",
    "texts_of_no_clip": "texts that belong to no clip",
    "members_without_key": "archive members without a key",
    "keys_not_together": "keys whose members are apart, each part a row of its own",
    WITHDRAWN: "rows withdrawn, which stay out",
    LEFT_OUT: "clips left out of the manifests for NeMo and Lhotse, since nothing says how long they are",
}


class Complete(LandedRule):
    """Counts agree from the shards up, with the files on disk and with what upstream promised. Reads no data."""

    name = "complete"
    about = "Rows, shards and files agree with the manifest, with the disk and with upstream."

    def without_manifest(self, case: LandedCase) -> Verdict:
        if case.missing is None:
            return super().without_manifest(case)
        return Verdict.of_error(self.name, case.missing)

    def judge_manifest(self, case: LandedCase, manifest: Manifest) -> Verdict:
        wrong = [*_sums(manifest), *_records(case.folder, manifest), *_upstream(case.plan, manifest)]
        wrong += unaccounted(manifest)
        files = _files_below(case.folder)
        if files != manifest.files:
            wrong.append(f"{files:,} files lie on disk, {manifest.files:,} were landed.")
        counts = manifest.counts
        message = f"{counts.rows:,} rows, {manifest.files:,} files, {size(manifest.size_bytes)}"
        if wrong:
            return self.failed(
                " ".join(wrong[:10]),
                remedy="Materialize the dataset again: it is repaired at its commit.",
                code=IncompleteLandingError.code,
                problems=wrong[:50],
            )
        unmatched = {key: counts.extra[key] for key in _UNMATCHED if counts.extra.get(key)}
        facts: dict[str, Any] = {"rows": counts.rows, "files": files, "size_bytes": manifest.size_bytes}
        facts |= {key: counts.extra[key] for key in COUNTED if key in counts.extra} | unmatched
        facts |= {f"{count}_names": names for count, names in unmatched_names(manifest).items()}
        odd = ", ".join(f"{_UNMATCHED[key]} ({count:,})" for key, count in unmatched.items())
        message = f"{message}: all there. {accounts(counts.extra)}".rstrip(". ")
        message = f"{message}.{f' Of note: {odd}.' if odd else ''} {named(manifest)}".rstrip()
        if absent := too_many_absent(manifest):
            return self.failed(
                f"{absent} {message}",
                remedy="They landed without one. Look at how the tables name the clips, and tell the dataset's owners.",
                severity=Severity.WARNING,
                code="clips-absent",
                **facts,
            )
        return self.passed(message, **facts)


def _sums(manifest: Manifest) -> Iterator[str]:
    total = Counts()
    for config in manifest.configs:
        for split in config.splits:
            rows = sum(shard.counts.rows for shard in split.shards)
            if rows != split.counts.rows:
                yield f"{config.name}/{split.name}: its shards hold {rows:,} rows, the split {split.counts.rows:,}."
            if [shard.index for shard in split.shards] != list(range(len(split.shards))):
                yield f"{config.name}/{split.name}: shards are missing."
            total += split.counts
    if total.rows != manifest.counts.rows:
        yield f"The splits hold {total.rows:,} rows, the manifest {manifest.counts.rows:,}."


def _records(folder: Path, manifest: Manifest) -> Iterator[str]:
    for config in manifest.configs:
        for split in config.splits:
            expected = sum(shard.json_bytes for shard in split.shards)
            try:
                found = (folder / split.record_path).stat().st_size
            except FileNotFoundError:
                yield f"{split.record_path} is missing."
                continue
            if found != expected:
                yield f"{split.record_path} has {found:,} bytes, not {expected:,}."


def _upstream(plan: LandingPlan | None, manifest: Manifest) -> Iterator[str]:
    if plan is None or plan.commit != manifest.commit:
        return
    landed = {(config.name, split.name): split for config in manifest.configs for split in config.splits}
    for config in plan.configs:
        for promised in config.splits:
            split = landed.get((config.name, promised.name))
            where = f"{config.name}/{promised.name}"
            if split is None:
                yield f"{where} is upstream and not landed."
                continue
            rows = [shard.num_rows for shard in promised.shards]  # what the files say; a card's number may be stale
            if None not in rows and (
                total := sum(count or 0 for count in rows)
            ) != split.counts.rows + split.counts.extra.get(WITHDRAWN, 0):
                yield f"{where}: {total:,} rows upstream, {split.counts.rows:,} landed."


def _files_below(folder: Path) -> int:
    """How many files lie in a landed folder, ``hugflow.json`` aside; 0 when the folder is gone."""
    count = sum(len(files) for _, _, files in os.walk(folder))
    return count - (folder / "hugflow.json").is_file()
