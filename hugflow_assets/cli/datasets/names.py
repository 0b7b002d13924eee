"""The names that a command takes, the error for one that nothing has, and who runs the command."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from hugflow_assets.errors import HugflowError, UnknownDatasetError

if TYPE_CHECKING:
    from hugflow_assets.store import Store


def known_names(incomplete: str) -> list[str]:
    """The storage names that begin so, for a shell's completion: asked for or landed. What cannot be read has none."""
    from hugflow_assets.intake import source_of
    from hugflow_assets.settings import load_settings
    from hugflow_assets.store import Store

    try:
        settings = load_settings()
        known = {*Store.of(settings).index.names(), *(one.name for one in source_of(settings).snapshot().adds)}
    except HugflowError:
        return []
    return sorted(name for name in known if name.startswith(incomplete))


NAMES = Annotated[
    list[str],
    typer.Argument(metavar="NAME…", help="Storage names, as `hugflow status` shows them.", autocompletion=known_names),
]
LANDED_NAMES = Annotated[
    list[str] | None,
    typer.Argument(metavar="NAME…", help="Storage names; all by default.", autocompletion=known_names),
]
AS_JSON = Annotated[bool, typer.Option("--json", help="The results as a JSON list, stable over versions.")]


def unknown(name: str) -> UnknownDatasetError:
    """The error for a name that nothing has."""
    return UnknownDatasetError(
        f"no request and no landed dataset is called {name[:200]!r}.",
        remedy="`hugflow status` lists the names.",
        name=name[:200],
    )


def landed_names(store: Store, names: Sequence[str] | None) -> list[str]:
    """The landed datasets that are named, each once; all where none is.

    Raises:
        UnknownDatasetError: one of them is not landed.
    """
    there = store.index.names()
    for name in names or ():
        if name not in there:
            raise unknown(name)
    return list(dict.fromkeys(names or there))


def whoami() -> str:
    """Who runs the command, for the audit log."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
