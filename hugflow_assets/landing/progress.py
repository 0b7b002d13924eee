"""How far a landing is, told at most every so often."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

from hugflow_assets.errors import HugflowError
from hugflow_assets.landing.shards.shard import Shard
from hugflow_assets.store import Lease, Phase, Progress, ProgressFiles, now_text
from hugflow_assets.store.models import ShardReceipt


class Tracker:
    """Counts what is done and tells it to the progress file and the callback.

    Bytes of shards in flight are read off their working folders, so that workers in other processes need no channel.
    """

    def __init__(
        self,
        name: str,
        shards: list[Shard],
        files: ProgressFiles,
        on_progress: Callable[[Progress], None] | None,
        interval_s: float,
        run_id: str | None,
        lease: Lease,
    ) -> None:
        self._files, self._on_progress, self._interval_s = files, on_progress, interval_s
        self._lease = lease
        self._open = {shard.work: shard for shard in shards}
        self._began, self._told_at, self._before = time.monotonic(), 0.0, 0
        self._done_bytes = 0
        now = now_text()
        self.now = Progress(
            name=name,
            phase=Phase.DOWNLOADING,
            started_at=now,
            updated_at=now,
            run_id=run_id,
            bytes_total=sum(shard.source.size_bytes for shard in shards),
            shards_total=len(shards),
        )

    def landed(self, shard: Shard, receipt: ShardReceipt, *, earlier: bool = False) -> None:
        """A shard is in; ``earlier``: by an earlier run, which says nothing about the speed of this one."""
        self._open.pop(shard.work, None)
        self._done_bytes += shard.source.size_bytes
        self._before += shard.source.size_bytes if earlier else 0
        self.now = self.now.model_copy(
            update={"shards_done": self.now.shards_done + 1, "rows": self.now.rows + receipt.counts.rows}
        )

    def tell(self, phase: Phase | None = None, message: str = "") -> None:
        """Tell now if the phase is new, else if it is time."""
        changed = phase is not None and phase is not self.now.phase
        if not changed and time.monotonic() - self._told_at < self._interval_s:
            return
        self._told_at = time.monotonic()
        done = max(self.now.bytes_done, self._done_bytes + sum(map(_fetched, self._open)))
        done = min(done, self.now.bytes_total)
        speed = (done - self._before) / max(1e-3, time.monotonic() - self._began)
        left = self.now.bytes_total - done
        self.now = self.now.model_copy(
            update={
                "phase": phase or self.now.phase,
                "updated_at": now_text(),
                "bytes_done": done,
                "bytes_per_s": round(max(0.0, speed), 1),
                "eta_s": round(left / speed, 1) if speed > 0 and left else None if left else 0.0,
                "message": message,
            }
        )
        with contextlib.suppress(HugflowError):  # a full or missing state folder is no reason to stop landing
            self._lease.check()  # lost, the file is the successor's; the landing itself ends at its next look
            self._files.write(self.now)
        if self._on_progress is not None:
            self._on_progress(self.now)


def _fetched(work: Path) -> int:
    """Bytes of a shard's sources that have come until now, to the disk or into memory (see ``Shard.streamed_path``)."""
    size = 0
    for path in (*work.glob("source-*"), work / "streamed"):
        try:
            size += path.stat().st_size
        except FileNotFoundError:
            continue
    return size
