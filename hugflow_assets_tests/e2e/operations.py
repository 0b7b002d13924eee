"""What people and the platform do to a storage, each as a process of its own does it; for ``interruptions``."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hugflow_assets.cli.datasets.holding import hold
from hugflow_assets.errors import HugflowError
from hugflow_assets.hub import Hub, HubAccess
from hugflow_assets.intake import DatasetRequest
from hugflow_assets.landing.land import land
from hugflow_assets.landing.options import LandingOptions
from hugflow_assets.landing.verify.scrub import scrub
from hugflow_assets.landing.withdraw import withdraw_values
from hugflow_assets.planning.pin import plan
from hugflow_assets.store import Store, WithdrawnValues

REPO = "org/speech"
NAME = "org__speech__rev_main"
REQUESTS = {"views": {"text_column": "id"}, "description": {"description": "Speech, read aloud."}}


def _land(store: Store, url: str, what: str) -> None:
    access = HubAccess(url, retries=1, backoff_s=0.01)
    fields = {"description": "Speech.", **REQUESTS.get(what, {})}
    request = DatasetRequest.model_validate({"hf_id": REPO, **fields})
    found = plan(Hub(access), request, landed=store.manifest(NAME), update=what == "update")
    land(found, store, access, LandingOptions(workers=1, executor="threads", progress_interval_s=0.02))


def _withdraw(store: Store) -> None:
    asked = WithdrawnValues(column="id", ids=("1", "3"), reason="Asked to.", by="ada", at="2030-01-01T00:00:00Z")
    withdraw_values(store, NAME, asked)


OPERATIONS: dict[str, Callable[[Store, str], object]] = {
    "land": lambda store, url: _land(store, url, "land"),
    "update": lambda store, url: _land(store, url, "update"),
    "repair": lambda store, url: _land(store, url, "repair"),
    "views": lambda store, url: _land(store, url, "views"),
    "description": lambda store, url: _land(store, url, "description"),
    "back": lambda store, url: _land(store, url, "back"),  # landing what lies in the trash
    "remove": lambda store, _: store.remove(NAME, reason="Replaced.", by="ada"),
    "restore": lambda store, _: store.restore(NAME),
    "empty": lambda store, _: store.empty_trash(0, by="ada"),
    "scrub": lambda store, _: scrub(store, NAME, by="ada"),
    "withdraw": lambda store, _: _withdraw(store),
    "hold": lambda *_: hold([NAME], "paused"),
}


def operate(asked: dict[str, Any]) -> dict[str, Any]:
    """Do the operation in the folder; how it ended."""
    folder = Path(asked["folder"])
    os.environ.update(
        HUGFLOW_PROJECT_DIR=str(folder), STORAGE_ROOT=str(folder / "storage"), HUGFLOW_STATE_DIR=str(folder / "state")
    )
    store = Store(folder / "storage", folder / "state", host=asked.get("host"))
    sys.stdout = io.StringIO()  # what the command says; the real one is the server's
    try:
        OPERATIONS[asked["operation"]](store, asked["url"])
    except HugflowError as error:
        return {"code": error.code, "said": error.message}
    return {"done": True}
