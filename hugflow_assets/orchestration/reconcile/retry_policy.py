"""What the instance remembers of runs for a name: whether one is at work, and when another may be tried.

Only runs for the file as it is now count (its digest is a tag of the run), so an edit starts afresh, also when it goes
back to what the file said before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from dagster import DagsterInstance, DagsterRunStatus, RunRecord, RunsFilter

from hugflow_assets.orchestration.assets.failures import ERROR_TAG, TRANSIENT_TAG
from hugflow_assets.orchestration.reconcile.dead_runs import is_gone

# What the run list shows, and people filter by. Dagster hides the others from it, by their prefix.
HF_ID_TAG = "hf_id"
SUBSET_TAG = "subset"
OWNER_TAG = "owner"
NAME_TAG = ".dagster/hugflow_name"
DIGEST_TAG = ".dagster/hugflow_digest"
REQUEST_TAG = ".dagster/hugflow_request"
COMMIT_TAG = ".dagster/hugflow_request_commit"
CHANGE_TAG = ".dagster/hugflow_merged_in"
AUTHOR_TAG = "hugflow/author"
PULL_TAG = "hugflow/pull_request"
PARTITION_TAG = "dagster/partition"

FIRST_WAIT_S = 30.0
LONGEST_WAIT_S = 3600.0
GIVE_UP_AFTER_S = 24 * 3600.0
SILENT_RUN_S = 600.0

AT_WORK = (
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
)
_WAITING = (DagsterRunStatus.QUEUED,)
_CHUNK = 200
_KEPT_A_NAME = 20


@dataclass(frozen=True)
class Next:
    """When a name may be tried: at ``at`` (a time that is past: now), or, None, not before somebody acts.

    ``generation`` tells this try from earlier ones of the same file: a run key dedupes for ever.
    """

    at: float | None
    generation: str


@dataclass(frozen=True)
class Attempts:
    """The runs of some names, newest first."""

    runs: Mapping[str, list[RunRecord]] = field(default_factory=dict)

    @classmethod
    def of(cls, instance: DagsterInstance, names: Collection[str]) -> Attempts:
        """Read what the instance knows of these names."""
        found: dict[str, list[RunRecord]] = defaultdict(list)
        ordered = sorted(names)
        for start in range(0, len(ordered), _CHUNK):
            chunk = ordered[start : start + _CHUNK]
            records = instance.get_run_records(RunsFilter(tags={NAME_TAG: chunk}), limit=_KEPT_A_NAME * len(chunk))
            for record in records:
                found[record.dagster_run.tags[NAME_TAG]].append(record)
        return cls(found)

    def next_try(self, name: str, digest: str, *, now: float, ignore_before: float = 0.0) -> Next:
        """When to try ``name`` with the file's ``digest``. Failures before ``ignore_before`` hold nothing back."""
        records = self.runs.get(name, [])
        generation = records[0].dagster_run.run_id[:8] if records else "first"
        failures: list[RunRecord] = []
        for record in records:
            run = record.dagster_run
            if run.tags.get(DIGEST_TAG) != digest or ended_at(record) < ignore_before:
                break
            if run.status is DagsterRunStatus.SUCCESS:
                if not failures:  # it landed, and is gone again: not by the minute, should that go on
                    return Next(ended_at(record) + SILENT_RUN_S, generation)
                break
            failures.append(record)
        if not failures:
            return Next(now, generation)
        if not may_pass_by_itself(failures[0]):
            return Next(None, generation)
        wait = min(FIRST_WAIT_S * 2 ** (len(failures) - 1), LONGEST_WAIT_S)
        at = ended_at(failures[0]) + wait
        return Next(None if at - ended_at(failures[-1]) > GIVE_UP_AFTER_S else at, generation)


def may_pass_by_itself(record: RunRecord) -> bool:
    """Whether a failed run may succeed unchanged: its error says so, or it died without a word. Not a cancelled one."""
    run = record.dagster_run
    if run.status is DagsterRunStatus.CANCELED:
        return False
    return ERROR_TAG not in run.tags or run.tags.get(TRANSIENT_TAG) == "true"


def ended_at(record: RunRecord) -> float:
    """When a run ended, or was last heard of, as seconds since the epoch."""
    return record.end_time or record.update_timestamp.timestamp()


def at_work(instance: DagsterInstance, *, now: float, alive: Callable[[str], bool]) -> frozenset[str]:
    """The names (and removal keys) that a run waits for or works on. ``alive``: whether a name's heartbeat is fresh."""
    found = set()
    for record in instance.get_run_records(RunsFilter(statuses=list(AT_WORK))):
        run = record.dagster_run
        name = run.tags.get(PARTITION_TAG) or run.tags.get(NAME_TAG)
        # A run started by a command that was killed stays STARTED for ever: nobody monitors it.
        silent = run.status not in _WAITING and now - record.update_timestamp.timestamp() > SILENT_RUN_S
        if name is not None and not is_gone(run.tags) and (not silent or alive(name)):
            found.add(name)
    return frozenset(found)
