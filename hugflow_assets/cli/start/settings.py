"""``hugflow settings``: what is set, and the reference of everything that can be."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from pydantic.fields import FieldInfo

from hugflow_assets.cli.start import settings_text
from hugflow_assets.cli.terminal.console import console, table
from hugflow_assets.settings import load_settings, project_root, variable_of


class Form(StrEnum):
    """How ``hugflow settings`` writes."""

    TEXT = "text"
    ENV = "env"
    MARKDOWN = "markdown"


def settings(
    form: Annotated[
        Form, typer.Option("--format", help="text: what is set; env, markdown: the reference.")
    ] = Form.TEXT,
) -> None:
    """Show every setting, its value, and the default where that differs. Secrets are hidden."""
    if form is Form.ENV:
        typer.echo(settings_text.env_example(), nl=False)
        return
    if form is Form.MARKDOWN:
        typer.echo(settings_text.markdown_table(), nl=False)
        return
    now = load_settings()
    root = project_root()
    shown = table("setting", "value", "default", "what it does")
    for fields in settings_text.by_group().values():
        for name, field in fields.items():
            shown.add_row(
                variable_of(name),
                value := settings_text.plain(getattr(now, name)),
                "" if value == _default(field, root) else settings_text.plain(field.default) or "not set",
                field.description or "",
            )
    console().print(shown)


def _default(field: FieldInfo, root: Path) -> str:
    """The default as it shows when it is in force: paths made absolute."""
    default = field.default
    return settings_text.plain(root / default if isinstance(default, Path) else default)
