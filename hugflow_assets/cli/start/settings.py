"""``hugflow settings``: what is set, and the reference of everything that can be."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from pydantic.fields import FieldInfo
from rich.padding import Padding
from rich.text import Text

from hugflow_assets.cli.start import settings_text
from hugflow_assets.cli.terminal.console import console
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
    out = console()
    for group, fields in settings_text.by_group().items():
        out.print(Text(group, style="bold"))
        for name, field in fields.items():
            value = settings_text.plain(getattr(now, name))
            default = settings_text.plain(field.default) or "not set"
            default_text = "" if value == _default(field, root) else f"  (default: {default})"
            # Names and values are for copying: a narrow terminal breaks the sentences only.
            out.print(Text.assemble(f"{variable_of(name)}={value}", (default_text, "yellow")), soft_wrap=True)
            out.print(Padding(Text(field.description or "", style="dim"), (0, 0, 0, 4)))


def _default(field: FieldInfo, root: Path) -> str:
    """The default as it shows when it is in force: paths made absolute."""
    default = field.default
    return settings_text.plain(root / default if isinstance(default, Path) else default)
