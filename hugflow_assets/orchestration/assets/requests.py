"""``requests``: the folder or branch as a whole, and the check that names every file that cannot be read."""

from dagster import (
    AssetCheckEvaluation,
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetCheckSeverity,
    AssetExecutionContext,
    AssetKey,
    AssetMaterialization,
    DataVersion,
    MaterializeResult,
    MetadataValue,
    asset,
    asset_check,
)

from hugflow_assets.intake import RequestSnapshot
from hugflow_assets.orchestration.assets.check_specs import GROUP
from hugflow_assets.orchestration.assets.failures import failing_by_name
from hugflow_assets.orchestration.assets.metadata import Metadata, cell
from hugflow_assets.orchestration.assets.platform import Platform
from hugflow_assets.orchestration.assets.shown import descriptions

REQUESTS = AssetKey("requests")
FILES_VALID = "files_valid"
_SHOWN = 200
DATA_VERSION_TAG = "dagster/data_version"
# The same for ever: that one request changed makes no other landing outdated. The sensor compares each with its file.
ASKED = "asked"
# Of an event of ``dataset``: what it says of the requests that it was made of.
AS_ASKED = {
    f"dagster/input_data_version/{REQUESTS.to_user_string()}": ASKED,
    f"dagster/input_event_pointer/{REQUESTS.to_user_string()}": "0",
}


@asset(
    key=REQUESTS,
    group_name=GROUP,
    kinds={"yaml"},
    owners=descriptions.OWNERS,
    tags={"about": "wanted"},
    description=descriptions.REQUESTS,
)
def requests(context: AssetExecutionContext, platform: Platform) -> MaterializeResult[None]:
    """Read every request file."""
    with failing_by_name(context.instance, context.run.run_id):
        return MaterializeResult(metadata=_counts(platform.snapshot()), data_version=DataVersion(ASKED))


@asset_check(asset=REQUESTS, name=FILES_VALID, description="Every request file can be read.")
def files_valid(context: AssetCheckExecutionContext, platform: Platform) -> AssetCheckResult:
    """Name every problem with file, line and column."""
    with failing_by_name(context.instance, context.run.run_id):
        snapshot = platform.snapshot()
        return AssetCheckResult(passed=not snapshot.problems, severity=_SEVERITY, metadata=_problems(snapshot))


def events_of(snapshot: RequestSnapshot) -> list[AssetMaterialization | AssetCheckEvaluation]:
    """What ``requests`` and its check would say, as events without a run."""
    return [
        AssetMaterialization(REQUESTS, metadata=_counts(snapshot), tags={DATA_VERSION_TAG: ASKED}),
        AssetCheckEvaluation(
            asset_key=REQUESTS,
            check_name=FILES_VALID,
            passed=not snapshot.problems,
            severity=_SEVERITY,
            metadata=_problems(snapshot),
        ),
    ]


# One unreadable file keeps no other dataset from landing, so it warns; in review it is an error.
_SEVERITY = AssetCheckSeverity.WARN


def _counts(snapshot: RequestSnapshot) -> Metadata:
    return {
        "add_files": MetadataValue.int(len(snapshot.adds)),
        "remove_files": MetadataValue.int(len(snapshot.removals)),
        "unreadable_files": MetadataValue.int(len({problem.path for problem in snapshot.problems})),
        "datasets_wanted": MetadataValue.int(len(snapshot.desired())),
        "commit": MetadataValue.text(snapshot.commit or "a folder, not a commit"),
        "digest": MetadataValue.text(snapshot.digest),
    }


def _held_back(snapshot: RequestSnapshot) -> str:
    """What removals that cannot be read keep from landing."""
    unread = snapshot.unread_removals
    if not unread:
        return "nothing"
    paths = ", ".join(one.path for one in unread[:_SHOWN])
    if any(one.hf_id is None for one in unread):
        return f"EVERYTHING NEW: {paths} cannot be read and could withdraw any dataset. Correct or delete them."
    names = ", ".join(sorted({one.hf_id for one in unread if one.hf_id}))
    return f"What is new of {names}: {paths} cannot be read. Correct or delete them."


def _problems(snapshot: RequestSnapshot) -> Metadata:
    shown = snapshot.problems[:_SHOWN]
    lines = ["| file | line | column | problem | suggestion |", "|---|---:|---:|---|---|"]
    lines += [
        f"| {cell(one.path)} | {one.line} | {one.column} | {cell(one.message)} | {cell(one.suggestion)} |"
        for one in shown
    ]
    return {
        "problems": MetadataValue.int(len(snapshot.problems)),
        "held_back": MetadataValue.text(_held_back(snapshot)),
        "files": MetadataValue.json(sorted({problem.path for problem in snapshot.problems})[:_SHOWN]),
        "table": MetadataValue.md("\n".join(lines) if shown else "Every file can be read."),
    }
