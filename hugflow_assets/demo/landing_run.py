"""``hugflow sync`` in a process of its own, watched through the progress files that it writes."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from rich.console import Console

from hugflow_assets.demo.project import DemoProject
from hugflow_assets.errors import DemoFailedError
from hugflow_assets.intake.models import Frozen
from hugflow_assets.rules.verdict import Verdict
from hugflow_assets.status.progress_bars import POLL_S, ProgressBars
from hugflow_assets.store import ProgressFiles
from hugflow_assets.store.layout import Layout

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
        began, shown = time.monotonic(), ProgressBars(console, files, time.time())
        with shown.bars as bars:
            starting = bars.add_task("starting Dagster", total=None, note="")
            while process.poll() is None:
                if time.monotonic() - began > self.timeout_s:
                    raise DemoFailedError(
                        f"`hugflow sync` was still at work after {self.timeout_s:.0f} s.",
                        remedy=f"Its log is {self.project.log}.",
                    )
                if shown.update():
                    bars.update(starting, visible=False)
                time.sleep(POLL_S)
            shown.update()
            bars.update(starting, visible=False)

    def _read(self, results: Path, status: int) -> list[Landing]:
        try:
            landings = _LANDINGS.validate_json(results.read_bytes())
        except ValidationError:
            text = "\n".join(self.project.log.read_text("utf-8", "replace").splitlines()[-_LOG_LINES:])
            raise DemoFailedError(
                f"`hugflow sync` ended with status {status} and said:\n{text}",
                remedy=f"Its whole log is {self.project.log}.",
            ) from None
        if wrong := [one for one in landings if one.state in _AT_FAULT]:
            text = "; ".join(f"{one.path}: [{one.error_code}] {one.message} {one.remedy}".strip() for one in wrong)
            raise DemoFailedError(text, remedy=f"The log is {self.project.log}.")
        if status:
            raise DemoFailedError(f"`hugflow sync` ended with status {status}.", remedy=f"See {self.project.log}.")
        return landings


def with_known_verdicts(file: Path, landings: Sequence[Landing]) -> list[Landing]:
    """The landings, each without verdicts completed by those of the run that landed it, which ``file`` keeps."""
    try:
        known: dict[str, Any] = json.loads(file.read_bytes())
        before = {name: tuple(Verdict.model_validate(one) for one in rows) for name, rows in known.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        before = {}
    by_name = {one.name: one.verdicts or before.get(one.name, ()) for one in landings}
    rows = {name: [one.model_dump(mode="json") for one in verdicts] for name, verdicts in by_name.items()}
    file.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    return [one.model_copy(update={"verdicts": by_name[one.name]}) for one in landings]
