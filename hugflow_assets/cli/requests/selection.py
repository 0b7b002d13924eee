"""Which request files a command is about: PATHs as a user types them become files of a requests folder."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

from hugflow_assets.intake import AddFile, FolderSource, Problem, RemoveFile, RequestSnapshot, source_of
from hugflow_assets.settings import load_settings

FOLDERS = ("add", "remove")


@dataclass(frozen=True)
class Selection:
    """A requests folder and which of its files are meant, relative to it; ``only`` None means all of them."""

    root: Path
    snapshot: RequestSnapshot
    only: frozenset[str] | None

    def adds(self) -> list[AddFile]:
        return [one for one in self.snapshot.adds if self._means(one.path)]

    def removals(self) -> list[RemoveFile]:
        return [one for one in self.snapshot.removals if self._means(one.path)]

    def problems(self) -> list[Problem]:
        return [one for one in self.snapshot.problems if self._means(one.path)]

    def paths(self) -> list[str]:
        """Every file that is meant, readable or not."""
        readable = {one.path for one in self.adds()} | {one.path for one in self.removals()}
        return sorted(readable | {one.path for one in self.problems()} | (self.only or set()))

    def _means(self, path: str) -> bool:
        return self.only is None or path in self.only

    def shown(self, path: str) -> str:
        """A file as the user would name it: relative to the working folder where it lies below it."""
        full = self.root / path
        here = Path.cwd()
        return str(full.relative_to(here)) if full.is_relative_to(here) else str(full)


def select(paths: Sequence[Path]) -> list[Selection]:
    """What these files and folders mean, a selection a requests folder; without any, the whole requests folder.

    Raises:
        typer.BadParameter: a path that does not exist, or that is no request file and holds none.
        RequestSourceError: a requests folder that cannot be read.
    """
    if not paths:
        settings = load_settings()
        return [Selection(settings.requests_dir, source_of(settings).snapshot(), None)]
    wanted: dict[Path, set[str] | None] = {}
    for path in paths:
        root, only = _meant(path)
        if only is None or wanted.get(root, set()) is None:
            wanted[root] = None
        else:
            wanted[root] = (wanted.get(root) or set()) | only
    return [_selection(root, only) for root, only in wanted.items()]


def _selection(root: Path, only: Iterable[str] | None) -> Selection:
    snapshot = FolderSource(root).snapshot()
    return Selection(root, snapshot, None if only is None else frozenset(only))


def _meant(path: Path) -> tuple[Path, set[str] | None]:
    # Not resolve(): a link is refused by the reader, with a better message than a path from elsewhere would give.
    full = Path(os.path.abspath(path.expanduser()))  # noqa: PTH100
    if full.is_dir():
        return _meant_folder(full, path)
    if not full.is_symlink() and not full.exists():
        raise typer.BadParameter(f"{path}: no such file or folder", param_hint="PATH")
    if full.parent.name not in FOLDERS:
        raise typer.BadParameter(
            f"{path}: a request lies in requests/add/ or requests/remove/, for the folder says what it asks for. "
            "Move it there.",
            param_hint="PATH",
        )
    return full.parent.parent, {f"{full.parent.name}/{full.name}"}


def _meant_folder(full: Path, path: Path) -> tuple[Path, set[str] | None]:
    if full.name in FOLDERS and not any((full / name).is_dir() for name in FOLDERS):
        return full.parent, {f"{full.name}/{file.name}" for file in full.iterdir() if not file.name.startswith(".")}
    if not any((full / name).is_dir() for name in FOLDERS):
        raise typer.BadParameter(f"{path}: holds neither add/ nor remove/", param_hint="PATH")
    return full, None
