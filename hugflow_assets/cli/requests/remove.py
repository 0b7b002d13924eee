"""``hugflow remove``: withdraw a dataset by writing a removal request."""

from __future__ import annotations

from typing import Annotated

import typer

from hugflow_assets.cli.requests.proposal import Proposal, PullOption, carry_out, snapshot_of, validated
from hugflow_assets.cli.terminal.settings_in_force import settings_in_force
from hugflow_assets.errors import DuplicateRequestError, UnknownDatasetError
from hugflow_assets.intake import DatasetRequest, RemovalRequest, RequestSnapshot, matches, to_yaml
from hugflow_assets.settings import Settings


def remove(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As `hugflow status` lists it, or ORG/NAME.")],
    reason: Annotated[str, typer.Option(help="Why; kept in the log for good.")],
    others: Annotated[
        bool, typer.Option("--others", help="Also withdraw what the removal cannot help to match.")
    ] = False,
    pr: PullOption = False,
) -> None:
    """Withdraw a dataset: write a removal as narrow as the dataset. Its data go once that is in force."""
    settings = settings_in_force()
    snapshot = snapshot_of(settings, pr)
    known = _known(snapshot, settings)
    found = _named(name, known)
    request = known[found]
    removal = validated(
        RemovalRequest,
        {
            key: value
            for key, value in {
                "hf_id": request.hf_id,
                "reason": reason,
                "subset": request.subset,
                "split": request.split,
                "revision": request.revision,
            }.items()
            if value is not None
        },
    )
    carry_out(proposed_removal(found, removal, snapshot, known, others=others), settings, pr)


def proposed_removal(
    name: str,
    removal: RemovalRequest,
    snapshot: RequestSnapshot,
    known: dict[str, DatasetRequest],
    *,
    others: bool,
) -> Proposal:
    """What a removal changes.

    Raises:
        DuplicateRequestError: it would withdraw other datasets too, and ``others`` does not allow it.
    """
    notes = []
    if in_force := snapshot.removals_of(known[name]):
        return Proposal("", "", {}, [f"{in_force[0].path} withdraws it already"])
    also = sorted(one for one, request in known.items() if one != name and matches(removal, request))
    if also and not others:
        raise DuplicateRequestError(
            f"A removal of {name} withdraws what lies within it too: {', '.join(also)}.",
            remedy="Give --others if they are to go as well.",
            names=also,
        )
    if also:
        notes.append(f"withdraws {', '.join(also)} too")
    return Proposal(f"Remove {name}", f"hugflow/remove-{name}", {f"remove/{name}.yaml": to_yaml(removal)}, notes)


def _known(snapshot: RequestSnapshot, settings: Settings) -> dict[str, DatasetRequest]:
    """Name -> request of everything asked for or landed."""
    from hugflow_assets.store import Store

    known: dict[str, DatasetRequest] = {}
    store = Store.of(settings)
    for name in store.index.names():
        if manifest := store.manifest(name):
            known[name] = manifest.request
    return known | {one.name: one.request for one in reversed(snapshot.adds)}


def _named(name: str, known: dict[str, DatasetRequest]) -> str:
    """The storage name that is meant; an id on the Hub will do where it says which one.

    Raises:
        UnknownDatasetError: nothing is called so, or several things are.
    """
    if name in known:
        return name
    found = sorted(one for one, request in known.items() if request.hf_id == name)
    if len(found) == 1:
        return found[0]
    if found:
        raise UnknownDatasetError(f"{name} is asked for as {', '.join(found)}.", remedy="Name one of them.", name=name)
    raise UnknownDatasetError(
        f"no request and no landed dataset is called {name[:200]!r}.",
        remedy="Take a name that `hugflow status` lists.",
        name=name[:200],
    )
