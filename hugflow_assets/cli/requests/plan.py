"""``hugflow plan``: what would land, where, how big, and what the rules say of it; nothing is fetched."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from hugflow_assets.cli.requests.judging import Judged, judge
from hugflow_assets.cli.requests.selection import Selection, select
from hugflow_assets.cli.requests.validate import tell_problems
from hugflow_assets.cli.terminal.console import console, count, size, table
from hugflow_assets.cli.terminal.exit_status import exit_status_of
from hugflow_assets.cli.terminal.settings_in_force import settings_in_force
from hugflow_assets.intake import FolderSource, RemoveFile
from hugflow_assets.settings import Settings

if TYPE_CHECKING:
    from hugflow_assets.planning.models import LandingPlan
    from hugflow_assets.rules import Verdict
    from hugflow_assets.rules.removals import LandsAgain, RemovalPreview

SCHEMA_VERSION = 1


def plan(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATH", help="Request files or folders; the requests folder by default."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of text.")] = False,
    base: Annotated[
        Path | None,
        typer.Option(help="The requests folder before a change: says what deleted removals let land again."),
    ] = None,
) -> None:
    """Show what requests would land or remove: commit, size, files, rows, licence, quota and every verdict."""
    settings = settings_in_force()
    worst = 0
    unanswered: set[str] = set()
    plans: list[dict[str, Any]] = []
    removals: list[dict[str, Any]] = []
    withdrawn: list[dict[str, Any]] = []
    selections = select(paths or [])
    for selection in selections:
        worst = max(worst, tell_problems(selection))
        for judged in judge(selection.adds(), selection.snapshot, settings):
            worst = max(worst, judged.exit_status)
            if as_json:
                plans.append(_as_dict(judged, selection, settings))
            elif judged.error is not None and judged.error.transient and str(judged.error) in unanswered:
                typer.echo(f"{judged.file.name} ({selection.shown(judged.file.path)}): [{judged.error.code}] as above")
            else:
                unanswered |= {str(judged.error)} if judged.error is not None else set()
                _show(judged, selection, settings)
        for preview in _previews(selection, settings):
            worst = max(worst, exit_status_of(preview.verdict.code) if preview.verdict.blocks else 0)
            if as_json:
                removals.append(preview.model_dump(mode="json"))
            else:
                _show_removal(preview, selection)
        for removal, again in _withdrawn(selection, base, settings):
            withdrawn.append({"path": removal.path, "lands_again": [one.model_dump(mode="json") for one in again]})
            if not as_json:
                _show_withdrawn(removal, again)
    if as_json:
        every = {"schema_version": SCHEMA_VERSION, "plans": plans, "removals": removals, "withdrawn": withdrawn}
        typer.echo(json.dumps(every, indent=2, ensure_ascii=False))
    elif not withdrawn and not any(one.paths() for one in selections):
        looked_at = ", ".join(map(str, paths or [one.root for one in selections]))
        typer.echo(f"nothing to plan: there is no request file in {looked_at}")
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


def _withdrawn(
    selection: Selection, base: Path | None, settings: Settings
) -> Iterator[tuple[RemoveFile, tuple[LandsAgain, ...]]]:
    """The removals that were in force in ``base`` and are deleted or edited, each with what lands again for it."""
    if base is None:
        return
    from hugflow_assets.rules.removals import lands_again
    from hugflow_assets.store import Store

    store, kept = Store.of(settings), {one.key for one in selection.snapshot.removals}
    for removal in FolderSource(base).snapshot().removals:
        if removal.key not in kept:
            yield removal, lands_again(removal, selection.snapshot, store)


def _show_withdrawn(removal: RemoveFile, again: tuple[LandsAgain, ...]) -> None:
    out = console()
    gone = f"({removal.path} is no longer in force)"
    out.print(Text("removal withdrawn", style="bold"), Text(gone, style="dim"))
    for one in again:
        out.print(Text(f"  lands again: {one.story()}"))
    if not again:
        out.print(Text("  nothing lands again"))
    out.print()


def _again(plan: LandingPlan, settings: Settings) -> dict[str, Any] | None:
    """When and why what is planned was removed before, and until when the trash holds the same data; None: it was not.

    Of what is landed, or was never there, there is nothing to say.
    """
    from hugflow_assets.landing.decide import restorable
    from hugflow_assets.landing.options import LandingOptions
    from hugflow_assets.store import Store

    store = Store.of(settings)
    tombstone = store.trash.tombstone(plan.name)
    if tombstone is None or store.index.row(plan.name) is not None:
        return None
    entry = restorable(plan, store, LandingOptions.of(settings))
    return {
        "removed_at": tombstone.removed_at,
        "reason": tombstone.reason,
        "size_bytes": tombstone.size_bytes,
        "in_trash_until": entry.frees_at if entry else None,
    }


def _told_again(again: dict[str, Any]) -> str:
    held = "the trash holds it no longer, or another version: it is fetched"
    if until := again["in_trash_until"]:
        held = f"the trash holds the same data until {until[:10]}: nothing is fetched"
    return f"removed on {again['removed_at'][:10]} with {size(again['size_bytes'])} ({again['reason']}); {held}"


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
    plan, forecast = judged.plan, judged.forecast
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
        "action": forecast.action.value if forecast else None,
        "download_bytes": forecast.download_bytes if forecast else None,
        "stays_bytes": forecast.stays_bytes if forecast else None,
        "peak_bytes": forecast.peak_bytes if forecast else None,
        "files_inodes": forecast.files_inodes if forecast else None,
        "packed_inodes": forecast.packed_inodes if forecast else None,
        "download_files": plan.upstream_files if plan else None,
        "landed_bytes": plan.estimate.landed_bytes if plan else None,
        "files": plan.estimate.files if plan else None,
        "rows": plan.estimate.rows if plan else None,
        "hours": plan.estimate.hours if plan else None,
        "again": _again(plan, settings) if plan else None,
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
        for label, value in _facts(judged.plan, judged, settings):
            facts.add_row(f"  {label}", value)
        out.print(facts)
    verdicts = table("", "", "")
    verdicts.show_header = False
    for verdict in judged.verdicts:
        if verdict.evaluated:
            verdicts.add_row(*_marked(verdict))
    out.print(verdicts)
    for reason, names in _not_evaluated(judged.verdicts).items():
        out.print(Text(f"   -  {', '.join(names)}: {reason}", style="dim"))
    out.print()


def _not_evaluated(verdicts: Sequence[Verdict]) -> dict[str, list[str]]:
    """Why rules could not be judged -> the rules; one cause is said once."""
    found: dict[str, list[str]] = {}
    for verdict in verdicts:
        if not verdict.evaluated:
            found.setdefault(verdict.message, []).append(verdict.name)
    return found


def _facts(plan: LandingPlan, judged: Judged, settings: Settings) -> list[tuple[str, str]]:
    from hugflow_assets.notify.plan_facts import plan_facts
    from hugflow_assets.store import Store

    room = Store.of(settings).quota.headroom()
    facts = plan_facts(plan, judged.forecast, room, str(settings.storage_root / plan.name))
    again = _again(plan, settings)
    return [("From", _url(plan)), *facts, *([("Lands again", _told_again(again))] if again else [])]


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
