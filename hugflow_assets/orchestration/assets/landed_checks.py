"""Checks on a landed ``dataset``: part of every landing run, and executable alone, each for its partition."""

from collections.abc import Iterable, Iterator, Mapping, Set
from typing import Any

from dagster import AssetCheckExecutionContext, AssetCheckResult, multi_asset_check

from hugflow_assets.errors import HugflowError
from hugflow_assets.hub import RepoState
from hugflow_assets.orchestration.assets.check_specs import check_results, check_specs, report_verdicts
from hugflow_assets.orchestration.assets.failures import failing_by_name
from hugflow_assets.orchestration.assets.planned_checks import forget_unjudged
from hugflow_assets.orchestration.assets.platform import Platform
from hugflow_assets.orchestration.sync.run_outcome import verdicts_of
from hugflow_assets.profile import count_texts, leaks
from hugflow_assets.rules import POSTLANDING_RULES, Leak, Severity, TextFacts, Verdict, judge_landed
from hugflow_assets.store import EventKind, Manifest, Store

_AGAIN = (
    'Judged after every landing. "Execute all" judges every landed dataset again; a materialization of the partition '
    "judges one, and fetches nothing where nothing is missing. `hugflow verify` hashes it, too."
)


@multi_asset_check(
    name="landed_checks",
    specs=check_specs(POSTLANDING_RULES, blocking=False, again=_AGAIN),
    can_subset=True,
    description="Whether what lies on the storage is what was asked for, whole and undamaged, and still upstream.",
)
def landed_checks(context: AssetCheckExecutionContext, platform: Platform) -> Iterator[AssetCheckResult]:
    """Judge the dataset of this partition by the selected rules; what none of them asks for is not looked at.

    Without a partition, which is what "Execute all" of the Checks tab asks for, every landed dataset is judged.
    """
    with failing_by_name(context.instance, context.run.run_id):
        selected = {key.name for key in context.selected_asset_check_keys}
        if not context.has_partition_key:
            for name in platform.store().index.names():
                report_verdicts(context.instance, context.run, name, verdicts(name, selected, platform), selected)
            forget_unjudged(context.instance, context.run.run_id)
            return
        name, found = context.partition_key, {}
        for verdict in verdicts(name, selected, platform):
            found[verdict.name] = verdict
            yield from check_results([verdict], selected)
        forget_unjudged(context.instance, context.run.run_id, selected)
        earlier = verdicts_of(context.instance, context.run.run_id)
        try:
            tell_checked(platform.store(), name, context.run.run_id, earlier | found)
        except HugflowError as error:  # the dataset is landed, and that has been told
            context.log.warning("What the checks said is not told: %s", error)


def tell_checked(store: Store, name: str, run_id: str, verdicts: Mapping[str, Verdict]) -> None:
    """Append what the checks of a landing said, with the facts of the landing; nothing for a run that landed nothing.

    Raises:
        StorageError: the log cannot be written. ManifestError: the manifest is unreadable.
    """
    manifest = store.manifest(name)
    if manifest is None or manifest.volatile.run_id != run_id:
        return
    store.events.append(
        EventKind.CHECKED,
        name,
        run_id=run_id,
        folder=str(store.layout.dataset(name)),
        **manifest.landed_facts(),
        checks=checks_told(verdicts.values()),
    )


def checks_told(verdicts: Iterable[Verdict]) -> dict[str, Any]:
    """How many passed; ``name: message`` of those that failed, warned or could not be judged; what to do."""
    by_kind: dict[str, list[str]] = {"failed": [], "warnings": [], "not_judged": []}
    passed, remedies = 0, []
    for one in verdicts:
        if one.passed or one.severity is Severity.INFO:
            passed += 1
            continue
        kind = "not_judged" if not one.evaluated else "failed" if one.blocks else "warnings"
        by_kind[kind].append(f"{one.name}: {one.message}"[:500])
        remedies += [one.remedy] if one.blocks else []
    return {"passed": passed, **by_kind, "remedy": " ".join(dict.fromkeys(remedies))}


def verdicts(name: str, selected: Set[str], platform: Platform) -> Iterator[Verdict]:
    """The verdicts of the selected post-landing rules on one landed dataset.

    Raises:
        UnknownDatasetError: the name is no storage name.
    """
    from hugflow_assets.landing.verify.verify import verify

    store, settings = platform.store(), platform.settings()
    manifest = _manifest(store, name)
    for rule in POSTLANDING_RULES:
        if rule.name not in selected:
            continue
        try:
            verification = verify(store, name) if manifest and rule.name == "hashes" else None
            texts = _texts(store, manifest) if manifest and rule.name == "transcripts_present" else None
            leaked = _leaks(store, name) if manifest and rule.name == "no_leakage" else None
            upstream = _upstream(platform, manifest) if manifest and rule.name == "upstream_unchanged" else None
            yield judge_landed(
                rule, name, store, settings, verification=verification, texts=texts, leaks=leaked, upstream=upstream
            )
        except HugflowError as error:  # what one rule cannot look at keeps no other from its verdict
            yield Verdict.of_error(rule.name, error, severity=rule.severity)


def _manifest(store: Store, name: str) -> Manifest | None:
    try:
        return store.manifest(name)
    except HugflowError as error:
        if error.code == "unknown-dataset":
            raise
        return None  # `complete` fails with this error


def _texts(store: Store, manifest: Manifest) -> TextFacts:
    rows, with_text = count_texts(store.layout.dataset(manifest.name), manifest)
    return TextFacts(column=manifest.text_column, rows=rows, with_text=with_text)


def _leaks(store: Store, name: str) -> list[Leak]:
    return [Leak(first=one.first, second=one.second, count=one.count) for one in leaks(store, name)]


def _upstream(platform: Platform, manifest: Manifest) -> RepoState | HugflowError:
    try:
        return platform.hub().state(manifest.request.hf_id, manifest.request.revision)
    except HugflowError as error:
        return error
