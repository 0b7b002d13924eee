"""The demo's own project folder: requests, storage, state and Dagster home of its own, apart from the user's."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from hugflow_assets.dagster_home import CONFIG, home_config
from hugflow_assets.durable import atomic_write
from hugflow_assets.errors import StorageError
from hugflow_assets.settings import PROJECT_DIR_VARIABLE, Settings, variable_of

_WORKSPACE = (
    "load_from:\n  - python_module:\n      module_name: hugflow_assets.definitions\n      location_name: hugflow\n"
)
# What a shell may hold for the user's own project and Hub, and what must not leak into the demo.
_FOREIGN = ("HF_", "HUGGINGFACE_", "DAGSTER_", "HUGFLOW_")
_LOOPBACK = "127.0.0.1,localhost"


@dataclass(frozen=True)
class DemoProject:
    """A project as `hugflow init` would make it, in ``folder``, that talks to the demo's Hub."""

    folder: Path

    @property
    def storage_root(self) -> Path:
        return self.folder / "datasets"

    @property
    def state_dir(self) -> Path:
        return self.folder / ".hugflow-state"

    @property
    def dagster_home(self) -> Path:
        return self.folder / ".dagster_home"

    @property
    def hub_files(self) -> Path:
        """Where the Hub's repository lies, kept so that a second demo finds the same commit."""
        return self.folder / ".hub" / "demo-speech"

    @property
    def log(self) -> Path:
        return self.folder / "sync.log"

    def prepare(self, endpoint: str) -> None:
        """Make the folder ready: request files and the settings of Hugflow and Dagster. Nothing else is touched.

        Raises:
            StorageError: the folder cannot be written.
        """
        try:
            for folder in ("requests/add", "requests/remove", ".dagster_home", ".hub"):
                (self.folder / folder).mkdir(parents=True, exist_ok=True)
            for name, text in demo_requests().items():
                _write_if_other(self.folder / "requests" / "add" / name, text)
            _write_if_other(
                self.folder / ".env", f"# The demo's Hub: `hugflow demo --serve` starts it.\nHF_ENDPOINT={endpoint}\n"
            )
            _write_if_other(self.folder / "workspace.yaml", _WORKSPACE)
            _write_if_other(self.dagster_home / CONFIG, home_config())
        except OSError as error:
            raise StorageError(
                f"The demo's folder {self.folder} cannot be written: {error.strerror or error}.",
                remedy="Name another one with `hugflow demo --folder`.",
            ) from error

    def environment(self, endpoint: str) -> dict[str, str]:
        """The environment of the demo's commands: this process's, without settings for another project in it."""
        ours = {variable_of(field) for field in Settings.model_fields}
        kept = {name: value for name, value in os.environ.items() if name not in ours and not name.startswith(_FOREIGN)}
        for name in ("NO_PROXY", "no_proxy"):
            kept[name] = ",".join(filter(None, (kept.get(name), _LOOPBACK)))
        return kept | {
            PROJECT_DIR_VARIABLE: str(self.folder),
            "DAGSTER_HOME": str(self.dagster_home),
            "HF_ENDPOINT": endpoint,
            "HF_HOME": str(self.folder / ".hub" / "client"),
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "PROGRESS_INTERVAL": "0.2s",
            "PYTHONUNBUFFERED": "1",
        }

    def lock(self) -> Path:
        """The lock that two demos in one folder take in turn (``durable.locked``)."""
        return self.folder / ".hub" / "lock"


def demo_requests() -> dict[str, str]:
    """The demo's request files, name to YAML text."""
    found = resources.files("hugflow_assets.demo") / "requests" / "add"
    return {file.name: file.read_text(encoding="utf-8") for file in sorted(found.iterdir(), key=lambda one: one.name)}


def _write_if_other(path: Path, text: str) -> None:
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        atomic_write(path, text.encode(), sync=False)
