"""``hugflow message``: what people will be told, looked at before anything is sent."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated

import typer


class Form(StrEnum):
    """Where a message goes."""

    SLACK = "slack"
    GITHUB = "github"
    TEXT = "text"


def message(
    kind: Annotated[
        str | None, typer.Argument(metavar="KIND", help="started, landed, failed, …; all when left out.")
    ] = None,
    form: Annotated[
        Form, typer.Option("--for", help="slack: Block Kit JSON; github: a comment's section.")
    ] = Form.SLACK,
) -> None:
    """Print an example of a message as JSON, as it would be sent; nothing is sent."""
    from hugflow_assets.notify import example, kinds, message_section, slack_message

    if kind is not None and kind not in kinds():
        raise typer.BadParameter(f"no message is called {kind!r}; there are {', '.join(kinds())}", param_hint="KIND")
    examples = {}
    for one in [kind] if kind else kinds():
        message = example(one)
        if form is Form.SLACK:
            examples[one] = slack_message(message)
        elif form is Form.GITHUB:
            examples[one] = {"body": message_section(message)}
        else:
            examples[one] = message.model_dump(mode="json")
    typer.echo(json.dumps(examples[kind] if kind else examples, indent=2, ensure_ascii=False))
