"""``verify``, ``trash``, ``restore``: whether what landed is as it landed, and the way back for what was removed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from hugflow_assets.cli.console import age, console, count, size, table
from hugflow_assets.cli.life import unknown, whoami
from hugflow_assets.cli.startup import settings_in_force
from hugflow_assets.errors import REQUEST_AT_FAULT, HugflowError, ManifestError

if TYPE_CHECKING:
    from hugflow_assets.store import Scrub

AS_JSON = Annotated[bool, typer.Option("--json", help="A JSON list, stable over versions.")]
trash = typer.Typer(help="What was removed or replaced, until its grace is over.", no_args_is_help=True)


def verify(
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME…", help="Storage names; all by default.")] = None,
    as_json: AS_JSON = False,
) -> None:
    """Hash every file again and compare; exit 1 and name the files when one is damaged or missing."""
    settings = settings_in_force()
    from hugflow_assets.landing.verify.scrub import scrub
    from hugflow_assets.store import Store

    store = Store.of(settings)
    there = store.names()
    for name in names or []:
        if name not in there:
            raise unknown(name)
    if not names:
        store.look_for_links()
    results: list[Checked] = []
    for name in dict.fromkeys(names or there):
        try:
            results.append(Checked(name, scrub(store, name, by=whoami())))
        except ManifestError as error:
            results.append(Checked(name, None, error.message))
        if not as_json:
            _tell(results[-1])
    if as_json:
        typer.echo(json.dumps([one.as_json() for one in results], indent=2))
    elif not results:
        typer.echo("nothing has landed")
    if damaged := [one.name for one in results if not one.whole]:
        if not as_json:
            typer.echo(
                f"  fix: `hugflow sync`, or a materialization in the UI, repairs {', '.join(damaged)}; "
                "what is whole is linked, not fetched",
                err=True,
            )
        raise typer.Exit(REQUEST_AT_FAULT)


@dataclass(frozen=True)
class Checked:
    """One dataset, checked; ``found`` is None where its manifest cannot be read, and ``problem`` says why."""

    name: str
    found: Scrub | None
    problem: str = ""

    @property
    def whole(self) -> bool:
        return self.found is not None and self.found.whole

    def files(self) -> dict[str, tuple[str, ...]]:
        found = self.found
        if found is None:
            return {"damaged": (), "missing": (), "extra": ()}
        return {"damaged": found.damaged, "missing": found.missing, "extra": found.extra}

    def as_json(self) -> dict[str, object]:
        checked, size_bytes = (self.found.checked, self.found.checked_bytes) if self.found else (0, 0)
        told = {"name": self.name, "whole": self.whole, "problem": self.problem}
        return {**told, "checked": checked, "checked_bytes": size_bytes, **self.files()}


def _tell(one: Checked) -> None:
    if one.found is None:
        typer.echo(f"{one.name}: DAMAGED: {one.problem}", err=True)
        return
    done = f"{count(one.found.checked)} files, {size(one.found.checked_bytes)} hashed"
    typer.echo(f"{one.name}: {'whole' if one.whole else 'DAMAGED'}, {done}")
    for kind, paths in one.files().items():
        for path in paths:
            typer.echo(f"  {kind}: {path}", err=kind != "extra")


@trash.command("list")
def trash_list(as_json: AS_JSON = False) -> None:
    """What is in the trash: what it would free, when it goes, and how to bring it back."""
    settings = settings_in_force()
    from hugflow_assets.store import Store

    store = Store.of(settings)
    entries = store.trash_entries()
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
    entries = [one for one in store.trash_entries() if not names or one.name in names]
    for name in names or []:
        if not any(one.name == name for one in entries):
            raise _not_in_trash(name)
    at_once = everything or bool(names)
    if at_once and entries and not yes:
        told = f"delete {len(entries)} versions ({size(sum(one.size_bytes for one in entries))}) for good?"
        typer.confirm(told, abort=True)
    older = 0.0 if at_once else None
    wanted: list[str | None] = [*names] if names else [None]
    freed = sum(store.empty_trash(older, name=name, by=whoami()) for name in wanted)
    left = len([one for one in store.trash_entries() if not names or one.name in names])
    grace = settings.trash_grace if not at_once else timedelta(0)
    typer.echo(f"{size(freed)} freed; {left} versions left{f' within their grace of {grace}' if left else ''}")


def _not_in_trash(name: str) -> HugflowError:
    error = unknown(name)
    error.message = f"the trash holds nothing of {name[:200]!r}."
    error.remedy = "`hugflow trash list` shows what it holds."
    return error


def restore(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The dataset's storage name.")],
    version: Annotated[
        str | None, typer.Option("--version", help="Which one, as `hugflow trash list` shows; the newest by default.")
    ] = None,
) -> None:
    """Bring a removed dataset back from the trash; refused while a removal request withdraws it."""
    settings_in_force()
    from hugflow_assets.orchestration.sync.one_dataset import restore as bring_back

    entry = bring_back(name, entry_id=f"{name}@{version}" if version else None)
    typer.echo(
        f"{entry.name}: restored, {count(entry.rows)} rows, {size(entry.size_bytes)}, commit {entry.commit[:12]}"
    )
