"""The commands by name, and what becomes of an error: one or two lines and an exit status, never a traceback."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated

import typer

from hugflow_assets import __version__
from hugflow_assets.cli.demonstration import demo
from hugflow_assets.cli.doctor import doctor
from hugflow_assets.cli.keeping import restore, trash, verify
from hugflow_assets.cli.life import adopt, cancel, pause, resume, update
from hugflow_assets.cli.messages import message
from hugflow_assets.cli.overview import status
from hugflow_assets.cli.planning import plan
from hugflow_assets.cli.requesting import add, remove
from hugflow_assets.cli.setup import init, show_settings
from hugflow_assets.cli.syncing import local_sync, sync
from hugflow_assets.cli.validation import validate
from hugflow_assets.errors import ENVIRONMENT_AT_FAULT, HugflowError

DEBUG = "--debug"
DEBUG_VARIABLE = "HUGFLOW_DEBUG"

app = typer.Typer(
    name="hugflow",
    help="Hugging Face datasets on shared storage: requested by a small YAML file, landed as is, verified.",
    epilog="Exit status: 0 fine, 1 the request or dataset is at fault, 2 usage, 3 the environment is.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"hugflow {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
    debug: Annotated[bool, typer.Option(DEBUG, help="Show the traceback of an error.")] = False,
) -> None:
    """What every command takes; ``main`` has looked for ``--debug`` already, wherever it stands."""


app.command("init", rich_help_panel="Start")(init)
app.command("demo", rich_help_panel="Start")(demo)
app.command("doctor", rich_help_panel="Start")(doctor)
app.command("settings", rich_help_panel="Start")(show_settings)
app.command("validate", rich_help_panel="Requests")(validate)
app.command("plan", rich_help_panel="Requests")(plan)
app.command("add", rich_help_panel="Requests")(add)
app.command("remove", rich_help_panel="Requests")(remove)
app.command("sync", rich_help_panel="Datasets")(sync)
app.command("local-sync", rich_help_panel="Datasets")(local_sync)
app.command("status", rich_help_panel="Datasets")(status)
app.command("message", rich_help_panel="Start")(message)
app.command("update", rich_help_panel="Datasets")(update)
app.command("adopt", rich_help_panel="Datasets")(adopt)
app.command("pause", rich_help_panel="Datasets")(pause)
app.command("resume", rich_help_panel="Datasets")(resume)
app.command("cancel", rich_help_panel="Datasets")(cancel)
app.command("verify", rich_help_panel="Storage")(verify)
app.command("restore", rich_help_panel="Storage")(restore)
app.add_typer(trash, name="trash", rich_help_panel="Storage")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit status.

    Args:
        arguments: what follows the program's name; the process's own by default.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    ours = given[: given.index("--")] if "--" in given else given
    debug = DEBUG in ours or bool(os.environ.get(DEBUG_VARIABLE))
    rest = [word for word in ours if word != DEBUG] + given[len(ours) :]
    try:
        status_code = _run(rest, debug=debug)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader (head, less) has gone: nobody is left to tell, and Python must not try again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status_code = 141
    sys.exit(status_code)


def _run(arguments: list[str], *, debug: bool) -> int | str | None:
    try:
        app(arguments, prog_name="hugflow")
    except SystemExit as done:
        return done.code
    except BrokenPipeError:
        raise
    except KeyboardInterrupt:
        return 130
    except HugflowError as error:
        _traceback(debug)
        tell(error)
        return error.exit_status
    except Exception as error:  # noqa: BLE001 the last one to look: whatever it is, a user sees a line, not a stack
        _traceback(debug)
        typer.echo(f"error[bug]: {type(error).__name__}: {error}", err=True)
        if not debug:
            typer.echo(
                "  fix: this is a fault of Hugflow. Run it again with --debug and report what it prints.", err=True
            )
        return ENVIRONMENT_AT_FAULT
    return 0


def tell(error: HugflowError) -> None:
    """Say on stderr what happened and what to do next."""
    typer.echo(f"error[{error.code}]: {error.message}", err=True)
    if error.remedy:
        typer.echo(f"  fix: {error.remedy}", err=True)


def _traceback(debug: bool) -> None:
    if debug:
        traceback.print_exc()
