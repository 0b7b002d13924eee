"""Many shards at once: fetched ahead by threads, landed on threads or processes; one failure loses no other's work."""

from __future__ import annotations

import logging
import multiprocessing
import multiprocessing.process
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue

from hugflow_assets.errors import LandingCancelledError, StorageError
from hugflow_assets.landing.options import LandingOptions
from hugflow_assets.landing.shards.failure_policy import Failures
from hugflow_assets.landing.shards.land_shard import land_shard
from hugflow_assets.landing.shards.landed_copy import LandedCopy, link_shard
from hugflow_assets.landing.shards.shard import Shard
from hugflow_assets.landing.shards.sources import Ahead, fetch_ahead, file_ahead
from hugflow_assets.shapes.parquet.streamed import OverDiskError, is_streamed
from hugflow_assets.store.models import ShardReceipt
from hugflow_assets.transfer.connection_pool import usable

_LOG = logging.getLogger(__name__)
_TICK_S = 0.25
_SHORT_S = 0.05
_ENOUGH_BYTES_PER_S = 100e6  # for one landing worker
_FASTER = 1.3  # with twice the connections


@dataclass(frozen=True)
class Job:
    """A shard to land, and its landed copy if there is one that may still be good.

    ``bytes_fetched``: what it took from the network when it was tried to land it from memory.
    """

    shard: Shard
    copy: LandedCopy | None = None
    bytes_fetched: int = 0


def carry_out(job: Job, ahead: Ahead | None = None, *, streamed: bool = False) -> ShardReceipt:
    """Link the shard if its copy is whole, else land it, from memory or of what is fetched already."""
    if job.copy is not None and (linked := link_shard(job.shard, job.copy)) is not None:
        return linked
    return land_shard(job.shard, ahead, streamed=streamed)


def run_jobs(
    jobs: Iterable[Job],
    options: LandingOptions,
    *,
    on_landed: Callable[[Shard, ShardReceipt], None],
    tick: Callable[[], bool],
    stop: Callable[[], None],
) -> None:
    """Carry out every job.

    A shard that is streamed is fetched while it is landed. Of the others the next is fetched while one is landed. One
    connection is enough where the network is faster than the landing; where the landing waits for bytes more are
    opened, up to ``options.connections``: for the next ranges of a large file first, else for the next files.

    Args:
        on_landed: called in this thread with each finished shard.
        tick: called in this thread several times a second; when it returns True, the landing is to stop.
        stop: tells the running shards to stop soon.
    Raises:
        LandingCancelledError: ``tick`` said so; finished shards have been handed over.
        Exception: the first failure of a shard or a callback; see ``Failures`` for what is landed before it is raised.
    """
    failures = Failures(stop)
    with (
        _executor(options) as executor,
        _streamers(options, executor) as streamers,
        ThreadPoolExecutor(options.connections, thread_name_prefix="fetch") as fetchers,
    ):
        queue = ShardQueue(iter(jobs), executor, streamers, options)
        connections = 0
        try:
            while not queue.is_over:
                for _ in range(min(queue.connections_wanted(connections), options.connections) - connections):
                    _begin_fetching(queue, fetchers, is_needed=not connections)
                    connections += 1
                for shard, landed in queue.finished(min(_TICK_S, options.progress_interval_s)):
                    _hand_over(shard, landed, on_landed, failures)
                _ask_whether_to_stop(tick, failures)
                if failures.end_it:
                    queue.close()
        finally:
            queue.close()
    _raise_first(failures.first)


def _hand_over(
    shard: Shard, landed: Future[ShardReceipt], on_landed: Callable[[Shard, ShardReceipt], None], failures: Failures
) -> None:
    try:
        on_landed(shard, landed.result())
        failures.none()
    except BaseException as error:  # noqa: BLE001  raised when the others have finished
        failures.of_shard(error)


def _ask_whether_to_stop(tick: Callable[[], bool], failures: Failures) -> None:
    try:
        if tick():
            raise LandingCancelledError(
                "The landing was stopped on request.", remedy="What is staged is kept; a later run resumes."
            )
    except BaseException as error:  # noqa: BLE001  raised when the others have finished
        failures.of_all(error)


def _raise_first(failure: BaseException | None) -> None:
    if isinstance(failure, BrokenProcessPool):
        raise StorageError(
            "A landing worker process died (killed, or out of memory).",
            remedy="Run it again: it resumes. "
            "If it happens again, set LANDING_WORKERS lower, or LANDING_EXECUTOR=threads.",
        ) from failure
    if failure is not None:
        raise failure


def _begin_fetching(queue: ShardQueue, fetchers: Executor, *, is_needed: bool) -> None:
    """Have one more thread that fetches; only the first is needed where the system gives no more."""
    try:
        fetchers.submit(queue.run)
    except RuntimeError:
        if is_needed:
            raise


class ShardQueue:
    """Shards between the thread that fetches them, the executor that lands them, and the caller that collects them.

    Never more than ``parallel`` + 1 fetched shards wait or are landed, so that few are on the disk.
    """

    def __init__(self, jobs: Iterator[Job], executor: Executor, streamers: Executor, options: LandingOptions) -> None:
        self._jobs, self._options, self._parallel = jobs, options, options.parallel
        self._executor, self._streamers = executor, streamers
        self._done: SimpleQueue[tuple[Shard, Future[ShardReceipt]]] = SimpleQueue()
        self._changed = threading.Condition()
        self._next: Job | None = None
        self._again: list[Job] = []  # to be landed over the disk after all
        self._closed = self._all_over_disk = False
        self._streams: list[Job] = []  # being landed from memory
        self._fetching: dict[Path, int] = {}  # by a shard's folder: what is missing of its file
        self._slow_file: Path | None = None
        self._taken = self._landing = self._collected = self._fetched_bytes = 0
        self._seen, self._before = (time.monotonic(), 0), 0.0

    @property
    def is_over(self) -> bool:
        """Whether every shard that was taken has been collected and none will be taken any more."""
        with self._changed:
            return self._closed and self._collected == self._taken

    def connections_wanted(self, there: int) -> int:
        """How many connections to have, of which some are ``there``: twice as many while the landing waits for bytes.

        No more when the last doubling has not made it faster: then it is not the distance that makes it slow.
        """
        with self._changed:
            if not there:
                return 1
            now, fetched = time.monotonic(), self._fetched_bytes
            seconds, size = now - self._seen[0], fetched - self._seen[1]
            if there == 1 and (self._all_over_disk or self._is_slow()):
                self._seen = now, fetched
                return self._options.connections
            if seconds < _TICK_S or self._closed:
                return there
            self._seen = now, fetched
            waits = self._landing < (self._parallel + 1) // 2
            speed = size / seconds
            if not waits or speed > _ENOUGH_BYTES_PER_S * self._parallel or speed < self._before * _FASTER:
                return there
            self._before = speed
            return there * 2

    def close(self) -> None:
        """Take no more shards, nor those that have come back."""
        with self._changed:
            self._closed = True
            self._taken -= len(self._again)
            self._again.clear()
            self._changed.notify_all()

    def finished(self, timeout_s: float) -> list[tuple[Shard, Future[ShardReceipt]]]:
        """What has finished since the last call; waits for the first one."""
        found = []
        with suppress(Empty):
            found.append(self._done.get(timeout=timeout_s))
            while True:
                found.append(self._done.get_nowait())
        self._collected += len(found)
        return found

    def run(self) -> None:
        """Fetch one shard after the other, until there are no more."""
        while (taken := self._take()) is not None:
            job, streamed = taken
            future: Future[ShardReceipt]
            try:
                ahead = None if streamed or job.copy is not None else self._fetch_ahead(job)
                executor = self._streamers if streamed else self._executor
                future = executor.submit(carry_out, self._for_worker(job), ahead, streamed=streamed)
            except BaseException as error:  # noqa: BLE001  it is the caller's to raise
                future = Future()
                future.set_exception(error)
            with self._changed:
                self._landing += 1
                self._fetching.pop(job.shard.work, None)
                self._changed.notify_all()
            future.add_done_callback(partial(self._finish, job, streamed))

    def _take(self) -> tuple[Job, bool] | None:
        """The next job and whether it is streamed; None when there are no more, and none that is can come back."""
        with self._changed:
            while True:
                self._changed.wait_for(lambda: self._closed or self._landing <= self._parallel)
                if self._closed:
                    return None
                if self._again and self._is_free():
                    return self._begun(self._again.pop()), False
                if self._next is None and (job := next(self._jobs, None)) is not None:
                    self._next = self._with_connections(job)
                if self._next is None and not self._streams and not self._again:
                    self._closed = True
                    self._changed.notify_all()
                    return None
                streamed = self._next is not None and not self._all_over_disk and is_streamed(self._next.shard)
                can_begin = self._landing < self._most_streams() if streamed else self._is_free()
                if self._next is None or self._again or not can_begin:
                    self._changed.wait(_SHORT_S)  # until one is back, or there is a worker or a connection for it
                    continue
                taken, self._next = self._next, None
                self._taken += 1
                if streamed:
                    self._streams.append(taken)
                    return taken, True
                return self._begun(taken), False

    def _begun(self, job: Job) -> Job:
        self._fetching[job.shard.work] = 0 if (file := file_ahead(job.shard)) is None else file.size_bytes
        return job

    def _fetch_ahead(self, job: Job) -> Ahead:
        ahead = fetch_ahead(job.shard, partial(self._count, job.shard.work))
        return {name: size + job.bytes_fetched for name, size in ahead.items()}

    def _count(self, work: Path, size_bytes: int) -> None:
        with self._changed:
            self._fetched_bytes += size_bytes
            self._fetching[work] -= size_bytes

    def _most_streams(self) -> int:
        """One more than are landed, whose first bytes come from far away meanwhile."""
        one_more = self._is_slow() and self._streamers is not self._executor
        return min(self._parallel + one_more, self._options.connections)

    def _is_slow(self) -> bool:
        return self._slow_file is not None and self._slow_file.exists()

    def _is_free(self) -> bool:
        """Whether the files that are fetched leave a connection for another one: the large ones use several."""
        most = self._options.connections
        many = most if self._is_slow() else 1
        return sum(usable(missing, many) for missing in self._fetching.values()) < most

    def _with_connections(self, job: Job) -> Job:
        """All that there may be for the fetching threads of this process; of processes each has its share."""
        self._slow_file = job.shard.slow_file
        return replace(job, shard=replace(job.shard, most_connections=self._options.connections))

    def _for_worker(self, job: Job) -> Job:
        if self._options.executor == "threads":
            return job
        share = max(1, self._options.connections // self._parallel)
        return replace(job, shard=replace(job.shard, most_connections=share))

    def _finish(self, job: Job, streamed: bool, future: Future[ShardReceipt]) -> None:
        error = future.exception()
        with self._changed:
            self._landing -= 1
            if streamed:
                self._streams.remove(job)
            if isinstance(error, OverDiskError):
                self._land_again(job, error)
            self._changed.notify_all()
        if not isinstance(error, OverDiskError):
            self._done.put((job.shard, future))

    def _land_again(self, job: Job, error: OverDiskError) -> None:
        _LOG.info("%s is landed over the disk: %s.", job.shard.source.files[0].path, error.reason)
        self._all_over_disk |= error.others
        if self._closed:
            self._taken -= 1
        else:
            self._again.append(replace(job, copy=None, bytes_fetched=error.bytes_fetched))


@contextmanager
def _streamers(options: LandingOptions, executor: Executor) -> Iterator[Executor]:
    """Where shards are streamed: of processes there are no more than are needed, each having memory of its own."""
    if options.executor == "processes":
        yield executor
        return
    with ThreadPoolExecutor(options.parallel + 1, thread_name_prefix="stream") as streamers:
        yield streamers


def _executor(options: LandingOptions) -> Executor:
    if options.executor == "processes":
        # Not forked: threads of the parent (heartbeats, Dagster's) would be missing in the child, their locks held.
        spawn = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(options.parallel, mp_context=spawn, initializer=_end_with_parent)
    return ThreadPoolExecutor(options.parallel, thread_name_prefix="shard")


def _end_with_parent() -> None:
    """Let this worker process not outlive its parent: it would land what a later run lands too, and never end."""
    if (parent := multiprocessing.parent_process()) is not None:
        threading.Thread(target=_end_after, args=(parent,), name="parent", daemon=True).start()


def _end_after(parent: multiprocessing.process.BaseProcess) -> None:
    parent.join()
    os._exit(1)  # as hard as the parent's own end
