"""What the demo shows of a landing: the rules' verdicts, the folder that was made, one row of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.console import RenderableType
from rich.json import JSON
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from hugflow_assets.demo.landing_run import Landing
from hugflow_assets.rules.verdict import Severity, Verdict
from hugflow_assets.store import Manifest
from hugflow_assets.wording import human_size

_ENTRIES = 2
_SHARDS = 1


def checks(landings: Iterable[Landing]) -> RenderableType:
    """A table: one line a check, a column a dataset, and what the check said of the first."""
    shown = [one for one in landings if one.verdicts]
    table = Table(box=None, pad_edge=False, header_style="bold", show_edge=False, padding=(0, 2, 0, 0))
    table.add_column("  check")
    for number, _ in enumerate(shown, start=1):
        table.add_column(f"[{number}]", justify="center")
    table.add_column("what it said")
    by_name: dict[str, dict[str, Verdict]] = {}
    for one in shown:
        for verdict in one.verdicts:
            by_name.setdefault(verdict.name, {})[one.name] = verdict
    for name, verdicts in by_name.items():
        marks = [_mark(verdicts.get(one.name)) for one in shown]
        table.add_row(f"  {name}", *marks, Text(_worst(verdicts.values()).message, overflow="fold"))
    return table


def tree(folder: Path, manifest: Manifest) -> RenderableType:
    """The landed folder, with the first few entries of each folder and the number of the others."""
    size = human_size(manifest.size_bytes)
    summary = (
        f"{manifest.counts.rows:,} rows, {manifest.files:,} files, {size}, {manifest.counts.duration_s:,.0f} s of audio"
    )
    root = Tree(Text.assemble((f"{folder.name}/", "bold"), f"  {summary}"), guide_style="dim")
    _grow(root, folder)
    return root


def first_row(folder: Path, manifest: Manifest) -> tuple[str, RenderableType] | None:
    """The first line of the record and its file, relative to the dataset; None for a dataset without rows."""
    for path in sorted((folder / "json").rglob("*.jsonl")):
        with path.open(encoding="utf-8") as file:
            line = file.readline()
        if line:
            return str(path.relative_to(folder)), JSON(line, indent=2)
    return None


def _mark(verdict: Verdict | None) -> Text:
    if verdict is None:
        return Text("-", style="dim")
    if verdict.passed:
        return Text("pass", style="green")
    if not verdict.evaluated:
        return Text("not run", style="yellow")
    return Text("FAIL", style="bold red") if verdict.severity is Severity.ERROR else Text("warn", style="yellow")


def _worst(verdicts: Iterable[Verdict]) -> Verdict:
    return min(verdicts, key=lambda one: (not one.blocks, one.passed))


def _grow(node: Tree, folder: Path) -> None:
    folders = sorted(path for path in folder.iterdir() if path.is_dir())
    files = sorted(path for path in folder.iterdir() if path.is_file())
    # Shard folders are numbered and alike; files in the dataset's own folder are few and each means something.
    most_folders = _SHARDS if all(path.name.isdigit() for path in folders) else len(folders)
    most_files = len(files) if (folder / "hugflow.json").is_file() or len(files) <= _ENTRIES + 1 else _ENTRIES
    for path in folders[:most_folders]:
        _grow(node.add(Text(f"{path.name}/")), path)
    _count_others(node, folders[most_folders:], "folders")
    for path in files[:most_files]:
        node.add(Text.assemble(path.name, (f"  {human_size(path.stat().st_size)}", "dim")))
    _count_others(node, files[most_files:], "files")


def _count_others(node: Tree, others: Sequence[Path], what: str) -> None:
    if others:
        node.add(Text(f"… {len(others):,} more {what if len(others) > 1 else what[:-1]}", style="dim"))
