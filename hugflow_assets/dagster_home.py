"""Our defaults for the folder of Dagster's own state: no telemetry, no newsletter, so many runs at a time."""

from __future__ import annotations

import contextlib
import os
from importlib import resources
from pathlib import Path

VARIABLE = "DAGSTER_HOME"
CONFIG = "dagster.yaml"


def home_of(root: Path) -> Path:
    """The folder whose ``dagster.yaml`` counts for a project: ``DAGSTER_HOME``, or else the project's own folder."""
    return Path(os.environ[VARIABLE]).expanduser() if os.environ.get(VARIABLE) else root


def write_config(root: Path) -> Path | None:
    """Write ``dagster.yaml`` where it is missing; the file that was made, if any. One that is there is never changed.

    A folder that cannot be written stays as it is: Dagster then works by its own defaults.
    """
    home = home_of(root)
    path = home / CONFIG
    text = home_config() if os.environ.get(VARIABLE) else project_config()
    with contextlib.suppress(OSError):
        home.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
        return path
    return None


def home_config() -> str:
    """``dagster.yaml`` of a ``DAGSTER_HOME``: its databases lie beside it."""
    return _text("dagster_home.yaml")


def project_config() -> str:
    """``dagster.yaml`` of a project's folder, whose databases lie in ``.dagster_home`` below it."""
    return _text("dagster_project.yaml") + home_config()


def _text(name: str) -> str:
    return (resources.files("hugflow_assets") / name).read_text(encoding="utf-8")
