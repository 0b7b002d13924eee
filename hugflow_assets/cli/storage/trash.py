"""``hugflow trash``: what was removed or replaced, until its grace is over."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Annotated

import typer
from rich.text import Text

from hugflow_assets.cli.datasets.names import unknown, whoami
from hugflow_assets.cli.terminal.console import age, console, count, size, table
from hugflow_assets.cli.terminal.settings_in_force import settings_in_force
from hugflow_assets.errors import HugflowError

AS_JSON = Annotated[bool, typer.Option("--json", help="A JSON list, stable over versions.")]
trash = typer.Typer(
    help="What was removed or replaced, until its grace is over.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@trash.command("list")
def trash_list(as_json: AS_JSON = False) -> None:
    """What is in the trash: what it would free, when it goes, and how to bring it back."""
    settings = settings_in_force()
    from hugflow_assets.store import Store

    store = Store.of(settings)
    entries = store.trash.entries()
    if as_json:
        typer.echo(json.dumps([one.model_dump(mode="json") for one in entries], indent=2))
        return
    if not entries:
        typer.echo("the trash is empty")
        return
    rows = table("dataset", "version", "why", "rows", "frees", "removed", "goes", right=("rows", "frees", "removed"))
    for one in entries:
        rows.add_row(
            one.name,
            one.id.rpartition("@")[2],
            one.why,
            count(one.rows),
            size(one.size_bytes),
            f"{age(one.moved_at)} ago",
            one.frees_at[:16],
        )
    console().print(rows)
    console().print(Text(f"{size(sum(one.size_bytes for one in entries))} in all; `hugflow restore NAME` brings back"))


@trash.command("empty")
def trash_empty(
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME…", help="Only of these datasets.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Also what is within its grace still.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete for good what is past its grace; with --all, or by name, all of it. This cannot be undone."""
    settings = settings_in_force()
    from hugflow_assets.store import Store

    store = Store.of(settings)
    entries = [one for one in store.trash.entries() if not names or one.name in names]
    for name in names or []:
        if not any(one.name == name for one in entries):
            raise _not_in_trash(name)
    at_once = everything or bool(names)
    if at_once and entries and not yes:
        question = f"delete {len(entries)} versions ({size(sum(one.size_bytes for one in entries))}) for good?"
        typer.confirm(question, abort=True)
    older = 0.0 if at_once else None
    wanted: list[str | None] = [*names] if names else [None]
    freed = sum(store.empty_trash(older, name=name, by=whoami()) for name in wanted)
    left = len([one for one in store.trash.entries() if not names or one.name in names])
    grace = settings.trash_grace if not at_once else timedelta(0)
    typer.echo(f"{size(freed)} freed; {left} versions left{f' within their grace of {grace}' if left else ''}")


def _not_in_trash(name: str) -> HugflowError:
    error = unknown(name)
    error.message = f"the trash holds nothing of {name[:200]!r}."
    error.remedy = "`hugflow trash list` shows what it holds."
    return error
