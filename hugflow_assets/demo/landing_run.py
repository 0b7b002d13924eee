"""``hugflow sync`` in a process of its own, watched through the progress files that it writes."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Column

from hugflow_assets.demo.project import DemoProject
from hugflow_assets.errors import DemoFailedError
from hugflow_assets.intake.models import Frozen
from hugflow_assets.rules.verdict import Verdict
from hugflow_assets.store import Phase, ProgressFiles
from hugflow_assets.store import Progress as LandingProgress
from hugflow_assets.store.layout import Layout
from hugflow_assets.wording import human_size

_POLL_S = 0.1
_AT_FAULT = ("failed", "malformed")
_LOG_LINES = 15


class Landing(Frozen):
    """What ``hugflow sync --json`` says of one request file."""

    model_config = Frozen.model_config | {"extra": "ignore"}

    name: str
    path: str
    action: str
    state: str
    verdicts: tuple[Verdict, ...] = ()
    seconds: float = 0.0
    message: str = ""
    remedy: str = ""
    error_code: str = ""


_LANDINGS = TypeAdapter(list[Landing])


@dataclass(frozen=True)
class LandingRun:
    """One run of ``hugflow sync`` over a demo's project, at most ``timeout_s`` long."""

    project: DemoProject
    endpoint: str
    timeout_s: float = 300.0

    def land(self, console: Console) -> list[Landing]:
        """Run it under a progress bar.

        Returns:
            What became of each request file, the rules' verdicts with it.
        Raises:
            DemoFailedError: it failed, or took too long; the message has the reason and where the log is.
        """
        command = [sys.executable, "-c", "from hugflow_assets.cli import main; main()", "sync", "--json"]
        results = self.project.log.with_suffix(".json")
        with self.project.log.open("wb") as log, results.open("wb") as out:
            process = subprocess.Popen(
                command, cwd=self.project.folder, env=self.project.environment(self.endpoint), stdout=out, stderr=log
            )
            try:
                self._watch(process, console)
            finally:
                if process.poll() is None:
                    process.terminate()
                    process.wait()
        return self._read(results, process.returncode)

    def _watch(self, process: subprocess.Popen[bytes], console: Console) -> None:
        files = ProgressFiles(Layout(self.project.storage_root, self.project.state_dir))
        began, since = time.monotonic(), time.time()
        with _bars(console) as bars:
            rows: dict[str, TaskID] = {}
            starting = bars.add_task("starting Dagster", total=None, note="")
            while process.poll() is None:
                if time.monotonic() - began > self.timeout_s:
                    raise DemoFailedError(
                        f"`hugflow sync` was still at work after {self.timeout_s:.0f} s.",
                        remedy=f"Its log is {self.project.log}.",
                    )
                _show(bars, rows, files, since)
                if rows:
                    bars.update(starting, visible=False)
                time.sleep(_POLL_S)
            _show(bars, rows, files, since)
            bars.update(starting, visible=False)

    def _read(self, results: Path, status: int) -> list[Landing]:
        try:
            landings = _LANDINGS.validate_json(results.read_bytes())
        except ValidationError:
            told = "\n".join(self.project.log.read_text("utf-8", "replace").splitlines()[-_LOG_LINES:])
            raise DemoFailedError(
                f"`hugflow sync` ended with status {status} and said:\n{told}",
                remedy=f"Its whole log is {self.project.log}.",
            ) from None
        if wrong := [one for one in landings if one.state in _AT_FAULT]:
            told = "; ".join(f"{one.path}: [{one.error_code}] {one.message} {one.remedy}".strip() for one in wrong)
            raise DemoFailedError(told, remedy=f"The log is {self.project.log}.")
        if status:
            raise DemoFailedError(f"`hugflow sync` ended with status {status}.", remedy=f"See {self.project.log}.")
        return landings


def remembered(file: Path, landings: Sequence[Landing]) -> list[Landing]:
    """The landings, each without verdicts completed by those of the run that landed it, which ``file`` keeps."""
    try:
        known: dict[str, Any] = json.loads(file.read_bytes())
        before = {name: tuple(Verdict.model_validate(one) for one in rows) for name, rows in known.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        before = {}
    told = {one.name: one.verdicts or before.get(one.name, ()) for one in landings}
    rows = {name: [one.model_dump(mode="json") for one in verdicts] for name, verdicts in told.items()}
    file.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    return [one.model_copy(update={"verdicts": told[one.name]}) for one in landings]


def _bars(console: Console) -> Progress:
    return Progress(
        TextColumn("  {task.description}", table_column=Column(no_wrap=True)),
        BarColumn(bar_width=16),
        TextColumn("{task.fields[note]}", table_column=Column(no_wrap=True)),
        console=console,
    )


def _show(bars: Progress, rows: dict[str, TaskID], files: ProgressFiles, since: float) -> None:
    for name, one in files.all().items():
        if not _is_of_this_run(one, since):
            continue
        if name not in rows:
            rows[name] = bars.add_task(_short(name), total=None, note="")
        done, total = one.bytes_done, one.bytes_total
        if one.phase is Phase.LANDED:
            done = total
        note = f"{one.phase.value}: {human_size(done)}, {one.shards_done}/{one.shards_total} shards, {one.rows:,} rows"
        bars.update(rows[name], completed=done, total=total or None, note=note)


def _short(name: str, most: int = 44) -> str:
    """A storage name that leaves room for its bar: its end tells datasets of one repository apart."""
    return name if len(name) <= most else f"…{name[1 - most :]}"


def _is_of_this_run(progress: LandingProgress, since: float) -> bool:
    return datetime.fromisoformat(progress.updated_at).timestamp() >= since - 1
