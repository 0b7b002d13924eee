"""What happens by the clock: a look at the Hub, the trash freed, debris cleaned, owners warned, files hashed again,
the catalogue written."""

from datetime import UTC, date, datetime

from dagster import (
    DefaultScheduleStatus,
    JobDefinition,
    OpExecutionContext,
    ScheduleDefinition,
    in_process_executor,
    job,
    op,
)
from dagster._utils.schedules import is_valid_cron_string

from hugflow_assets.errors import SettingsError
from hugflow_assets.orchestration.assets.failures import failing_by_name
from hugflow_assets.orchestration.assets.hub_dataset import look_upstream
from hugflow_assets.orchestration.assets.platform import Platform
from hugflow_assets.orchestration.reconcile.bulkhead import Problems
from hugflow_assets.settings import Settings, load_settings
from hugflow_assets.store import EventKind, Expiry, Store, now_text

TIDY_CRON = "41 * * * *"
EDITS_CRON = "11 4 * * *"  # it looks at every file's size: not every hour on a storage of many millions
FREED_BY_SCHEDULE = "the schedule"


@op
def look_at_the_hub(context: OpExecutionContext, platform: Platform) -> None:
    """Note which branches have moved; the sensor follows them if UPSTREAM_POLICY says so."""
    with failing_by_name(context.instance, context.run_id):
        if platform.settings().upstream_policy == "ignore":
            context.log.info("UPSTREAM_POLICY=ignore: the Hub is not looked at.")
            return
        seen = look_upstream(context.instance, platform)
        for name, why in seen.unanswered.items():
            context.log.warning("%s: %s", name, why)
        for problem in seen.problems:
            context.log.error(problem)
        news = ", ".join(seen.changed) or "nothing new"
        context.log.info("%d datasets looked at; %s", len(seen.marks), news)


@op
def tidy_storage(context: OpExecutionContext, platform: Platform) -> None:
    """Free what is past its grace, clean what crashes left, warn of keep_until."""
    with failing_by_name(context.instance, context.run_id):
        store, problems = platform.store(), Problems()
        with problems.apart("the trash"):
            context.log.info("%d bytes freed from the trash", store.empty_trash(by=FREED_BY_SCHEDULE))
        with problems.apart("debris"):
            context.log.info("%d bytes of debris", store.clean_debris().size_bytes)
        warned = warn_of_expiry(store, platform.settings(), datetime.now(UTC).date(), problems)
        context.log.info("owners warned of: %s", ", ".join(warned) or "none")
        for problem in problems:
            context.log.error(problem)


@op
def look_for_edits(context: OpExecutionContext, platform: Platform) -> None:
    """Look for folders in which files were added, deleted or changed in size by hand."""
    with failing_by_name(context.instance, context.run_id):
        problems = Problems()
        found = glance_at_all(platform.store(), problems)
        for problem in problems:
            context.log.warning(problem)
        context.log.info("edited by hand since the last look: %s", ", ".join(found) or "none")
        shared = sum(link.size_bytes for link in platform.store().look_for_links().links)
        context.log.info("%d bytes are shared by hard links of several datasets, and count once", shared)


@op
def write_the_catalogue(context: OpExecutionContext, platform: Platform) -> None:
    """Write the catalogue's pages to CATALOGUE_DIR; those that are true still are kept."""
    from hugflow_assets.catalogue import write_site

    with failing_by_name(context.instance, context.run_id):
        settings = platform.settings()
        if settings.catalogue_dir is None:
            context.log.info("CATALOGUE_DIR is empty: no pages are written.")
            return
        done = write_site(settings.catalogue_dir, platform.snapshot(), platform.store(), settings)
        for problem in done.problems:
            context.log.warning(problem)
        context.log.info("%s: %d pages made, %d kept", done.folder, len(done.made), done.kept)


@op
def scrub_storage_files(context: OpExecutionContext, platform: Platform) -> None:
    """Hash every file of every dataset. One that cannot be looked at stops no other."""
    from hugflow_assets.landing.verify.scrub import scrub

    with failing_by_name(context.instance, context.run_id):
        store, problems = platform.store(), Problems()
        for name in store.index.names():
            with problems.apart(name):
                found = scrub(store, name, by=FREED_BY_SCHEDULE)
                if found.whole:
                    context.log.info("%s: %d files are as they landed", name, found.checked)
                else:
                    context.log.error("%s is damaged: %s", name, found.story())
        for problem in problems:
            context.log.error(problem)


def glance_at_all(store: Store, problems: Problems) -> list[str]:
    """The datasets whose folders were edited by hand since the last look."""
    from hugflow_assets.landing.verify.scrub import glance

    edited = []
    for name in store.index.names():
        with problems.apart(name):
            if glance(store, name) is not None:
                edited.append(name)
    return edited


def warn_of_expiry(store: Store, settings: Settings, today: date, problems: Problems) -> list[str]:
    """Append one event when a dataset's ``keep_until`` is near and one when it is past; the names. Deletes nothing."""
    warned = []
    for name, row in store.index.rows().items():
        with problems.apart(name):
            stage = expiry_stage(row.keep_until, today, settings)
            known = store.expiries.read(name)
            if stage is None or (known is not None and (known.keep_until, known.stage) == (row.keep_until, stage)):
                continue
            mark = Expiry(name=name, keep_until=row.keep_until or "", stage=stage, at=now_text())
            facts = {"keep_until": row.keep_until, "stage": stage, "owner": row.owner, "size_bytes": row.size_bytes}
            store.expiries.write(mark, store.events.plan(EventKind.EXPIRING, name, **facts))
            warned.append(name)
    return warned


def expiry_stage(keep_until: str | None, today: date, settings: Settings) -> str | None:
    """``past``, ``soon``, or None while there is nothing to say."""
    if not keep_until:
        return None
    last = date.fromisoformat(keep_until)
    if today > last:
        return "past"
    return "soon" if today >= last - settings.keep_until_warning else None


def upkeep_jobs() -> list[JobDefinition]:
    """The jobs of the schedules; each can be launched by hand, too."""

    @job(executor_def=in_process_executor, description="Ask the Hub which branches have moved.")
    def watch_upstream() -> None:
        look_at_the_hub()

    @job(executor_def=in_process_executor, description="Free the trash, clean debris, warn owners.")
    def tidy() -> None:
        tidy_storage()

    @job(executor_def=in_process_executor, description="Find folders that were edited by hand, by names and sizes.")
    def find_edits() -> None:
        look_for_edits()

    @job(executor_def=in_process_executor, description="Hash every file of every dataset.")
    def scrub_storage() -> None:
        scrub_storage_files()

    @job(executor_def=in_process_executor, description="Write the catalogue's pages to CATALOGUE_DIR.")
    def write_catalogue() -> None:
        write_the_catalogue()

    return [watch_upstream, tidy, find_edits, scrub_storage, write_catalogue]


def upkeep_schedules(jobs: list[JobDefinition]) -> list[ScheduleDefinition]:
    """When the jobs run; on from the start, the catalogue's where CATALOGUE_DIR says where to."""
    crons = (
        _cron("upstream_schedule"), TIDY_CRON, EDITS_CRON, _cron("scrub_schedule"), _cron("catalogue_schedule")
    )  # fmt: skip
    on, off = DefaultScheduleStatus.RUNNING, DefaultScheduleStatus.STOPPED
    return [
        ScheduleDefinition(job=one, cron_schedule=cron, default_status=on if _is_on(one) else off)
        for one, cron in zip(jobs, crons, strict=True)
    ]


def _is_on(upkeep: JobDefinition) -> bool:
    if upkeep.name != "write_catalogue":
        return True
    try:
        return load_settings().catalogue_dir is not None
    except SettingsError:
        return False


def _cron(field: str) -> str:
    """Dagster wants it at load. Wrong settings must not keep the UI, which names them, from it."""
    default = str(Settings.model_fields[field].default)
    try:
        cron = str(getattr(load_settings(), field))
    except SettingsError:
        return default
    return cron if is_valid_cron_string(cron) else default
