"""``hugflow init``: a project's folder made ready."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from hugflow_assets.cli.start import settings_text
from hugflow_assets.dagster_home import write_config
from hugflow_assets.settings import Settings, load_settings, project_root


def init(
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say only what was made.")] = False,
) -> None:
    """Make the folders, an .env with every setting commented out, and a dagster.yaml; never overwrite anything."""
    root = project_root()
    settings = load_settings()
    made = [folder for folder in _folders(settings) if _make_folder(folder)]
    env_file = root / ".env"
    if _write_new(env_file, settings_text.env_example()):
        made.append(env_file)
    if config := write_config(root):
        made.append(config)
    for path in made:
        typer.echo(f"made {_shown(path, root)}")
    if quiet:
        return
    if not made:
        typer.echo(f"nothing to do: {root} is ready")
    typer.echo(
        f"next: write a request into {_shown(settings.requests_dir / 'add', root)}/, then `hugflow validate`, "
        "`hugflow plan` and `hugflow sync`; or `make up`, and it lands by itself. `hugflow doctor` looks whether all "
        "is well."
    )


def _folders(settings: Settings) -> tuple[Path, ...]:
    return (settings.requests_dir / "add", settings.requests_dir / "remove")


def _make_folder(folder: Path) -> bool:
    if folder.is_dir():
        return False
    folder.mkdir(parents=True)
    return True


def _write_new(path: Path, text: str) -> bool:
    """Write a file that is not there yet, readable by its owner alone: it will hold tokens."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123 an open descriptor has no path
        file.write(text)
    return True


def _shown(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
