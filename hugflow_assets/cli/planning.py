"""``hugflow plan``: what would land, where, how big, and what the rules say of it; nothing is fetched."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from hugflow_assets.cli.console import console, count, size, table
from hugflow_assets.cli.judging import Judged, exit_status_of, judge
from hugflow_assets.cli.selection import Selection, select
from hugflow_assets.cli.startup import settings_in_force
from hugflow_assets.cli.validation import tell_problems
from hugflow_assets.settings import Settings

if TYPE_CHECKING:
    from hugflow_assets.hub.models import LandingPlan
    from hugflow_assets.rules import Verdict
    from hugflow_assets.rules.removals import RemovalPreview

SCHEMA_VERSION = 1


def plan(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH", help="Request files or folders.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of text.")] = False,
) -> None:
    """Show what requests would land or remove: commit, size, files, rows, licence, quota and every verdict."""
    settings = settings_in_force()
    worst = 0
    told: list[dict[str, Any]] = []
    removals: list[dict[str, Any]] = []
    for selection in select(paths):
        worst = max(worst, tell_problems(selection))
        for judged in judge(selection.adds(), selection.snapshot, settings):
            worst = max(worst, judged.exit_status)
            if as_json:
                told.append(_as_dict(judged, selection, settings))
            else:
                _show(judged, selection, settings)
        for preview in _previews(selection, settings):
            worst = max(worst, exit_status_of(preview.verdict.code) if preview.verdict.blocks else 0)
            if as_json:
                removals.append(preview.model_dump(mode="json"))
            else:
                _show_removal(preview, selection)
    if as_json:
        both = {"schema_version": SCHEMA_VERSION, "plans": told, "removals": removals}
        typer.echo(json.dumps(both, indent=2, ensure_ascii=False))
    if worst:
        raise typer.Exit(worst)


def _previews(selection: Selection, settings: Settings) -> Iterator[RemovalPreview]:
    if not selection.removals():
        return
    from hugflow_assets.rules.removals import removal_preview
    from hugflow_assets.store import Store

    store = Store.of(settings)
    for removal in selection.removals():
        yield removal_preview(removal, selection.snapshot, store, settings)


def _show_removal(preview: RemovalPreview, selection: Selection) -> None:
    out = console()
    out.print(Text(f"removal {selection.shown(preview.path)}", style="bold"), Text(preview.reason, style="dim"))
    for hit in preview.hits:
        what = f"{size(hit.size_bytes)}, {count(hit.rows)} rows" if hit.landed else "not landed"
        out.print(Text(f"  {hit.name}: {what}, owner {hit.owner or 'not known'}"))
    rows = table("", "", "")
    rows.show_header = False
    rows.add_row(*_marked(preview.verdict))
    out.print(rows)
    out.print()


def _as_dict(judged: Judged, selection: Selection, settings: Settings) -> dict[str, Any]:
    """A plan as JSON; every key is always there, None where it is not known."""
    plan = judged.plan
    return {
        "name": judged.file.name,
        "request": selection.shown(judged.file.path),
        "hf_id": judged.file.request.hf_id,
        "revision": judged.file.request.revision,
        "commit": plan.commit if plan else None,
        "url": _url(plan) if plan else None,
        "path": str(settings.storage_root / judged.file.name),
        "shape": plan.shape.value if plan else None,
        "configs": {config.name: [split.name for split in config.splits] for config in plan.configs} if plan else {},
        "download_bytes": plan.estimate.download_bytes if plan else None,
        "landed_bytes": plan.estimate.landed_bytes if plan else None,
        "files": plan.estimate.files if plan else None,
        "rows": plan.estimate.rows if plan else None,
        "hours": plan.estimate.hours if plan else None,
        "license": plan.state.license if plan else None,
        "gated": plan.state.gated if plan else None,
        "private": plan.state.private if plan else None,
        "error": judged.error.code if judged.error else None,
        "verdicts": [one.model_dump(mode="json") for one in judged.verdicts],
        "lands": judged.exit_status == 0,
    }


def _url(plan: LandingPlan) -> str:
    from hugflow_assets.hub import repo_url

    return repo_url(plan.endpoint, plan.request.hf_id, plan.commit)


def _show(judged: Judged, selection: Selection, settings: Settings) -> None:
    out = console()
    out.print(Text(judged.file.name, style="bold"), Text(f"({selection.shown(judged.file.path)})", style="dim"))
    if judged.plan:
        facts = table("", "")
        facts.show_header = False
        for label, value in _facts(judged.plan, settings):
            facts.add_row(f"  {label}", value)
        out.print(facts)
    verdicts = table("", "", "")
    verdicts.show_header = False
    for verdict in judged.verdicts:
        verdicts.add_row(*_marked(verdict))
    out.print(verdicts)
    out.print()


def _facts(plan: LandingPlan, settings: Settings) -> list[tuple[str, str]]:
    from hugflow_assets.notify.plan_facts import plan_facts
    from hugflow_assets.store import Store

    room = Store.of(settings).headroom()
    told = plan_facts(plan, room, str(settings.storage_root / plan.name))
    return [("From", _url(plan)), *told]


def _marked(verdict: Verdict) -> tuple[Text, str, str]:
    """The mark, name and words of a verdict in a table."""
    if verdict.passed:
        mark = Text("  ok", style="green")
    elif not verdict.evaluated:
        mark = Text("   -", style="dim")
    elif verdict.blocks:
        mark = Text("  NO", style="bold red")
    else:
        mark = Text("   !", style="yellow")
    return mark, verdict.name, f"{verdict.message} {verdict.remedy}".strip() if not verdict.passed else verdict.message
