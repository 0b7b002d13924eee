"""``hugflow history``: who asked what, when, and what came of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from hugflow_assets.cli.datasets.names import known_names
from hugflow_assets.cli.terminal.console import colored, console, wrapped
from hugflow_assets.settings import load_settings

if TYPE_CHECKING:
    from hugflow_assets.status.history import HistoryEntry

SHOWN = 50
TONES = {"landed": "green", "failed": "red", "rejected": "red", "removed": "yellow", "open": "cyan"}


def history(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="A storage name; all datasets without.", autocompletion=known_names),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="A JSON list, stable over versions, the newest last.")
    ] = False,
    most: Annotated[int, typer.Option("--most", "-n", min=1, help="So many of the newest.")] = SHOWN,
) -> None:
    """Show who asked what, when, and what came of it, from the audit log; the newest last."""
    settings = load_settings()
    from hugflow_assets.status.history import history as told
    from hugflow_assets.store import Store

    entries = told(Store.of(settings), name)[-most:]
    if as_json:
        typer.echo(json.dumps([one.model_dump(mode="json") for one in entries], indent=2))
    elif entries:
        typer.echo("\n".join(history_lines(entries, console().width, named=name is None)))
    else:
        typer.echo(f"the log tells nothing of {name}" if name else "the log is empty")


def history_lines(entries: Sequence[HistoryEntry], width: int, *, named: bool = True) -> Iterator[str]:
    """A line an entry, and what was told of it below; no word is broken, however narrow the terminal is."""
    for one in entries:
        when = (one.ended_at or one.asked_at)[:16].replace("T", " ")
        what = one.outcome if one.outcome not in ("failed", "rejected", "open") else f"{one.act}: {one.outcome}"
        code = f" [{one.code}]" if one.code else ""
        asked = f" for {one.by}" if one.by else ""
        if one.asked_at and one.ended_at and one.asked_at[:16] != one.ended_at[:16]:
            asked += f" (asked {one.asked_at[:16].replace('T', ' ')})"
        head = " ".join([when, *([one.name] if named else []), f"{what}{code}{asked}"])
        tone = TONES.get(one.outcome)
        first, *rest = wrapped(head, width)
        yield first.replace(what, colored(what, tone), 1) if tone else first
        yield from rest
        if one.told:
            yield from wrapped(one.told, width, indent="  ")
