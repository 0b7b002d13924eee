"""Many shards at once, on threads or processes: bounded in flight, one failure loses no other's work."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

from hugflow_assets.errors import LandingCancelledError, StorageError
from hugflow_assets.landing.linking import LandedCopy, link_shard
from hugflow_assets.landing.options import LandingOptions
from hugflow_assets.landing.shard import Shard, land_shard
from hugflow_assets.store.models import ShardReceipt


@dataclass(frozen=True)
class Job:
    """A shard to land, and its landed copy if there is one that may still be good."""

    shard: Shard
    copy: LandedCopy | None = None


def carry_out(job: Job) -> ShardReceipt:
    """Link the shard if its copy is whole, else land it."""
    if job.copy is not None and (linked := link_shard(job.shard, job.copy)) is not None:
        return linked
    return land_shard(job.shard)


def run_jobs(
    jobs: Iterable[Job],
    options: LandingOptions,
    *,
    on_landed: Callable[[Shard, ShardReceipt], None],
    tick: Callable[[], bool],
    stop: Callable[[], None],
) -> None:
    """Carry out every job.

    Args:
        on_landed: called in this thread with each finished shard.
        tick: called in this thread about every second; when it returns True, the landing is to stop.
        stop: tells the running shards to stop soon.
    Raises:
        LandingCancelledError: ``tick`` said so; finished shards have been handed over.
        Exception: the first failure of a shard or a callback, after the running shards have finished.
    """
    waiting, running = iter(jobs), dict[Future[ShardReceipt], Shard]()
    failure: BaseException | None = None
    with _executor(options) as executor:
        while True:
            while failure is None and len(running) < options.parallel and (job := next(waiting, None)) is not None:
                running[executor.submit(carry_out, job)] = job.shard
            if not running:
                break
            done, _ = wait(running, timeout=min(1.0, options.progress_interval_s), return_when=FIRST_COMPLETED)
            for future in done:
                shard = running.pop(future)
                try:
                    on_landed(shard, future.result())
                except BaseException as error:  # noqa: BLE001  raised below, when the others have finished
                    failure = failure or error
            try:
                if tick():
                    failure = failure or LandingCancelledError(
                        "The landing was stopped on request.", remedy="What is staged is kept; a later run resumes."
                    )
                    stop()
            except BaseException as error:  # noqa: BLE001  likewise
                failure = failure or error
                stop()
    if isinstance(failure, BrokenProcessPool):
        raise StorageError(
            "A landing worker process died (killed, or out of memory).",
            remedy="Run it again: it resumes. "
            "If it happens again, set LANDING_WORKERS lower, or LANDING_EXECUTOR=threads.",
        ) from failure
    if failure is not None:
        raise failure


def _executor(options: LandingOptions) -> Executor:
    if options.executor == "processes":
        # Not forked: threads of the parent (heartbeats, Dagster's) would be missing in the child, their locks held.
        return ProcessPoolExecutor(options.parallel, mp_context=multiprocessing.get_context("spawn"))
    return ThreadPoolExecutor(options.parallel, thread_name_prefix="shard")
