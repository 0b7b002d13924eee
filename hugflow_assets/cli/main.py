"""``hugflow``: what every command takes, and what becomes of an error: a line or two and an exit status."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from hugflow_assets.cli.commands import HELP_OPTIONS, Commands
from hugflow_assets.errors import ENVIRONMENT_AT_FAULT, HugflowError
from hugflow_assets.version import __version__

DEBUG = "--debug"
DEBUG_VARIABLE = "HUGFLOW_DEBUG"

app = typer.Typer(
    name="hugflow",
    cls=Commands,
    help="Hugging Face datasets on shared storage: requested by a small YAML file, landed as is, verified.",
    epilog="Exit status: 0 fine, 1 the request or dataset is at fault, 2 usage, 3 the environment is.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings=HELP_OPTIONS,
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
    except OSError as error:
        _traceback(debug)
        from hugflow_assets.durable.disk_errors import disk_error

        found = disk_error(error, Path(error.filename or "the storage"))
        tell(found)
        return found.exit_status
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
