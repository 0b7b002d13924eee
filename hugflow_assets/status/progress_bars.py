"""How far landings are, as bars on a terminal, read from their progress files: whatever process lands."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn
from rich.progress import Progress as Bars
from rich.table import Column

from hugflow_assets.store import Phase, Progress, ProgressFiles
from hugflow_assets.wording import human_size

POLL_S = 0.1


class ProgressBars:
    """A bar a landing that has written its progress since ``since`` (seconds since the epoch)."""

    def __init__(self, console: Console, files: ProgressFiles, since: float) -> None:
        self.bars = Bars(
            TextColumn("  {task.description}", table_column=Column(no_wrap=True)),
            BarColumn(bar_width=16),
            TextColumn("{task.fields[note]}", table_column=Column(no_wrap=True)),
            console=console,
        )
        self._files, self._since = files, since
        self._rows: dict[str, TaskID] = {}

    def update(self) -> bool:
        """Show what the files say now; whether there is any landing to show."""
        for name, one in self._files.all().items():
            if not _is_of_this_run(one, self._since):
                continue
            if name not in self._rows:
                self._rows[name] = self.bars.add_task(_short(name), total=None, note="")
            done, total = one.bytes_done, one.bytes_total
            if one.phase is Phase.LANDED:
                done = total
            shards = f"{one.shards_done}/{one.shards_total} shards"
            note = f"{one.phase.value}: {human_size(done)}, {shards}, {one.rows:,} rows"
            self.bars.update(self._rows[name], completed=done, total=total or None, note=note)
        return bool(self._rows)


@contextmanager
def shown_progress(console: Console, files: ProgressFiles) -> Iterator[Console]:
    """Bars below whatever is printed to the console in the meantime, for as long as the block takes."""
    shown, over = ProgressBars(console, files, time.time()), threading.Event()

    def follow() -> None:
        while not over.wait(POLL_S):
            shown.update()

    thread = threading.Thread(target=follow, name="progress", daemon=True)
    with shown.bars:
        thread.start()
        try:
            yield shown.bars.console
        finally:
            over.set()
            thread.join()
            shown.update()


def _short(name: str, most: int = 44) -> str:
    """A storage name that leaves room for its bar: its end tells datasets of one repository apart."""
    return name if len(name) <= most else f"…{name[1 - most :]}"


def _is_of_this_run(progress: Progress, since: float) -> bool:
    return datetime.fromisoformat(progress.updated_at).timestamp() >= since - 1
