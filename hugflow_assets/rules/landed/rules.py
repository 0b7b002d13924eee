"""Rules about a landed dataset: hashes, audio, transcripts, leakage, quota, upstream."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hugflow_assets.errors import (
    DamagedDatasetError,
    HFGoneError,
    HFNotFoundError,
    HugflowError,
    QuotaExceededError,
)
from hugflow_assets.hub.models import RepoState
from hugflow_assets.rules.landed.case import LandedCase, LandedRule
from hugflow_assets.rules.quota import SOFT_LIMIT, room_in_words
from hugflow_assets.rules.verdict import Severity, Verdict
from hugflow_assets.store.models import Manifest
from hugflow_assets.wording import human_size as size
from hugflow_assets.wording import listed, share


class Hashes(LandedRule):
    name = "hashes"
    about = "Every landed file still has the hash it was landed with."

    def judge_manifest(self, case: LandedCase, manifest: Manifest) -> Verdict:
        found = case.verification
        if found is None:
            return self.not_evaluated("nothing was re-hashed.")
        if found.missing or found.damaged:
            faults = [f"{len(found.damaged):,} damaged ({listed(found.damaged)})"] if found.damaged else []
            faults += [f"{len(found.missing):,} missing ({listed(found.missing)})"] if found.missing else []
            return self.failed(
                f"Of {found.checked:,} files {' and '.join(faults)}.",
                remedy="Materialize the dataset again: what is damaged is fetched anew.",
                code=DamagedDatasetError.code,
                damaged=list(found.damaged[:50]),
                missing=list(found.missing[:50]),
            )
        if found.extra:
            return self.failed(
                f"{found.checked:,} files are as landed; {len(found.extra):,} others lie beside them "
                f"({listed(found.extra)}).",
                remedy="Move what is yours out of the dataset's folder.",
                severity=Severity.WARNING,
                extra=list(found.extra[:50]),
            )
        return self.passed(f"{found.checked:,} files are as landed.", checked=found.checked)


class AudioReadable(LandedRule):
    """Unreadable audio is landed as it is, counted and named; above ``MAX_UNREADABLE_SHARE`` the rule fails."""

    name = "audio_readable"
    about = "The share of audio files whose header cannot be read is not above MAX_UNREADABLE_SHARE."

    def judge_manifest(self, case: LandedCase, manifest: Manifest) -> Verdict:
        counts, limit = manifest.counts, case.settings.max_unreadable_share
        bad, every = counts.unreadable_audio, counts.media_files
        absent = counts.null_audio + counts.unresolved_paths
        facts: dict[str, Any] = {
            "unreadable": bad,
            "files": every,
            "null_audio": counts.null_audio,
            "unresolved_paths": counts.unresolved_paths,
            "names": list(manifest.unreadable_names),
        }
        beside = f" {absent:,} rows have no audio upstream." if absent else ""
        if not bad:
            return self.passed(f"{every:,} files, every header readable.{beside}", **facts)
        named = f": {listed(manifest.unreadable_names)}" if manifest.unreadable_names else ""
        message = f"{bad:,} of {every:,} files ({share(bad, every)}) have no readable header{named}.{beside}"
        if bad > limit * every:
            return self.failed(
                message,
                remedy="They landed as they are upstream: leave them out in training, or tell the dataset's owner.",
                code="audio-unreadable",
                **facts,
            )
        return self.passed(message, **facts)


class TranscriptsPresent(LandedRule):
    name = "transcripts_present"
    about = "The rows have a text, in at least MIN_TRANSCRIPT_SHARE of them."
    severity = Severity.WARNING

    def judge_manifest(self, case: LandedCase, manifest: Manifest) -> Verdict:
        texts = case.texts
        if texts is None:
            return self.not_evaluated("the texts were not looked at.")
        if texts.column is None:
            return self.failed(
                "No text column was found.",
                remedy="Name it with text_column if there is one; views are rebuilt, nothing is fetched.",
                code="text-column-missing",
            )
        facts = texts.model_dump()
        message = (
            f"{texts.with_text:,} of {texts.rows:,} rows ({share(texts.with_text, texts.rows)}) have {texts.column}."
        )
        if texts.with_text < case.settings.min_transcript_share * texts.rows:
            return self.failed(
                message, remedy="See whether another column holds the text.", code="text-missing", **facts
            )
        return self.passed(message, **facts)


class NoLeakage(LandedRule):
    name = "no_leakage"
    about = "No clip of a split for testing is in a split for training, of this dataset or of another that landed."
    severity = Severity.WARNING

    def judge_manifest(self, case: LandedCase, manifest: Manifest) -> Verdict:
        leaks = case.leaks
        if leaks is None:
            return self.not_evaluated("the clips were not compared.")
        if not leaks:
            return self.passed("No clip is both for testing and for training.")
        shared = [f"{one.count:,} clips of {one.first} are in {one.second}" for one in leaks]
        return self.failed(
            f"{listed(shared)}.",
            remedy=f"`hugflow overlap {manifest.name}` names them; leave them out of training, or tell the owners.",
            code="clips-leak",
            clips_leaked=sum(one.count for one in leaks),
        )


class StorageWithinQuota(LandedRule):
    """The storage as a whole, after the landing. The name differs from pre-flight's: Dagster knows a check by name."""

    name = "storage_within_quota"
    about = "With this dataset the storage is within its quota and above its free-space reserve."

    def without_manifest(self, case: LandedCase) -> Verdict:
        return self._judge_room(case)

    def judge_manifest(self, case: LandedCase, manifest: Manifest) -> Verdict:
        return self._judge_room(case)

    def _judge_room(self, case: LandedCase) -> Verdict:
        if isinstance(case.room, HugflowError):
            raise case.room
        room, facts = case.room, case.room.model_dump()
        over = []
        if room.quota_bytes is not None and room.used_bytes > room.quota_bytes:
            over.append(f"The quota is exceeded by {size(room.used_bytes - room.quota_bytes)}.")
        if room.free_bytes < room.min_free_bytes:
            over.append(f"The free-space reserve is short of {size(room.min_free_bytes - room.free_bytes)}.")
        if room.max_inodes is not None and room.used_inodes > room.max_inodes:
            over.append(f"{room.used_inodes:,} inodes are in use, {room.max_inodes:,} allowed.")
        message, remedy = f"In all: {room_in_words(room)}.", "Remove a dataset or empty the trash."
        if over:
            return self.failed(f"{' '.join(over)} {message}", remedy=remedy, code=QuotaExceededError.code, **facts)
        if room.soft_limit_bytes is not None and room.used_bytes > room.soft_limit_bytes:
            return self.failed(
                f"Above the soft limit of {size(room.soft_limit_bytes)}. {message}",
                remedy=remedy,
                code=SOFT_LIMIT,
                severity=Severity.WARNING,
                **facts,
            )
        return self.passed(message, **facts)


class UpstreamUnchanged(LandedRule):
    """A branch that moved makes the landing stale, not wrong: it stays pinned until a person updates it."""

    name = "upstream_unchanged"
    about = "The branch is still at the commit that landed."
    severity = Severity.WARNING

    def judge_manifest(self, case: LandedCase, manifest: Manifest) -> Verdict:
        now = case.upstream
        if now is None:
            return self.not_evaluated("the Hub was not asked.")
        if isinstance(now, HugflowError):
            return self._unseen(now, manifest)
        facts: dict[str, Any] = {"landed": manifest.commit, "upstream": now.commit}
        changes = list(_changes(now, manifest))
        if now.disabled:
            changes.insert(0, "The Hub has disabled the repository.")
        if now.commit != manifest.commit:
            moved = f"{manifest.request.revision} moved from {manifest.commit[:12]} to {now.commit[:12]}."
            return self.failed(
                " ".join([moved, *changes]),
                remedy=f"Run: hugflow update {manifest.name}",
                code="upstream-moved",
                **facts,
            )
        if changes:
            return self.failed(
                " ".join(changes),
                remedy="The data stay; decide what becomes of them.",
                code="upstream-changed",
                **facts,
            )
        return self.passed(f"{manifest.request.revision} is still at {manifest.commit[:12]}.", **facts)

    def _unseen(self, error: HugflowError, manifest: Manifest) -> Verdict:
        if error.transient:
            return self.not_evaluated(error.message, transient=True, code=error.code)
        if isinstance(error, HFNotFoundError):
            return self.failed(
                f"{manifest.repo.id} is no longer on the Hub, or the token may not read it any more.",
                remedy="The data stay; decide what becomes of them.",
                code=HFGoneError.code,
            )
        return Verdict.of_error(self.name, error, severity=self.severity)


def _changes(now: RepoState, manifest: Manifest) -> Iterator[str]:
    if now.repo_id != manifest.repo.id:
        yield f"{manifest.repo.id} is now called {now.repo_id}."
    # A plain server lists no card beside the commit: then nothing is known of the licence, not that it went away.
    if now.license is not None and now.license != manifest.repo.license:
        yield f"The licence was {manifest.repo.license or 'not known'} and is {now.license}."
