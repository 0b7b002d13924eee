"""``dataset``: one request, landed. The asset finds the request, pins it, judges it; its IO manager lands it."""

from collections.abc import Iterator, Set
from typing import NoReturn

from dagster import AssetCheckResult, AssetExecutionContext, AssetSpec, Config, MaterializeResult, multi_asset
from pydantic import Field

from hugflow_assets.errors import HugflowError, UnknownDatasetError
from hugflow_assets.intake import AddFile, RequestSnapshot
from hugflow_assets.orchestration.assets.check_specs import (
    DATASET,
    GROUP,
    HUB_DATASET,
    check_results,
    check_specs,
    report_verdicts,
)
from hugflow_assets.orchestration.assets.failures import failing_by_name, rejection, tag_failure
from hugflow_assets.orchestration.assets.hub_dataset import data_version, upstream_tags
from hugflow_assets.orchestration.assets.partitions import DATASETS, DATASETS_NAME, register
from hugflow_assets.orchestration.assets.planned_checks import forget_unjudged, forgetting_unjudged
from hugflow_assets.orchestration.assets.platform import Platform
from hugflow_assets.orchestration.assets.requests import REQUESTS
from hugflow_assets.orchestration.assets.shown import descriptions
from hugflow_assets.orchestration.reconcile.closing_events import closing_failure
from hugflow_assets.orchestration.reconcile.dead_runs import PROCESS_TAG, this_process
from hugflow_assets.orchestration.reconcile.plan_tick import shown_tags
from hugflow_assets.orchestration.reconcile.retry_policy import COMMIT_TAG
from hugflow_assets.planning.models import LandingPlan
from hugflow_assets.planning.pin import plan_on
from hugflow_assets.rules import PREFLIGHT_RULES, Verdict, blocking, preflight
from hugflow_assets.settings import Settings
from hugflow_assets.store import EventKind, Store

STORAGE_KEY = "storage"
_AGAIN = (
    "Judged before every landing. To judge it again, materialize the partition: nothing is fetched where nothing is "
    "missing. `hugflow plan` says the same of a file."
)


class LandingConfig(Config):
    """What can be said when a dataset is materialized by hand."""

    update: bool = Field(
        default=False,
        description="Land the newest commit of the revision. Otherwise a landed dataset is repaired where it is.",
    )


@multi_asset(
    name="dataset",
    specs=[
        AssetSpec(
            DATASET,
            deps=[REQUESTS, HUB_DATASET],
            group_name=GROUP,
            kinds={"huggingface"},
            owners=descriptions.OWNERS,
            tags={"about": "landed"},
            description=descriptions.DATASET,
        ).with_io_manager_key(STORAGE_KEY)
    ],
    check_specs=check_specs(PREFLIGHT_RULES, blocking=True, again=_AGAIN),
    partitions_def=DATASETS,
    can_subset=True,
    pool="hub",
)
def dataset(
    context: AssetExecutionContext, config: LandingConfig, platform: Platform
) -> Iterator[AssetCheckResult | MaterializeResult[LandingPlan]]:
    """Find the request, resolve it on the Hub, judge it; nothing is fetched, or written, before every rule allows it.

    Every rule is asked whatever is selected: a selection without checks records none of them and bypasses none, one
    of checks alone lands nothing. A key that neither a request nor a landed dataset has fails by name before anything
    is registered.
    """
    with failing_by_name(context.instance, context.run.run_id):
        store = platform.store()
        selected = {key.name for key in context.selected_asset_check_keys}
        if not context.has_partition_key:
            judge_every_landed(context, platform, selected)
            return
        context.instance.add_run_tags(context.run.run_id, {PROCESS_TAG: this_process()})
        with (
            forgetting_unjudged(context.instance, context.run.run_id),
            closing_failure(store, context.partition_key, context.run.run_id),
        ):
            yield from _judged_and_landed(context, config, platform, selected)


def _judged_and_landed(
    context: AssetExecutionContext, config: LandingConfig, platform: Platform, selected: Set[str]
) -> Iterator[AssetCheckResult | MaterializeResult[LandingPlan]]:
    """The verdicts on one request, and, if none of them blocks and the asset is selected, its landing."""
    store, settings = platform.store(), platform.settings()
    snapshot = platform.at(context.run.tags.get(COMMIT_TAG))
    asked = requested(context.partition_key, snapshot, store)
    register(context.instance, DATASETS_NAME, [asked.name])
    context.instance.add_run_tags(context.run.run_id, shown_tags(asked.request))
    plan = plan_on(platform.hub(), store, asked.request, update=config.update)
    from hugflow_assets.landing.decide import fingerprint_of
    from hugflow_assets.landing.options import LandingOptions

    verdicts = verdicts_before_landing(asked, snapshot, plan, store, settings)
    if not context.selected_asset_keys:
        yield from check_results(verdicts, selected)
        forget_unjudged(context.instance, context.run.run_id)
        return
    if refused := blocking(verdicts):
        yield from check_results(verdicts, selected)
        refuse(context, store, asked, refused)
    if isinstance(plan, HugflowError):
        raise plan
    context.log.info("%s at commit %s passes %d checks; landing", asked.name, plan.commit, len(verdicts))
    tags = upstream_tags(
        context.instance, asked.name, plan.commit, newest=config.update or asked.name not in store.index.names()
    )
    version = data_version(fingerprint_of(plan, plan.commit, LandingOptions.of(settings)))
    # Before the landing, which may fail, and after it: Dagster shows what is said of the newest materialization.
    report_verdicts(context.instance, context.run, asked.name, verdicts, selected)
    yield MaterializeResult(asset_key=DATASET, value=plan, tags=tags, data_version=version)
    yield from check_results(verdicts, selected)
    forget_unjudged(context.instance, context.run.run_id, selected)


def verdicts_before_landing(
    asked: AddFile, snapshot: RequestSnapshot, plan: LandingPlan | HugflowError, store: Store, settings: Settings
) -> list[Verdict]:
    """What every pre-flight rule says of a request and its plan."""
    from hugflow_assets.landing.forecast import forecast
    from hugflow_assets.landing.options import LandingOptions
    from hugflow_assets.shapes.registry import LANDABLE

    expected = forecast(plan, store, LandingOptions.of(settings), in_run=True)
    return preflight(asked, snapshot, plan, store, settings, forecast=expected, landable=LANDABLE)


def refuse(context: AssetExecutionContext, store: Store, asked: AddFile, refused: list[Verdict]) -> NoReturn:
    """End a run whose request may not land, by the name of the first rule against it."""
    code, transient = refused[0].code or refused[0].name, all(one.transient for one in refused)
    tag_failure(context.instance, context.run.run_id, code, transient)
    store.events.append(
        EventKind.REJECTED,
        asked.name,
        run_id=context.run.run_id,
        request=asked.path,
        verdicts=[one.model_dump(mode="json") for one in refused],
    )
    raise rejection(refused)


def judge_every_landed(context: AssetExecutionContext, platform: Platform, selected: Set[str]) -> None:
    """Judge all that is landed, as "Execute all" of the Checks tab asks for: it names no partition.

    Raises:
        UnknownDatasetError: a landing is asked for, too.
    """
    if context.selected_asset_keys:
        raise UnknownDatasetError("This run names no dataset.", remedy="Choose a partition, then materialize it.")
    store, settings, snapshot = platform.store(), platform.settings(), platform.snapshot()
    for name in store.index.names():
        try:
            asked = requested(name, snapshot, store)
            plan = plan_on(platform.hub(), store, asked.request)
            verdicts = verdicts_before_landing(asked, snapshot, plan, store, settings)
        except HugflowError as error:  # its manifest cannot be read, which `complete` says
            context.log.warning("%s is not judged: %s", name, error)
            continue
        report_verdicts(context.instance, context.run, name, verdicts, selected)
    forget_unjudged(context.instance, context.run.run_id)


def requested(name: str, snapshot: RequestSnapshot, store: Store) -> AddFile:
    """The add file of this name; for a landed dataset whose file is deleted, what its manifest says was asked for.

    The name is compared, never made a path of.

    Raises:
        UnknownDatasetError: neither a readable request nor a landed dataset has this name.
    """
    if asked := snapshot.add(name):
        return asked
    manifest = store.manifest(name) if name in store.index.names() else None
    if manifest is not None:
        return AddFile(path="", name=name, request=manifest.request, digest="")
    unreadable = sorted({problem.path for problem in snapshot.problems})
    unread = f" {len(unreadable)} request files cannot be read ({', '.join(unreadable[:5])})." if unreadable else ""
    raise UnknownDatasetError(
        f"no request and no landed dataset is called {name[:200]!r}.{unread}",
        remedy="Add a request file, or take a name that `hugflow status` lists.",
        name=name[:200],
    )
