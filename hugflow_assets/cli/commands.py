"""The commands by name, each imported when it is called: ``hugflow --help`` needs none of what they need."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

HELP_OPTIONS = {"help_option_names": ["-h", "--help"]}


@dataclass(frozen=True)
class Entry:
    """One command: its panel in the help, where it is, and the first sentence of its own help."""

    panel: str
    place: str
    about: str


COMMANDS = {
    "init": Entry(
        "Start",
        "start.init",
        "Make the folders, an .env with every setting commented out, and a dagster.yaml; never overwrite anything.",
    ),
    "demo": Entry(
        "Start",
        "start.demo",
        "Land a small speech dataset from a local Hub, through the real path; needs no internet.",
    ),
    "doctor": Entry(
        "Start",
        "start.doctor",
        "Look whether Python, settings, Hub, proxy, disk, locks, GitHub, Slack and the daemon are well; a remedy each.",
    ),
    "settings": Entry(
        "Start",
        "start.settings",
        "Show every setting, its value, and the default where that differs. Secrets are hidden.",
    ),
    "message": Entry(
        "Start", "start.message", "Print an example of a message as JSON, as it would be sent; nothing is sent."
    ),
    "validate": Entry(
        "Requests", "requests.validate", "Say everything that is wrong with request files: file:line:col: message."
    ),
    "plan": Entry(
        "Requests",
        "requests.plan",
        "Show what requests would land or remove: commit, size, files, rows, licence, quota and every verdict.",
    ),
    "add": Entry(
        "Requests",
        "requests.add",
        "Ask for a dataset: write its request file, and delete the removal that withdraws it.",
    ),
    "remove": Entry(
        "Requests",
        "requests.remove",
        "Withdraw a dataset: write a removal as narrow as the dataset. Its data go once that is in force.",
    ),
    "sync": Entry(
        "Datasets",
        "datasets.sync",
        "Land what is asked for and not there yet, carry out removals; every file that is fine already is left alone.",
    ),
    "local-sync": Entry("Datasets", "datasets.local_sync", "Land one request file; the same as sync PATH."),
    "status": Entry(
        "Datasets",
        "datasets.status",
        "Show every dataset asked for or landed: state, rows, hours, size, age, owner; totals and quota.",
    ),
    "history": Entry(
        "Datasets",
        "datasets.history",
        "Show who asked what, when, and what came of it, from the audit log; the newest last.",
    ),
    "path": Entry(
        "Datasets",
        "reading.path",
        'Print the folder of a landed dataset, and nothing else: cd "$(hugflow path org/name)".',
    ),
    "open": Entry(
        "Datasets",
        "reading.open",
        "Show how to open a landed dataset in each toolkit, with its own paths and columns, ready to paste.",
    ),
    "export": Entry(
        "Datasets",
        "reading.export",
        "Write a landed dataset for Kaldi, ESPnet, WeNet, WebDataset, Lhotse Shar or SpeechBrain; audio is not copied.",
    ),
    "stage": Entry(
        "Datasets",
        "reading.stage",
        "Copy a landed dataset to this node's disk, verified and resumed; jobs share the copy. Prints its folder.",
    ),
    "update": Entry(
        "Datasets",
        "datasets.update",
        "Land the newest commit of the branch and swap it in; what did not change is linked, not fetched.",
    ),
    "adopt": Entry(
        "Datasets",
        "datasets.adopt",
        "Land a request from files that are on this machine already; only what is missing there is fetched.",
    ),
    "pause": Entry(
        "Datasets",
        "datasets.pause",
        "Let nothing land or change for these datasets until they are resumed; a landing in flight stops, keeping all.",
    ),
    "resume": Entry(
        "Datasets",
        "datasets.resume",
        "Let them go on: what was paused or cancelled, and what waits after failures, is tried again now.",
    ),
    "cancel": Entry(
        "Datasets",
        "datasets.cancel",
        "Stop the landing in flight, and do not try this request again until it is edited or resumed.",
    ),
    "verify": Entry(
        "Storage",
        "storage.verify",
        "Hash every file again and compare; exit 1 and name the files when one is damaged or missing.",
    ),
    "overlap": Entry(
        "Storage",
        "storage.overlap",
        "Say which clips and transcripts occur twice: in a dataset, in two of its splits, or in two datasets.",
    ),
    "freeze": Entry(
        "Storage",
        "storage.freeze",
        "Print a lock of what is landed: commits, identities and hashes, for `hugflow land` elsewhere.",
    ),
    "land": Entry(
        "Storage",
        "storage.land",
        "Land what a lock says, byte for byte: from PEER_STORES where one has it, else from the Hub.",
    ),
    "withdraw": Entry(
        "Storage",
        "storage.withdraw",
        "Take rows and their clips out of a landed dataset for good, by a column's values; no update brings them back.",
    ),
    "restore": Entry(
        "Storage",
        "storage.restore",
        "Bring a removed dataset back from the trash; refused while a removal request withdraws it.",
    ),
    "catalogue": Entry(
        "Storage",
        "storage.catalogue",
        "Write what is asked for and landed as JSON, as CSV, or as a site of static pages, one a dataset.",
    ),
    "metrics": Entry(
        "Storage",
        "storage.metrics",
        "Give the state of the storage to Prometheus: as a page, as a file for node_exporter, or on stdout.",
    ),
    "trash": Entry("Storage", "storage.trash", "What was removed or replaced, until its grace is over."),
}


_WIDEST = max(map(len, COMMANDS))


class Commands(TyperGroup):
    """The group of all commands. What it holds are stand-ins; the one that is called is imported then."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.commands = {name: StandIn(name, entry) for name, entry in COMMANDS.items()}

    def list_commands(self, ctx: Any) -> list[str]:
        """The names, in the order of ``COMMANDS``."""
        return list(self.commands)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """A section a panel, each command with its whole sentence."""
        panels: dict[str, list[tuple[str, str]]] = {}
        for name, entry in COMMANDS.items():
            panels.setdefault(entry.panel, []).append((name.ljust(_WIDEST), entry.about))
        for panel, rows in panels.items():
            with formatter.section(panel):
                formatter.write_dl(rows)


class StandIn(TyperCommand):
    """What the help and the completion of names need to know of a command; called, it gives way to the command."""

    def __init__(self, name: str, entry: Entry) -> None:
        super().__init__(name, help=entry.about)

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """The context of the command itself."""
        return command_of(str(self.name)).make_context(info_name, args, parent=parent, **extra)


def command_of(name: str) -> Any:
    """The command itself, imported: the function, or the group of functions, that is called as its module is."""
    entry = COMMANDS[name]
    module = entry.place.rpartition(".")[2]
    found: Callable[..., None] | typer.Typer = getattr(import_module(f"hugflow_assets.cli.{entry.place}"), module)
    if isinstance(found, typer.Typer):
        return get_command(found)
    alone = typer.Typer(
        add_completion=False, rich_markup_mode=None, context_settings={"help_option_names": ["-h", "--help"]}
    )
    alone.command(name)(found)
    return get_command(alone)
