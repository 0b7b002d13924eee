"""``hugflow add``: ask for a dataset by writing its request file."""

from __future__ import annotations

from typing import Annotated

import typer

from hugflow_assets.cli.requests.proposal import Proposal, PullOption, carry_out, snapshot_of, validated
from hugflow_assets.cli.terminal.settings_in_force import settings_in_force
from hugflow_assets.errors import DuplicateRequestError
from hugflow_assets.intake import DatasetRequest, RequestSnapshot, matches, storage_name, to_yaml


def add(
    hf_id: Annotated[str, typer.Argument(metavar="ORG/NAME", help="The dataset's id on the Hub.")],
    subset: Annotated[str | None, typer.Option(help="One subset (config); every one when left out.")] = None,
    split: Annotated[str | None, typer.Option(help="One split; every one when left out.")] = None,
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit; main when left out.")] = None,
    description: Annotated[str | None, typer.Option(help="What it is and what it is for.")] = None,
    owner: Annotated[str | None, typer.Option(help="Person or team to ask about it.")] = None,
    audio_column: Annotated[str | None, typer.Option(help="Column with the audio.")] = None,
    keep_until: Annotated[str | None, typer.Option(help="A day, 2030-12-31: when its owner is asked again.")] = None,
    text_column: Annotated[str | None, typer.Option(help="Column with the transcript.")] = None,
    form: Annotated[str | None, typer.Option(help="Media as files, or packed into tars: files or packed.")] = None,
    group: Annotated[str | None, typer.Option(help="Unix group that alone may read it.")] = None,
    pr: PullOption = False,
) -> None:
    """Ask for a dataset: write its request file, and delete the removal that withdraws it."""
    settings = settings_in_force()
    values = {
        "hf_id": hf_id,
        "subset": subset,
        "split": split,
        "revision": revision,
        "description": description or f"Requested with hugflow add: {hf_id}.",
        "owner": owner,
        "keep_until": keep_until,
        "audio_column": audio_column,
        "text_column": text_column,
        "form": form,
        "group": group,
    }
    request = validated(DatasetRequest, {key: value for key, value in values.items() if value is not None})
    carry_out(proposed_addition(request, snapshot_of(settings, pr), given=values, said=description), settings, pr)


def proposed_addition(
    request: DatasetRequest, snapshot: RequestSnapshot, *, given: dict[str, str | None], said: str | None = None
) -> Proposal:
    """What an addition changes.

    Raises:
        DuplicateRequestError: a file asks for the same data in other words already; that one is to be edited.
    """
    name = storage_name(request)
    changes: dict[str, str | None] = {}
    notes: list[str] = []
    known = snapshot.add(name)
    if known is None:
        changes[f"add/{name}.yaml"] = to_yaml(request)
        if said is None:
            notes.append("say what it is for with --description, or in the file")
    elif differs := [
        key for key, value in given.items() if value is not None and key != "description"
        and getattr(known.request, key) != value
    ] + (["description"] if said is not None and known.request.description != said else []):  # fmt: skip
        raise DuplicateRequestError(
            f"requests/{known.path} asks for {name} already, with another {', '.join(differs)}.",
            remedy="Edit that file.",
            path=known.path,
        )
    for removal in snapshot.removals_of(request):
        changes[removal.path] = None
        again = [one.name for one in snapshot.adds if one.name != name and matches(removal.request, one.request)]
        if again:
            notes.append(f"{removal.path} withdraws others too, which land again: {', '.join(sorted(set(again)))}")
    return Proposal(f"Land {name}", f"hugflow/add-{name}", changes, notes)
