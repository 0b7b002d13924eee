"""The Dagster instance that every command of a project shares."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from dagster import DagsterInstance
from dagster._core.instance import InstanceRef
from dagster._core.instance.config import is_dagster_home_set

from hugflow_assets.dagster_home import write_config
from hugflow_assets.durable import locked
from hugflow_assets.settings import project_root

HOME = ".dagster_home"
# Whatever a home that we did not make says: no command of ours sends anything, or prints that it does.
_QUIET = {"telemetry": {"enabled": False}}


@contextlib.contextmanager
def project_instance(root: Path | None = None) -> Iterator[DagsterInstance]:
    """The instance of ``DAGSTER_HOME`` if that is set, else what the project's ``dagster.yaml`` says.

    It is the one that ``dagster dev`` and ``dagster asset materialize`` use when they are started in the project's
    folder, so that what one command did, another one shows.
    """
    with _opened(root or project_root()) as instance:
        yield instance


def _opened(root: Path) -> DagsterInstance:
    write_config(root)
    if is_dagster_home_set():
        home = Path(os.environ["DAGSTER_HOME"]).expanduser()
        with _alone(home):
            return DagsterInstance.from_ref(InstanceRef.from_dir(str(home), overrides=_QUIET))
    home = root / HOME
    home.mkdir(parents=True, exist_ok=True)
    # Folders in dagster.yaml are relative to the project, and made absolute when the instance is made.
    with _alone(home), contextlib.chdir(root):
        return DagsterInstance.from_ref(InstanceRef.from_dir(str(home), config_dir=str(root), overrides=_QUIET))


def _alone(home: Path) -> contextlib.AbstractContextManager[object]:
    """One process at a time makes the instance: the first makes its tables, which of two at once only one can."""
    return locked(home / ".opening") if os.access(home, os.W_OK) else contextlib.nullcontext()
